"""Evaluation mode for a while: what measuring and decoding have in common."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

from torch import nn

__all__ = ["evaluating"]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model and all its parts in evaluation mode, and give each part its own mode back.

    ``model.train()`` after ``model.eval()`` is something else: it wakes parts that were frozen, such as a pretrained
    encoder whose batch normalization must not move. Calls may be nested, and several threads may evaluate one model at
    once: the modes come back when the last of them is done, and a mode that is set meanwhile does not last. Gradients
    are the caller's affair: see :func:`torch.no_grad` and :func:`torch.inference_mode`.

    Args:
        model: Any module. Only the mode of it and its parts changes.

    Example:
        >>> model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
        >>> with evaluating(model), torch.inference_mode():
        ...     output = model(x)
    """
    modules = list(model.modules())
    with _lock:
        for module in modules:
            held = _held.get(id(module))
            if held is None:
                held = _held[id(module)] = _Held(module.training)
            held.by += 1
            if module.training:  # setting an attribute of a module takes time
                module.training = False
    try:
        yield
    finally:
        with _lock:
            for module in modules:
                held = _held[id(module)]
                held.by -= 1
                if not held.by:
                    del _held[id(module)]
                    if held.mode:
                        module.training = True


@dataclass
class _Held:
    """A module in evaluation mode: the mode that it had before, and by how many calls it is held there."""

    mode: bool
    by: int = 0


# By identity, which is unique as long as a call holds the module.
_held: dict[int, _Held] = {}
_lock = Lock()
