"""Merge machine: attention block by block, each partial answer rescaled to the largest score so far."""

from __future__ import annotations

from typing import Any

import torch
import traitlets

from attn_utils.attention import attend, log_sum_exp
from attn_utils.widgets.frame.demo import Demo, Numbers, front_end, number_input, style, tensor_result

__all__ = ["MergeMachine"]

KEYS = 12
# Drawn once from normal distributions of deviation 1.2 and 1.1 (torch's generator, seed 292), rounded. Of many seeds
# this is one whose largest score comes late, so that what was merged before it has to shrink.
SCORES = [-1.0, -1.4, 0.8, -1.4, -0.4, 1.4, -0.1, -0.8, 2.6, 1.0, -0.6, 0.6]
VALUES = [
    [-1.4, 0.2], [-1.7, -0.7], [0.2, -0.8], [0.0, -0.5], [-2.0, -0.6], [0.7, -0.1],
    [-0.5, -0.6], [2.0, 1.2], [-1.3, 1.3], [0.3, -1.4], [-1.6, 1.7], [-1.2, 1.0],
]  # fmt: skip


class MergeMachine(Demo):
    r"""Merge the partial answers of blocks of keys, in any order, into the answer over all keys.

    A block knows its largest score :math:`m_b`, the sum :math:`\ell_b = \sum_j e^{s_j - m_b}` and the numerator
    :math:`n_b = \sum_j e^{s_j - m_b} v_j`. To merge it with what is there, both are brought to the larger maximum
    :math:`m`: :math:`\ell = e^{m_\text{old} - m} \ell_\text{old} + e^{m_b - m} \ell_b`, and so the numerators. The
    output is :math:`n / \ell`.

    Inputs:
        block_size: Keys in a block: 1, 2, 3, 4, 6 or 12. Block 0 has the first keys.
        order: Numbers of blocks in the order of merging, each once. Numbers that are no block are passed over, blocks
            that are not named follow the others.
        step: How many blocks have been merged, from 1. More than there are blocks means all of them.
        scale: What all scores are multiplied by, from 0.25 to 64. The slider has the powers of two.
        forget: Whether to show what comes out if nothing is rescaled.

    Data:
        key_scores: Shape ``(12,)``, numbers from −3 to 3.
        key_values: Shape ``(12, 2)``, numbers from −2.5 to 2.5.

    Results, for each of the ``n`` steps, where nothing else is said:
        maximum: Shape ``(n,)``, the largest score so far.
        total: Shape ``(n,)``, :math:`\ell`.
        output: Shape ``(n, 2)``, softmax attention over the keys so far.
        old_factor: Shape ``(n,)``, :math:`e^{m_\text{old} - m}`, 0 in the first step.
        new_factor: Shape ``(n,)``, :math:`e^{m_b - m}`.
        block_maximum: Shape ``(n,)``, :math:`m_b` of the block that is merged.
        block_total: Shape ``(n,)``, :math:`\ell_b`.
        weights: Shape ``(12,)``, of the keys so far after the chosen step; the others have 0.
        wrong_output: Shape ``(n, 2)``, sums and numerators of the blocks added as they are.
        error: Shape ``(n,)``, how far that is from the output.
        naive: Shape ``(n,)``, 1 where float32 gives a finite output without any maximum, else 0.

    Raises:
        traitlets.TraitError: If an input is out of its range or of the wrong shape.
        ValueError: If ``order`` names a block twice.

    Source:
        Milakov and Gimelshein (2018), section 3; Rabe and Staats (2021); Dao et al. (2022), section 3.1.
    """

    _esm = front_end(__file__)
    _css = style(__file__)
    title = "Merge machine"
    heights = (1602, 1563, 1569, 1674, 875, 890, 876)
    inputs = ("block_size", "order", "step", "scale", "forget")
    data = ("key_scores", "key_values")

    description = traitlets.Unicode(
        "Twelve bars are the scores of the keys, block beside block: merged ones gray, the one merged now dark, "
        "the others outlines. Below them, the weights of the keys so far. In the plane the values are dots, and the "
        "output jumps from merge to merge until it is in the ring that marks the attention over all keys."
    ).tag(sync=True)
    block_size = traitlets.Enum((1, 2, 3, 4, 6, 12), 3, help="Keys in a block.").tag(sync=True)
    order = Numbers((None,), [0, 1, 2, 3], low=0, high=KEYS - 1, integer=True, help="Order of the blocks.").tag(
        sync=True
    )
    step = traitlets.Int(2, min=1, max=KEYS, help="How many blocks have been merged.").tag(sync=True)
    scale = number_input(1.0, 0.25, 64.0, "What all scores are multiplied by.")
    forget = traitlets.Bool(False, help="Show what comes out if nothing is rescaled.").tag(sync=True)
    key_scores = Numbers((KEYS,), SCORES, low=-3, high=3, help="Scores of the keys.").tag(sync=True)
    key_values = Numbers((KEYS, 2), VALUES, low=-2.5, high=2.5, help="Values of the keys.").tag(sync=True)
    maximum = tensor_result("The largest score after each step, shape (n,).")
    total = tensor_result("The sum of exponentials after each step, shape (n,).")
    output = tensor_result("The attention over the keys so far, shape (n, 2).")
    old_factor = tensor_result("What each step multiplies the old by, shape (n,).")
    new_factor = tensor_result("What each step multiplies the new block by, shape (n,).")
    block_maximum = tensor_result("The largest score of each block, shape (n,).")
    block_total = tensor_result("The sum of exponentials of each block, shape (n,).")
    weights = tensor_result("The weights of the keys so far, shape (12,).")
    wrong_output = tensor_result("The output after each step if nothing is rescaled, shape (n, 2).")
    error = tensor_result("How far that is from the output, shape (n,).")
    naive = tensor_result("1 where float32 gives a finite output without a maximum, shape (n,).")

    def blocks(self) -> list[int]:
        """Give the numbers of the blocks in the order in which they are merged."""
        count = KEYS // self.block_size
        if len(set(self.order)) < len(self.order):
            raise ValueError(f"order must name each block once, got {self.order}")
        named = [block for block in self.order if block < count]
        return named + [block for block in range(count) if block not in named]

    def compute(self) -> dict[str, Any]:
        """Attend to the keys of the first block, of the first two, and so on, by masks."""
        blocks = torch.tensor(self.blocks())
        count = len(blocks)
        scores = self.scale * torch.tensor(self.key_scores, dtype=torch.float64)
        values = torch.tensor(self.key_values, dtype=torch.float64)
        place = torch.empty(count, dtype=torch.int64).scatter_(0, blocks, torch.arange(count))
        arrives = place.repeat_interleave(self.block_size)  # at which step a key is merged, from 0
        steps = torch.arange(count)[:, None]
        rows = scores.expand(count, KEYS)
        so_far, now = arrives <= steps, arrives == steps
        output, weights = attend(rows, values, so_far)
        own, _ = attend(rows, values, now)
        maximum, block_maximum = (rows.masked_fill(~mask, -torch.inf).amax(dim=-1) for mask in (so_far, now))
        before = torch.cat([torch.tensor([-torch.inf], dtype=torch.float64), maximum[:-1]])
        block_total = (log_sum_exp(rows, now) - block_maximum).exp()
        wrong = (block_total[:, None] * own).cumsum(0) / block_total.cumsum(0)[:, None]
        powers = rows.exp().float().masked_fill(~so_far, 0.0)  # infinite from a score of 88.8 on
        naive = powers @ torch.cat([values.float(), torch.ones(KEYS, 1)], dim=-1)
        return {
            "maximum": maximum,
            "total": (log_sum_exp(rows, so_far) - maximum).exp(),
            "output": output,
            "old_factor": (before - maximum).exp(),
            "new_factor": (block_maximum - maximum).exp(),
            "block_maximum": block_maximum,
            "block_total": block_total,
            "weights": weights[min(self.step, count) - 1],
            "wrong_output": wrong,
            "error": (wrong - output).norm(dim=-1),
            "naive": (naive / naive[:, -1:]).isfinite().all(dim=-1).double(),
        }
