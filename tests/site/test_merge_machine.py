"""Merge machine in a real browser: chips, bars, the way of the output and the table, by mouse, touch and keyboard."""

import itertools
import math

import pytest
import torch
from demo_pages import NARROWEST, PHONE, check, drag, fixed, inputs, places, readouts, ready, slide
from drawn import Picture, assert_at, assert_says, cells, names, near, read, words
from playwright.sync_api import Locator
from torch.testing import assert_close

from attn_utils.attention import attend
from attn_utils.widgets import MergeMachine

SIZES = (1, 2, 3, 4, 6, 12)


def step_of(twin: MergeMachine) -> int:
    return min(twin.step, 12 // twin.block_size)


def state(twin: MergeMachine, key: int) -> str:
    place = twin.blocks().index(key // twin.block_size) + 1
    return "merged" if place < step_of(twin) else "now" if place == step_of(twin) else "waiting"


def assert_bars(picture: Picture, twin: MergeMachine) -> None:
    """Twelve scores on one axis, twelve weights on another, a line at the largest score so far."""
    numbers = [text for text in picture.texts if text.text in map(str, range(1, 13))]
    columns = {int(text.text): text.middle[0] for text in numbers[-12:]}
    assert sorted(columns) == list(range(1, 13))
    (lowest,) = [text.middle[1] for text in picture.texts if text.text == f"−{3 * twin.scale:g}"]
    upper, lower = picture.upward(bottom=lowest + 1), picture.upward(top=lowest + 1)
    bars, weights = picture.of("score", tag="rect"), picture.of("weight", tag="rect")
    assert len(bars) == 12
    for j, bar in enumerate(bars):
        assert sum(bar.xs) / 2 == pytest.approx(columns[j + 1], abs=1)
        score = twin.scale * twin.key_scores[j]
        assert_at(upper, sorted(bar.ys), sorted([score, 0], reverse=True), f"score {j + 1}")
        assert state(twin, j) in bar.kinds
        here = [w for w in weights if abs(sum(w.xs) / 2 - columns[j + 1]) < 2]
        shown = lower.number(min(here[0].ys)) if here else 0
        assert shown == pytest.approx(twin.weights[j].item(), abs=0.012), f"weight {j + 1}"
    gaps = [after.xs[0] - before.xs[1] for before, after in itertools.pairwise(bars)]
    assert all((gap > 4) == ((j + 1) % twin.block_size == 0) for j, gap in enumerate(gaps))
    (level,) = picture.of("level", tag="line")
    maximum = twin.maximum[step_of(twin) - 1].item()
    assert_at(upper, level.ys, [maximum] * 2, "the maximum")
    assert f"m = {fixed(maximum, 2)}" in [text.text for text in picture.texts]


def assert_plane(picture: Picture, twin: MergeMachine) -> None:
    """The values, the outputs so far, the one over all keys; and where one gets without rescaling."""
    across, upward = picture.across(), picture.upward()

    def at(shapes: list, points: torch.Tensor, what: str) -> None:
        places = [point for shape in shapes for point in shape.points]
        assert_at(across, [x for x, _ in places], points[:, 0], what)
        assert_at(upward, [y for _, y in places], points[:, 1], what)

    steps = step_of(twin)
    values = picture.of("value", tag="circle")
    at(values, torch.tensor(twin.key_values), "values")
    assert ["waiting" in value.kinds for value in values] == [state(twin, j) == "waiting" for j in range(12)]
    way = picture.of("way", tag="path")
    assert len(way) == (steps > 1)
    if way:
        at(way, twin.output[:steps], "the way")
    stops = picture.of("stop", tag="circle")
    assert len(stops) == steps - 1
    if stops:
        at(stops, twin.output[: steps - 1], "earlier outputs")
    at(picture.of("output", tag="circle"), twin.output[steps - 1 : steps], "the output")
    at(picture.of("all", tag="circle"), twin.output[-1:], "the output over all keys")
    wrong, paths = picture.of("wrong", tag="circle"), picture.of("wrong", tag="path")
    assert (len(wrong), len(paths)) == (twin.forget, twin.forget and steps > 1)
    if wrong:
        at(wrong, twin.wrong_output[steps - 1 : steps], "the wrong output")
    if paths:
        at(paths, twin.wrong_output[:steps], "the wrong way")


def sentence(twin: MergeMachine) -> str:
    i, count = step_of(twin) - 1, 12 // twin.block_size
    output, wrong = (
        f"({', '.join(fixed(x, 2) for x in pair[i].tolist())})" for pair in (twin.output, twin.wrong_output)
    )
    old, new = fixed(twin.old_factor[i], 3), fixed(twin.new_factor[i], 3)
    away = math.dist(twin.output[i].tolist(), twin.output[-1].tolist())
    done = torch.tensor([state(twin, j) != "waiting" for j in range(12)])
    nothing = (twin.scale * torch.tensor(twin.key_scores))[done].exp().sum() == 0
    what = "every exponential is 0" if nothing else "exponentials overflow"
    said = [
        f"{i + 1} of {count} blocks merged.",
        f"The old is multiplied by {old}, the block by {new}." if i else "The first block is taken as it is.",
        f"The output is {output}:",
        f"{fixed(away, 2)} away from attention over all 12 keys." if i + 1 < count else
        "softmax attention over all 12 keys.",
        f"Without rescaling it is {wrong}, off by {fixed(twin.error[i], 2)}." if twin.forget else "",
        "In float32 this still works without a maximum." if twin.naive[i] else
        f"In float32 without a maximum, with a largest score of {fixed(twin.maximum[i], 1)}, {what} and the output is "
        "NaN.",
    ]  # fmt: skip
    return " ".join(filter(None, said))


def table(twin: MergeMachine) -> list[list[str]]:
    """Each part is found anew, from its keys: nothing is merged here."""
    scores, values = twin.scale * torch.tensor(twin.key_scores).double(), torch.tensor(twin.key_values).double()
    by_block = [set(range(b * twin.block_size, (b + 1) * twin.block_size)) for b in twin.blocks()]
    i = step_of(twin) - 1
    old, block = set().union(*by_block[:i]), by_block[i]
    columns = []
    for keys in (old, block, old | block):
        chosen = sorted(keys)
        if not chosen:
            columns.append(["−∞", "0.00", "0.00, 0.00", "–"])
            continue
        powers = (scores[chosen] - scores[chosen].max()).exp()
        numerator = powers @ values[chosen]
        pairs = [", ".join(fixed(x, 2) for x in pair.tolist()) for pair in (numerator, numerator / powers.sum())]
        columns.append([fixed(scores[chosen].max(), 2), fixed(powers.sum(), 2), *pairs])
    factors = [fixed(twin.old_factor[i], 3) if i else "0", fixed(twin.new_factor[i], 3), ""]
    rows = [list(row) for row in zip(*columns, strict=True)]
    heads = ["max. m", "sum ℓ", "numerator", "factor", "output"]
    return [[head, *row] for head, row in zip(heads, [*rows[:3], factors, rows[3]], strict=True)]


def seen(demo: Locator, twin: MergeMachine) -> dict:
    """Everything on the screen agrees with the library; gives the numbers of the page."""
    numbers = check(demo, twin)
    bars, plane = (read(svg) for svg in demo.locator("svg").all())
    assert (bars.name, plane.name) == (twin.description, "Values, and the output after each merge")
    assert_bars(bars, twin)
    assert_plane(plane, twin)
    count, size = 12 // twin.block_size, twin.block_size
    blocks = twin.blocks()
    chips = demo.locator(".place")
    ends = [(b * size + 1, (b + 1) * size) for b in blocks]
    assert chips.all_inner_texts() == [str(a) if a == b else f"{a}–{b}" for a, b in ends]
    told = {"merged": "merged", "now": "merged now", "waiting": "waiting"}
    states = [told[state(twin, b * size)] for b in blocks]
    pressed = [chip.get_attribute("aria-pressed") == "true" for chip in chips.all()]
    assert pressed.count(True) == 1
    assert names(demo, "button")[1 : count + 1] == [
        f'button "{f"key {a}" if a == b else f"keys {a} to {b}"}, {how}"{" [pressed]" if down else ""}'
        for (a, b), how, down in zip(ends, states, pressed, strict=True)
    ]  # fmt: skip
    assert readouts(demo) == [f"× {twin.scale:g}", f"{step_of(twin)} of {count}"]
    assert places(demo) == near([math.log2(twin.scale), step_of(twin)], within=0.51)
    assert demo.get_by_role("combobox").input_value() == str(size)
    assert demo.get_by_role("checkbox").is_checked() == twin.forget
    assert cells(demo.locator("tbody tr")) == table(twin)
    assert_says(demo, sentence(twin))
    return numbers


def test_merge_machine(show_both_ways):
    twin = MergeMachine()
    demo = ready(show_both_ways(MergeMachine()))
    start = seen(demo, twin)
    demo.get_by_role("button", name="Back").click()
    assert inputs(demo)["step"] == 1
    seen(demo, twin)
    demo.get_by_role("button", name="Back").click(force=True)
    assert inputs(demo)["step"] == 1
    for step in (2, 3, 4, 4):
        demo.get_by_role("button", name="Step").click(force=True)
        assert inputs(demo)["step"] == step
    seen(demo, twin)
    demo.get_by_role("checkbox").press("Space")
    seen(demo, twin)
    for scale in ("End", "ArrowLeft", "Home"):
        slide(demo, "scale of the scores", scale)
        seen(demo, twin)
    for size in SIZES:
        demo.get_by_role("combobox").select_option(str(size))
        assert inputs(demo)["block_size"] == size
        slide(demo, "blocks merged", "End")
        seen(demo, twin)
    demo.get_by_role("button", name="Reset").click()
    assert seen(demo, twin) == start


@pytest.mark.parametrize("size", SIZES)
def test_any_order_ends_in_the_same_output(show, size):
    twin = MergeMachine()
    demo = ready(show(MergeMachine(block_size=size, order=list(range(12 // size)), step=12)))
    scores, values = (torch.tensor(x, dtype=torch.float64) for x in (twin.key_scores, twin.key_values))
    wanted, _ = attend(scores[None], values)
    for _ in range(3):
        before = inputs(demo)["order"]
        demo.get_by_role("button", name="Shuffle").click(force=True)
        assert (inputs(demo)["order"] != before) == (size < 12)
        got = seen(demo, twin)["output"][-1]
        assert_close(torch.tensor(got, dtype=torch.float64), wanted[0], rtol=0, atol=1e-12)


def test_blocks_change_places_by_mouse_keyboard_and_touch(show):
    twin = MergeMachine()
    demo = ready(show(MergeMachine()))
    tab, row, chips = demo.page, demo.locator(".chips"), demo.locator(".place")

    def middle(i: int) -> tuple[float, float]:
        box, outer = chips.nth(i).bounding_box(), row.bounding_box()
        return (box["x"] + box["width"] / 2 - outer["x"]) / outer["width"], 0.5

    drag(tab, row, middle(0), middle(2))
    assert inputs(demo)["order"] == [1, 2, 0, 3]
    seen(demo, twin)
    assert chips.nth(2).get_attribute("aria-pressed") == "true"
    demo.get_by_role("button", name="Later").click()
    assert inputs(demo)["order"] == [1, 2, 3, 0]
    demo.get_by_role("button", name="Later").click(force=True)
    assert inputs(demo)["order"] == [1, 2, 3, 0]
    demo.get_by_role("button", name="Earlier").press("Enter")
    assert inputs(demo)["order"] == [1, 2, 0, 3]
    chips.nth(2).press("ArrowLeft")
    assert chips.nth(1).get_attribute("aria-pressed") == "true"
    chips.nth(1).press("Shift+ArrowLeft")
    assert inputs(demo)["order"] == [2, 1, 0, 3]
    assert chips.nth(0).evaluate("node => node === document.activeElement")
    tab.keyboard.press("Shift+ArrowRight")
    tab.keyboard.press("Shift+ArrowRight")
    assert inputs(demo)["order"] == [1, 0, 2, 3]
    seen(demo, twin)
    touched = ready(show(MergeMachine(), width=PHONE, touch=True, dark=True))
    row = touched.locator(".chips")
    assert {c.evaluate("node => getComputedStyle(node).touchAction") for c in touched.locator(".place").all()} == {
        "none"
    }
    touched.locator(".place").nth(3).tap()
    touched.get_by_role("button", name="Earlier").tap()
    assert inputs(touched)["order"] == [0, 1, 3, 2]
    finger = touched.page.context.new_cdp_session(touched.page)
    spots = [chip.bounding_box() for chip in (touched.locator(".place").nth(2), touched.locator(".place").nth(0))]
    points = [{"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2} for box in spots]
    for kind, where in (("touchStart", points[:1]), ("touchMove", points[1:]), ("touchEnd", [])):
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": where})
    assert inputs(touched)["order"] == [3, 0, 1, 2]
    seen(touched, twin)


@pytest.mark.parametrize("width", [NARROWEST, PHONE])
def test_twelve_blocks_on_a_phone(show, width):
    demo = ready(show(MergeMachine(block_size=1, order=list(range(12))[::-1], step=7, forget=True), width=width))
    seen(demo, MergeMachine())
    assert demo.page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_words_of_merge_machine(show):
    demo = ready(show(MergeMachine(forget=True)))
    assert demo.locator(".title").inner_text() == "Merge machine"
    assert [text.replace("\n", "") for text in demo.locator(".formula > span").all_inner_texts()] == [
        "m = max(mold, mb)", "ℓ = emold − m ℓold + emb − m ℓb", "output = numerator / ℓ",
    ]  # fmt: skip
    assert words(demo) == [("output", "output"), ("values", "value"), ("output", "output"), ("output", "output")]
    assert demo.locator(".legend").all_inner_texts() == ["value\noutput so far\nover all keys\nwithout rescaling"]
    assert names(demo, "region", "combobox", "slider", "checkbox", "group") == [
        'region "Demo: Merge machine"', 'combobox "keys in a block"', 'slider "scale of the scores"',
        'checkbox "forget to rescale" [checked]', 'group "blocks, in their order"', 'slider "blocks merged"',
    ]  # fmt: skip


def test_what_cannot_be_merged_is_refused():
    with pytest.raises(ValueError, match="each block once"):
        MergeMachine(order=[0, 0, 1])
    demo = MergeMachine(block_size=6, order=[3, 1], step=12)
    assert demo.blocks() == [1, 0]
    demo.scale = 64.0
    assert demo.naive.tolist() == [0, 0]
    assert demo.output.isfinite().all()
