r"""Attention over the pixels of a feature map: every pixel asks every other, however far away.

A feature map has shape ``(b, c, H, W)``: batch, channels, height, width. Flattened, row by row, its pixels are a
sequence of ``H * W`` vectors with ``c`` features, and attention over them is the attention of every other chapter.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm as normalized

from attn_utils._checks import check_integers, check_map, check_size, holds
from attn_utils.attention import answer
from attn_utils.scoring import DotScore, ScaledDotScore

__all__ = ["SelfAttention2d"]


class SelfAttention2d(nn.Module):
    r"""Let every pixel of a feature map look at all of it, and add what it found to what it is.

    .. math:: y_i = x_i + \sigma\, W_o \sum_j w_{ij}\, g(x_j), \qquad
        w_i = \operatorname{softmax}_j\, \theta(x_i) \cdot \phi(x_j)

    Projections :math:`\theta`, :math:`\phi` and :math:`g`, convolutions with a kernel of one pixel, make the queries,
    the keys and the values. The softmax goes over the pixels :math:`j` that are looked at. If ``pooled``, keys and
    values are the largest of each square of 2 x 2 pixels, a quarter as many.

    The learned scale :math:`\sigma` starts at 0, so that the block begins as one that changes nothing: what the
    projections learn begins when :math:`\sigma` has left 0.

    With ``spectral_norm`` each projection is divided by its largest singular value, of which every pass in training
    mode makes a better estimate; in ``eval`` mode nothing changes.

    Args:
        channels: Channels of the feature map, ``c``.
        reduction: Queries, keys and values have ``c // reduction`` channels.
        pooled: Whether to max-pool keys and values 2 x 2. Height and width must then be even.
        scale: Whether to divide the scores by the root of the channels of a key. The paper does not.
        spectral_norm: Whether to divide each projection by its largest singular value.
        value_channels: Channels of a value, if not ``c // reduction``. The authors' program has ``c // 2``.

    Attributes:
        theta: Makes the queries.
        phi: Makes the keys.
        g: Makes the values.
        out: Takes what was found back to ``c`` channels, :math:`W_o`.
        sigma: The learned scale, a single number.

    Raises:
        ValueError: If a size is not a positive integer, or ``reduction`` leaves no channel.

    Source:
        Zhang et al. (2019), equations 1 to 3, where the keys are called :math:`f`, the queries :math:`g` and the
        values :math:`h`; the names here are those of Wang et al. (2018), section 3, and of the authors' program.
    """

    def __init__(
        self,
        channels: int,
        reduction: int = 8,
        *,
        pooled: bool = True,
        scale: bool = False,
        spectral_norm: bool = True,
        value_channels: int | None = None,
    ) -> None:
        super().__init__()
        check_size("channels", channels)
        check_size("reduction", reduction)
        if reduction > channels:
            raise ValueError(f"reduction must be at most channels = {channels}, got {reduction}")
        inner = channels // reduction
        value_channels = inner if value_channels is None else value_channels
        check_size("value_channels", value_channels)
        self.channels, self.pooled = channels, pooled
        self.score: DotScore = ScaledDotScore() if scale else DotScore()
        self.theta = nn.Conv2d(channels, inner, 1, bias=False)
        self.phi = nn.Conv2d(channels, inner, 1, bias=False)
        self.g = nn.Conv2d(channels, value_channels, 1, bias=False)
        self.out = nn.Conv2d(value_channels, channels, 1, bias=False)
        if spectral_norm:
            for projection in (self.theta, self.phi, self.g, self.out):
                normalized(projection)
        self.sigma = nn.Parameter(torch.zeros(()))

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Make queries, keys and values of a feature map, as sequences.

        Args:
            x: Feature map, shape ``(b, c, H, W)``.

        Returns:
            Queries ``(b, H * W, d)``, keys ``(b, k, d)`` and values ``(b, k, v)``, row by row, with ``k = H * W``, or
            a quarter of it if pooled.

        Raises:
            ValueError: If ``x`` is no feature map with these channels, or cannot be pooled.
        """
        self._key_grid(x)  # raises
        keys, values = self.phi(x), self.g(x)
        if self.pooled:
            keys, values = (nn.functional.max_pool2d(z, 2) for z in (keys, values))
        queries, keys, values = (z.flatten(2).mT for z in (self.theta(x), keys, values))
        return queries, keys, values

    def forward(self, x: Tensor, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        """Let every pixel look.

        Without weights the attention takes the fused way of :func:`attn_utils.attention.answer`.

        Args:
            x: Feature map, shape ``(b, c, H, W)``.
            need_weights: Whether to return the weights: ``H * W * k`` numbers for each image.

        Returns:
            The feature map after it, shape ``(b, c, H, W)``, and the weights, shape ``(b, H * W, k)``, or ``None``.

        Raises:
            ValueError: If ``x`` is no feature map with these channels, or cannot be pooled.
        """
        found, weights = answer(self.score, *self.project(x), need_weights=need_weights)
        found = found.mT.unflatten(2, x.shape[2:])  # (b, v, H, W)
        return x + self.sigma * self.out(found), weights

    def maps_at(self, x: Tensor, points: Tensor) -> Tensor:
        """Return where chosen pixels look.

        Args:
            x: Feature map, shape ``(b, c, H, W)``.
            points: Row and column of each pixel, integers, shape ``(points, 2)`` for the same in every image, or
                ``(b, points, 2)``.

        Returns:
            Weights, shape ``(b, points, H', W')``: the size of the feature map, or half of it if pooled. Each map
            sums to 1. Only these rows of weights are computed.

        Raises:
            ValueError: If ``x`` is no feature map with these channels or cannot be pooled, or ``points`` are not
                pixels of it.
        """
        grid = self._key_grid(x)
        height, width = x.shape[2:]
        check_integers("points", points, "(points, 2) or (b, points, 2)", (2, 3))
        if points.shape[-1] != 2 or (points.ndim == 3 and points.shape[0] != x.shape[0]):
            raise ValueError(
                f"points must have shape (points, 2) or ({x.shape[0]}, points, 2), got {tuple(points.shape)}"
            )
        limits = torch.tensor([height, width], device=points.device)
        if holds(((points < 0) | (points >= limits)).any(), unknown=False):
            raise ValueError(
                f"points must be rows from 0 to {height - 1} and columns from 0 to {width - 1}, "
                f"got {points.flatten(0, -2).amin(0).tolist()} to {points.flatten(0, -2).amax(0).tolist()}"
            )
        queries, keys, values = self.project(x)
        row, column = points.long().unbind(-1)
        numbers = (row * width + column).expand(x.shape[0], -1)
        asked = queries.gather(1, numbers[..., None].expand(-1, -1, queries.shape[-1]))
        _, weights = answer(self.score, asked, keys, values, need_weights=True)
        assert weights is not None  # they were asked for
        return weights.unflatten(-1, grid)

    def _key_grid(self, x: Tensor) -> tuple[int, int]:
        """Return height and width of the map of keys, or refuse ``x``."""
        check_map("x", x, self.channels)
        height, width = x.shape[2:]
        if not self.pooled:
            return height, width
        if height % 2 or width % 2:
            raise ValueError(f"x must have an even height and width to be pooled 2 x 2, got {tuple(x.shape)}")
        return height // 2, width // 2

    def extra_repr(self) -> str:
        """Name the channels and the pooling when the module is printed."""
        return f"channels={self.channels}, pooled={self.pooled}"
