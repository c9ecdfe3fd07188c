"""Cost and reach in a real browser: counts, curves and ways, by slider, box and keyboard."""

import itertools
import math
from fractions import Fraction

import pytest
from demo_pages import check, fixed, inputs, places, readouts, ready, slide
from drawn import Picture, assert_at, assert_says, cells, names, near, read, words
from playwright.sync_api import Locator

from attn_utils.widgets import CostAndReach

NAMES = ["self-attention", "GRU", "convolution"]
KINDS = ["attention", "gru", "convolution"]


def by_hand(twin: CostAndReach) -> tuple[list[Fraction], list[int], list[int], int]:
    """The table of the chapter: operations, steps, path, and where self-attention and GRU cost the same."""
    n, d, k, p = twin.length, twin.features, twin.kernel, 4 if twin.projections else 0
    operations = [Fraction(2 * n * n * d + p * n * d * d), Fraction(6 * n * d * d), Fraction(k * n * d * d)]
    return operations, [1, n, 1], [1, n - 1, math.ceil((n - 1) / (k // 2))], (6 - p) * d // 2


def assert_chart(picture: Picture, twin: CostAndReach) -> None:
    """Three curves in units of d², marks at the chosen length, a line where two of them cross."""
    across, upward = picture.across(logarithmic=True), picture.upward()
    operations, _, _, crossover = by_hand(twin)
    (here,) = picture.of("here", tag="line")
    assert_at(across, here.xs, [twin.length] * 2, "the length")
    p = 4 if twin.projections else 0
    for i, kind in enumerate(KINDS):
        (curve,) = picture.of("curve", kind)
        for x, y in zip(curve.xs, curve.ys, strict=True):
            cost = [2 * across.number(x) / twin.features + p, 6, twin.kernel][i]
            assert upward.number(y) == pytest.approx(cost, abs=0.15), kind
        cost = float(operations[i] / twin.length / twin.features**2)
        marks = picture.of(kind, tag="circle")
        assert len(marks) == (cost <= 16)
        for mark in marks:
            assert_at(upward, mark.ys, [cost], f"{kind}, mark")
            assert_at(across, mark.xs, [twin.length], f"{kind}, mark across")
    crossing = picture.of("crossing", tag="line")
    assert len(crossing) == (16 <= crossover <= 65_536)
    for line in crossing:
        assert_at(across, line.xs, [crossover] * 2, "the crossing")
        assert f"n = {crossover:,}" in [text.text for text in picture.texts]


def assert_way(picture: Picture, kind: int, twin: CostAndReach) -> None:
    """From the first of sixteen tokens to the last, each hop as long as the layer can see."""
    (way,) = picture.of("way")
    tokens = picture.of("token", tag="circle")
    columns = sorted({round(token.middle[0]) for token in tokens})
    assert len(columns) == 16
    hops = [columns.index(min(columns, key=lambda c, x=x: abs(c - x))) for x in way.xs]
    assert (hops[0], hops[-1]) == (0, 15)
    steps = [after - before for before, after in itertools.pairwise(hops)]
    if kind == 0:
        assert steps == [15]
    elif kind == 1:
        assert steps == [0] + [1] * 15
    else:
        reach = twin.kernel // 2
        assert all(step == reach for step in steps[:-1])
        assert len(steps) == math.ceil(15 / reach)
        assert way.ys == sorted(way.ys, reverse=True)
    assert len(picture.of("met", tag="circle")) >= len(set(hops))


def seen(demo: Locator, twin: CostAndReach) -> dict:
    """Everything on the screen agrees with what is counted; gives the numbers of the page."""
    numbers = check(demo, twin)
    operations, steps, path, crossover = by_hand(twin)
    assert numbers["operations"] == [float(x) for x in operations]
    chart, *ways = [read(svg) for svg in demo.locator("svg").all()]
    assert chart.name == twin.description
    assert_chart(chart, twin)
    for kind, picture in enumerate(ways):
        assert picture.name == f"The way of a signal over 16 tokens, {NAMES[kind]}"
        assert_way(picture, kind, twin)
    hops = math.ceil(15 / (twin.kernel // 2))
    assert demo.locator(".ways .caption").all_inner_texts() == [
        "self-attention — 1 step", "GRU — 15 steps", f"convolution — {hops} layers",
    ]  # fmt: skip
    assert readouts(demo) == [f"{twin.length:,}", f"{twin.features:,}", str(twin.kernel)]
    assert places(demo) == near([math.log2(twin.length), math.log2(twin.features), twin.kernel], within=0.51)
    assert demo.get_by_role("checkbox").is_checked() == twin.projections
    millions = [fixed(x / 1_000_000, 1) for x in operations]
    assert cells(demo.locator("tr")) == [
        ["a layer of", "cost, million", "steps", "path"],
        *(
            [name, million, f"{s:,}", f"{p:,}"]
            for name, million, s, p in zip(NAMES, millions, steps, path, strict=True)
        ),
    ]
    times, times_convolution = (fixed(operations[0] / other, 2) for other in operations[1:])
    assert_says(
        demo,
        f"With {twin.length:,} tokens of {twin.features:,} features a layer of self-attention needs {times} times the "
        f"multiplications of a GRU and {times_convolution} times those of the convolution; as many as the GRU at "
        f"n = {crossover:,}. A signal gets from the first token to the last in 1 step, in {path[1]:,} steps, and in "
        f"{path[2]:,} layers.",
    )
    return numbers


def test_cost_and_reach(show_both_ways):
    twin = CostAndReach()
    demo = ready(show_both_ways(CostAndReach()))
    start = seen(demo, twin)
    for label, key, name, value in (
        ("length n", "ArrowRight", "length", 1024),
        ("length n", "End", "length", 65_536),
        ("features d", "End", "features", 4096),
        ("length n", "Home", "length", 16),
        ("width k of the convolution", "ArrowRight", "kernel", 7),
        ("width k of the convolution", "End", "kernel", 15),
        ("features d", "Home", "features", 16),
    ):
        slide(demo, label, key)
        assert inputs(demo)[name] == value
        seen(demo, twin)
    demo.get_by_role("checkbox").press("Space")
    assert not inputs(demo)["projections"]
    seen(demo, twin)
    demo.get_by_text("count the projections").click()
    assert inputs(demo)["projections"]
    demo.get_by_role("button", name="Reset").click()
    assert seen(demo, twin) == start


def test_the_words_of_cost_and_reach(show):
    demo = ready(show(CostAndReach()))
    assert demo.locator(".title").inner_text() == "Cost and reach"
    assert demo.locator(".formula > span").all_inner_texts() == [
        "self-attention 2n²d + 4nd²", "GRU 6nd²", "convolution knd²",
    ]  # fmt: skip
    assert words(demo) == []
    assert demo.locator(".legend").all_inner_texts() == ["self-attention\nGRU\nconvolution"]
    assert names(demo, "region", "button", "slider", "checkbox") == [
        'region "Demo: Cost and reach"', 'button "Reset"', 'slider "length n"', 'slider "features d"',
        'slider "width k of the convolution"', 'checkbox "count the projections" [checked]',
    ]  # fmt: skip
