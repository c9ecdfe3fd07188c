r"""Rotary positions: queries and keys are turned, so that their dot product sees the offset and nothing else.

Positions are given to :func:`attn_utils.attention.answer`, or to a module built on it, as ``query_positions`` and
``key_positions``, shape ``(..., q)`` and ``(..., k)``, without heads. A turned key stays so in a cache.

Shapes: ``q`` queries, ``k`` keys, ``d`` features of a head.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from attn_utils._checks import check_features, check_points, check_size, position_rows
from attn_utils.dot_form import DotForm
from attn_utils.positions import frequencies

__all__ = ["RotaryScore", "rotary_permutation", "rotate"]

# Not a name of its own in signatures: the reference could not link it.
PAIRINGS = ("interleaved", "half-split")


def _check_pairing(pairing: str) -> None:
    if pairing not in PAIRINGS:
        raise ValueError(f"pairing must be one of {PAIRINGS}, got {pairing!r}")


def rotate(x: Tensor, angles: Tensor, pairing: Literal["interleaved", "half-split"] = "interleaved") -> Tensor:
    r"""Turn each pair of features by an angle.

    .. math:: (a, b) \mapsto (a \cos\varphi - b \sin\varphi,\; a \sin\varphi + b \cos\varphi)

    Args:
        x: Floating point, shape ``(..., n, d)`` with an even ``d``. Not modified.
        angles: Radians, broadcastable to ``(..., n, d/2)``.
        pairing: Which two features are a pair: features 0 and 1, 2 and 3, … (``"interleaved"``), or the first of the
            one half with the first of the other, … (``"half-split"``).

    Returns:
        Shape ``(..., n, d)``, in the type of ``x``.

    Raises:
        ValueError: If ``d`` is odd or ``pairing`` is unknown.

    Source:
        Su et al. (2024), equations 15 and 34.
    """
    _check_pairing(pairing)
    if x.ndim < 2 or x.shape[-1] % 2:
        raise ValueError(f"x must have an even number of features, got {tuple(x.shape)}")
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    if pairing == "interleaved":
        a, b = x[..., 0::2], x[..., 1::2]
        return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


def rotary_permutation(d: int) -> Tensor:
    """Return the order of features that turns interleaved pairs into half-split ones.

    ``x[..., rotary_permutation(d)]``, rotated half-split, has the features of ``x``, rotated interleaved, in this
    order; a dot product does not care about an order that both sides share. So the rows of ``W_q`` and ``W_k``
    (in each head) are reordered once when weights move from one convention to the other.

    Args:
        d: Features of a head, even.

    Returns:
        Integers, shape ``(d,)``: 0, 2, 4, …, 1, 3, 5, …

    Raises:
        ValueError: If ``d`` is not a positive even integer.

    Source:
        Su et al. (2024), equation 34, pairs neighbors; the half-split order is that of GPT-NeoX (Black et al., 2022).
    """
    check_size("d", d)
    if d % 2:
        raise ValueError(f"d must be even, got {d}")
    return torch.arange(d).reshape(-1, 2).T.flatten()


class RotaryScore(nn.Module):
    r"""Scale the dot product of a query and a key that are each turned by an angle which grows with the position.

    .. math:: s_{ij} = \frac{(R_{p_i} q_i) \cdot (R_{p_j} k_j)}{\sqrt d} = \frac{q_i^\top R_{p_j - p_i}\, k_j}{\sqrt d}

    :math:`R_p` turns pair :math:`m` by :math:`p\,\omega_m`, so only the offset counts. For inputs longer than in
    training the angles can be made smaller: ``"interpolation"`` divides every position by ``factor``; ``"ntk"`` raises
    the base instead, so that the slowest pair turns ``factor`` times slower and the fastest as before.

    Args:
        d: Features of a query and a key of a head, even.
        base: See :func:`~attn_utils.positions.frequencies`.
        pairing: Which features are a pair, see :func:`rotate`.
        scaling: ``None``, ``"interpolation"`` or ``"ntk"``.
        factor: How many times longer than in training, at least 1.

    Raises:
        ValueError: If ``d`` is not a positive even integer, or an option is unknown or out of range.

    Source:
        Su et al. (2024), equation 16; Chen et al. (2023) for interpolation; bloc97 (2023) for "NTK-aware" scaling.
    """

    def __init__(
        self,
        d: int,
        *,
        base: float = 10000.0,
        pairing: Literal["interleaved", "half-split"] = "interleaved",
        scaling: Literal["interpolation", "ntk"] | None = None,
        factor: float = 1.0,
    ) -> None:
        super().__init__()
        check_size("d", d)
        _check_pairing(pairing)
        if d % 2:
            raise ValueError(f"d must be even, got {d}")
        if scaling not in (None, "interpolation", "ntk"):
            raise ValueError(f"scaling must be None, 'interpolation' or 'ntk', got {scaling!r}")
        if not factor >= 1 or (scaling is None and factor != 1):
            raise ValueError(f"factor must be at least 1, and 1 without scaling, got {factor} with {scaling!r}")
        self.d, self.pairing = d, pairing
        if scaling == "ntk" and d > 2:
            base = base * factor ** (d / (d - 2))
        omega = frequencies(d, base)
        # Not a buffer: it keeps its digits when the module goes to half precision, or to a device without float64.
        self.omega = omega / factor if scaling == "interpolation" else omega

    def _turned(self, name: str, x: Tensor, positions: Tensor | None) -> Tensor:
        check_features(name, x, self.d)
        # Far positions need the digits of float64, which Apple's devices do not have.
        dtype = torch.float32 if x.device.type == "mps" else torch.float64
        omega = self.omega.to(x.device, dtype)
        return rotate(x, position_rows(positions, x).to(dtype) * omega, self.pairing)

    def prepare_keys(self, keys: Tensor, positions: Tensor | None = None) -> Tensor:
        """Turn each key by its position.

        Args:
            keys: Shape ``(..., k, d)``.
            positions: Shape ``(..., k)``, any numbers.

        Returns:
            Shape ``(..., k, d)``.

        Raises:
            ValueError: If shapes do not fit.
        """
        return self._turned("keys", keys, positions)

    def dot_form(self, queries: Tensor, prepared_keys: Tensor, positions: Tensor | None = None) -> DotForm:
        """Return turned queries and keys, and the scale of their dot products; arguments as in :meth:`forward`."""
        check_points(queries, prepared_keys)
        return DotForm(self._turned("queries", queries, positions), prepared_keys, 1 / math.sqrt(self.d))

    def forward(self, queries: Tensor, prepared_keys: Tensor, positions: Tensor | None = None) -> Tensor:
        """Score all pairs.

        Args:
            queries: Shape ``(..., q, d)``.
            prepared_keys: What :meth:`prepare_keys` returned, shape ``(..., k, d)``.
            positions: Of the queries, shape ``(..., q)``.

        Returns:
            Scores, shape ``(..., q, k)``.

        Raises:
            ValueError: If shapes do not fit.
        """
        return self.dot_form(queries, prepared_keys, positions).scores()

    def extra_repr(self) -> str:
        """Name features and pairing when the module is printed."""
        return f"{self.d}, pairing={self.pairing!r}"
