"""Heads: what each head of a layer looks at, and what the output is without some of them."""

from __future__ import annotations

import math
from typing import Any

import torch
import traitlets
from torch import Tensor

from attn_utils.attention import attend
from attn_utils.widgets.frame.demo import Demo, Numbers, front_end, style, tensor_result
from attn_utils.widgets.heads.by_hand import WORDS, heads_by_hand

__all__ = ["Heads"]


class Heads(Demo):
    r"""Choose a word of a sentence, see what each head looks at from there, and switch heads off.

    What a head writes into the output is added up over heads, so that the output of a word is a chain of arrows.

    Inputs:
        word: The word that asks, from 0.
        on: For each of the four heads whether it is on.
        threads: Whether the weights are drawn as threads between words instead of as maps.

    Data (Heads made by hand if not given):
        words: Six words.
        head_queries, head_keys: Shape ``(4, 6, f)``, one for each head and word.
        head_values: Shape ``(4, 6, 2)``.
        head_blocks: Shape ``(4, 2, 2)``: the rows of :math:`W^O` that belong to each head.

    Results:
        weights: Shape ``(4, 6, 6)``, the softmax of :math:`q \cdot k / \sqrt f`.
        written: Shape ``(4, 2)``: what each head writes into the output of the word, whether it is on or not.
        output: Shape ``(2,)``: the sum over the heads that are on.

    Raises:
        traitlets.TraitError: If an input is out of its range or the data have the wrong shape.

    Source:
        Vaswani et al. (2017), section 3.2.2.
    """

    _esm = front_end(__file__)
    _css = style(__file__)
    title = "Heads"
    heights = (1057, 1071, 1097, 1301, 621, 655, 703)
    inputs = ("word", "on", "threads")
    data = ("words", "head_queries", "head_keys", "head_values", "head_blocks")

    description = traitlets.Unicode(
        "Four small maps of weights, one for each head: a slanted line below the diagonal, words of one kind, a "
        "single column, and an even gray. Beside them four arrows, one behind the other, lead from the origin to the "
        "output of the chosen word; a head that is switched off leaves its arrow out."
    ).tag(sync=True)
    word = traitlets.Int(4, min=0, max=5, help="The word that asks.").tag(sync=True)
    on = traitlets.List(traitlets.Bool(), [True] * 4, minlen=4, maxlen=4, help="Which heads are on.").tag(sync=True)
    threads = traitlets.Bool(False, help="Whether weights are drawn as threads.").tag(sync=True)
    words = traitlets.List(traitlets.Unicode(), WORDS, minlen=6, maxlen=6, help="The sentence.").tag(sync=True)
    head_queries = Numbers((4, 6, None), help="Queries of each head.").tag(sync=True)
    head_keys = Numbers((4, 6, None), help="Keys of each head.").tag(sync=True)
    head_values = Numbers((4, 6, 2), help="Values of each head.").tag(sync=True)
    head_blocks = Numbers((4, 2, 2), help="The rows of the output matrix that belong to each head.").tag(sync=True)
    weights = tensor_result("Weights of each head, shape (4, 6, 6).")
    written = tensor_result("What each head writes into the output of the word, shape (4, 2).")
    output = tensor_result("The sum over the heads that are on, shape (2,).")

    def __init__(self, **inputs: Any) -> None:
        made = dict(zip(self.data[1:], heads_by_hand(), strict=True))
        super().__init__(**made | inputs)

    def compute(self) -> dict[str, Any]:
        """Compute weights and outputs with :func:`attn_utils.attention.attend`."""
        queries, keys, values, blocks = (self._tensor(name) for name in self.data[1:])
        if queries.shape != keys.shape:
            raise ValueError(
                f"head_keys must have the shape of head_queries, {tuple(queries.shape)}, got {tuple(keys.shape)}"
            )
        heads, weights = attend(queries @ keys.mT / math.sqrt(queries.shape[-1]), values)  # (4, 6, 2), (4, 6, 6)
        written = (heads @ blocks)[:, self.word]
        return {
            "weights": weights,
            "written": written,
            "output": (torch.tensor(self.on).double()[:, None] * written).sum(dim=0),
        }

    def _tensor(self, name: str) -> Tensor:
        return torch.tensor(getattr(self, name), dtype=torch.float64)
