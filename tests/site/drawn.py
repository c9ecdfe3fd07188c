"""What a demo has drawn, read back from the screen and turned into numbers again.

    plot = read(demo.locator("svg").first)
    across, upward = plot.across(), plot.upward()
    (curve,) = plot.of("fit")
    assert_at(upward, curve.ys, twin_fit, "the fit")

The numbers of a picture are found as a reader finds them: an axis is read from its tick labels and from where they
stand, and a place in pixels becomes a number through it. Nothing here knows the scales that a demo computes with.
Every place is in CSS pixels of the window; colors are what is painted, with all opacities, as red, green, blue from 0
to 255 and a share from 0 to 1. A shape that cannot be seen is not there.
"""

import contextlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import yaml
from playwright.sync_api import Locator, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

NUMBER = re.compile(r"−?\d+(\.\d+)?")

# What turns any CSS color (oklab(), color-mix()) into four numbers: a canvas paints one pixel with it.
COLOR = """
  const context = (window.onePixel ??= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true }));
  const known = (window.knownColors ??= new Map());
  const pixel = css => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = css;
    context.fillRect(0, 0, 1, 1);
    return context.getImageData(0, 0, 1, 1).data;
  };
  const color = (css, share = 1) => {
    if (!css || css === "none") return null;
    if (!known.has(css)) known.set(css, pixel(css));
    const [r, g, b, a] = known.get(css);
    return a * share ? [r, g, b, (a / 255) * share] : null;
  };
  const opacity = node => {
    let share = 1;
    for (let at = node; at instanceof Element; at = at.parentElement) share *= +getComputedStyle(at).opacity;
    return share;
  };
  const box = node => {
    const { left, top, right, bottom } = node.getBoundingClientRect();
    return [left, top, right, bottom];
  };
"""

SHAPES = f"""root => {{ {COLOR}
  const drawn = [...root.querySelectorAll("path, line, rect, circle, text, image")].filter(node =>
    node.getClientRects().length && getComputedStyle(node).visibility === "visible");
  return drawn.map(node => {{
    const style = getComputedStyle(node), matrix = node.getScreenCTM(), share = opacity(node);
    const at = (x, y) => {{
      const point = new DOMPoint(x, y).matrixTransform(matrix);
      return [point.x, point.y];
    }};
    let points = [], radius = 0;
    if (node.tagName === "line") {{
      const [x1, y1, x2, y2] = ["x1", "y1", "x2", "y2"].map(name => node[name].baseVal.value);
      points = [at(x1, y1), at(x2, y2)];
    }} else if (node.tagName === "path") {{
      const d = style.d?.replace(/^path\\("|"\\)$/g, "") || node.getAttribute("d");
      const numbers = d.match(/-?[\\d.]+(e-?\\d+)?/g).map(Number);
      if (/[a-zCQSTAHVZ]/.test(d.replace(/e-?\\d/g, ""))) {{
        const length = node.getTotalLength();
        points = [0, length].map(l => node.getPointAtLength(l)).map(({{ x, y }}) => at(x, y));
      }} else for (let i = 0; i + 1 < numbers.length; i += 2) points.push(at(numbers[i], numbers[i + 1]));
    }} else if (node.tagName === "circle") {{
      const {{ x, y, width, height }} = node.getBBox();
      points = [at(x + width / 2, y + height / 2)];
      radius = (width / 2) * matrix.a;
    }} else {{
      const {{ x, y, width, height }} = node.getBBox();
      points = [at(x, y), at(x + width, y + height)];
    }}
    const scale = style.vectorEffect === "non-scaling-stroke" ? 1 : Math.sqrt(Math.abs(matrix.a * matrix.d));
    return {{
      tag: node.tagName, kinds: [...node.classList], points, radius, box: box(node),
      text: node.tagName === "text" ? node.textContent : "",
      fill: color(style.fill, style.fillOpacity * share),
      stroke: style.strokeWidth === "0px" ? null : color(style.stroke, style.strokeOpacity * share),
      width: parseFloat(style.strokeWidth) * scale,
      dash: style.strokeDasharray === "none" ? "" : style.strokeDasharray,
      size: parseFloat(style.fontSize) * matrix.a, opacity: share,
    }};
  }});
}}"""


@dataclass(frozen=True)
class Shape:
    """One element of a picture. ``points`` are a line's ends, a path's corners, a circle's center, a box's corners."""

    tag: str
    kinds: list[str]
    points: list[tuple[float, float]]
    radius: float
    box: tuple[float, float, float, float]
    text: str
    fill: list[float] | None
    stroke: list[float] | None
    width: float
    dash: str
    size: float
    opacity: float

    @property
    def xs(self) -> list[float]:
        return [x for x, _ in self.points]

    @property
    def ys(self) -> list[float]:
        return [y for _, y in self.points]

    @property
    def middle(self) -> tuple[float, float]:
        left, top, right, bottom = self.box
        return (left + right) / 2, (top + bottom) / 2


@dataclass(frozen=True)
class Axis:
    """An axis as its labels tell it: numbers, and where in the window they stand."""

    numbers: list[float]
    places: list[float]
    logarithmic: bool = False

    def _bent(self, numbers: Any) -> Any:
        return np.log10(numbers) if self.logarithmic else np.asarray(numbers, dtype=float)

    def _line(self) -> Any:
        line = np.polyfit(self._bent(self.numbers), self.places, 1)
        off = np.abs(np.polyval(line, self._bent(self.numbers)) - self.places).max()
        assert off < 1, f"the labels {self.numbers} do not stand where their numbers are: {off:.1f} pixels away"
        return line

    def place(self, numbers: Any) -> Any:
        return np.polyval(self._line(), self._bent(numbers))

    def number(self, places: Any) -> Any:
        slope, start = self._line()
        straight = (np.asarray(places) - start) / slope
        return 10**straight if self.logarithmic else straight


@dataclass(frozen=True)
class Picture:
    """All that an ``<svg>`` shows, in the order in which it is painted."""

    shapes: list[Shape]
    name: str

    def of(self, *kinds: str, tag: str = "") -> list[Shape]:
        """The shapes that have all these classes."""
        return [s for s in self.shapes if set(kinds) <= set(s.kinds) and tag in ("", s.tag)]

    @property
    def texts(self) -> list[Shape]:
        return self.of(tag="text")

    def across(self, *, logarithmic: bool = False) -> Axis:
        """The axis that most numbers stand along, side by side."""
        labels = self._largest_row(lambda label: round(label.box[3]))
        assert len(labels) > 2, f"too few numbers stand side by side: {[label.text for label in labels]}"
        return Axis([number(label.text) for label in labels], [label.middle[0] for label in labels], logarithmic)

    def upward(self, top: float = -np.inf, bottom: float = np.inf) -> Axis:
        """The axis that most numbers stand along, one above the other, each beside the grid line that it names."""
        labels = self._largest_row(lambda label: round(label.box[2]), top, bottom)
        levels = [s.ys[0] for s in self.of(tag="line") if abs(s.ys[0] - s.ys[1]) < 0.1 and s.xs[1] - s.xs[0] > 100]
        places = []
        for label in labels:
            place = min(levels, key=lambda level: abs(level - label.middle[1]))
            assert abs(place - label.middle[1]) < 7, f"no line stands beside the label {label.text}"
            places.append(place)
        assert len(labels) > 1, f"too few numbers stand one above the other: {[label.text for label in labels]}"
        return Axis([number(label.text) for label in labels], places)

    def _largest_row(self, side: Any, top: float = -np.inf, bottom: float = np.inf) -> list[Shape]:
        labels = [t for t in self.texts if NUMBER.fullmatch(t.text) and top <= t.middle[1] <= bottom]
        rows = [[label for label in labels if abs(side(label) - side(one)) < 2] for one in labels]
        return max(rows, key=len, default=[])


def read(picture: Locator) -> Picture:
    """Read an ``<svg>`` back from the screen."""
    expect(picture).to_be_visible()
    shapes = [Shape(**shape) for shape in picture.evaluate(SHAPES)]
    return Picture(shapes, picture.get_attribute("aria-label") or "")


def number(text: str) -> float:
    """The number that a label or a cell shows."""
    return float(text.replace("−", "-"))


def assert_at(axis: Axis, places: Sequence[float], numbers: Any, what: str, within: float = 1) -> None:
    """Compare where shapes stand with where an axis has the numbers, in pixels."""
    wanted = axis.place(np.asarray(numbers, dtype=float).reshape(-1))
    off = np.abs(np.asarray(places, dtype=float) - wanted) if len(places) == len(wanted) else np.array([np.inf])
    worst = int(off.argmax())
    assert off.max() <= within, (
        f"{what}: {len(places)} places for {len(wanted)} numbers; the worst shows "
        f"{axis.number(places[worst]) if len(places) > worst else None} instead of {np.ravel(numbers)[worst]}"
    )


# ----------------------------------------------------------------------------------------- what stands around pictures
def fills(elements: Locator) -> list[list[float]]:
    """The background colors of elements, with all opacities."""
    painted = f"""nodes => {{ {COLOR}
      return nodes.map(node => color(getComputedStyle(node).backgroundColor, opacity(node))); }}"""
    return [[round(part, 3) for part in found] if found else [0, 0, 0, 0] for found in elements.evaluate_all(painted)]


def colors(elements: Locator, what: str = "color") -> list[list[float] | None]:
    """A color of each element by its CSS name, such as ``borderTopColor``."""
    read_one = f"(nodes, what) => {{ {COLOR} return nodes.map(node => color(getComputedStyle(node)[what])); }}"
    return elements.evaluate_all(read_one, what)


def spans(elements: Locator) -> list[float]:
    """How wide elements are, as a share of what they stand in."""
    return elements.evaluate_all(
        "nodes => nodes.map(n => n.getBoundingClientRect().width / n.parentElement.getBoundingClientRect().width)"
    )


def cells(rows: Locator) -> list[list[str]]:
    """The texts of table rows, cell by cell."""
    return rows.evaluate_all("rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))")


def assert_says(demo: Locator, words: str) -> None:
    """The sentence, once the picture has come to rest; it is seen, and it is read out."""
    sentence = demo.locator("[aria-live=polite]")
    with contextlib.suppress(PlaywrightTimeout):  # the comparison below then shows what it says instead
        said = "([node, words]) => node.textContent === words"
        demo.page.wait_for_function(said, arg=[sentence.element_handle(), words])
    assert sentence.inner_text() == words
    assert sentence.is_visible()


def words(places: Locator) -> list[tuple[str, str]]:
    """Words in a role's color: what they say, and which role."""
    return [
        (text, role)
        for text, role in places.locator(".formula .word, .caption .word, th .word").evaluate_all(
            "nodes => nodes.map(n => [n.textContent, n.className.replace(/ ?word ?/, '')])"
        )
    ]


def names(demo: Locator, *roles: str) -> list[str]:
    """What is told to those who do not see, of everything in the demo that has one of the roles: ``'button "Reset"'``.

    The state stands behind the name, as in ``'button "query 1, key 2" [pressed]'``.
    """

    def told(tree: Any) -> Iterable[str]:
        if isinstance(tree, list):
            for branch in tree:
                yield from told(branch)
        elif isinstance(tree, dict):
            for name, below in tree.items():
                yield name
                yield from told(below)
        else:
            yield str(tree)

    return [name for name in told(yaml.safe_load(demo.aria_snapshot())) if name.split(" ")[0] in roles]


def near(numbers: Any, *, within: float) -> Any:
    """``pytest.approx`` of a tensor or of nested lists, flat."""
    return pytest.approx(np.asarray(numbers, dtype=float).reshape(-1).tolist(), abs=within)
