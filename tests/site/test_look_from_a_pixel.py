"""Look from a pixel in a real browser: two pictures of a scene and a table, by mouse, keyboard, finger."""

import numpy as np
import pytest
import torch
from demo_pages import PHONE, check, drag, fixed, inputs, percent, ready
from drawn import assert_says, cells, fills, names, near, read, spans, words
from playwright.sync_api import Locator, Page, expect
from shades import over, painted, role_colors, same_hue
from torch import nn

from attn_utils.data.twin_digits import make_twins
from attn_utils.vision import SelfAttention2d
from attn_utils.widgets import LookFromAPixel

GRID = 14  # rows and columns of queries
INK = [119, 123, 130, 0.4]  # of the right picture


def on(twin: LookFromAPixel, cell: tuple[int, int], grid: tuple[int, int]) -> str:
    """What a cell lies on, from the boxes of the scene."""
    scene = twin.scenes[twin.scene]
    height, width = (28 / n for n in grid)
    covered = []
    for row, column, h, w in scene.boxes:
        down = min(row + h, (cell[0] + 1) * height) - max(row, cell[0] * height)
        across = min(column + w, (cell[1] + 1) * width) - max(column, cell[1] * width)
        covered.append(max(down, 0) * max(across, 0))
    if not any(covered):
        return "the background"
    name = scene.names[covered.index(max(covered))]
    return f"the {name}, the twin of the {scene.names[3]}" if name == scene.names[scene.twin] else f"the {name}"


def sentence(twin: LookFromAPixel) -> str:
    scene, (row, column) = twin.scenes[twin.scene], twin.pixel
    height, width = twin.weights.shape
    flat = twin.weights.flatten().tolist()
    best = divmod(flat.index(max(flat)), width)
    return (
        f"The query is in row {row + 1}, column {column + 1} of 14 × 14, on {on(twin, (row, column), (GRID, GRID))}. "
        f"Its largest weight, {percent(max(flat))}, is in row {best[0] + 1}, column {best[1] + 1} "
        f"of {height} × {width}, on {on(twin, best, (height, width))}. "
        f"The twin has {percent(twin.masses[scene.twin])} of all weight; spread evenly it would have 8%."
    )


def place(picture: tuple, shares: tuple) -> list[float]:
    left, top, right, bottom = picture
    return [left + shares[0] * (right - left), top + shares[1] * (bottom - top)]


def assert_pictures(demo: Locator, twin: LookFromAPixel) -> None:
    """The query, the frame and the cells stand where they should, and cells are as violet as their weights."""
    left, right = (read(picture) for picture in demo.locator("svg").all())
    assert left.name == right.name == twin.description
    scene = twin.scenes[twin.scene]
    row, column, h, w = scene.boxes[scene.twin]
    middle = ((twin.pixel[1] + 0.5) / GRID, (twin.pixel[0] + 0.5) / GRID)
    for picture, marks in ((left, ("backing", "sample")), (right, ("here",))):
        (image,) = picture.of(tag="image")
        for mark in marks:
            assert picture.of(mark)[0].points[0] == near(place(image.box, middle), within=1)
        corners = [((column + x * w) / 28, (row + y * h) / 28) for x, y in ((0, 0), (1, 1))]
        assert picture.of("twin")[0].points == [near(place(image.box, corner), within=1) for corner in corners]
        assert picture.of("twin")[0].dash
    # The query has the mean color of the four pixels that it is of.
    r, c = (2 * i for i in twin.pixel)
    color = 255 * scene.image[:, r : r + 2, c : c + 2].mean((1, 2))
    assert left.of("sample")[0].fill == pytest.approx([*color.tolist(), 1], abs=0.51)

    drawn, (image,) = right.of("cell"), right.of(tag="image")
    height, width = twin.weights.shape
    assert len(drawn) == height * width
    for number, shape in enumerate(drawn):
        i, j = divmod(number, width)
        wanted = [place(image.box, (x / width, y / height)) for x, y in ((j, i), (j + 1, i + 1))]
        assert np.ravel(shape.points) == near(wanted, within=1)
    shades = [shape.fill[3] if shape.fill else 0 for shape in drawn]
    assert shades == near(twin.weights / twin.weights.max(), within=0.006)
    violet = role_colors("figures")["weight"]
    assert all(same_hue(shape.fill[:3], violet) for shape in drawn if shape.fill and shape.fill[3] > 0.1)


def assert_scene(tab: Page, demo: Locator, twin: LookFromAPixel) -> None:
    """The left picture is the scene pixel by pixel; the right one its ink, faint."""
    picture = read(demo.locator("svg").first)
    pixels = painted(tab, ".attn-demo .scene :not(image) { visibility: hidden !important }")
    scroll = tab.evaluate("[scrollX, scrollY]")
    (surface,) = fills(tab.locator(".attn-demo"))
    image = twin.scenes[twin.scene].image.permute(1, 2, 0).numpy()
    for number, svg in enumerate(demo.locator("svg").all()):
        (frame,) = read(svg).of(tag="image")
        spots = [[place(frame.box, ((c + 0.5) / 28, (r + 0.5) / 28)) for c in range(28)] for r in range(28)]
        across, down = np.moveaxis(np.array(spots), -1, 0)
        got = pixels[(down + scroll[1]).astype(int), (across + scroll[0]).astype(int)]
        if number == 0:
            wanted = 255 * image
        else:
            light = image.max(-1)
            wanted = np.array([[over([*INK[:3], INK[3] * ink], surface) for ink in row] for row in light])
        assert np.abs(got - wanted).max() <= 3, "left" if number == 0 else "right"
    assert picture.name


def seen(demo: Locator, twin: LookFromAPixel) -> dict:
    """Everything on the screen agrees with what the library computes; gives the numbers of the page."""
    numbers = check(demo, twin)
    assert_pictures(demo, twin)
    scene = twin.scenes[twin.scene]
    assert demo.locator("select").input_value() == str(twin.scene)
    radios = demo.get_by_role("radio").all()
    assert [radio.is_checked() for radio in radios] == [net == twin.net for net in scene.queries]
    assert demo.locator(".caption").all_inner_texts() == [
        "Move the query. The frame is around the twin.",
        f"Weights of {twin.weights.numel()} keys: the strongest has {percent(twin.weights.max())}.",
        "Where the weight lies",
    ]
    masses = [*twin.masses.tolist(), 1 - float(twin.masses.sum())]
    evenly = [64 / 784] * 4 + [1 - 256 / 784]
    labels = [f"{name}, the twin" if i == scene.twin else name for i, name in enumerate(scene.names)]
    rows = demo.locator("tbody tr")
    assert cells(rows) == [
        [label, fixed(mass, 3), fixed(even, 3), ""]
        for label, mass, even in zip([*labels, "nothing"], masses, evenly, strict=True)
    ]
    track = rows.first.locator(".track").evaluate(
        "node => node.clientWidth - 2 * parseFloat(getComputedStyle(node).paddingLeft)"
    )
    bars = rows.locator(".bar").evaluate_all("bars => bars.map(bar => bar.getBoundingClientRect().width)")
    assert bars == near([track * max(mass, 0) for mass in masses], within=1)
    for paint, color in zip(fills(rows.locator(".chip"))[:4], scene.colors.tolist(), strict=True):
        assert paint[:3] == pytest.approx([255 * part for part in color], abs=0.51)
    handle = demo.locator(".handle")
    row, column = twin.pixel
    told = [handle.get_attribute(f"aria-{name}") for name in ("label", "valuenow", "valuemin", "valuemax", "valuetext")]
    place_of = f"row {row + 1}, column {column + 1}, on {on(twin, (row, column), (GRID, GRID))}"
    assert told == ["query", str(column + 1), "1", "14", place_of]
    assert_says(demo, sentence(twin))
    return numbers


def middle(cell: tuple[int, int]) -> tuple[float, float]:
    """Where a cell is in a picture, as shares of its width and height."""
    return (cell[1] + 0.5) / GRID, (cell[0] + 0.5) / GRID


def test_look_from_a_pixel(show_both_ways):
    twin = LookFromAPixel()
    tab = show_both_ways(LookFromAPixel())
    demo = ready(tab)
    start = seen(demo, twin)
    assert_scene(tab, demo, twin)
    assert start["masses"][twin.scenes[0].twin] > 0.9

    left, right = demo.locator("svg").all()
    drag(tab, left, middle(inputs(demo)["pixel"]), middle((2, 5)))
    assert inputs(demo)["pixel"] == [2, 5]
    seen(demo, twin)
    drag(tab, right, middle((7, 7)), middle((9, 12)))
    assert inputs(demo)["pixel"] == [9, 12]
    seen(demo, twin)
    left.click(position={"x": 2, "y": 2})
    assert inputs(demo)["pixel"] == [0, 0]
    seen(demo, twin)
    assert "on the background" in sentence(twin)

    demo.get_by_role("radio", name="full").check()
    assert len(seen(demo, twin)["weights"]) == GRID
    query = demo.get_by_role("slider", name="query", exact=True)
    query.focus()
    for keys, wanted in (
        (["ArrowDown", "ArrowRight", "ArrowRight"], [1, 2]),
        (["Shift+ArrowDown", "Shift+ArrowRight", "ArrowUp", "ArrowLeft"], [3, 4]),
        (["Shift+ArrowLeft", "Shift+ArrowLeft"], [3, 0]),  # held at the edge
        (["Home"], twin.scenes[0].start),
    ):
        for key in keys:
            query.press(key)
        assert inputs(demo)["pixel"] == wanted
        seen(demo, twin)

    demo.get_by_role("combobox").select_option("2")
    assert inputs(demo) == {"scene": 2, "net": "full", "pixel": twin.scenes[2].start}
    assert seen(demo, twin)["masses"][twin.scenes[2].twin] > 0.9
    assert_scene(tab, demo, twin)
    demo.get_by_role("combobox").press("ArrowUp")
    assert inputs(demo)["scene"] == 1
    demo.get_by_role("radio", name="full").press("ArrowLeft")
    expect(demo.get_by_role("radio", name="pooled")).to_be_checked()
    assert len(seen(demo, twin)["weights"]) == GRID // 2
    for row in demo.locator(".track").all():
        assert spans(row.locator(".bar"))[0] <= 1

    demo.get_by_role("button", name="Reset").click()
    assert seen(demo, twin) == start


class Net(nn.Module):
    """One convolution and a block that looks at what it gives. It is not trained."""

    def __init__(self, *, pooled: bool, scale: bool) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 12, 3, 2, 1)
        self.attention = SelfAttention2d(12, 2, pooled=pooled, scale=scale)

    def forward(self, images):
        return self.attention(self.features(images))[0]


def test_queries_and_keys_of_a_net_arrive_in_the_page(show):
    torch.manual_seed(3)
    nets = {"pooled": Net(pooled=True, scale=False), "full": Net(pooled=False, scale=True)}
    with torch.no_grad():
        for net in nets.values():
            net.features.weight.mul_(60)
    scenes = make_twins(2, split="test", seed=5)
    twin, shown = (LookFromAPixel.of(nets, scenes) for _ in range(2))
    demo = ready(show(shown))
    query = demo.get_by_role("slider", name="query", exact=True)
    for scene in ("0", "1"):
        demo.get_by_role("combobox").select_option(scene)
        for net in nets:
            demo.get_by_role("radio", name=net).check()
            for key in ("ArrowUp", "ArrowLeft"):
                query.press(key)
                weights = np.array(seen(demo, twin)["weights"])
                assert weights.max() > 2 * weights.min(), "all weights are alike: nothing is compared"


def test_two_demos_do_not_share_their_choice(show):
    first = LookFromAPixel()
    tab = show(first, LookFromAPixel())
    one, other = ready(tab, 0), ready(tab, 1)
    one.get_by_role("radio", name="full").check()
    assert inputs(other)["net"] == "pooled"
    expect(other.get_by_role("radio", name="pooled")).to_be_checked()


def test_the_words_of_look_from_a_pixel(show):
    demo = ready(show(LookFromAPixel()))
    assert demo.locator(".title").inner_text() == "Look from a pixel"
    assert demo.locator(".formula > span").all_inner_texts() == [
        *["query = θ(pixel)", "keys = φ(pixels)", "weights = softmax(query · keys)"],
    ]
    assert words(demo) == [
        *[("query", "query"), ("keys", "key"), ("weights", "weight"), ("query", "query"), ("keys", "key")],
        *[("query", "query"), ("Weights", "weight"), ("keys", "key"), ("weight", "weight"), ("weight", "weight")],
    ]
    assert demo.locator(".hint").inner_text() == (
        "Keyboard: focus the query, then use the arrow keys (Shift: larger steps), Home for the grey digit."
    )
    assert cells(demo.locator("thead tr")) == [["on", "weight", "if even", ""]]
    assert demo.locator("option").all_inner_texts() == [
        f"{i + 1}: a {scene.names[3]}" for i, scene in enumerate(LookFromAPixel().scenes)
    ]
    description = LookFromAPixel().description
    assert names(demo, "region", "button", "combobox", "radio", "slider", "img") == [
        *['region "Demo: Look from a pixel"', 'button "Reset"', 'combobox "scene"'],
        *['radio "pooled" [checked]', 'radio "full"', 'slider "query"', f'img "{description}"'],
    ]
    assert [name.split(" ", 1)[1] for name in names(demo, "group")] == ['"keys"', f'"{description}"']


def test_touch(show):
    """A tap moves the query there, and a finger on the query drags it; elsewhere a finger scrolls the page."""
    twin = LookFromAPixel()
    tab = show(LookFromAPixel(), width=PHONE, touch=True)
    demo = ready(tab)
    left, right = demo.locator("svg").all()
    for picture, cell in ((left, (4, 9)), (right, (10, 3))):
        picture.scroll_into_view_if_needed()
        box = picture.bounding_box()
        x, y = middle(cell)
        tab.touchscreen.tap(box["x"] + x * box["width"], box["y"] + y * box["height"])
        assert inputs(demo)["pixel"] == list(cell)
    left.scroll_into_view_if_needed()
    box = left.bounding_box()
    finger = tab.context.new_cdp_session(tab)
    here = "cell => JSON.parse(document.querySelector('.attn-demo').dataset.inputs).pixel.join() === cell.join()"
    for kind, cell in (("touchStart", (10, 3)), ("touchMove", (6, 6)), ("touchMove", (2, 11)), ("touchEnd", None)):
        points = []
        if cell:
            x, y = middle(cell)
            points = [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        if cell:
            tab.wait_for_function(here, arg=list(cell))
    seen(demo, twin)
    assert demo.locator(".handle").evaluate("node => getComputedStyle(node).touchAction") == "none"
    assert left.evaluate("node => getComputedStyle(node).touchAction") != "none"
