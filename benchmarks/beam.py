"""What a beam search copies: hypotheses that share the memory of their sentence, or each with a copy of its own.

The first is what the library does. The second is the usual shortcut, to make a row of each hypothesis: then its keys
and values follow it wherever it goes. Both are the same search of the same model, and find the same sentences.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from attn_utils.data.vocabulary import END
from attn_utils.decoding import Decodable, Decoded, State, Weights, beam_search
from attn_utils.recurrent import BahdanauDecoder, Encoder, Seq2Seq
from benchmarks.measure import median_times, table

BATCH, WORDS, LENGTH, STEPS = 32, 600, 20, 20
CONTEXT = 256


class Repeated:
    """A model whose hypotheses have a copy each of their sentence's memory: it is a part of their cache."""

    def __init__(self, model: Decodable) -> None:
        self.model = model
        self.names: list[str] = []

    def start(self, source: Tensor) -> tuple[State, State]:
        """Read the source, and move what is known of it into the cache."""
        memory, cache = self.model.start(source)
        self.names = list(memory)
        return {}, cache | {name: x[:, None] for name, x in memory.items()}

    def step(
        self, tokens: Tensor, memory: State, cache: State, *, need_weights: bool = False
    ) -> tuple[Tensor, State, Weights | None]:
        """Take a step with a sentence for each hypothesis."""
        b, n = tokens.shape
        rows = {name: x.flatten(0, 1) for name, x in cache.items() if name in self.names}  # (b n, …)
        own = {name: x.flatten(0, 1)[:, None] for name, x in cache.items() if name not in self.names}  # (b n, 1, …)
        logits, own, _ = self.model.step(tokens.view(b * n, 1), rows, own)
        new = {name: x.view(b, n, *x.shape[2:]) for name, x in own.items()}
        return logits.view(b, n, -1), cache | new, None


class Counting:
    """A model that counts the bytes that were copied between two steps.

    What it is handed has been copied unless it lies where it lay: at the step before, if it is memory, or in what it
    has returned.
    """

    def __init__(self, model: Decodable) -> None:
        self.model = model
        self.bytes: Counter[str] = Counter()
        self.steps = 0
        self.left: State = {}  # held, so that a new tensor cannot come to lie in its place

    def start(self, source: Tensor) -> tuple[State, State]:
        """Read the source, and keep what comes of it to compare with."""
        memory, cache = self.model.start(source)
        self.left = memory | cache
        return memory, cache

    def step(
        self, tokens: Tensor, memory: State, cache: State, *, need_weights: bool = False
    ) -> tuple[Tensor, State, Weights | None]:
        """Count what does not lie where it lay, and take the step."""
        given = memory | cache
        for name, x in given.items():
            self.bytes[name] += x.nbytes if x.data_ptr() != self.left[name].data_ptr() else 0
        self.steps += 1
        logits, cache, weights = self.model.step(tokens, memory, cache, need_weights=need_weights)
        self.left = given | cache
        return logits, cache, weights


def inputs() -> tuple[Seq2Seq, Tensor]:
    """Make a model that never ends a sentence, and a batch of sources."""
    torch.manual_seed(0)
    model = Seq2Seq(Encoder(WORDS), BahdanauDecoder(WORDS, CONTEXT))
    with torch.no_grad():
        list(model.decoder.readout.parameters())[-1][END] = -1e4  # the bias of its logit
    return model, torch.randint(END + 1, WORDS, (BATCH, LENGTH))


VARIANTS: dict[str, Callable[[Seq2Seq], Decodable]] = {"shared": lambda model: model, "a copy each": Repeated}


def copied(variant: str, beam: int) -> dict[str, float]:
    """Return the KiB that are copied from one step to the next, of what belongs to sentences and to hypotheses."""
    model, source = inputs()
    counting = Counting(VARIANTS[variant](model))
    beam_search(counting, source, beam=beam, max_length=STEPS)
    names = list(model.start(source)[0])
    kib = {
        name: n / 1024 / (counting.steps - 1) for name, n in counting.bytes.items()
    }  # nothing comes before the first
    return {
        "memory, KiB a step": round(sum(kib[name] for name in names), 1),
        "cache, KiB a step": round(sum(n for name, n in kib.items() if name not in names), 1),
    }


def benchmark(beams: list[int], repeats: int) -> list[dict[str, Any]]:
    """Return what is copied, and the time of a step. That nothing of a memory is copied, is asserted."""
    model, source = inputs()
    rows = []
    for beam in beams:
        search = partial(beam_search, source=source, beam=beam, max_length=STEPS)
        runs: dict[str, Callable[[], Decoded]] = {name: partial(search, make(model)) for name, make in VARIANTS.items()}
        found = [run().tokens for run in runs.values()]
        assert torch.equal(*found), "the variants do not find the same"
        for name, ms in median_times({**runs}, repeats).items():
            bytes_copied = copied(name, beam)
            assert name != "shared" or bytes_copied["memory, KiB a step"] == 0, "a memory was copied"
            rows.append({"beam": beam, "memory": name, **bytes_copied, "ms a step": round(ms / STEPS, 3)})
    return rows


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(f"Beam search of the Bahdanau decoder, batch {BATCH}, {LENGTH} words. What is copied between two steps.")
    print(table(benchmark([2, 4, 8], repeats=5)))
