"""Alignment explorer in a real browser: right numbers, rows and columns, long sentences."""

import itertools
import re

import pytest
import torch
from alignment_seen import seen
from demo_pages import FONTS, NARROWEST, PHONE, SMALLEST_TEXT, check, inputs, ready, slide
from drawn import cells, names, words
from playwright.sync_api import Locator, expect

from attn_utils.widgets import AlignmentExplorer, Translation


def loose_ends(demo: Locator) -> list[float]:
    """How far, in pixels, the ends of the strong threads are from the middles of the words they should meet.

    They are in the order of the other side's words: of all source words to the word looked at, or the reverse.
    """
    return demo.evaluate(
        """demo => {
          const box = demo.querySelector(".threads").getBoundingClientRect();
          const middles = side => [...demo.querySelectorAll(`.${side} .token`)].map(token => {
            const { top, bottom } = token.getBoundingClientRect();
            return (top + bottom) / 2;
          });
          const [source, target] = ["source", "target"].map(middles);
          const threads = [...demo.querySelectorAll(".thread.strong")];
          const here = side => [...demo.querySelectorAll(`.${side} .token`)].findIndex(t => t.matches(".looked"));
          return threads.flatMap((thread, n) => {
            const [j, i] = here("source") < 0 ? [n, here("target")] : [here("source"), n];
            const spots = [0, thread.getTotalLength()].map(at =>
              thread.getPointAtLength(at).matrixTransform(thread.getScreenCTM()));
            return [spots[0].y - source[j], spots[1].y - target[i], spots[0].x - box.left, spots[1].x - box.right];
          });
        }"""
    )


def test_alignment_explorer(show_both_ways):
    twin = AlignmentExplorer()
    demo = ready(show_both_ways(AlignmentExplorer()))
    start = seen(demo, twin)
    sentence = demo.locator(".sentence")
    expect(sentence).to_have_text(
        "Step 1 of 6 writes “je” (probability 0.97). It looks mostly at “I” (0.94). Gold: “I”."
    )
    for step in range(1, 6):
        slide(demo, "step", "ArrowRight")
        assert inputs(demo)["step"] == step
        seen(demo, twin)
    demo.get_by_role("button", name="Previous").click()
    demo.get_by_role("button", name="Previous").click()
    seen(demo, twin)
    expect(sentence).to_contain_text("It looks mostly at “see” (0.59). Gold: “see” and “do” (possible).")
    demo.get_by_role("button", name="Next").click()
    assert inputs(demo)["step"] == 4

    # Another sentence starts at its first word. Its wrong word is marked, and has no gold link.
    demo.get_by_role("combobox", name="sentence").select_option("by hand: a wrong word")
    assert inputs(demo) == {"sentence": 1, "step": 0, "gold": True}
    seen(demo, twin)
    expect(demo.locator(".token.strange")).to_have_text("rouge")
    slide(demo, "step", "End", "ArrowLeft")
    seen(demo, twin)
    expect(sentence).to_contain_text("(0.94). The reference has “bleue” here.")
    assert demo.locator(".gold").count() == len(twin.sentences[1].possible) == 4
    demo.get_by_label("gold links", exact=True).uncheck()
    assert demo.locator(".gold").count() == 0
    seen(demo, twin)
    demo.get_by_role("button", name="Reset").click()
    assert seen(demo, twin) == start


@pytest.mark.parametrize("how", ["mouse", "keyboard", "finger"])
def test_alignment_explorer_shows_rows_and_columns(show, how):
    """A source word shows which steps look at it, a written word its own step; neither changes the step."""
    twin = AlignmentExplorer(step=1)
    tab = show(AlignmentExplorer(step=1), touch=how == "finger", dark=how == "keyboard")
    demo = ready(tab)
    seen(demo, twin)
    sentence = demo.locator(".sentence")

    def point_at(side: str, word: str) -> None:
        token = demo.locator(f".{side} .token").filter(has_text=re.compile(f"^{word}$"))
        if how == "keyboard":
            token.focus()
        else:
            token.hover() if how == "mouse" else token.tap()

    point_at("source", "not")
    seen(demo, twin, source=2)
    expect(sentence).to_contain_text(
        "“not” is looked at when “ne” (0.94), “pas” (0.94) and “</s>” (0.20) are written. "
    )
    assert inputs(demo) == {"sentence": 0, "step": 1, "gold": True}

    point_at("target", "vois")
    expect(sentence).to_contain_text("Step 4 of 6 writes “vois”")
    seen(demo, twin, target=3)
    assert inputs(demo)["step"] == (3 if how == "finger" else 1)  # a finger cannot point without pressing
    if how == "mouse":
        tab.mouse.click(*[demo.locator(".target .token").nth(3).bounding_box()[side] + 5 for side in "xy"])
    if how == "keyboard":
        tab.keyboard.press("ArrowDown")
        expect(demo.locator(".target .token").nth(4)).to_be_focused()
        tab.keyboard.press("ArrowUp")
        tab.keyboard.press("Enter")
    assert inputs(demo)["step"] == 3
    demo.get_by_role("button", name="Next").click()
    expect(sentence).to_contain_text("Step 5 of 6")

    if how == "finger":  # Safari does not focus a button that is pressed
        demo.locator(".source .token").nth(4).dispatch_event("click")
    else:
        point_at("source", "it")
    seen(demo, twin, source=4)
    if how == "keyboard":
        tab.keyboard.press("Escape")
    elif how == "mouse":
        demo.locator(".title").hover()
    else:
        demo.locator(".title").tap()
    expect(sentence).to_contain_text("Step 5 of 6")


def test_the_words_of_the_alignment_explorer(show):
    demo = ready(show(AlignmentExplorer()))
    assert demo.locator(".title").inner_text() == "Alignment explorer"
    formula = [" ".join(text.split()) for text in demo.locator(".formula > span").all_text_contents()]
    assert formula == ["score ai = v · tanh(Wq s + Wk hi)", "weights = softmax(a)"]
    assert words(demo) == [
        *[("s", "query"), ("h", "key"), ("weights", "weight"), ("Query", "query"), ("weight", "weight")],
        ("Weights", "weight"),
    ]
    assert demo.locator(".caption").all_text_contents() == [
        "Query: the 6 numbers of Wq s",
        "Point at a source word to see which steps look at it, at a written word to see its step",
        "Words to choose from",
        "Weights of all steps: a row for each, a column for each source word",
    ]
    assert cells(demo.locator("thead tr")) == [["score", "weight", "source"], ["word", "probability", ""]]
    assert demo.locator(".target .heading").inner_text() == "translation"
    assert demo.locator(".hint").inner_text() == (
        "Keyboard: Tab reaches a column of words, the arrow keys move in it. Enter on a written word goes to its step."
    )
    assert names(demo, "region", "combobox", "slider", "checkbox") == [
        *['region "Demo: Alignment explorer"', 'combobox "sentence"', 'slider "step"'],
        'checkbox "gold links" [checked]',
    ]


def test_alignment_explorer_forgets_the_word_looked_at_in_another_sentence(show):
    demo = ready(show(AlignmentExplorer()))
    demo.locator(".target .token").last.focus()
    expect(demo.locator(".sentence")).to_contain_text("Step 6 of 6")
    demo.get_by_role("combobox", name="sentence").select_option("by hand: a wrong word")
    expect(demo.locator(".sentence")).to_contain_text("Step 1 of 6")
    check(demo, AlignmentExplorer())


def long_sentence(written: int) -> AlignmentExplorer:
    """A sentence of 24 words, some of them as long as words get, translated by the last few of them."""
    words = [*(f"word{i}" for i in range(12)), *(f"internationalization{i}" for i in range(12))]
    generator = torch.Generator().manual_seed(0)
    queries, keys = (3 * torch.randn(n, 128, generator=generator) for n in (written + 1, 24))
    target = [*words[24 - written :], "</s>"]
    links = [[24 - written + i, i] for i in range(written)]
    translation = Translation(
        label="a long sentence with a label that says at length what is to be seen in it",
        source=words,
        target=target,
        reference=words[::-1],
        queries=queries,
        keys=keys,
        candidates=[[(word, 0.5), ("internationalization", 0.1)] for word in target],
        sure=links,
        possible=links,
    )
    return AlignmentExplorer(sentences=[translation], v=torch.randn(128, generator=generator), step=written - 2)


@pytest.mark.parametrize("written", [24, 12, 3])
def test_alignment_explorer_tells_a_long_sentence(show, written):
    """Words that are long, scores of both signs, gold links that cross, words that the reference lacks."""
    demo = ready(show(long_sentence(written)))
    seen(demo, long_sentence(written))
    demo.locator(".source .token").nth(23).focus()
    seen(demo, long_sentence(written), source=23)


@pytest.mark.parametrize("font", FONTS)
@pytest.mark.parametrize(
    ("width", "written"), [(1200, 24), (900, 24), (690, 24), (640, 24), (PHONE, 24), (NARROWEST, 24), (PHONE, 12)]
)
def test_alignment_explorer_has_room_for_a_long_sentence(show, width, written, font):
    tab = show(long_sentence(written), width=width, font=FONTS[font])
    demo = ready(tab)
    check(demo, long_sentence(written))
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    boxes = demo.evaluate(
        """demo => Object.fromEntries(["source", "target"].map(side => [side,
             [...demo.querySelectorAll(`.${side} .token`)].map(token => token.getBoundingClientRect().toJSON())]))"""
    )
    threads = demo.locator(".threads").bounding_box()
    assert threads["width"] > 45
    for side in boxes.values():
        assert all(box["height"] >= 24 for box in side), "too small for a finger"
        assert all(above["bottom"] <= below["top"] for above, below in itertools.pairwise(side))
    assert max(box["right"] for box in boxes["source"]) <= threads["x"] + 1
    assert min(box["left"] for box in boxes["target"]) >= threads["x"] + threads["width"] - 1
    assert max(box["right"] for box in boxes["target"]) <= width
    assert loose_ends(demo) == pytest.approx([0] * 4 * 24, abs=1.5)
    sizes = demo.locator("*").evaluate_all("nodes => nodes.map(node => parseFloat(getComputedStyle(node).fontSize))")
    assert min(sizes) >= SMALLEST_TEXT
