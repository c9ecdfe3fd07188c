"""Cost and reach: what a layer of each kind costs, and how a signal gets from the first token to the last."""

from __future__ import annotations

from typing import Any

import torch
import traitlets

from attn_utils.widgets.frame.demo import Demo, front_end, style, tensor_result

__all__ = ["CostAndReach"]

TOKENS_DRAWN = 16
LONGEST, WIDEST = 65_536, 4096


class CostAndReach(Demo):
    r"""Choose a length, a number of features and a width of convolution, and compare three kinds of layer.

    Inputs:
        length: Tokens, :math:`n`, from 16 to 65,536. The slider has the powers of two.
        features: Features of a token, :math:`d`, from 16 to 4096. The slider has the powers of two.
        kernel: Width of the convolution, :math:`k`, odd, from 3 to 15.
        projections: Whether the four projections of self-attention count.

    Results, in each self-attention, a GRU and a convolution, in this order:
        operations: Shape ``(3,)``, multiplications of a layer: :math:`2n^2d + 4nd^2`, :math:`6nd^2`, :math:`knd^2`.
        steps: Shape ``(3,)``, steps that wait for each other: 1, :math:`n`, 1.
        path: Shape ``(3,)``, steps or layers from the first token to the last: 1, :math:`n - 1` and
            :math:`\lceil (n-1) / \lfloor k/2 \rfloor \rceil`.
        crossover: The length at which self-attention costs as much as the GRU.

    Raises:
        traitlets.TraitError: If an input is out of its range, or ``kernel`` is even.

    Source:
        Vaswani et al. (2017), table 1, with constants and projections.
    """

    _esm = front_end(__file__)
    _css = style(__file__)
    title = "Cost and reach"
    heights = (1430, 1370, 1374, 1263, 787, 826, 792)
    inputs = ("length", "features", "kernel", "projections")

    description = traitlets.Unicode(
        "On top, curves of what one token costs in a layer against the length of the sequence: a level line for a GRU "
        "and one for a convolution, and a curve for self-attention that starts low and rises through both. Below, "
        "sixteen tokens three times, and the way of a signal from the first to the last: one leap in self-attention, "
        "token by token in the GRU, in short hops from layer to layer in the convolution."
    ).tag(sync=True)
    length = traitlets.Int(512, min=16, max=LONGEST, help="Tokens n.").tag(sync=True)
    features = traitlets.Int(256, min=16, max=WIDEST, help="Features d of a token.").tag(sync=True)
    kernel = traitlets.Int(5, min=3, max=15, help="Width k of the convolution, odd.").tag(sync=True)
    projections = traitlets.Bool(True, help="Whether the projections of self-attention count.").tag(sync=True)
    operations = tensor_result("Multiplications of a layer, shape (3,).")
    steps = tensor_result("Steps that wait for each other, shape (3,).")
    path = tensor_result("Steps or layers from the first token to the last, shape (3,).")
    crossover = tensor_result("The length at which self-attention costs as much as the GRU.")

    @traitlets.validate("kernel")
    def _odd(self, proposal: Any) -> int:
        if proposal["value"] % 2 == 0:
            raise traitlets.TraitError(f"kernel must be odd, got {proposal['value']}")
        return int(proposal["value"])

    def compute(self) -> dict[str, Any]:
        """Count operations, steps and paths."""
        n, d, k = float(self.length), float(self.features), self.kernel
        projected = 4.0 if self.projections else 0.0
        return {
            "operations": torch.tensor([2 * n**2 * d + projected * n * d**2, 6 * n * d**2, k * n * d**2]).double(),
            "steps": torch.tensor([1.0, n, 1.0]).double(),
            "path": torch.tensor([1.0, n - 1, -(-(n - 1) // (k // 2))]).double(),
            "crossover": torch.tensor((6 - projected) * d / 2).double(),
        }
