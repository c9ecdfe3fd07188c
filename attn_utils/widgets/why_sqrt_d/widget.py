"""Why √d: the softmax of dot products saturates as the dimension grows, unless the scores are scaled."""

from __future__ import annotations

import math
from typing import Any

import torch
import traitlets
from torch import Tensor

from attn_utils.attention import masked_softmax
from attn_utils.widgets.frame.demo import Demo, front_end, style, tensor_result

__all__ = ["WhySqrtD", "draw_vectors"]

NUM_KEYS = 16
HIGHEST_DIMENSION = 1024
WORD = 0xFFFFFFFF  # 32 bits: what the browser can multiply exactly


def _mix(numbers: Tensor) -> Tensor:
    """Scramble 32-bit integers: the last step of MurmurHash3 (Appleby, 2011)."""
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        numbers = ((numbers ^ (numbers >> shift)) * factor) & WORD
    return numbers


def draw_vectors(draw: int, dimension: int) -> Tensor:
    """Draw a query and 16 keys with independent standard normal entries, the same as in the browser.

    Each entry depends on the draw and on its place alone. A higher dimension therefore adds entries to the same
    vectors.

    Args:
        draw: Which draw, from 0.
        dimension: Length of the vectors.

    Returns:
        Shape ``(17, dimension)``, float64: the query, then the keys.
    """
    place = torch.arange(dimension)[None, :] * (NUM_KEYS + 1) + torch.arange(NUM_KEYS + 1)[:, None]
    start = _mix(torch.tensor(draw + 1))
    first, second = (((_mix((start + 2 * place + half) & WORD)).double() + 0.5) / 2**32 for half in (0, 1))
    # Two uniform numbers make a normal one (Box and Muller, 1958).
    return torch.sqrt(-2 * torch.log(first)) * torch.cos(2 * math.pi * second)


class WhySqrtD(Demo):
    r"""Raise the dimension of a random query and 16 random keys, with scores scaled and not.

    Inputs:
        dimension: From 1 to 1024. The slider has the powers of two.
        draw: Which random vectors, from 0.

    Results, in each the first row is for the scores :math:`q \cdot k`, the second for :math:`q \cdot k / \sqrt d`:
        scores: Shape ``(2, 16)``.
        weights: Shape ``(2, 16)``, the softmax of the scores.
        entropy: Shape ``(2,)``, of the weights, in nats: from 0 (one key has it all) to log 16 = 2.77 (all equal).
        gradient_norm: Shape ``(2,)``, the Frobenius norm of the Jacobian of the weights with respect to the scores.

    Raises:
        traitlets.TraitError: If an input is out of its range.
    """

    _esm = front_end(__file__)
    _css = style(__file__)
    title = "Why divide by √d?"
    heights = (1676, 1717, 1810, 2012, 948, 999, 1062)
    inputs = ("dimension", "draw")

    description = traitlets.Unicode(
        "Two columns of bars for sixteen keys: left with the scores q·k, right with q·k divided by √d. As the "
        "dimension grows, the scores on the left grow with it, until one key has all the weight and the gradient is "
        "nearly 0. On the right the scores keep their size and the weights stay spread over the keys."
    ).tag(sync=True)
    dimension = traitlets.Int(64, min=1, max=HIGHEST_DIMENSION, help="Length of the vectors.").tag(sync=True)
    draw = traitlets.Int(0, min=0, max=999_999, help="Which random vectors.").tag(sync=True)
    scores = tensor_result("Scores, not scaled and scaled, shape (2, 16).")
    weights = tensor_result("Weights, not scaled and scaled, shape (2, 16).")
    entropy = tensor_result("Entropy of the weights in nats, not scaled and scaled, shape (2,).")
    gradient_norm = tensor_result("Norm of the softmax's Jacobian, not scaled and scaled, shape (2,).")

    def compute(self) -> dict[str, Any]:
        """Compute scores, weights, entropy and gradient norm of this draw."""
        vectors = draw_vectors(self.draw, self.dimension)
        dots = vectors[1:] @ vectors[0]
        scores = torch.stack([dots, dots / math.sqrt(self.dimension)])
        weights = masked_softmax(scores)
        jacobian = torch.diag_embed(weights) - weights[:, :, None] * weights[:, None, :]
        return {
            "scores": scores,
            "weights": weights,
            "entropy": torch.special.entr(weights).sum(dim=-1),
            "gradient_norm": torch.linalg.matrix_norm(jacobian),
        }
