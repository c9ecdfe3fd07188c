"""The schematic: what is drawn is what was described, and it is legible on light, on dark and on a phone."""

import inspect
import io
import re
import textwrap

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.text import Text
from PIL import Image
from test_colors import PAGES, contrast

from attn_utils import plots

ROLES = {"query": "query", "keys": "key", "values": "value", "weights": "weight", "output": "output"}


def example():
    """The example of the docstring, as it stands there."""
    source = inspect.getdoc(plots.schematic).split("::\n\n")[1].split("\nArgs:")[0]
    return eval(textwrap.dedent(source), {"plots": plots})


def boxes(figure):
    return {p.get_gid(): p for p in figure.axes[0].patches if isinstance(p, FancyBboxPatch)}


def arrows(figure):
    return {p.get_gid(): p._posA_posB for p in figure.axes[0].patches if isinstance(p, FancyArrowPatch)}


def texts(figure):
    return {t.get_text(): t for t in figure.axes[0].texts if t.get_text()}


def edges(box):
    return box.get_x(), box.get_x() + box.get_width(), box.get_y(), box.get_y() + box.get_height()


def test_each_box_has_its_name_and_the_color_of_its_role():
    figure = example()
    assert set(boxes(figure)) == {"query", "keys", "scores", "values", "weights", "output"}
    for name, box in boxes(figure).items():
        color = plots.COLORS[ROLES[name]] if name in ROLES else plots.INK
        assert to_hex(box.get_edgecolor()) == color
        assert to_hex(texts(figure)[name].get_color()) == color
        left, right, bottom, top = edges(box)
        assert texts(figure)[name].get_position() == pytest.approx(((left + right) / 2, (bottom + top) / 2))


def test_the_grid_is_drawn_from_top_to_bottom_and_left_to_right():
    at = {name: edges(box) for name, box in boxes(example()).items()}
    assert at["query"][1] < at["keys"][0] < at["keys"][1] < at["values"][0]
    assert at["query"][2] > at["scores"][3] > at["scores"][2] > at["weights"][3] > at["weights"][2] > at["output"][3]
    assert at["scores"][:2] == (at["query"][0], at["keys"][1])  # as wide as both
    assert at["output"][:2] == (at["keys"][0], at["values"][1])


def test_arrows_lead_from_edge_to_edge_with_their_words_beside_them():
    figure = example()
    at = {name: edges(box) for name, box in boxes(figure).items()}
    assert list(arrows(figure)) == [
        "query → scores", "keys → scores", "scores → weights", "weights → output", "values → output",
    ]  # fmt: skip
    for name, (start, end) in arrows(figure).items():
        source, target = name.split(" → ")
        assert start[1] == at[source][2]  # leaves below
        assert end[1] == at[target][3]  # arrives above
        assert start[0] == end[0]  # straight down
        assert at[source][0] < start[0] < at[source][1]
        assert at[target][0] < end[0] < at[target][1]
    for words, arrow in {
        "q·k / √d": "keys → scores",
        "softmax": "scores → weights",
        "average": "values → output",
    }.items():
        (x, start), (_, end) = arrows(figure)[arrow]
        assert texts(figure)[words].get_position() == pytest.approx((x + 0.07, (start + end) / 2))


def test_arrows_along_a_row_and_upward_and_slanted():
    figure = plots.schematic([["a", "b"], ["c", "."]], ["a -> b: next", "c → a", "b → c"], alt="Three boxes.")
    at = {name: edges(box) for name, box in boxes(figure).items()}
    (start, end), (up_from, up_to), (slant_from, slant_to) = arrows(figure).values()
    assert (start[0], end[0]) == (at["a"][1], at["b"][0])
    assert start[1] == end[1]
    assert texts(figure)["next"].get_position()[1] > start[1]
    assert (up_from[1], up_to[1]) == (at["c"][3], at["a"][2])
    assert slant_from[0] > slant_to[0]


def test_labels_stand_in_the_place_of_names():
    figure = plots.schematic([["a", "b"]], ["a → b"], labels={"a": "two\nlines"}, alt="Two boxes.")
    assert set(texts(figure)) == {"two\nlines", "b"}
    heights = [box.get_height() for box in boxes(figure).values()]
    assert heights == [pytest.approx(0.58)] * 2


def test_words_stay_within_their_boxes_and_do_not_overlap():
    figure = example()
    figure.canvas.draw()
    at = {t: x.get_window_extent() for t, x in texts(figure).items()}
    for name, box in boxes(figure).items():
        outer, inner = box.get_window_extent(), at[name]
        assert outer.x0 < inner.x0 < inner.x1 < outer.x1
        assert outer.y0 < inner.y0 < inner.y1 < outer.y1
        assert not any(at[words].overlaps(outer) for words in at if words not in boxes(figure))


@pytest.mark.parametrize("page", PAGES)
def test_words_are_legible_on_their_boxes(page):
    figure = example()
    ground = np.array(to_rgb(page))
    for name, box in boxes(figure).items():
        *color, alpha = box.get_facecolor()
        behind = to_hex(alpha * np.array(color) + (1 - alpha) * ground)
        assert contrast(to_hex(texts(figure)[name].get_color()), behind) >= 3, name


def test_words_are_ten_pixels_high_on_a_phone():
    figure = example()
    width = Image.open(io.BytesIO(figure.png())).width / 2  # two pixels of the image are one of the page
    sizes = [t.get_fontsize() * 96 / 72 for t in figure.findobj(Text) if t.get_text()]
    assert min(sizes) * min(1, 350 / width) >= 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([["a", "b"], ["c"]], []), r"rows must be of one length and not empty, got lengths \[2, 1\]"),
        (([], []), "rows must be of one length and not empty"),
        (([["a", "b", "a"]], []), "rows must hold 'a' in neighboring columns of one row"),
        (([["a"], ["a"]], []), "rows must hold 'a' in neighboring columns of one row"),
        (([["a", "b"]], ["a b"]), "arrows must read “from → to” or “from → to: what happens”, got 'a b'"),
        (([["a", "b"]], ["a → c"]), "arrows must lead between boxes of rows, got 'c' in 'a → c'"),
        (([["a", "b"]], ["a → a"]), "arrows must lead from one box to another"),
    ],
)
def test_a_description_that_cannot_be_drawn_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        plots.schematic(*arguments, alt="Boxes.")


def test_unknown_roles_and_names_are_refused():
    with pytest.raises(ValueError, match="roles must be among query, key, value, weight, output, got 'gold' for 'a'"):
        plots.schematic([["a"]], [], roles={"a": "gold"}, alt="A box.")
    with pytest.raises(ValueError, match=re.escape("labels must name boxes of rows, got 'b'")):
        plots.schematic([["a"]], [], labels={"b": "B"}, alt="A box.")
