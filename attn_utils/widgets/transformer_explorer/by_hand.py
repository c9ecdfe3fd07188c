"""Two sentences with heads made by hand, which the Transformer explorer shows when it is given none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from attn_utils.widgets.alignment_explorer.translation import END_WORD
from attn_utils.widgets.transformer_explorer.run import TransformerRun

__all__ = ["RUNS"]

# Where a head looks from row i: one column, or None for all alike. The number says how much of its weight goes there.
Head = tuple[Callable[[int], int | None], float]


def _maps(heads: Sequence[Sequence[Head]], rows: int, columns: int, *, causal: bool = False) -> Tensor:
    """Return weights of shape (layers, heads, rows, columns); what is not looked at shares the rest."""
    weights = torch.zeros(len(heads), len(heads[0]), rows, columns, dtype=torch.float64)
    for n, layer in enumerate(heads):
        for h, (look, share) in enumerate(layer):
            for i in range(rows):
                seen = i + 1 if causal else columns
                target = look(i)
                weights[n, h, i, :seen] = 1 / seen if target is None else (1 - share) / seen
                if target is not None:
                    weights[n, h, i, max(0, min(target, seen - 1))] += share
    return weights


def _run(label: str, source: str, target: str, reference: str, links: Sequence[int]) -> TransformerRun:
    """Make heads that can be named; ``links`` says for each written word which source word it translates."""
    words, written = source.split(), [*target.split(), END_WORD]
    s, t = len(words), len(written)
    even: Head = (lambda i: None, 0.0)
    last: Head = (lambda i: s - 1, 0.8)
    encoder: list[list[Head]] = [
        [(lambda i: i - 1, 0.9), (lambda i: i, 0.7), (lambda i: 0, 0.6), even],
        [(lambda i: i + 1, 0.85), last, (lambda i: i, 0.4), (lambda i: s - 1 - i, 0.5)],
    ]
    decoder: list[list[Head]] = [
        [(lambda i: i, 0.9), (lambda i: i - 1, 0.8), (lambda i: 0, 0.95), even],
        [(lambda i: i - 2, 0.7), (lambda i: i, 0.5), even, (lambda i: 0, 0.6)],
    ]
    cross: list[list[Head]] = [
        [(lambda i: links[i], 0.9), (lambda i: links[i] + 1, 0.7), (lambda i: links[i] - 1, 0.6), even],
        [(lambda i: i, 0.5), even, last, (lambda i: links[i], 0.4)],
    ]
    gold = [(j, i) for i, j in enumerate(links[:-1])] if target == reference else []
    return TransformerRun(
        label=label,
        source=words,
        target=written,
        reference=reference.split(),
        encoder=_maps(encoder, s, s),
        decoder=_maps(decoder, t, t, causal=True),
        cross=_maps(cross, t, s),
        sure=gold[1:],
        possible=gold,
    )


RUNS = [
    _run("by hand: two words change places", "we see the red house", "nous voyons la maison rouge",
         "nous voyons la maison rouge", [0, 1, 2, 4, 3, 4]),
    _run("by hand: a wrong word", "the dog bites the old man", "le chien mord le vieux chat",
         "le chien mord le vieil homme", [0, 1, 2, 3, 4, 5, 5]),
]  # fmt: skip
