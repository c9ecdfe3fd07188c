"""The course's colors, its matplotlib style, and the figure that carries its own alt text.

A figure of the course is transparent and drawn in mid-tones, so one image serves a light page and a dark one. It
knows what is to be seen in it: in a notebook, make the figure the last expression of a cell, and ``alt`` becomes
its text output. From there ``make chapters`` copies it to the place where the book looks for it.

Nothing here touches pyplot's global state.
"""

import base64
import io
import re
from typing import Any

import matplotlib
from cycler import cycler
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cbook import is_math_text
from matplotlib.colors import LinearSegmentedColormap, to_rgb, to_rgba
from matplotlib.figure import Figure as MatplotlibFigure
from matplotlib.font_manager import fontManager
from matplotlib.legend import Legend
from matplotlib.mathtext import MathTextParser
from matplotlib.text import Text

__all__ = ["COLORS", "FAINT", "GOLD", "INK", "SIGNED_MAP", "STYLE", "WEIGHT_MAP", "Figure", "has_formula", "subplots"]

COLORS = {
    "query": "#4a7fe0",
    "key": "#d9702b",
    "value": "#2f7d55",
    "weight": "#7b3ff4",
    "output": "#d1569f",
}
"""One color for each role, told apart in common color blindness and against a light or a dark page."""

INK = "#777b82"
"""Text and axes: as far from white as from the dark page."""

FAINT = "#777b8255"
"""Grid lines and other things that should step back."""

GOLD = "#b98500"
"""Gold links: what people say should be looked at. Not a role in attention, so not one of its colors."""

WEIGHT_MAP = LinearSegmentedColormap.from_list(
    "weights", [(*to_rgb(COLORS["weight"]), (i / 32) ** 0.6) for i in range(33)]
)
"""Weights: 0 is the page itself, 1 the color of weights. It rises fast at first: 0.05 is seen on a dark page too."""

SIGNED_MAP = LinearSegmentedColormap.from_list(
    "signed",
    [
        (0.0, (*to_rgb(COLORS["query"]), 1.0)),
        (0.5, (*to_rgb(COLORS["query"]), 0.0)),
        (0.5, (*to_rgb(COLORS["key"]), 0.0)),
        (1.0, (*to_rgb(COLORS["key"]), 1.0)),
    ],
)
"""Signed scores: negative blue, 0 the page itself, positive orange."""

# DejaVu ships with matplotlib: the same picture on every machine. Scripts that it lacks are drawn in the first of these
# that is there: Debian's packages (and Colab's) fonts-noto-cjk, -wqy-microhei, -droid-fallback and -unifont, then what
# comes with macOS and with Windows. Of a name that is not there, or not in regular weight, matplotlib would complain.
_FALLBACK_FONTS = [
    "Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Micro Hei", "Droid Sans Fallback", "Unifont",
    "PingFang SC", "Arial Unicode MS", "Microsoft YaHei",
]  # fmt: skip
_INSTALLED_FONTS = {font.name for font in fontManager.ttflist if font.weight in (400, "normal", "regular")}

STYLE: dict[Any, Any] = {
    "axes.edgecolor": INK,
    "axes.facecolor": "none",
    "axes.grid": False,
    "axes.labelcolor": INK,
    "axes.labelsize": 10,
    "axes.prop_cycle": cycler(
        color=[COLORS[role] for role in ("query", "key", "value", "weight", "output")],
        linestyle=[
            "-",
            "--",
            "-.",
            ":",
            (0, (5, 1, 1, 1, 1, 1)),
        ],  # so that color is never the only difference
    ),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlesize": 11,
    "figure.facecolor": "none",
    "font.family": ["DejaVu Sans", *(font for font in _FALLBACK_FONTS if font in _INSTALLED_FONTS)],
    "font.size": 10,
    "grid.color": FAINT,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 2,
    "mathtext.default": "it",
    "savefig.facecolor": "none",
    "savefig.transparent": True,
    "svg.hashsalt": "attention",
    "text.color": INK,
    "xtick.color": INK,
    "xtick.labelsize": 9,
    "ytick.color": INK,
    "ytick.labelsize": 9,
}
"""The course's matplotlib settings, for ``matplotlib.rc_context(plots.STYLE)``."""

_PIXELS_PER_INCH = 96
_SHARPNESS = 2  # pixels of the image per pixel of the page, for high-density screens


# As in Markdown: no blank inside the dollar signs, no digit after them.
_FORMULA = re.compile(r"(?<!\\)\$(?!\s)(?:[^$\\]|\\.)+(?<!\s)\$(?!\d)")


def has_formula(text: str) -> bool:
    r"""Return whether a text is to be drawn with formulas, or as it is written.

    As in Markdown, a formula stands between two dollar signs, with no blank inside them and no digit after them. Every
    dollar sign of the text must belong to one (or be written ``\$``), and matplotlib must be able to read them.

    >>> has_formula("norm of $J$"), has_formula("from $5 to $10"), has_formula("$%$")
    (True, False, False)
    """
    rest, count = _FORMULA.subn("", text)
    if not count or "$" in rest.replace(r"\$", ""):
        return False
    try:
        MathTextParser("agg").parse(text)
    except ValueError:
        return False
    return True


class Figure(MatplotlibFigure):
    """A matplotlib figure with alt text: one or two sentences that say what is to be seen in it.

    A title, a label of an axis or a name in a legend may hold formulas, as :func:`has_formula` says. The words of data
    on the ticks of a chart never do. A character that neither DejaVu nor a font for Chinese, Japanese and Korean on
    this machine has is drawn as a box, and matplotlib warns and names it: on Debian and Colab, install
    ``fonts-noto-cjk``.

    Args:
        alt: The alt text. Say what the figure shows, not that it is a figure.
        kwargs: What :class:`matplotlib.figure.Figure` takes.

    Raises:
        ValueError: If ``alt`` is empty.
    """

    def __init__(self, *args: Any, alt: str, **kwargs: Any) -> None:
        alt = " ".join(alt.split())
        if not alt:
            raise ValueError("alt must say what is to be seen in the figure, got an empty text")
        with matplotlib.rc_context(STYLE):
            super().__init__(*args, **kwargs)
        FigureCanvasAgg(self)
        self.alt = alt

    def __repr__(self) -> str:
        return f"Figure: {self.alt}"

    __str__ = __repr__

    def draw(self, renderer: RendererBase) -> None:
        """Draw the figure, with formulas where there are any."""
        for text in self.findobj(Text):
            # matplotlib takes any two dollar signs for a formula, and stops at one that it cannot read.
            if is_math_text(text.get_text()) and not has_formula(text.get_text()):
                text.set_parse_math(False)
        super().draw(renderer)

    def png(self) -> bytes:
        """Draw the figure, cropped to its contents, at two pixels per page pixel."""
        # What was added outside this module, with matplotlib's own defaults, would be black or boxed in white.
        for text in self.findobj(Text):
            if to_rgba(text.get_color()) == (0, 0, 0, 1):  # a legend gives its labels an array of numbers, not a name
                text.set_color(INK)
        for legend in self.findobj(Legend):
            legend.get_frame().set_visible(False)
        buffer = io.BytesIO()
        with matplotlib.rc_context(STYLE):
            self.savefig(
                buffer,
                format="png",
                dpi=_PIXELS_PER_INCH * _SHARPNESS,
                bbox_inches="tight",
                pad_inches=0.06,
                metadata={"Software": None},  # the version would make a new file of the same picture
                pil_kwargs={"optimize": True},  # a notebook carries its figures
            )
        return buffer.getvalue()

    def _ipython_display_(self) -> None:
        # Not _repr_png_: IPython's own printer of matplotlib figures, registered for every subclass, would win.
        from IPython.display import display

        png = self.png()
        width, height = (int.from_bytes(png[start : start + 4]) // _SHARPNESS for start in (16, 20))
        display(
            {"image/png": base64.b64encode(png).decode(), "text/plain": repr(self)},
            metadata={"image/png": {"alt": self.alt, "width": width, "height": height}},
            raw=True,
        )


def subplots(
    nrows: int = 1, ncols: int = 1, *, alt: str, size: tuple[float, float] = (7.0, 3.0), **kwargs: Any
) -> tuple[Figure, Any]:
    """Make an empty figure in the course's style.

    Args:
        nrows: Rows of panels.
        ncols: Columns of panels.
        alt: What is to be seen in the finished figure.
        size: Width and height in inches. The page is about 7 inches wide.
        kwargs: What :meth:`matplotlib.figure.Figure.subplots` takes, such as ``sharey=True``.

    Returns:
        The figure, and its axes: one, or an array of them as in ``matplotlib.pyplot.subplots``.
    """
    fig = Figure(alt=alt, figsize=size, layout="constrained")
    with matplotlib.rc_context(STYLE):
        axes = fig.subplots(nrows, ncols, **kwargs)
    return fig, axes
