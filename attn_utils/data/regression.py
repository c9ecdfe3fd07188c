"""The regression problem of chapter 2: a smooth curve, seen at 50 points through noise."""

from dataclasses import dataclass

import torch
from torch import Tensor

from attn_utils._checks import check_size

__all__ = ["RegressionData", "make_regression", "truth"]


@dataclass(frozen=True)
class RegressionData:
    """A training set, and the curve behind it.

    Attributes:
        x_train: Where the curve was observed, sorted, shape ``(n, 1)``.
        y_train: What was observed there, with noise, shape ``(n, 1)``.
        x_test: 200 evenly spaced points of [0, 5), shape ``(200, 1)``.
        y_test: The curve at them, without noise, shape ``(200, 1)``.
    """

    x_train: Tensor
    y_train: Tensor
    x_test: Tensor
    y_test: Tensor


def truth(x: Tensor) -> Tensor:
    r"""Return the curve to be found.

    .. math:: f(x) = 2 \sin x + x^{0.8}

    Args:
        x: Numbers of at least 0, any shape.

    Returns:
        The curve at ``x``, in the shape of ``x``. NaN where ``x`` is negative.
    """
    return 2 * torch.sin(x) + x**0.8


def make_regression(num_train: int = 50, noise: float = 0.5, seed: int = 0) -> RegressionData:
    r"""Draw a training set from the curve.

    .. math:: y = f(x) + \varepsilon, \qquad x \sim U[0, 5), \quad \varepsilon \sim N(0, \sigma^2)

    The random numbers come from a generator of their own: the global seed is neither used nor changed.

    Args:
        num_train: Number of training points.
        noise: Standard deviation :math:`\sigma` of the noise.
        seed: Which training set to draw.

    Returns:
        The data, in float32.

    Raises:
        ValueError: If ``num_train`` is not a positive integer, or ``noise`` is negative or not finite.
    """
    check_size("num_train", num_train)
    if not 0 <= noise < float("inf"):
        raise ValueError(f"noise must be at least 0 and finite, got {noise}")
    generator = torch.Generator().manual_seed(seed)
    # Drawn in float64 and rounded once at the end, so that the data are the same on every processor.
    x_train = 5 * torch.rand(num_train, 1, generator=generator, dtype=torch.float64)
    x_train = x_train.sort(dim=0).values
    y_train = truth(x_train) + noise * torch.randn(num_train, 1, generator=generator, dtype=torch.float64)
    x_test = torch.arange(200, dtype=torch.float64)[:, None] / 40
    return RegressionData(x_train.float(), y_train.float(), x_test.float(), truth(x_test).float())
