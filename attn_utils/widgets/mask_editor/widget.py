"""Mask editor: a small table of scores, three ways to mask it, and the weights that are left."""

from __future__ import annotations

from typing import Any

import torch
import traitlets

from attn_utils.attention import causal_mask, length_mask, masked_softmax
from attn_utils.widgets.frame.demo import Demo, Numbers, front_end, style, tensor_result

__all__ = ["MaskEditor"]

QUERIES, KEYS = 5, 6
SCORES = [
    [1.2, 0.3, -0.5, 0.8, 0.0, -1.0],
    [0.4, 1.6, 0.2, -0.7, 0.9, 0.1],
    [-0.3, 0.7, 1.1, 0.5, -1.2, 2.0],
    [0.6, -0.4, 0.9, 1.8, 0.3, 0.2],
    [0.1, 0.5, -0.8, 0.4, 1.3, 0.7],
]
NAIVE_FILL = -1e6  # the large negative number that many texts put in place of −∞


class MaskEditor(Demo):
    """Mask scores by valid length, by cause before effect, and cell by cell; the weights follow.

    A query may attend to a key if all three masks allow it.

    Inputs:
        lengths: Shape ``(5,)``, integers from 0 to 6: how many keys each query may see.
        causal: Whether a query is kept from later keys. The last query sees the last key.
        blocked: Shape ``(5, 6)``, 1 where a cell is masked by hand, else 0.
        naive: Whether the picture shows ``naive_weights`` instead of ``weights``.

    Data:
        scores: Shape ``(5, 6)``.

    Results:
        mask: Boolean, shape ``(5, 6)``, True = may attend.
        weights: Shape ``(5, 6)``, those of the library: a row with nothing to attend to gets zeros.
        naive_weights: Shape ``(5, 6)``, the softmax after writing −10⁶ into masked cells: such a row gets 1/6 each.

    Raises:
        traitlets.TraitError: If an input has the wrong shape or numbers out of range.
    """

    _esm = front_end(__file__)
    _css = style(__file__)
    title = "Mask editor"
    heights = (1079, 956, 932, 869, 613, 575, 575)
    inputs = ("lengths", "causal", "blocked", "naive")
    data = ("scores",)

    description = traitlets.Unicode(
        "Two tables with five queries as rows and six keys as columns. In the left one, masked scores are crossed out; "
        "in the right one, a cell is the more violet the larger its weight, and grey where the score is masked. The "
        "open cells of a row share the weight 1. A row without an open cell has weight 0 everywhere."
    ).tag(sync=True)
    lengths = Numbers(
        (QUERIES,), [6, 6, 4, 2, 0], low=0, high=KEYS, integer=True, help="How many keys each query may see."
    ).tag(sync=True)
    causal = traitlets.Bool(False, help="Keep queries from later keys.").tag(sync=True)
    blocked = Numbers(
        (QUERIES, KEYS), [[0] * KEYS] * QUERIES, low=0, high=1, integer=True, help="1 where a cell is masked by hand."
    ).tag(sync=True)
    naive = traitlets.Bool(False, help="Show what filling with −10⁶ gives.").tag(sync=True)
    scores = Numbers((QUERIES, KEYS), SCORES, help="The scores.").tag(sync=True)
    mask = tensor_result("True where a query may attend, shape (5, 6).")
    weights = tensor_result("The library's weights, shape (5, 6).")
    naive_weights = tensor_result("Weights after filling masked cells with −10⁶, shape (5, 6).")

    def compute(self) -> dict[str, Any]:
        """Combine the masks of :mod:`attn_utils.attention` and compute both kinds of weights."""
        scores = torch.tensor(self.scores, dtype=torch.float64)
        mask = length_mask(torch.tensor([self.lengths]), KEYS)[0] & ~torch.tensor(self.blocked, dtype=torch.bool)
        if self.causal:
            mask = mask & causal_mask(QUERIES, KEYS)
        return {
            "mask": mask,
            "weights": masked_softmax(scores, mask),
            "naive_weights": torch.softmax(scores.masked_fill(~mask, NAIVE_FILL), dim=-1),
        }
