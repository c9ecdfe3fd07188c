"""Boxes and arrows in the course's colors, from a short description."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from attn_utils.plots.style import COLORS, INK, STYLE, Figure, subplots

EMPTY = "."
FONT_SIZE = 10.5  # with at most WIDTH inches: more than 10 pixels on a phone's screen of 390
WIDTH = 4.4
ROUND = 0.06  # inches, as all below
PAD = 0.1  # between a box and the edge of its cell
GAP = 0.42  # between rows, where the arrows are
LINE = 0.19
LABEL_OFFSET = 0.07
TINT = 0.08  # of a box: words in its color stay legible on it


@dataclass(frozen=True)
class _Box:
    """A rectangle in inches, and where it stands in the grid."""

    left: float
    right: float
    bottom: float
    top: float
    row: int

    @property
    def center(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.bottom + self.top) / 2


def schematic(
    rows: Sequence[Sequence[str]],
    arrows: Sequence[str],
    *,
    alt: str,
    roles: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> Figure:
    """Draw named boxes in a grid, and arrows between them.

    ::

        plots.schematic(
            [
                ["query", "keys", "values"],
                ["scores", "scores", "."],
                ["weights", "weights", "."],
                [".", "output", "output"],
            ],
            [
                "query → scores",
                "keys → scores: q·k / √d",
                "scores → weights: softmax",
                "weights → output",
                "values → output: average",
            ],
            roles={"query": "query", "keys": "key", "values": "value", "weights": "weight", "output": "output"},
            alt="Query and keys give the scores, the scores go through a softmax and become weights, "
            "and the output is the average of the values under these weights.",
        )

    Args:
        rows: The grid from top to bottom, all rows of one length, as in matplotlib's ``subplot_mosaic``: a name is a
            box, a name in neighboring columns one wide box, and ``"."`` an empty place.
        arrows: ``"from → to"``, or ``"from → to: what happens there"``. ``->`` serves as well.
        alt: What is to be seen in the figure, in words.
        roles: The role of a box, a key of ``COLORS``, which gives its color. Grey if none.
        labels: What to write into a box instead of its name. A formula stands between dollars.

    Returns:
        The figure, not wider than a phone shows with legible words.

    Raises:
        ValueError: If rows differ in length, a name fills no rectangle within one row, an arrow cannot be read, leads
            to itself or to a name that is not in the grid, or a role is not one of the course's.
    """
    roles, labels = roles or {}, labels or {}
    widths = {len(row) for row in rows}
    if len(widths) != 1 or 0 in widths:
        raise ValueError(f"rows must be of one length and not empty, got lengths {[len(row) for row in rows]}")
    texts = {name: labels.get(name, name) for row in rows for name in row if name != EMPTY}
    for argument, names in (("roles", roles), ("labels", labels)):
        for name in names:
            if name not in texts:
                raise ValueError(f"{argument} must name boxes of rows, got {name!r}")
    for name, role in roles.items():
        if role not in COLORS:
            raise ValueError(f"roles must be among {', '.join(COLORS)}, got {role!r} for {name!r}")
    links = [_read(arrow, texts) for arrow in arrows]
    boxes = _place(rows, texts)

    height = max(box.top for box in boxes.values())
    fig, ax = subplots(alt=alt, size=(WIDTH, height))
    ax.set(xlim=(0, WIDTH), ylim=(0, height))
    ax.set_axis_off()
    with matplotlib.rc_context(STYLE):
        for name, box in boxes.items():
            color = COLORS[roles[name]] if name in roles else INK
            patch = FancyBboxPatch(
                (box.left, box.bottom), box.right - box.left, box.top - box.bottom,
                boxstyle=f"round,pad=0,rounding_size={ROUND}", edgecolor=color, facecolor=(color, TINT), linewidth=1.6,
                clip_on=False,
            )  # fmt: skip
            patch.set_gid(name)
            ax.add_patch(patch)
            ax.text(*box.center, texts[name], ha="center", va="center", color=color, fontsize=FONT_SIZE)
        for source, target, text in links:
            start, end = _route(boxes[source], boxes[target])
            arrow = FancyArrowPatch(
                start, end, arrowstyle="-|>", mutation_scale=11, shrinkA=1, shrinkB=1, color=INK, linewidth=1.3
            )
            arrow.set_gid(f"{source} → {target}")
            ax.add_patch(arrow)
            x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
            if start[1] == end[1]:  # along a row: the words stand above
                ax.text(x, y + LABEL_OFFSET, text, ha="center", va="bottom", fontsize=FONT_SIZE)
            else:
                ax.text(x + LABEL_OFFSET, y, text, ha="left", va="center", fontsize=FONT_SIZE)
    return fig


def _read(arrow: str, names: Mapping[str, str]) -> tuple[str, str, str]:
    """Take an arrow's description apart: from, to, what happens there."""
    source, mark, rest = arrow.replace("->", "→").partition("→")
    target, _, text = rest.partition(":")
    source, target = source.strip(), target.strip()
    if not mark or not source or not target:
        raise ValueError(f"arrows must read “from → to” or “from → to: what happens”, got {arrow!r}")
    for name in (source, target):
        if name not in names:
            raise ValueError(f"arrows must lead between boxes of rows, got {name!r} in {arrow!r}")
    if source == target:
        raise ValueError(f"arrows must lead from one box to another, got {arrow!r}")
    return source, target, text.strip()


def _place(rows: Sequence[Sequence[str]], texts: Mapping[str, str]) -> dict[str, _Box]:
    """Give each name its rectangle."""
    column = WIDTH / len(rows[0])
    heights = [max((texts[n].count("\n") + 1 for n in row if n != EMPTY), default=1) * LINE + 0.2 for row in rows]
    boxes: dict[str, _Box] = {}
    for i, row in enumerate(rows):
        bottom = sum(heights[i + 1 :]) + GAP * (len(rows) - 1 - i)
        for name in dict.fromkeys(row):
            if name == EMPTY:
                continue
            first, count = row.index(name), row.count(name)
            if name in boxes or list(row[first : first + count]) != [name] * count:
                raise ValueError(f"rows must hold {name!r} in neighboring columns of one row")
            left, right = first * column + PAD, (first + count) * column - PAD
            boxes[name] = _Box(left, right, bottom, bottom + heights[i], i)
    return boxes


def _route(source: _Box, target: _Box) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return where an arrow starts and ends: straight where the boxes face each other, else from middle to middle."""
    if source.row == target.row:
        forward = source.left < target.left
        y = source.center[1]
        return (source.right if forward else source.left, y), (target.left if forward else target.right, y)
    down = source.row < target.row
    ys = (source.bottom, target.top) if down else (source.top, target.bottom)
    left, right = max(source.left, target.left), min(source.right, target.right)
    xs = ((left + right) / 2,) * 2 if left < right else (source.center[0], target.center[0])
    return (xs[0], ys[0]), (xs[1], ys[1])
