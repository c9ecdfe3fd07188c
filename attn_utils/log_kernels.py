r"""Log-kernels: the score of a pair is the logarithm of a kernel, a function of queries, keys and a width.

A kernel :math:`K(u)` says how much a neighbor counts at the distance :math:`u = \|q - k\| / h`, measured in widths
:math:`h`. The softmax undoes the logarithm, so the weights are :math:`K(u_{ij}) / \sum_l K(u_{il})`: those of
Nadaraya and Watson. Where a kernel is 0 its score is :math:`-\infty`. A factor in front of a kernel is the same for
all keys and cancels, so it is left out.

Shapes: ``q`` queries, ``k`` keys, ``d`` features of both, ``...`` batch dimensions.
All differences between queries and keys exist at once: ``q * k * d`` numbers for each element of the batch.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from attn_utils._checks import check_pair, holds

__all__ = ["KERNELS", "box", "epanechnikov", "gaussian", "triangle"]


def gaussian(queries: Tensor, keys: Tensor, width: float | Tensor = 1.0) -> Tensor:
    r"""Score pairs by the logarithm of the Gaussian kernel.

    .. math:: s_{ij} = \log K(u_{ij}) = -\tfrac{1}{2} u_{ij}^2, \qquad u_{ij} = \|q_i - k_j\| / h

    Args:
        queries: Floating-point points, shape ``(..., q, d)``.
        keys: Points in the same space and of the same type, shape ``(..., k, d)``.
        width: The width :math:`h > 0` in the unit of the points: a number, a tensor without dimensions, or one of
            shape ``(..., 1, 1)``, such as one for each head.
            Here it is a standard deviation; each of the other kernels says what it is there.

    Returns:
        Scores, shape ``(..., q, k)``, in float32 if the points are in half precision, which could not hold them.

    Raises:
        ValueError: If queries and keys are not points of one space, or ``width`` is not positive and finite.

    Source:
        Nadaraya (1964), Watson (1964).
    """
    return -0.5 * _squared_distance(queries, keys, width)


def box(queries: Tensor, keys: Tensor, width: float | Tensor = 1.0) -> Tensor:
    r"""Score pairs by the logarithm of the box kernel: all neighbors within one width count the same.

    .. math:: s_{ij} = 0 \text{ if } u_{ij} \le 1, \text{ else } -\infty, \qquad u_{ij} = \|q_i - k_j\| / h

    The score is a step, so no gradient reaches the queries, the keys or the width.

    Arguments, shapes and errors are those of :func:`gaussian`. The width is here half the length of the window.

    Source:
        Nadaraya (1964), Watson (1964).
    """
    u2 = _squared_distance(queries, keys, width)
    return torch.zeros_like(u2).masked_fill(u2 > 1, -math.inf)


def triangle(queries: Tensor, keys: Tensor, width: float | Tensor = 1.0) -> Tensor:
    r"""Score pairs by the logarithm of the triangle kernel: the weight falls linearly with the distance.

    .. math:: s_{ij} = \log(1 - u_{ij}) \text{ if } u_{ij} < 1, \text{ else } -\infty, \qquad u_{ij} = \|q_i - k_j\| / h

    The kernel has a peak at :math:`q = k`. The gradient there is taken to be 0.

    Arguments, shapes and errors are those of :func:`gaussian`. The width is here the distance
    at which the weight reaches 0.

    Source:
        Nadaraya (1964), Watson (1964).
    """
    u2 = _squared_distance(queries, keys, width)
    # The slope of a square root at 0 is infinite, and infinity times 0 is NaN: keep 0 away from it.
    here = u2 == 0
    u = u2.masked_fill(here, 1.0).sqrt().masked_fill(here, 0.0)
    return _log_one_minus(u)


def epanechnikov(queries: Tensor, keys: Tensor, width: float | Tensor = 1.0) -> Tensor:
    r"""Score pairs by the logarithm of the Epanechnikov kernel: the weight falls like a parabola.

    .. math::
        s_{ij} = \log(1 - u_{ij}^2) \text{ if } u_{ij} < 1, \text{ else } -\infty, \qquad u_{ij} = \|q_i - k_j\| / h

    Arguments, shapes and errors are those of :func:`gaussian`. The width is here the distance
    at which the weight reaches 0.

    Source:
        Epanechnikov (1969).
    """
    return _log_one_minus(_squared_distance(queries, keys, width))


KERNELS: dict[str, Callable[..., Tensor]] = {
    "gaussian": gaussian,
    "box": box,
    "triangle": triangle,
    "epanechnikov": epanechnikov,
}
"""The log-kernels by name."""


def _squared_distance(queries: Tensor, keys: Tensor, width: float | Tensor) -> Tensor:
    """Return u² of all pairs, shape ``(..., q, k)``."""
    check_pair(queries, keys)
    # Half precision cannot hold what a small width makes of a distance: all keys would be infinitely far away.
    dtype = torch.promote_types(torch.promote_types(queries.dtype, keys.dtype), torch.float32)
    h = torch.as_tensor(width, dtype=dtype, device=queries.device)
    if h.ndim != 0 and h.shape[-2:] != (1, 1):
        raise ValueError(
            f"width must be a number or a tensor without dimensions or of shape (..., 1, 1), got shape {tuple(h.shape)}"
        )
    if not holds(((h > 0) & (h < math.inf)).all(), unknown=True):
        raise ValueError(f"width must be positive and finite in {dtype}, got {width}")
    if h.ndim:
        h = h[..., None]  # (..., 1, 1, 1)
    # Divided before it is squared, which may overflow.
    u = (queries.to(dtype)[..., :, None, :] - keys.to(dtype)[..., None, :, :]) / h
    return u.square().sum(dim=-1)


def _log_one_minus(x: Tensor) -> Tensor:
    """Return log(1 − x), and −∞ with gradient 0 where x reaches 1."""
    outside = x >= 1
    return torch.log1p(-x.masked_fill(outside, 0.0)).masked_fill(outside, -math.inf)
