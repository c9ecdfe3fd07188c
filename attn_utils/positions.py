r"""Positions: what tells a layer of attention where a token stands.

Without them self-attention is a function of a set. Either a vector goes into each token before the layer
(:class:`SinusoidalPositions`, :class:`LearnedPositions`), or the score looks at positions:
:class:`attn_utils.rotary.RotaryScore` and :class:`attn_utils.alibi.AlibiScore`.

Shapes: ``b`` batch dimensions, ``n`` tokens, ``d`` features. Positions count from 0. ``offset`` is the position of the
first token: with a cache, the number of tokens before it.
"""

import torch
from torch import Tensor, nn

from attn_utils._checks import check_count, check_features, check_size, check_sizes

__all__ = ["LearnedPositions", "SinusoidalPositions", "frequencies", "sinusoidal"]


def frequencies(d: int, base: float = 10000.0) -> Tensor:
    r"""Return the angle by which each pair of features turns from one position to the next.

    .. math:: \omega_i = \text{base}^{-2i/d}, \qquad i = 0, \dots, \lceil d/2 \rceil - 1

    Args:
        d: Features. An odd number has a last pair of which only the first feature exists.
        base: From the fastest pair, 1 radian a position, to nearly the ``base``-th part of it.

    Returns:
        Radians per position, float64, shape ``(ceil(d/2),)``, falling.

    Raises:
        ValueError: If ``d`` is not a positive integer, or ``base`` is not above 1.

    Source:
        Vaswani et al. (2017), section 3.5.
    """
    check_size("d", d)
    if not base > 1:
        raise ValueError(f"base must be greater than 1, got {base}")
    # In float64: at position 100,000 the angle of the fastest pair in float32 is off in the third digit.
    return float(base) ** -(torch.arange(0, d, 2, dtype=torch.float64) / d)


def sinusoidal(length: int, d: int, *, base: float = 10000.0, offset: int = 0) -> Tensor:
    r"""Encode positions as sines and cosines, a pair for each frequency.

    .. math:: PE_{p,\,2i} = \sin(p\,\omega_i), \qquad PE_{p,\,2i+1} = \cos(p\,\omega_i), \qquad
        \omega_i = \text{base}^{-2i/d}

    A step of :math:`k` positions turns each pair by :math:`k\,\omega_i`, whatever the position.

    Args:
        length: Number of positions.
        d: Features. If odd, the last cosine is left out.
        base: See :func:`frequencies`.
        offset: The first position.

    Returns:
        Encodings in the default type, shape ``(length, d)``.

    Raises:
        ValueError: If ``length`` or ``offset`` is negative, or ``d`` or ``base`` is out of range.

    Source:
        Vaswani et al. (2017), section 3.5.
    """
    check_count("length", length)
    check_count("offset", offset)
    positions = torch.arange(offset, offset + length, dtype=torch.float64)
    angles = positions[:, None] * frequencies(d, base)  # (length, ceil(d/2))
    pairs = torch.stack([angles.sin(), angles.cos()], dim=-1)  # (length, ceil(d/2), 2)
    return pairs.flatten(-2)[:, :d].to(torch.get_default_dtype())


class SinusoidalPositions(nn.Module):
    """Add the sinusoidal encoding to each token. It has no parameters and no longest length.

    Args:
        d: Features of a token.
        base: See :func:`frequencies`.

    Raises:
        ValueError: As :func:`sinusoidal`.

    Source:
        Vaswani et al. (2017), section 3.5.
    """

    table: Tensor

    def __init__(self, d: int, *, base: float = 10000.0) -> None:
        super().__init__()
        self.d, self.base = d, base
        # Not part of the state: it can be computed again, and grows with the longest input so far.
        self.register_buffer("table", sinusoidal(512, d, base=base), persistent=False)

    def forward(self, x: Tensor, offset: int | Tensor = 0) -> Tensor:
        """Add to each token what its position is encoded as.

        Args:
            x: Floating point, shape ``(..., n, d)``. Not modified.
            offset: The position of the first token; integers of shape ``(...,)`` give each sequence its own.

        Returns:
            Shape ``(..., n, d)``, in the type of ``x``.

        Raises:
            ValueError: If ``x`` does not have ``d`` features, or ``offset`` is negative or of another shape.
        """
        check_features("x", x, self.d)
        rows, end = _rows(offset, x)
        if end > len(self.table):
            longer = sinusoidal(max(end, 2 * len(self.table)), self.d, base=self.base)
            self.table = longer.to(self.table.device)
        return x + self.table[rows].to(x.dtype)

    def extra_repr(self) -> str:
        """Name the features when the module is printed."""
        return f"{self.d}, base={self.base:g}"


class LearnedPositions(nn.Module):
    """Add a learned vector to each token, one for each position up to a longest length.

    Args:
        max_length: Number of positions that have a vector.
        d: Features of a token.

    Raises:
        ValueError: If a size is not a positive integer.

    Source:
        Gehring et al. (2017), section 3.1; Devlin et al. (2019).
    """

    def __init__(self, max_length: int, d: int) -> None:
        super().__init__()
        check_sizes(max_length=max_length, d=d)
        # As small as BERT makes them, so that at first the token is louder than its place.
        self.weight = nn.Parameter(0.02 * torch.randn(max_length, d))

    def forward(self, x: Tensor, offset: int | Tensor = 0) -> Tensor:
        """Add to each token the vector of its position.

        Args:
            x: Floating point, shape ``(..., n, d)``. Not modified.
            offset: The position of the first token; integers of shape ``(...,)`` give each sequence its own.

        Returns:
            Shape ``(..., n, d)``.

        Raises:
            ValueError: If ``x`` does not have ``d`` features, ``offset`` is negative or of another shape, or a token
                stands beyond the last position that has a vector.
        """
        max_length, d = self.weight.shape
        check_features("x", x, d)
        rows, end = _rows(offset, x)
        if end > max_length:
            raise ValueError(
                f"x must end before position {max_length}, the first without a vector, got {end} positions"
            )
        return x + self.weight[rows].to(x.dtype)

    def extra_repr(self) -> str:
        """Name the sizes when the module is printed."""
        return f"{self.weight.shape[0]}, {self.weight.shape[1]}"


def _rows(offset: int | Tensor, x: Tensor) -> tuple[slice | Tensor, int]:
    """Return which rows of a table the tokens of ``x`` want, and the position after the last."""
    n = x.shape[-2]
    if not isinstance(offset, Tensor):
        check_count("offset", offset)
        return slice(offset, offset + n), offset + n
    if offset.dtype != torch.long or offset.shape != x.shape[:-2] or (offset.numel() and int(offset.min()) < 0):
        raise ValueError(
            f"offset must hold integers of at least 0, shape {tuple(x.shape[:-2])}, "
            f"got {offset.dtype} of shape {tuple(offset.shape)}"
        )
    rows = offset[..., None] + torch.arange(n, device=offset.device)
    return rows, int(rows.max()) + 1 if rows.numel() else 0
