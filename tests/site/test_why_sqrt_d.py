"""Why √d in a real browser: the right numbers and pictures that show them, by slider, button and keyboard."""

import functools

import numpy as np
import pytest
import torch
from demo_pages import check, fixed, inputs, percent, places, readouts, ready, slide
from drawn import Picture, assert_at, assert_says, cells, names, near, read, words
from playwright.sync_api import Locator

from attn_utils.widgets import WhySqrtD

DIMENSIONS = [2**power for power in range(11)]
COLUMNS = ("raw", "scaled")
MOST = fixed(np.log(16), 2)


@functools.cache
def against_dimension(draw: int) -> list[WhySqrtD]:
    return [WhySqrtD(dimension=dimension, draw=draw) for dimension in DIMENSIONS]


def sentence(twin: WhySqrtD) -> str:
    raw, scaled = twin.weights.max(dim=-1).values.tolist()
    norms = [fixed(norm, 3) for norm in twin.gradient_norm]
    state = "the weights are still spread"
    if raw > 0.6:
        state = "one key takes most of the weight"
    if raw > 0.95:
        state = "one key has nearly all the weight and the gradient has all but vanished"
    return (
        f"In {twin.dimension} dimension{'s' if twin.dimension > 1 else ''}, without scaling {state}: the largest "
        f"weight is {percent(raw)}, the gradient norm {norms[0]}. With scaling the largest weight is "
        f"{percent(scaled)}, the gradient norm {norms[1]}."
    )


def assert_bars(picture: Picture, scores: torch.Tensor, weights: torch.Tensor) -> None:
    """A bar for each key, scores above and weights below, each on the axis that its labels make."""
    labels = {text.text: text.middle[1] for text in picture.texts if text.text[0].isalpha() or "keys" in text.text}
    assert sorted(labels, key=labels.get) == ["scores", "weights", "16 keys"]
    spots = {}
    for kind, numbers, axis in (
        ("score", scores, picture.upward(bottom=labels["weights"])),
        ("weight", weights, picture.upward(top=labels["weights"])),
    ):
        bars = picture.of(kind, tag="rect")
        assert_at(axis, [bar.ys[0] for bar in bars], numbers.clamp(min=0), f"{kind}s, upper ends")
        assert_at(axis, [bar.ys[1] for bar in bars], numbers.clamp(max=0), f"{kind}s, lower ends")
        spots[kind] = [bar.middle[0] for bar in bars]
        steps = np.diff(spots[kind])
        assert steps == pytest.approx(np.full(15, steps.mean()), abs=0.1)
        assert steps.mean() > max(bar.xs[1] - bar.xs[0] for bar in bars) > 0.6 * steps.mean()
        levels = [line.ys[0] for line in picture.of("axis", tag="line")]
        assert min(abs(level - axis.place(0)) for level in levels) < 1, "there is a line at 0"
    assert spots["score"] == pytest.approx(spots["weight"], abs=0.1), "a key's two bars stand one above the other"


def assert_chart(picture: Picture, twin: WhySqrtD, quantity: str) -> None:
    """Two curves against the dimension, and two marks at the dimension chosen."""
    across, upward = picture.across(logarithmic=True), picture.upward()
    assert across.numbers == [1, 4, 16, 64, 256, 1024]
    (here,) = picture.of("dashed", tag="line")
    assert_at(across, here.xs, [twin.dimension] * 2, "the dimension")
    for column, kind in enumerate(COLUMNS):
        (curve,), (mark,) = picture.of("curve", kind), picture.of(kind, tag="circle")
        assert_at(across, curve.xs, DIMENSIONS, f"{quantity}, {kind}, across")
        numbers = [getattr(other, quantity)[column] for other in against_dimension(twin.draw)]
        assert_at(upward, curve.ys, numbers, f"{quantity}, {kind}, upward")
        assert_at(across, mark.xs, [twin.dimension], f"{quantity}, {kind}, mark across")
        assert_at(upward, mark.ys, [getattr(twin, quantity)[column]], f"{quantity}, {kind}, mark")


def seen(demo: Locator, twin: WhySqrtD) -> dict:
    """Everything on the screen agrees with what the library computes; gives the numbers of the page."""
    numbers = check(demo, twin)
    pictures = [read(svg) for svg in demo.locator("svg").all()]
    for picture, scores, weights in zip(pictures, twin.scores, twin.weights, strict=False):
        assert_bars(picture, scores, weights)
    for picture, quantity in zip(pictures[2:], ("entropy", "gradient_norm"), strict=True):
        assert_chart(picture, twin, quantity)
    assert [picture.name for picture in pictures] == [
        twin.description,
        "Scores and weights, scaled",
        "Entropy of the weights against the dimension, scaled and not",
        "Gradient norm against the dimension, scaled and not",
    ]
    assert readouts(demo) == [f"d = {twin.dimension}"]
    assert places(demo) == near([np.log2(twin.dimension)], within=0.51)
    rows = {
        "spread of the scores (standard deviation)": (twin.scores.std(dim=-1, correction=0), 2),
        "largest weight": (twin.weights.max(dim=-1).values, 3),
        f"entropy of the weights (at most log 16 = {MOST})": (twin.entropy, 2),
        "gradient norm of the softmax": (twin.gradient_norm, 3),
    }
    assert cells(demo.locator("tr")) == [
        ["", "q · k", "q · k / √d"],
        *([name, *(fixed(number, digits) for number in pair)] for name, (pair, digits) in rows.items()),
    ]
    assert_says(demo, sentence(twin))
    return numbers


def test_why_sqrt_d(show_both_ways):
    twin = WhySqrtD()
    demo = ready(show_both_ways(WhySqrtD()))
    start = seen(demo, twin)
    for key, dimension in (("Home", 1), ("ArrowRight", 2), ("End", 1024), ("ArrowLeft", 512)):
        slide(demo, "dimension d", key)
        assert inputs(demo)["dimension"] == dimension
        shown = seen(demo, twin)
    for _ in range(3):
        demo.get_by_role("button", name="Another draw").click()
        again = check(demo, twin)
        assert again != shown
        shown = again
    assert inputs(demo)["draw"] == 3
    seen(demo, twin)
    thumb = demo.get_by_role("slider").bounding_box()
    demo.get_by_role("slider").click(position={"x": thumb["width"] * 0.4, "y": thumb["height"] / 2})
    assert inputs(demo)["dimension"] == 16
    seen(demo, twin)
    demo.get_by_role("button", name="Reset").click()
    assert seen(demo, twin) == start


def test_why_sqrt_d_between_the_powers_of_two(show):
    """A dimension that Python sets and no place of the slider has."""
    seen(ready(show(WhySqrtD(dimension=100, draw=7))), WhySqrtD())


def test_the_words_of_why_sqrt_d(show):
    demo = ready(show(WhySqrtD()))
    assert demo.locator(".title").inner_text() == "Why divide by √d?"
    assert demo.locator(".formula > span").all_inner_texts() == [
        "score = q · k or q · k / √d",
        "weights = softmax(scores)",
    ]
    assert words(demo) == [
        *[("q", "query"), ("k", "key"), ("q", "query"), ("k", "key"), ("weights", "weight")],
    ]
    assert demo.locator(".caption").all_inner_texts() == [
        *["q · k — not scaled", "q · k / √d — scaled", "The same in numbers"],
        *["Entropy of the weights against d", "Gradient norm against d"],
    ]
    assert demo.locator(".legend").all_inner_texts() == ["not scaled\nscaled"] * 2
    assert names(demo, "region", "button", "slider") == [
        *['region "Demo: Why divide by √d?"', 'button "Reset"', 'slider "dimension d"', 'button "Another draw"'],
    ]
