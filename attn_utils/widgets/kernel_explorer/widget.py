"""Kernel explorer: kernel regression on fifty points, one row of its weights, and the error against the width."""

from __future__ import annotations

import math
from typing import Any

import torch
import traitlets
from torch import Tensor

from attn_utils.attention import attend
from attn_utils.data.regression import make_regression
from attn_utils.kernels import KERNELS
from attn_utils.widgets.frame.demo import Demo, Numbers, front_end, number_input, number_result, style, tensor_result

__all__ = ["KernelExplorer"]

NARROWEST, WIDEST = 0.05, 5.0
NUM_WIDTHS = 101  # on which the best width is looked for, equally spaced on a log axis; the slider has the same places


class KernelExplorer(Demo):
    """Choose a kernel and its width, and see the fit, one row of weights and the leave-one-out error.

    Inputs:
        kernel: ``"gaussian"``, ``"box"``, ``"triangle"`` or ``"epanechnikov"``.
        width: From 0.05 to 5.
        x: The query, from 0 to 5.

    Data, those of :func:`attn_utils.data.regression.make_regression` with seed 0 unless given:
        x_train, y_train: Shape ``(n,)``: keys and values.
        x_test, y_test: Shape ``(m,)``: where the fit is compared with the truth.

    Results:
        weights: Shape ``(n,)``: the weights of the query ``x``.
        output: The fit at ``x``.
        loo_error: Mean squared error when each training point is predicted from the others.
        true_error: Mean squared error of the fit against ``y_test``.
        best_width: Of 101 widths, the one with the smallest ``loo_error``.

    Raises:
        traitlets.TraitError: If an input is out of its range or the data have the wrong shape.
        ValueError: If there is not one value for each key, or not one truth for each test point.
    """

    _esm = front_end(__file__)
    _css = style(__file__)
    title = "Kernel explorer"
    heights = (1283, 1323, 1340, 1478, 688, 737, 758)
    inputs = ("kernel", "width", "x")
    data = ("x_train", "y_train", "x_test", "y_test")

    description = traitlets.Unicode(
        "Left: fifty noisy points, the true curve dashed, the fitted curve in pink, and a query on the x axis. "
        "Below it, one violet stem for each point shows its weight: points near the query have tall stems, points "
        "outside the kernel none. Right: the leave-one-out error falls, reaches its smallest value at a medium width "
        "and rises again; a marker sits at the current width."
    ).tag(sync=True)
    kernel = traitlets.Enum(list(KERNELS), "gaussian", help="Name of the kernel.").tag(sync=True)
    width = number_input(1.0, NARROWEST, WIDEST, "Width of the kernel.")
    x = number_input(2.5, 0.0, 5.0, "The query.")
    x_train = Numbers((None,), help="The keys.").tag(sync=True)
    y_train = Numbers((None,), help="The values.").tag(sync=True)
    x_test = Numbers((None,), help="Where the fit is compared with the truth.").tag(sync=True)
    y_test = Numbers((None,), help="The truth there.").tag(sync=True)
    weights = tensor_result("The weights of the query x, shape (n,).")
    output = number_result("The fit at x.")
    loo_error = number_result("Leave-one-out error.")
    true_error = number_result("Error against the truth.")
    best_width = number_result("Width with the smallest leave-one-out error.")

    def __init__(self, **inputs: Any) -> None:
        points = make_regression(seed=0)
        names = self.data
        super().__init__(**{name: getattr(points, name).flatten() for name in names} | inputs)

    def compute(self) -> dict[str, Any]:
        """Compute weights, fit and errors with the library's kernels and :func:`attn_utils.attention.attend`."""
        self._check_lengths("x_train", "y_train")
        self._check_lengths("x_test", "y_test")
        columns = (torch.tensor(getattr(self, name), dtype=torch.float64)[:, None] for name in self.data)
        keys, values, x_test, y_test = columns
        query = torch.tensor([[self.x]], dtype=torch.float64)
        output, weights = self._attend(query, keys, values)
        fit, _ = self._attend(x_test, keys, values)
        grid = torch.logspace(math.log10(NARROWEST), math.log10(WIDEST), NUM_WIDTHS, dtype=torch.float64).tolist()
        errors = [self._leave_one_out(keys, values, width) for width in grid]
        return {
            "weights": weights[0],
            "output": output.item(),
            "loo_error": self._leave_one_out(keys, values, self.width),
            "true_error": (fit - y_test).square().mean().item(),
            "best_width": min(zip(errors, grid, strict=True))[1],
        }

    def _attend(self, queries: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        return attend(KERNELS[self.kernel](queries, keys, self.width), values)

    def _leave_one_out(self, keys: Tensor, values: Tensor, width: float) -> float:
        others = ~torch.eye(len(keys), dtype=torch.bool)
        prediction, _ = attend(KERNELS[self.kernel](keys, keys, width), values, others)
        return (prediction - values).square().mean().item()
