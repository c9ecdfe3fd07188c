r"""Kernel regression as attention: kernels as scores, and the estimator of Nadaraya and Watson.

The logarithms of the kernels are plain functions, in :mod:`attn_utils.log_kernels`. Here they get a width to hold,
fixed or learned, and become scores that :class:`~attn_utils.scoring.Attention` takes like any other.

Shapes: ``q`` queries, ``k`` keys, ``d`` features of both, ``v`` features of a value, ``...`` batch dimensions.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from attn_utils._checks import check_points, check_types
from attn_utils.attention import answer
from attn_utils.dot_form import DotForm
from attn_utils.log_kernels import KERNELS, box, epanechnikov, gaussian, triangle

__all__ = [
    "KERNELS",
    "SCORES",
    "Box",
    "Epanechnikov",
    "Gaussian",
    "Kernel",
    "NadarayaWatson",
    "Triangle",
    "box",
    "epanechnikov",
    "gaussian",
    "triangle",
]


class Kernel(nn.Module):
    r"""A log-kernel as a score, for :class:`~attn_utils.scoring.Attention`. The base of the four kernels.

    Args:
        width: The width :math:`h > 0`, in the unit of the keys, or a sequence of one for each head (dimension -3 of
            queries and keys). Where learning starts, if it is learned.
        learn_width: Whether :math:`h` is learned. What is learned is :math:`\log h`, so that no step can make
            :math:`h` negative.

    Raises:
        ValueError: If a width is not positive and finite, or the width of a kernel without slope shall be learned.

    Source:
        Nadaraya (1964), Watson (1964); Epanechnikov (1969).
    """

    function: Callable[..., Tensor]
    has_slope = True
    log_width: nn.Parameter | None

    def __init__(self, width: float | Sequence[float] = 1.0, learn_width: bool = False) -> None:
        super().__init__()
        # A fixed width is exact, whatever the type of the module: a point at the edge of a box stays inside.
        self._fixed = torch.as_tensor(width, dtype=torch.float64)
        if self._fixed.ndim > 1 or not ((self._fixed > 0) & self._fixed.isfinite()).all():
            raise ValueError(f"width must be positive and finite, a number or one for each head, got {width}")
        if learn_width and not self.has_slope:
            raise ValueError(f"learn_width must be False for the {self.name} kernel, which has no gradient, got True")
        log_width = nn.Parameter(self._fixed.log().to(torch.get_default_dtype())) if learn_width else None
        self.register_parameter("log_width", log_width)

    @property
    def name(self) -> str:
        """The name of the kernel in :data:`~attn_utils.log_kernels.KERNELS`."""
        return type(self).function.__name__

    @property
    def width(self) -> Tensor:
        """The width now: a positive tensor without dimensions, or of shape ``(heads, 1, 1)``.

        Differentiable if it is learned.
        """
        h = self._fixed if self.log_width is None else self.log_width.exp()
        return h if h.ndim == 0 else h[:, None, None]

    def prepare_keys(self, keys: Tensor) -> Tensor:
        """Return the keys, shape ``(..., k, d)``, as they are."""
        return keys

    def forward(self, queries: Tensor, prepared_keys: Tensor) -> Tensor:
        """Score all pairs.

        Args:
            queries: Floating-point points, shape ``(..., q, d)``.
            prepared_keys: Points in the same space, shape ``(..., k, d)``.

        Returns:
            Scores, shape ``(..., q, k)``, in float32 at least.

        Raises:
            ValueError: If queries and keys are not points of one space.
        """
        return type(self).function(queries, prepared_keys, self.width)

    def get_extra_state(self) -> Tensor:
        """Return a fixed width, which is no parameter but belongs to the state; nothing if it is learned."""
        return self._fixed if self.log_width is None else self._fixed.new_empty(0)

    def set_extra_state(self, state: Tensor) -> None:
        """Take over a fixed width."""
        if self.log_width is None:
            if state.shape != self._fixed.shape:
                raise ValueError(
                    f"the state must hold a fixed width of shape {tuple(self._fixed.shape)}, got {tuple(state.shape)}"
                )
            self._fixed = state.to("cpu", torch.float64, copy=True)

    def extra_repr(self) -> str:
        """Name the width when the module is printed."""
        h = ", ".join(f"{h:.4g}" for h in self.width.flatten().tolist())
        return f"width={h if self.width.ndim == 0 else f'[{h}]'}, learn_width={self.log_width is not None}"


class Gaussian(Kernel):
    r"""The Gaussian kernel, see :func:`~attn_utils.log_kernels.gaussian`.

    It has a dot form, so it can take the fused way.

    .. math:: -\frac{\|q - k\|^2}{2 h^2} = \frac{q \cdot k}{h^2} - \frac{\|k\|^2}{2 h^2} + \text{const}

    The terms on the right may be far larger than the left side. With :math:`R` the spread of the keys, rounding makes
    an error of the order :math:`\varepsilon (R/h)^2` in the scores: in float32 3e-5 at :math:`h = 0.1` and 1e-2 at
    :math:`h = 0.01` for keys of spread 1. Where that is too much, ask for the weights.
    """

    function = gaussian

    def dot_form(self, queries: Tensor, prepared_keys: Tensor) -> DotForm:
        r"""Return :math:`[q / h^2, 1 / h^2]` and :math:`[k, -\frac{1}{2}\|k\|^2]`, both from the center of the keys.

        Raises:
            ValueError: If queries and keys are not points of one space.
        """
        check_points(queries, prepared_keys)
        check_types(queries, prepared_keys)
        # Far from the origin the terms would be larger still. Hidden keys are 0 and do not count. The center changes
        # no weight, so no gradient need go through it.
        count = (prepared_keys != 0).any(dim=-1, keepdim=True).sum(dim=-2, keepdim=True).clamp(min=1)
        center = (prepared_keys.sum(dim=-2, keepdim=True) / count).detach()  # (..., 1, d)
        k = prepared_keys - center
        if queries.ndim > 2 and center.ndim > 2 and 1 < center.shape[-3] < queries.shape[-3]:  # grouped heads
            center = center.repeat_interleave(queries.shape[-3] // center.shape[-3], dim=-3)
        q, h2 = queries - center, self.width.to(queries.device, queries.dtype) ** 2
        return DotForm(
            torch.cat([q / h2, torch.ones_like(q[..., :1]) / h2], dim=-1),
            torch.cat([k, -0.5 * k.square().sum(dim=-1, keepdim=True)], dim=-1),
            wide=True,
        )


class Box(Kernel):
    """The box kernel, see :func:`~attn_utils.log_kernels.box`. Its width cannot be learned: a step has no slope."""

    function = box
    has_slope = False


class Triangle(Kernel):
    """The triangle kernel, see :func:`~attn_utils.log_kernels.triangle`."""

    function = triangle


class Epanechnikov(Kernel):
    """The Epanechnikov kernel, see :func:`~attn_utils.log_kernels.epanechnikov`."""

    function = epanechnikov


SCORES: dict[str, type[Kernel]] = {"gaussian": Gaussian, "box": Box, "triangle": Triangle, "epanechnikov": Epanechnikov}
"""The kernels as scores, by the names in :data:`~attn_utils.log_kernels.KERNELS`."""


class NadarayaWatson(nn.Module):
    r"""Kernel regression: the answer to a query is a mean of the values, weighted by how near their keys are.

    .. math:: \hat f(q_i) = \sum_j \frac{K(\|q_i - k_j\| / h)}{\sum_l K(\|q_i - k_l\| / h)}\, v_j

    It is attention with a kernel as its score, which is part of the state as ``score``. Only :meth:`leave_one_out` is
    its own.

    Args:
        kernel: A name in :data:`~attn_utils.log_kernels.KERNELS`: ``"gaussian"``, ``"box"``, ``"triangle"`` or
            ``"epanechnikov"``.
        width: The width :math:`h > 0`, in the unit of the keys. Where learning starts, if it is learned.
        learn_width: Whether :math:`h` is a parameter. What is learned is :math:`\log h`, so that no step can
            make :math:`h` negative. The box kernel has no gradient with respect to :math:`h`, so its width
            cannot be learned this way.
        fused: Whether an answer without weights goes through PyTorch's fused function, in memory linear in the
            numbers of queries and keys, with the rounding and the derivatives that :class:`Gaussian` and
            :func:`~attn_utils.attention.answer` describe. For the Gaussian kernel only.

    Raises:
        ValueError: If ``kernel`` is unknown, ``width`` is not positive and finite, or ``learn_width`` or ``fused`` is
            asked of a kernel that has no gradient or dot form.

    Source:
        Nadaraya (1964), Watson (1964).
    """

    def __init__(
        self, kernel: str = "gaussian", width: float = 1.0, learn_width: bool = False, fused: bool = False
    ) -> None:
        super().__init__()
        if kernel not in KERNELS:
            raise ValueError(f"kernel must be one of {', '.join(KERNELS)}, got {kernel!r}")
        if fused and kernel != "gaussian":
            raise ValueError(f"fused must be False for the {kernel} kernel, which has no dot form, got True")
        self.kernel = kernel
        self.score = SCORES[kernel](width, learn_width)
        self.fused = fused

    @property
    def width(self) -> Tensor:
        """The width now, a positive tensor without dimensions. Differentiable if it is learned."""
        return self.score.width

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
        explicit = need_weights or not self.fused
        output, weights = answer(self.score, queries, keys, values, mask, need_weights=explicit)
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
        """Name the way of computing when the module is printed; its score names kernel and width."""
        return f"fused={self.fused}"
