"""One sentence as a Transformer read and wrote it, with its weights: a record that checks itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from attn_utils.widgets.alignment_explorer.translation import END_WORD, Link, check_links, check_words

__all__ = ["KINDS", "START_WORD", "TransformerRun"]

KINDS = ("encoder", "decoder", "cross")
START_WORD = "<s>"
DIGITS = 3  # after the point: the page carries every weight, as a whole number of thousandths
ROUNDING = 0.5 * 10**-DIGITS

Weights = Sequence[Sequence[Sequence[Sequence[float]]]] | Tensor


@dataclass(frozen=True)
class TransformerRun:
    """A sentence of ``s`` source words, the ``t`` words that were written, and all weights, rounded to three digits.

    The weights of ``n`` layers with ``h`` heads each are taken as lists, arrays or tensors and kept as tuples.

    Args:
        label: Its name in the menu.
        source: The source words.
        target: The words as the model wrote them, with its end symbol ``"</s>"`` unless it was cut off.
        reference: The words that it should have written, without an end symbol.
        encoder: Shape ``(n, h, s, s)``: what each source word looks at.
        decoder: Shape ``(n, h, t, t)``. Row ``j`` belongs to the step that writes word ``j`` of ``target``. Its keys
            are what has been read by then: the start symbol, then the words before.
        cross: Shape ``(n, h, t, s)``, rows as in ``decoder``.
        sure: Gold links, as pairs of a source index and a target index.
        possible: Gold links, the sure ones among them.

    Raises:
        ValueError: If a field is not as described, a row of weights does not add up to 1, or a row of ``decoder``
            looks at what had not been read.
    """

    label: str
    source: Sequence[str]
    target: Sequence[str]
    reference: Sequence[str]
    encoder: Weights
    decoder: Weights
    cross: Weights
    sure: Sequence[Link] = ()
    possible: Sequence[Link] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.label, str) or not self.label:
            raise ValueError(f"label must be a name, got {self.label!r}")
        checked: dict[str, Any] = {
            name: check_words(name, getattr(self, name)) for name in ("source", "target", "reference")
        }
        s, t = len(checked["source"]), len(checked["target"])
        checked |= {name: check_links(name, getattr(self, name), s, t) for name in ("sure", "possible")}
        lost = set(checked["sure"]) - set(checked["possible"])
        if lost:
            raise ValueError(f"possible must hold the sure links too, lacks {min(lost)}")
        sizes = {"encoder": (s, s), "decoder": (t, t), "cross": (t, s)}
        weights = {kind: _checked(kind, getattr(self, kind), *sizes[kind]) for kind in KINDS}
        future = weights["decoder"].triu(diagonal=1)
        if future.any():
            i = int(future.nonzero()[0, 2])
            raise ValueError(f"decoder must have weight 0 on what has not been read yet, row {i} has not")
        for kind in KINDS[1:]:
            if weights[kind].shape[:2] != weights["encoder"].shape[:2]:
                wanted, got = (tuple(weights[name].shape[:2]) for name in ("encoder", kind))
                raise ValueError(f"{kind} must have as many layers and heads as encoder, {wanted}, got {got}")
        for kind, x in weights.items():
            thousandths = (x * 10**DIGITS).round()
            checked[kind] = _as_tuples((thousandths / 10**DIGITS).tolist())
        for name, value in checked.items():
            object.__setattr__(self, name, value)  # frozen for everyone else

    @property
    def shape(self) -> tuple[int, int]:
        """Layers, and heads of each."""
        return len(self.encoder), len(self.encoder[0])

    @property
    def is_the_reference(self) -> bool:
        """Whether the model wrote the reference, and ended it."""
        return tuple(self.target) == (*self.reference, END_WORD)

    def keys(self, kind: str) -> tuple[str, ...]:
        """Return the words that the columns of a kind of attention stand for."""
        return (START_WORD, *self.target[:-1]) if kind == "decoder" else tuple(self.source)

    def queries(self, kind: str) -> tuple[str, ...]:
        """Return the words that its rows stand for: in the decoder the words being written."""
        return tuple(self.source if kind == "encoder" else self.target)


def _checked(name: str, weights: Any, rows: int, columns: int) -> Tensor:
    """Return weights in float64, or say what is wrong with them."""
    wanted = f"{name} must hold weights of shape (layers, heads, {rows}, {columns})"
    try:
        numbers = torch.as_tensor(weights).detach().to("cpu", torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"{wanted}, got {weights!r:.80}") from None
    if numbers.ndim != 4 or numbers.shape[2:] != (rows, columns) or 0 in numbers.shape:
        raise ValueError(f"{wanted}, got shape {tuple(numbers.shape)}")
    off = (numbers.sum(dim=-1) - 1).abs()
    # Weights of half precision and weights that have been rounded before are weights, too.
    if not (numbers >= 0).all() or not (off <= 2 * ROUNDING + ROUNDING * columns).all():
        raise ValueError(f"{name} must hold rows of weights: at least 0 each, 1 together")
    return numbers


def _as_tuples(numbers: Any) -> Any:
    return tuple(map(_as_tuples, numbers)) if isinstance(numbers, list) else numbers
