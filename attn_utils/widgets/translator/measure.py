"""What a translator writes and where it looks meanwhile, word by word, whether it is broken or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from attn_utils.data.vocabulary import END, START
from attn_utils.decoding import beam_search, greedy
from attn_utils.metrics import alignment_error_rate, links
from attn_utils.transformer import Transformer
from attn_utils.widgets.translator.packed import Packed

__all__ = ["cross_map", "forced", "measure", "translated"]


def cross_map(weights: dict[tuple[int, str], Tensor]) -> Tensor:
    """Return the mean of all heads of all layers in cross-attention, shape ``(t, s)``, of one sentence."""
    return torch.stack([w[0] for (_, kind), w in weights.items() if kind == "cross"]).mean(dim=(0, 1))


def one_row_off(weights: Tensor) -> Tensor:
    """Take for each word the row of the step that reads it, which is the one after the step that writes it."""
    return torch.cat([weights[1:], torch.zeros_like(weights[:1])])


def translated(model: Transformer, source: Sequence[int], search: str = "greedy", off: bool = False) -> Any:
    """Translate one sentence: token numbers, the end included if there is one, their log-probability, and the map."""
    find = greedy if search == "greedy" else beam_search
    found = find(model, torch.tensor([source]), need_weights=True)
    assert found.weights is not None
    weights = cross_map(found.weights)
    return found.tokens[0].tolist(), float(found.log_probs[0]), one_row_off(weights) if off else weights


@torch.no_grad()
def forced(model: Transformer, source: Sequence[int], target: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Let a model write a known translation: its logits at each step, shape ``(t + 1, V)``, and the map."""
    memory, cache = model.start(torch.tensor([source]))
    logits, rows = [], []
    for token in (START, *target):
        found, cache, weights = model.step(torch.tensor([[token]]), memory, cache, need_weights=True)
        assert weights is not None
        logits.append(found[0, 0])
        rows.append(cross_map(weights)[0])
    return torch.stack(logits), torch.stack(rows)


def measure(model: Transformer, translator: Packed, off_by: str = "") -> dict[str, Any]:
    """Count the sentences of the asset that a model translates as their reference, and those that it never ends.

    Alignments are those of the reference: the model writes it, and each word is linked to the source word with most
    weight in the mean of all heads.
    """
    number = [{word: i for i, word in enumerate(words)} for words in (translator.source_words, translator.target_words)]
    exact = endless = 0
    found = []
    for pair in translator.pairs:
        source, target = ([n[word] for word in words] for n, words in zip(number, pair_words(pair), strict=True))
        tokens = translated(model, source)[0]
        exact += tokens == [*target, END]
        endless += END not in tokens
        weights = forced(model, source, target)[1]
        found.append(links(one_row_off(weights) if off_by == "one row off" else weights, len(target)))
    rate = alignment_error_rate(found, [p.sure for p in translator.pairs], [p.possible for p in translator.pairs])
    return {"exact": exact, "endless": endless, "of": len(translator.pairs), "AER": round(rate, 4)}


def pair_words(pair: Any) -> tuple[Sequence[str], Sequence[str]]:
    """Return both sides of a pair."""
    return pair.source, pair.target
