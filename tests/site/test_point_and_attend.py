"""Point and attend in a real browser: right numbers and a picture of them, by mouse, slider, keyboard and finger."""

import numpy as np
import pytest
import torch
from demo_pages import PHONE, check, drag, fixed, inputs, listed, percent, places, readouts, ready, slide
from drawn import Axis, Picture, assert_at, assert_says, cells, colors, fills, names, near, read, spans, words
from playwright.sync_api import Locator, Page
from shades import contrast, over, painted

from attn_utils.widgets import PointAndAttend

SHOWN = 0.045  # a smaller weight is not written beside its key


def spot(point) -> tuple:
    """Where a point of the plane is in the picture of `PointAndAttend`."""
    return (point[0] + 3) / 6, (3 - point[1]) / 6


def sides(plane: Picture) -> tuple[Axis, Axis]:
    """The plane reaches from −3 to 3, and its frame is what shows how far it reaches."""
    (frame,) = plane.of("edge")
    return Axis([-3, 3], frame.xs), Axis([3, -3], frame.ys)


def sentence(twin: PointAndAttend) -> str:
    weights = twin.weights.tolist()
    order = sorted(range(len(weights)), key=lambda i: -weights[i])
    first, last = order[0], order[-1]
    if weights[first] > 0.985:
        return f"A look-up: key {first + 1} is nearest and gets all the weight. The output is its value."
    if torch.special.entr(twin.weights).sum().exp() / len(weights) > 0.97:
        return (
            f"Nearly an average: each key gets between {percent(weights[last])} and {percent(weights[first])}. "
            "The output hardly depends on where the query is."
        )
    leading = [f"key {i + 1} with {percent(weights[i])}" for i in order if weights[i] >= 0.1][:3]
    mixed = "their colors" if len(leading) > 1 else "its color and a little of the others"
    return f"Most of the weight goes to {listed(leading)}. The output is a mixture of {mixed}, in these proportions."


def assert_plane(plane: Picture, twin: PointAndAttend) -> None:
    """Keys, links and query stand in their places, and have the colors and widths of the numbers."""
    across, upward = sides(plane)
    keys, values = np.array(twin.key_points), np.array(twin.value_colors)
    rims, links, numbers = plane.of("rim"), plane.of("link"), plane.of("number")
    samples = plane.of("sample")
    discs, inside = samples[:-1], samples[-1]
    for marks, what in ((rims, "rims"), (discs, "discs")):
        assert_at(across, [mark.xs[0] for mark in marks], keys[:, 0], f"{what}, across")
        assert_at(upward, [mark.ys[0] for mark in marks], keys[:, 1], f"{what}, upward")
    assert np.array([disc.fill for disc in discs]) == pytest.approx(np.c_[255 * values, np.ones(len(keys))], abs=0.51)
    assert [text.text for text in numbers] == [str(i + 1) for i in range(len(keys))]
    assert_at(across, [text.middle[0] for text in numbers], keys[:, 0], "numbers, across")
    assert_at(upward, [text.middle[1] for text in numbers], keys[:, 1], "numbers, upward", within=3)
    assert min(contrast(text.fill, disc.fill) for text, disc in zip(numbers, discs, strict=True)) > 4.5

    x, y = twin.query
    assert_at(across, [link.xs[0] for link in links], [x] * len(keys), "links start at the query")
    assert_at(upward, [link.ys[0] for link in links], [y] * len(keys), "links start at the query")
    assert_at(across, [link.xs[1] for link in links], keys[:, 0], "links end at their key")
    assert_at(upward, [link.ys[1] for link in links], keys[:, 1], "links end at their key")
    unit = rims[0].radius / 15
    assert [link.width for link in links] == near(unit * (1 + 13 * twin.weights), within=0.05)
    written = [i for i, weight in enumerate(twin.weights) if weight >= SHOWN]
    shares = plane.of("share")
    assert [share.text for share in shares] == [percent(twin.weights[i]) for i in written]
    for share, i in zip(shares, written, strict=True):
        assert_at(across, [share.middle[0]], [keys[i, 0]], "a share stands at its key")
        assert 20 * unit < share.middle[1] - upward.place(keys[i, 1]) < 36 * unit, "a share stands below its key"

    (name,) = plane.of("name")
    for mark in (*plane.of("backing"), inside):
        assert_at(across, mark.xs, [x], "the query, across")
        assert_at(upward, mark.ys, [y], "the query, upward")
    assert inside.fill == pytest.approx([*(255 * twin.output).tolist(), 1], abs=0.51)
    assert name.text == "query"
    assert_at(across, [name.middle[0]], [x], "the query's name")
    assert name.middle[1] < inside.ys[0] - inside.radius


def seen(demo: Locator, twin: PointAndAttend) -> dict:
    """Everything on the screen agrees with what the library computes; gives the numbers of the page."""
    numbers = check(demo, twin)
    plane = read(demo.locator("svg"))
    assert_plane(plane, twin)
    assert plane.name == twin.description
    x, y = (fixed(part, 2) for part in twin.query)
    assert readouts(demo) == [f"T = {float(f'{twin.temperature:.2g}'):g}", x, y]
    assert places(demo) == near([np.log10(twin.temperature), *twin.query], within=0.051)
    handle = demo.locator(".handle")
    told = [handle.get_attribute(name) for name in ("aria-label", "aria-valuetext", "aria-valuemin", "aria-valuemax")]
    assert told == ["query", f"x {x}, y {y}", "-3", "3"]
    assert float(handle.get_attribute("aria-valuenow")) == twin.query[0]

    rows = demo.locator("tbody tr")
    assert cells(rows) == [
        [str(i + 1), fixed(score, 2), fixed(weight, 3), ""]
        for i, (score, weight) in enumerate(zip(twin.scores, twin.weights, strict=True))
    ]
    track = rows.first.locator(".track").evaluate(
        "node => node.clientWidth - 2 * parseFloat(getComputedStyle(node).paddingLeft)"
    )
    bars = rows.locator(".bar").evaluate_all("bars => bars.map(bar => bar.getBoundingClientRect().width)")
    assert bars == near(track * twin.weights, within=1)
    chips = fills(rows.locator(".chip"))
    swatch = demo.locator(".swatch")
    wanted = [*(255 * np.array(twin.value_colors)).tolist(), (255 * twin.output).tolist()]
    assert [paint[:3] for paint in [*chips, *fills(swatch)]] == [pytest.approx(color, abs=0.51) for color in wanted]
    for paint, text in zip([*chips, *fills(swatch)], [*colors(rows.locator(".chip")), *colors(swatch)], strict=True):
        assert contrast(text, paint) >= 4.5
    assert swatch.inner_text() == f"output = ({', '.join(fixed(part, 2) for part in twin.output)})"
    assert_says(demo, sentence(twin))
    return numbers


def assert_field(tab: Page, demo: Locator, twin: PointAndAttend) -> None:
    """The background shows at each place what the output would be there."""
    plane = read(demo.locator("svg"))
    across, upward = sides(plane)
    pixels = painted(tab, ".attn-demo .plane :not(.ground, image) { visibility: hidden !important }")
    (surface,) = fills(tab.locator(".attn-demo"))
    (image,) = plane.of(tag="image")
    scroll = tab.evaluate("[scrollX, scrollY]")
    for x, y in [(x, y) for x in np.linspace(-2.6, 2.6, 6) for y in np.linspace(-2.6, 2.6, 6)]:
        there = PointAndAttend(query=[x, y], temperature=twin.temperature).output
        got = pixels[int(upward.place(y) + scroll[1]), int(across.place(x) + scroll[0])]
        assert got == pytest.approx(over([*(255 * there).tolist(), 0.3], surface), abs=3), f"at {x:.1f}, {y:.1f}"
    assert image.opacity == pytest.approx(0.3)


def test_point_and_attend(show_both_ways):
    twin = PointAndAttend()
    tab = show_both_ways(PointAndAttend())
    demo = ready(tab)
    start = seen(demo, twin)
    assert_field(tab, demo, twin)
    plane, query = demo.locator("svg"), demo.get_by_role("slider", name="query", exact=True)

    drag(tab, plane, spot(inputs(demo)["query"]), spot(twin.key_points[4]))
    assert inputs(demo)["query"] == pytest.approx(twin.key_points[4], abs=0.03)
    shown = seen(demo, twin)
    assert max(range(7), key=shown["weights"].__getitem__) == 4

    slide(demo, "temperature", "Home")
    shown = seen(demo, twin)
    assert inputs(demo)["temperature"] == 0.02
    assert shown["output"] == pytest.approx(twin.value_colors[4], abs=1e-3)
    slide(demo, "temperature", "End")
    shown = seen(demo, twin)
    assert max(shown["weights"]) - min(shown["weights"]) < 0.05

    query.press("1")
    assert inputs(demo)["query"] == twin.key_points[0]
    query.press("Home")
    for key in ("ArrowUp", "ArrowUp", "ArrowRight", "Shift+ArrowLeft"):
        query.press(key)
    assert inputs(demo)["query"] == pytest.approx([-0.4, 0.2])
    slide(demo, "query x", "ArrowRight")
    assert inputs(demo)["query"] == pytest.approx([-0.3, 0.2])
    slide(demo, "query y", "ArrowRight", "ArrowRight")
    assert inputs(demo)["query"] == pytest.approx([-0.3, 0.4])
    slide(demo, "temperature", *["PageDown"] * 5)
    seen(demo, twin)
    assert_field(tab, demo, twin)
    for row in demo.locator(".track").all():  # the longest bar fills its track at a weight of 1
        assert spans(row.locator(".bar"))[0] <= 1

    demo.get_by_role("button", name="Reset").click()
    assert seen(demo, twin) == start


def test_the_words_of_point_and_attend(show):
    demo = ready(show(PointAndAttend()))
    assert demo.locator(".title").inner_text() == "Point and attend"
    assert demo.locator(".formula > span").all_inner_texts() == [
        *["score = −½‖query − key‖²", "weights = softmax(scores / T)", "output = Σ weight · value"],
    ]
    assert words(demo) == [
        *[("query", "query"), ("key", "key"), ("weights", "weight"), ("output", "output"), ("weight", "weight")],
        *[("value", "value"), ("query", "query"), ("key", "key"), ("weight", "weight")],
    ]
    assert demo.locator(".caption").all_inner_texts() == [
        *["Drag the query. The background is the output it would get there.", "The same in numbers"],
    ]
    assert demo.locator(".hint").inner_text() == (
        "Keyboard: focus the query, then use the arrow keys (Shift: larger steps), 1–7 for a key, Home for the center."
    )
    assert cells(demo.locator("thead tr")) == [["key", "score", "weight", ""]]
    assert demo.locator(".ends").all_inner_texts() == ["look-up\naverage", "left\nright", "down\nup"]
    assert names(demo, "region", "button", "slider", "group") == [
        *['region "Demo: Point and attend"', 'button "Reset"', 'slider "temperature"'],
        *[f'group "{PointAndAttend().description}"', 'slider "query"', 'slider "query x"', 'slider "query y"'],
    ]


def test_touch(show):
    """A tap moves the query there, and a finger on the query drags it; elsewhere a finger scrolls the page."""
    twin = PointAndAttend()
    tab = show(PointAndAttend(), width=PHONE, touch=True)
    demo = ready(tab)
    plane = demo.locator("svg")
    plane.scroll_into_view_if_needed()
    box = plane.bounding_box()

    def place(point) -> list[float]:
        across, down = spot(point)
        return [box["x"] + across * box["width"], box["y"] + down * box["height"]]

    tab.touchscreen.tap(*place([-1, -1]))
    assert inputs(demo)["query"] == pytest.approx([-1, -1], abs=0.05)
    here = """([x, y]) => {
      const { query } = JSON.parse(document.querySelector(".attn-demo").dataset.inputs);
      return Math.hypot(query[0] - x, query[1] - y) < 0.05;
    }"""
    finger = tab.context.new_cdp_session(tab)
    for kind, point in (("touchStart", [-1, -1]), ("touchMove", [0, 0]), ("touchMove", [1, 2]), ("touchEnd", None)):
        points = [dict(zip("xy", place(point), strict=True))] if point else []
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        if point:
            tab.wait_for_function(here, arg=point)  # the browser delivers touches with the next frame
    seen(demo, twin)
    assert demo.locator(".handle").evaluate("node => getComputedStyle(node).touchAction") == "none"
    assert plane.evaluate("node => getComputedStyle(node).touchAction") != "none"
