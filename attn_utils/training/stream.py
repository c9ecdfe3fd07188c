"""Batches without end, that can say where they are and go there again.

An order may be drawn from anywhere, so a stream does two things. It saves every state of chance that can be known: the
global ones of PyTorch, Python and NumPy, and a DataLoader's own. And it keeps a fingerprint of the batches of the
epoch: if those that it finds on the way back have another, it says so.
"""

import hashlib
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from attn_utils.training.checkpoints import plain
from attn_utils.training.losses import epoch_of

__all__ = ["Stream", "chance_state", "fingerprint", "generators", "set_chance_state"]

_NO_MORE = object()


class Stream:
    """Batches, epoch after epoch.

    Args:
        batches: Anything with a method ``epoch(number)``, or an iterable, which is gone through again and again.
        device: The model's, whose state of chance is saved with the others.
        remember: Whether to keep the fingerprint that :meth:`go_to` compares. It costs a look at every number.
    """

    def __init__(self, batches: Iterable[Any], device: torch.device, remember: bool) -> None:
        self.batches, self.device, self.remember = batches, device, remember
        self.generators = generators(batches)
        self.epoch, self.position, self.seen = -1, 0, hashlib.blake2b(digest_size=16)
        self.begun = chance_state(device, self.generators)
        self.iterator: Iterator[Any] = iter(())

    def __next__(self) -> Any:
        batch = next(self.iterator, _NO_MORE)
        if batch is _NO_MORE:
            self._start(self.epoch + 1)
            batch = next(self.iterator, _NO_MORE)
            if batch is _NO_MORE:
                raise ValueError(f"batches must not be empty, got none in epoch {self.epoch} (a used-up iterator?)")
        if batch is None:
            raise ValueError(f"batches must not yield None, got it after {self.position} in epoch {self.epoch}")
        self._count(batch)
        return batch

    def state(self) -> dict[str, Any]:
        """Return the place: the next batch is the one after it."""
        return {
            "epoch": self.epoch, "position": self.position, "begun": self.begun, "seen": self.seen.hexdigest(),
        }  # fmt: skip

    def go_to(self, state: dict[str, Any]) -> None:
        """Go to a place, past the batches before it.

        Raises:
            ValueError: If those are not the batches that were there.
        """
        set_chance_state(state["begun"], self.device, self.generators)
        self._start(state["epoch"])
        for _ in range(state["position"]):
            batch = next(self.iterator, _NO_MORE)
            if batch is _NO_MORE:
                break
            self._count(batch)
        if (self.position, self.seen.hexdigest()) != (state["position"], state["seen"]):
            raise ValueError(
                "batches must be the same in the same order, got others in the epoch in which to go on: other data, or "
                "an order that depends on what cannot be known here. Draw it from the global state of PyTorch, Python "
                "or NumPy or from a DataLoader's generator, or give batches a method epoch(number)"
            )

    def _start(self, epoch: int) -> None:
        self.epoch, self.position, self.seen = epoch, 0, hashlib.blake2b(digest_size=16)
        # What draws its order from a state of chance, as a DataLoader does, draws it now.
        self.begun = chance_state(self.device, self.generators)
        self.iterator = epoch_of(self.batches, epoch)

    def _count(self, batch: Any) -> None:
        self.position += 1
        if self.remember:
            _update(self.seen, batch)


def generators(*loaders: Any) -> list[torch.Generator]:
    """Return PyTorch's generators that DataLoaders draw from, each once."""
    found: list[torch.Generator] = []
    for loader in loaders:
        sampler, batch_sampler = getattr(loader, "sampler", None), getattr(loader, "batch_sampler", None)
        for owner in (loader, sampler, batch_sampler, getattr(batch_sampler, "sampler", None)):
            generator = getattr(owner, "generator", None)
            if isinstance(generator, torch.Generator) and all(generator is not other for other in found):
                found.append(generator)
    return found


def chance_state(device: torch.device, own: list[torch.Generator]) -> dict[str, Any]:
    """Return the global states of chance of PyTorch, Python and NumPy, and those of some generators."""
    name, numbers, *rest = np.random.get_state()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        "python": random.getstate(),
        "numpy": (name, torch.from_numpy(np.asarray(numbers).astype(np.int64)), *rest),
        "generators": [generator.get_state() for generator in own],
    }


def set_chance_state(state: dict[str, Any], device: torch.device, own: list[torch.Generator]) -> None:
    """Set what :func:`chance_state` returned."""
    torch.set_rng_state(state["torch"])
    if device.type == "cuda" and state["cuda"] is not None:
        torch.cuda.set_rng_state(state["cuda"], device)
    random.setstate(state["python"])
    name, numbers, *rest = state["numpy"]
    np.random.set_state((name, numbers.numpy().astype(np.uint32), *rest))
    for generator, its in zip(own, state["generators"], strict=True):
        generator.set_state(its)


def fingerprint(x: Any) -> str:
    """Return 32 letters that differ where tensors, arrays, numbers or texts do, however they are nested."""
    digest = hashlib.blake2b(digest_size=16)
    _update(digest, x)
    return digest.hexdigest()


def _update(digest: hashlib.blake2b, x: Any) -> None:
    if isinstance(x, np.ndarray) and x.dtype != object:
        digest.update(f"array {x.dtype} {x.shape}".encode())
        digest.update(np.ascontiguousarray(x).tobytes())
    elif isinstance(x, Tensor) and x.layout == torch.strided and not x.is_quantized:
        digest.update(f"tensor {x.dtype} {tuple(x.shape)}".encode())
        digest.update(
            x.detach().cpu().resolve_conj().resolve_neg().contiguous().flatten().view(torch.uint8).numpy().tobytes()
        )
    elif isinstance(x, Mapping):
        _update(digest, list(x.items()))
    elif isinstance(x, list | tuple):
        digest.update(f"{len(x)} things".encode())
        for item in x:
            _update(digest, item)
    elif is_dataclass(x) and not isinstance(x, type):
        _update(digest, vars(x))
    else:
        digest.update(f"{type(x).__qualname__} {plain(x)}".encode())
