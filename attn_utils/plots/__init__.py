"""Figures in the course's style and colors, each carrying its own alt text.

:mod:`~attn_utils.plots.style` holds the colors, the matplotlib settings and the figure;
:mod:`~attn_utils.plots.charts` what is drawn in it, :mod:`~attn_utils.plots.schematic` boxes and arrows.
"""

from attn_utils.plots.charts import alignment, bars, curves, fits, heatmap
from attn_utils.plots.schematic import schematic
from attn_utils.plots.style import (
    COLORS,
    FAINT,
    GOLD,
    INK,
    SIGNED_MAP,
    STYLE,
    WEIGHT_MAP,
    Figure,
    has_formula,
    subplots,
)

__all__ = [
    "COLORS", "FAINT", "GOLD", "INK", "SIGNED_MAP", "STYLE", "WEIGHT_MAP",
    "Figure", "alignment", "bars", "curves", "fits", "has_formula", "heatmap", "schematic", "subplots",
]  # fmt: skip
