"""Position dials in a real browser: hands, dials and the curve, by slider, menu and keyboard."""

import math

import pytest
from demo_pages import check, fixed, inputs, places, readouts, ready, slide
from drawn import Picture, assert_at, assert_says, names, near, read, words
from playwright.sync_api import Locator

from attn_utils.widgets import PositionDials


def omegas(base: int) -> list[float]:
    return [base ** (-2 * i / 16) for i in range(8)]


def turned(line, dial) -> float:
    """The angle of a hand, clockwise from the top."""
    (x, y) = max(line.points, key=lambda end: math.dist(end, dial.middle))
    return math.atan2(x - dial.middle[0], dial.middle[1] - y)


def assert_dials(picture: Picture, twin: PositionDials) -> None:
    """Two hands on each of eight dials, turned as the formula has it; dashed where no turn is completed."""
    dials = picture.of("dial", tag="circle")
    assert len(dials) == 8
    for role, place in (("query", twin.position), ("key", twin.position + twin.offset)):
        hands = picture.of("hand", role)
        for i, (hand, dial, omega) in enumerate(zip(hands, dials, omegas(twin.base), strict=True)):
            off = (turned(hand, dial) - place * omega + math.pi) % (2 * math.pi) - math.pi
            assert off == pytest.approx(0, abs=0.03), f"{role}, pair {i}"
    for dial, omega in zip(dials, omegas(twin.base), strict=True):
        assert ("partial" in dial.kinds) == (twin.trained * omega < 2 * math.pi) == bool(dial.dash)
    assert [text.text for text in picture.texts] == [f"pair {i}" for i in range(8)]


def assert_chart(picture: Picture, twin: PositionDials) -> None:
    """The curve of similarities, a mark at the offset, and a line at the last offset of the training."""
    across, upward = picture.across(), picture.upward()
    similarities = [sum(math.cos(k * w) for w in omegas(twin.base)) / 8 for k in range(128)]
    assert min(similarities) > -0.6
    (curve,), (mark,) = picture.of("similar"), picture.of("here", tag="circle")
    assert_at(across, curve.xs, range(128), "offsets")
    assert_at(upward, curve.ys, similarities, "similarities")
    assert_at(across, mark.xs, [twin.offset], "the offset")
    assert_at(upward, mark.ys, [similarities[twin.offset]], "the similarity there")
    (end,) = picture.of("dashed", tag="line")
    assert_at(across, end.xs, [twin.trained - 1] * 2, "the trained length")


def seen(demo: Locator, twin: PositionDials) -> dict:
    """Everything on the screen agrees with the formula; gives the numbers of the page."""
    numbers = check(demo, twin)
    dials, chart = (read(svg) for svg in demo.locator("svg").all())
    assert (dials.name, chart.name) == (twin.description, "Similarity against the offset")
    assert_dials(dials, twin)
    assert_chart(chart, twin)
    assert readouts(demo) == [str(twin.position), str(twin.offset), str(twin.trained)]
    assert places(demo) == near([twin.position, twin.offset, twin.trained], within=0.51)
    assert demo.get_by_role("combobox").input_value() == str(twin.base)
    omega = omegas(twin.base)
    first, last = (fixed(twin.position * omega[i] / (2 * math.pi), 2) for i in (0, 7))
    similarity = fixed(sum(math.cos(twin.offset * w) for w in omega) / 8, 2)
    partial = sum(twin.trained * w < 2 * math.pi for w in omega)
    known = "occurs in training" if twin.offset < twin.trained else "does not occur in training"
    assert_says(
        demo,
        f"At position {twin.position} the fastest dial has gone round {first} times, the slowest {last}. An offset of "
        f"{twin.offset} {known}; the similarity there is {similarity}, wherever the query stands. Within "
        f"{twin.trained} positions {partial} of 8 dials do not complete a turn.",
    )
    return numbers


def test_position_dials(show_both_ways):
    twin = PositionDials()
    demo = ready(show_both_ways(PositionDials()))
    start = seen(demo, twin)
    for label, key, name, value in (
        ("position p", "ArrowRight", "position", 13),
        ("position p", "End", "position", 127),
        ("offset k", "ArrowLeft", "offset", 4),
        ("offset k", "End", "offset", 127),
        ("trained length", "Home", "trained", 2),
        ("trained length", "End", "trained", 128),
        ("offset k", "Home", "offset", 0),
    ):
        slide(demo, label, key)
        assert inputs(demo)[name] == value
        seen(demo, twin)
    demo.get_by_role("combobox").select_option("100")
    assert inputs(demo)["base"] == 100
    seen(demo, twin)
    demo.get_by_role("button", name="Reset").click()
    assert seen(demo, twin) == start


def test_the_words_of_position_dials(show):
    demo = ready(show(PositionDials()))
    assert demo.locator(".title").inner_text() == "Position dials"
    assert demo.locator(".formula > span").all_inner_texts() == [
        "query turned by p ωᵢ", "key turned by (p + k) ωᵢ", "similarity = mean of cos(k ωᵢ)",
    ]  # fmt: skip
    assert words(demo) == [("query", "query"), ("key", "key")]
    assert demo.locator(".legend").all_inner_texts() == ["query, at p\nkey, at p + k\nno full turn in training"]
    assert names(demo, "region", "button", "slider", "combobox")[0] == 'region "Demo: Position dials"'
