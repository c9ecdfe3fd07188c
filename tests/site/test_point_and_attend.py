"""Point and attend in a real browser: right numbers, by mouse, keyboard and finger."""

import re

import pytest
from demo_pages import PHONE, check, drag, inputs, ready, slide
from playwright.sync_api import expect

from attn_utils.widgets import PointAndAttend


def spot(point) -> tuple:
    """Where a point of the plane is in the picture of `PointAndAttend`."""
    return (point[0] + 3) / 6, (3 - point[1]) / 6


def test_point_and_attend(show_both_ways):
    twin = PointAndAttend()
    tab = show_both_ways(PointAndAttend())
    demo = ready(tab)
    start = check(demo, twin)
    plane, query = demo.locator("svg"), demo.get_by_role("slider", name="query", exact=True)
    sentence = demo.locator(".sentence").inner_text()

    drag(tab, plane, spot(inputs(demo)["query"]), spot(twin.key_points[4]))
    assert inputs(demo)["query"] == pytest.approx(twin.key_points[4], abs=0.03)
    shown = check(demo, twin)
    assert max(range(7), key=shown["weights"].__getitem__) == 4
    expect(demo.locator(".sentence")).not_to_have_text(sentence)

    slide(demo, "temperature", "Home")
    shown = check(demo, twin)
    assert inputs(demo)["temperature"] == 0.02
    assert shown["output"] == pytest.approx(twin.value_colors[4], abs=1e-3)
    expect(demo.locator(".sentence")).to_contain_text("look-up: key 5")
    slide(demo, "temperature", "End")
    shown = check(demo, twin)
    assert max(shown["weights"]) - min(shown["weights"]) < 0.05
    expect(demo.locator(".sentence")).to_contain_text("average")

    query.press("1")
    assert inputs(demo)["query"] == twin.key_points[0]
    query.press("Home")
    for key in ("ArrowUp", "ArrowUp", "ArrowRight", "Shift+ArrowLeft"):
        query.press(key)
    assert inputs(demo)["query"] == pytest.approx([-0.4, 0.2])
    slide(demo, "query x", "ArrowRight")
    assert inputs(demo)["query"] == pytest.approx([-0.3, 0.2])
    slide(demo, "temperature", *["PageDown"] * 5)
    shown = check(demo, twin)

    # What is drawn and written is what is published.
    cells = demo.locator("tbody tr").all_inner_texts()
    assert [float(row.split()[2]) for row in cells] == [pytest.approx(w, abs=6e-4) for w in shown["weights"]]
    bars = demo.locator(".bar").evaluate_all(
        "bars => bars.map(bar => bar.getBoundingClientRect().width / bar.parentElement.clientWidth)"
    )
    order = sorted(range(7), key=shown["weights"].__getitem__)
    assert sorted(range(7), key=bars.__getitem__) == order
    widths = demo.locator(".link").evaluate_all("links => links.map(link => +link.getAttribute('stroke-width'))")
    assert widths == pytest.approx([1 + 13 * w for w in shown["weights"]])
    color = demo.locator(".handle circle").nth(3).get_attribute("fill")
    assert [int(part) for part in re.findall(r"\d+", color)] == pytest.approx([255 * c for c in shown["output"]], abs=1)

    demo.get_by_role("button", name="Reset").click()
    assert check(demo, twin) == start


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
    check(demo, twin)
    assert demo.locator(".handle").evaluate("node => getComputedStyle(node).touchAction") == "none"
    assert plane.evaluate("node => getComputedStyle(node).touchAction") != "none"
