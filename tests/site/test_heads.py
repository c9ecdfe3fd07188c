"""Heads in a real browser: maps, threads, the chain of arrows and the sentence, by menu, boxes and keyboard."""

import math

import pytest
from demo_pages import check, fixed, inputs, listed, percent, ready
from drawn import Picture, assert_at, assert_says, names, near, read, words
from playwright.sync_api import Locator

from attn_utils.widgets import Heads

OFF = 0.35  # how pale a head is that is switched off
SENTENCE = ["the", "dog", "bites", "the", "old", "man"]


def assert_map(picture: Picture, twin: Heads, head: int) -> None:
    """A cell for each pair of words, as opaque as its weight, and a frame around the row of the word that asks."""
    cells = picture.of("cell", tag="rect")
    dim = 1 if twin.on[head] else OFF
    shades = [cell.fill[3] / dim if cell.fill else 0 for cell in cells]
    assert shades == near(twin.weights[head].flatten().tolist(), within=0.02)
    heights = sorted({round(cell.middle[1], 1) for cell in cells})
    assert [heights.index(round(cell.middle[1], 1)) for cell in cells] == [i for i in range(6) for _ in range(6)]
    lefts = sorted({round(cell.middle[0], 1) for cell in cells})
    assert [lefts.index(round(cell.middle[0], 1)) for cell in cells] == [j for _ in range(6) for j in range(6)]
    (row,) = picture.of("row", tag="rect")
    assert row.middle[1] == pytest.approx(heights[twin.word], abs=1)
    assert [text.text for text in picture.texts] == SENTENCE
    assert [abs(text.middle[1] - height) < 6 for text, height in zip(picture.texts, heights, strict=True)] == [True] * 6


def assert_threads(picture: Picture, twin: Heads, head: int) -> None:
    """From the word that asks a thread to each word, as opaque as its weight."""
    asks, *others = picture.texts
    assert (asks.text, [text.text for text in others]) == (SENTENCE[twin.word], SENTENCE)
    threads = picture.of("thread", tag="line")
    dim = 1 if twin.on[head] else OFF
    shades = [thread.stroke[3] / dim if thread.stroke else 0 for thread in threads]
    assert shades == near(twin.weights[head, twin.word].tolist(), within=0.02)
    for thread, text in zip(threads, others, strict=True):
        assert max(thread.points)[1] == pytest.approx(text.middle[1], abs=4)
        assert min(thread.points)[1] == pytest.approx(asks.middle[1], abs=4)


def assert_chain(picture: Picture, twin: Heads) -> None:
    """From the origin an arrow for each head that is on, and the output at the end."""
    across, upward = picture.across(), picture.upward()
    place, chain = [0.0, 0.0], [[0.0, 0.0]]
    for is_on, part in zip(twin.on, twin.written.tolist(), strict=True):
        if is_on:
            place = [a + b for a, b in zip(place, part, strict=True)]
            chain.append(place)
    assert twin.output.tolist() == pytest.approx(place)
    arrows = picture.of("written", tag="line")
    assert len(arrows) == sum(twin.on)
    for arrow, start, end in zip(arrows, chain, chain[1:], strict=False):
        assert_at(across, arrow.xs, [start[0], end[0]], "arrows, across")
        assert_at(upward, arrow.ys, [start[1], end[1]], "arrows, upward")
    (output,) = picture.of("output", tag="circle")
    assert_at(across, output.xs, [place[0]], "output, across")
    assert_at(upward, output.ys, [place[1]], "output, upward")
    assert math.hypot(*place) < 3.2, "the output would be out of the picture"


def seen(demo: Locator, twin: Heads) -> dict:
    """Everything on the screen agrees with what the library computes; gives the numbers of the page."""
    numbers = check(demo, twin)
    *maps, chain = (read(svg) for svg in demo.locator("svg").all())
    assert [picture.name for picture in maps] == [f"Weights of head {h + 1}" for h in range(4)]
    assert chain.name == twin.description
    for head, picture in enumerate(maps):
        (assert_threads if twin.threads else assert_map)(picture, twin, head)
    assert_chain(chain, twin)
    boxes = demo.get_by_role("checkbox").all()
    assert [box.is_checked() for box in boxes] == [twin.threads, *twin.on]
    looks = []
    for h, row in enumerate(twin.weights[:, twin.word].tolist()):
        looks.append(f"head {h + 1} most at “{SENTENCE[row.index(max(row))]}” ({percent(max(row))})")
    on = [h + 1 for h in range(4) if twin.on[h]]
    running = f"With head{'s' if len(on) > 1 else ''} {listed(on)} on" if on else "With no head on"
    x, y = (fixed(number, 2) for number in twin.output)
    assert_says(
        demo,
        f"“{SENTENCE[twin.word]}”, word {twin.word + 1}, looks with {listed(looks)}. {running} the output is "
        f"({x}, {y}).",
    )
    return numbers


def test_heads(show_both_ways):
    twin = Heads()
    demo = ready(show_both_ways(Heads()))
    start = seen(demo, twin)
    menu = demo.get_by_role("combobox")
    for word in (0, 3, 1):
        menu.select_option(str(word))
        assert inputs(demo)["word"] == word
        seen(demo, twin)
    menu.press("ArrowDown")
    assert inputs(demo)["word"] == 2
    demo.get_by_role("checkbox", name="head 2").press("Space")
    demo.get_by_text("head 3", exact=True).click()
    assert inputs(demo)["on"] == [True, False, False, True]
    seen(demo, twin)
    demo.get_by_role("checkbox", name="weights as threads").press("Space")
    seen(demo, twin)
    for head in (1, 4):
        demo.get_by_role("checkbox", name=f"head {head}").press("Space")
    seen(demo, twin)
    demo.get_by_role("button", name="Reset").click()
    assert seen(demo, twin) == start


def test_the_heads_made_by_hand_look_where_they_say():
    weights = Heads().weights
    assert weights[0].argmax(dim=-1).tolist() == [0, 0, 1, 2, 3, 4]
    kinds = [2, 0, 1, 2, 3, 0]
    same = weights[1] > 0.1
    assert same.tolist() == [[a == b for b in kinds] for a in kinds]
    assert weights[2].argmax(dim=-1).tolist() == [0] * 6
    assert weights[3].flatten().tolist() == pytest.approx([1 / 6] * 36)


def test_the_words_of_heads(show):
    demo = ready(show(Heads()))
    assert demo.locator(".title").inner_text() == "Heads"
    assert words(demo) == [("weights", "weight"), ("output", "output"), ("output", "output")]
    assert names(demo, "combobox", "checkbox")[0].startswith('combobox "word that asks"')
