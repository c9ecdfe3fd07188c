r"""Kernel regression as attention: the score of a pair is the logarithm of a kernel.

A kernel :math:`K(u)` says how much a neighbor counts at the distance :math:`u = \|q - k\| / h`, measured in widths
:math:`h`. The softmax undoes the logarithm, so the weights are :math:`K(u_{ij}) / \sum_l K(u_{il})`: those of
Nadaraya and Watson. Where a kernel is 0 its score is :math:`-\infty`. A factor in front of a kernel is the same for
all keys and cancels, so it is left out.

Shapes: ``q`` queries, ``k`` keys, ``d`` features of both, ``v`` features of a value, ``...`` batch dimensions.
All differences between queries and keys exist at once: ``q * k * d`` numbers for each element of the batch.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from attn_utils._checks import check_pair
from attn_utils.attention import attend

__all__ = ["KERNELS", "NadarayaWatson", "box", "epanechnikov", "gaussian", "triangle"]


def gaussian(queries: Tensor, keys: Tensor, width: float | Tensor = 1.0) -> Tensor:
    r"""Score pairs by the logarithm of the Gaussian kernel.

    .. math:: s_{ij} = \log K(u_{ij}) = -\tfrac{1}{2} u_{ij}^2, \qquad u_{ij} = \|q_i - k_j\| / h

    Args:
        queries: Floating-point points, shape ``(..., q, d)``.
        keys: Points in the same space and of the same type, shape ``(..., k, d)``.
        width: The width :math:`h > 0`, a number or a tensor without dimensions, in the unit of the points.
            Here it is a standard deviation.

    Returns:
        Scores, shape ``(..., q, k)``.

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

    Args:
        queries: Floating-point points, shape ``(..., q, d)``.
        keys: Points in the same space and of the same type, shape ``(..., k, d)``.
        width: The width :math:`h > 0`, a number or a tensor without dimensions, in the unit of the points.
            Here it is half the length of the window.

    Returns:
        Scores, shape ``(..., q, k)``.

    Raises:
        ValueError: If queries and keys are not points of one space, or ``width`` is not positive and finite.

    Source:
        Nadaraya (1964), Watson (1964).
    """
    u2 = _squared_distance(queries, keys, width)
    return torch.zeros_like(u2).masked_fill(u2 > 1, -math.inf)


def triangle(queries: Tensor, keys: Tensor, width: float | Tensor = 1.0) -> Tensor:
    r"""Score pairs by the logarithm of the triangle kernel: the weight falls linearly with the distance.

    .. math:: s_{ij} = \log(1 - u_{ij}) \text{ if } u_{ij} < 1, \text{ else } -\infty, \qquad u_{ij} = \|q_i - k_j\| / h

    The kernel has a peak at :math:`q = k`. The gradient there is taken to be 0.

    Args:
        queries: Floating-point points, shape ``(..., q, d)``.
        keys: Points in the same space and of the same type, shape ``(..., k, d)``.
        width: The width :math:`h > 0`, a number or a tensor without dimensions, in the unit of the points.
            Here it is the distance at which the weight reaches 0.

    Returns:
        Scores, shape ``(..., q, k)``.

    Raises:
        ValueError: If queries and keys are not points of one space, or ``width`` is not positive and finite.

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

    Args:
        queries: Floating-point points, shape ``(..., q, d)``.
        keys: Points in the same space and of the same type, shape ``(..., k, d)``.
        width: The width :math:`h > 0`, a number or a tensor without dimensions, in the unit of the points.
            Here it is the distance at which the weight reaches 0.

    Returns:
        Scores, shape ``(..., q, k)``.

    Raises:
        ValueError: If queries and keys are not points of one space, or ``width`` is not positive and finite.

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


class NadarayaWatson(nn.Module):
    r"""Kernel regression: the answer to a query is a mean of the values, weighted by how near their keys are.

    .. math:: \hat f(q_i) = \sum_j \frac{K(\|q_i - k_j\| / h)}{\sum_l K(\|q_i - k_l\| / h)}\, v_j

    Args:
        kernel: A name in :data:`KERNELS`: ``"gaussian"``, ``"box"``, ``"triangle"`` or ``"epanechnikov"``.
        width: The width :math:`h > 0`, in the unit of the keys. Where learning starts, if it is learned.
        learn_width: Whether :math:`h` is a parameter. What is learned is :math:`\log h`, so that no step can
            make :math:`h` negative. The box kernel has no gradient with respect to :math:`h`, so its width
            cannot be learned this way.

    Raises:
        ValueError: If ``kernel`` is unknown, ``width`` is not positive and finite, or ``learn_width`` is asked of the
            box kernel.

    Source:
        Nadaraya (1964), Watson (1964).
    """

    log_width: nn.Parameter | None

    def __init__(self, kernel: str = "gaussian", width: float = 1.0, learn_width: bool = False) -> None:
        super().__init__()
        if kernel not in KERNELS:
            raise ValueError(f"kernel must be one of {', '.join(KERNELS)}, got {kernel!r}")
        if not 0 < width < math.inf:
            raise ValueError(f"width must be positive and finite, got {width}")
        if learn_width and kernel == "box":
            raise ValueError("learn_width must be False for the box kernel, which has no gradient, got True")
        self.kernel = kernel
        # A fixed width stays in float64: it takes the type of the points when it meets them.
        self._width = torch.tensor(float(width), dtype=torch.float64)
        self.register_parameter("log_width", nn.Parameter(torch.tensor(math.log(width))) if learn_width else None)

    @property
    def width(self) -> Tensor:
        """The width now, a positive tensor without dimensions. Differentiable if it is learned."""
        return self._width if self.log_width is None else self.log_width.exp()

    def forward(
        self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None, *, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """Average the values around each query.

        Args:
            queries: Floating-point points, shape ``(..., q, d)``.
            keys: Points in the same space, shape ``(..., k, d)``.
            values: What was observed at the keys, shape ``(..., k, v)``.
            mask: Boolean, True = may attend, broadcastable to ``(..., q, k)``.
            need_weights: Whether to return the weights.

        Returns:
            The output, shape ``(..., q, v)``, and the weights, shape ``(..., q, k)``, or ``None``. A query with no
            key in its window gets weights 0 and output 0.

        Raises:
            ValueError: If the arguments do not fit together.
        """
        output, weights = attend(KERNELS[self.kernel](queries, keys, self.width), values, mask)
        return output, weights if need_weights else None

    def leave_one_out(
        self, keys: Tensor, values: Tensor, *, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """Predict the value at each key from all other pairs.

        The diagonal is masked: a point that may see its own value predicts best with a width of 0, and a width
        learned that way memorizes.

        Args:
            keys: Floating-point points, shape ``(..., k, d)``.
            values: What was observed at them, shape ``(..., k, v)``.
            need_weights: Whether to return the weights.

        Returns:
            The predictions, shape ``(..., k, v)``, and the weights, shape ``(..., k, k)`` with zeros on the
            diagonal, or ``None``. A point with no other in its window gets prediction 0.

        Raises:
            ValueError: If the arguments do not fit together.
        """
        others = ~torch.eye(keys.shape[-2], dtype=torch.bool, device=keys.device)
        return self(keys, keys, values, others, need_weights=need_weights)

    def extra_repr(self) -> str:
        """Name the kernel and the width when the module is printed."""
        return f"kernel={self.kernel!r}, width={self.width.item():.4g}, learn_width={self.log_width is not None}"


def _squared_distance(queries: Tensor, keys: Tensor, width: float | Tensor) -> Tensor:
    """Return u² of all pairs, shape ``(..., q, k)``."""
    check_pair(queries, keys)
    h = torch.as_tensor(width, dtype=queries.dtype, device=queries.device)
    if h.ndim != 0:
        raise ValueError(f"width must be a number or a tensor without dimensions, got shape {tuple(h.shape)}")
    # A compiled graph cannot branch on data.
    if not torch.compiler.is_compiling() and not (0 < h < math.inf):
        raise ValueError(f"width must be positive and finite in {queries.dtype}, got {float(width)}")
    # Divided before it is squared: in float16 the square of 256 is too large already.
    u = (queries[..., :, None, :] - keys[..., None, :, :]) / h
    return u.square().sum(dim=-1)


def _log_one_minus(x: Tensor) -> Tensor:
    """Return log(1 − x), and −∞ with gradient 0 where x reaches 1."""
    outside = x >= 1
    return torch.log1p(-x.masked_fill(outside, 0.0)).masked_fill(outside, -math.inf)
