r"""Linear biases (ALiBi): the farther a key, the lower its score, with a slope that each head has for its own.

Positions are given to :func:`attn_utils.attention.answer`, or to a module built on it, as ``query_positions`` and
``key_positions``, shape ``(..., q)`` and ``(..., k)``, without the dimension of heads.

Shapes: ``h`` heads, ``q`` queries, ``k`` keys, ``d`` features of a head.
"""

import math

import torch
from torch import Tensor, nn

from attn_utils._checks import check_features, check_size, position_rows
from attn_utils.dot_form import DotForm

__all__ = ["AlibiScore", "alibi_slopes"]


def alibi_slopes(num_heads: int) -> Tensor:
    r"""Return the slope of each head: a geometric sequence that starts at :math:`2^{-8/h}` and has that ratio.

    For a number that is no power of two: the slopes of the power below, then every other one of the power above.

    Args:
        num_heads: Number of heads, :math:`h`.

    Returns:
        Shape ``(h,)``, float64.

    Raises:
        ValueError: If ``num_heads`` is not a positive integer.

    Source:
        Press et al. (2022), section 3, and their code for other numbers of heads.
    """
    check_size("num_heads", num_heads)
    below = 2 ** int(math.log2(num_heads))
    slopes = 2.0 ** (-8 / below * torch.arange(1, below + 1, dtype=torch.float64))
    if below == num_heads:
        return slopes
    return torch.cat([slopes, alibi_slopes(2 * below)[0::2][: num_heads - below]])


class AlibiScore(nn.Module):
    r"""Subtract from the scaled dot product the distance, times a slope that each head has for its own.

    .. math:: s_{ij} = \frac{q_i \cdot k_j}{\sqrt d} - m\, |p_i - p_j|

    With ``causal=True`` it is meant for causal attention only: there :math:`-m\,(p_i - p_j)` is :math:`m\,p_j` up to a
    constant of the query, one more feature of the key, and memory stays linear in the length. In both directions the
    distance is a term of the pair, and quadratic.

    Args:
        num_heads: Number of heads of queries, :math:`h`.
        causal: Whether later keys are hidden anyway. Their scores are then not meant to be used.

    Raises:
        ValueError: If ``num_heads`` is not a positive integer.

    Source:
        Press et al. (2022), section 3.
    """

    slopes: Tensor

    def __init__(self, num_heads: int, *, causal: bool) -> None:
        super().__init__()
        self.causal = causal
        self.register_buffer("slopes", alibi_slopes(num_heads)[:, None, None], persistent=False)

    def prepare_keys(self, keys: Tensor, positions: Tensor | None = None) -> Tensor:
        """Give each key its position as one more feature.

        Args:
            keys: Shape ``(..., h, k, d)``, or fewer heads if they are grouped.
            positions: Shape ``(..., k)``, any numbers.

        Returns:
            Shape ``(..., h, k, d + 1)``.

        Raises:
            ValueError: If shapes do not fit.
        """
        return torch.cat([keys, self._places(keys, positions)], dim=-1)

    def dot_form(self, queries: Tensor, prepared_keys: Tensor, positions: Tensor | None = None) -> DotForm:
        """Return the score as a dot product; arguments as in :meth:`forward`."""
        check_features("prepared_keys", prepared_keys, queries.shape[-1] + 1)
        slopes = self.slopes.to(queries)
        scaled = queries / math.sqrt(queries.shape[-1])
        if self.causal:
            # Up to a constant of the query, which has no say in the weights.
            slope = slopes.expand(*queries.shape[:-1], 1)
            return DotForm(torch.cat([scaled, slope], dim=-1), prepared_keys, wide=True)
        keys, at_key = prepared_keys[..., :-1], prepared_keys[..., -1:]
        if at_key.ndim > 2:
            at_key = at_key[..., :1, :, :]  # the heads of keys share their positions
        distance = (self._places(queries, positions)[..., :1, :, :] - at_key.mT).abs()
        return DotForm(scaled, keys, pair_bias=-slopes * distance, wide=True)

    def forward(self, queries: Tensor, prepared_keys: Tensor, positions: Tensor | None = None) -> Tensor:
        """Score all pairs.

        Args:
            queries: Shape ``(..., h, q, d)``.
            prepared_keys: What :meth:`prepare_keys` returned, shape ``(..., h, k, d + 1)``.
            positions: Of the queries, shape ``(..., q)``.

        Returns:
            Scores, shape ``(..., h, q, k)``.

        Raises:
            ValueError: If shapes do not fit.
        """
        keys, at_key = prepared_keys[..., :-1], prepared_keys[..., -1:]
        distance = self._places(queries, positions) - at_key.mT
        scores = queries / math.sqrt(queries.shape[-1]) @ keys.mT
        return scores - self.slopes.to(queries) * (distance if self.causal else distance.abs())

    def _places(self, x: Tensor, positions: Tensor | None) -> Tensor:
        """Return the positions of rows as a feature, shape ``(..., length, 1)``."""
        if x.ndim < 3:
            raise ValueError(
                f"queries and keys must have a dimension of heads, (..., h, length, d), got {tuple(x.shape)}"
            )
        return position_rows(positions, x).to(x.dtype).expand(*x.shape[:-1], 1)
