"""Mask editor in a real browser: the right numbers and a table that shows them, by mouse and keyboard."""

import pytest
import torch
from demo_pages import check, fixed, inputs, listed, ready
from drawn import assert_says, cells, colors, fills, names, near, words
from playwright.sync_api import Locator, expect
from shades import hue, rgb, role_colors, share_of

from attn_utils.attention import causal_mask, length_mask
from attn_utils.widgets import MaskEditor

WHY = ("beyond the valid length", "later than the query", "masked by hand")
SHADE, FULL = "#6d2bc8", 0.62  # the violet of the cells, and how much of it a cell of weight 1 has
LOOK = """nodes => nodes.map(node => {
  const style = getComputedStyle(node);
  const lines = style.backgroundImage.match(/-?45deg/g) || [];
  return { lines, solid: style.borderStyle === "solid", width: style.borderWidth, color: style.borderColor,
           crossed: style.textDecorationLine === "line-through" };
})"""


def reasons(twin: MaskEditor) -> list[list[list[str]]]:
    """Why each cell is closed, from the library's masks."""
    closed = [
        ~length_mask(torch.tensor([twin.lengths]), 6)[0],
        ~causal_mask(5, 6) if twin.causal else torch.zeros(5, 6, dtype=torch.bool),
        torch.tensor(twin.blocked, dtype=torch.bool),
    ]
    return [[[why for why, mask in zip(WHY, closed, strict=True) if mask[i, j]] for j in range(6)] for i in range(5)]


def sentence(twin: MaskEditor) -> str:
    found = f"{int(twin.mask.sum())} of 30 cells are open."
    empty = [i + 1 for i in range(5) if not twin.mask[i].any()]
    if not empty:
        return f"{found} Every query has something to attend to, and its weights sum to 1."
    many = len(empty) > 1
    told = f"{found} {f'Queries {listed(empty)} have' if many else f'Query {empty[0]} has'} nothing to attend to"
    rows = "these rows get" if many else "this row gets"
    if twin.naive:
        return f"{told}, yet with −10⁶ in place of −∞ {rows} equal weights: an average over masked keys."
    return f"{told}: {rows} weights 0 and output 0, not an average over masked keys."


def assert_scores(demo: Locator, twin: MaskEditor) -> None:
    """The left table: scores, crossed out and hatched as the legend says, with names that say why."""
    why = [reason for row in reasons(twin) for reason in row]
    scores = [fixed(score, 1) for row in twin.scores for score in row]
    buttons = demo.locator("td button")
    assert buttons.all_inner_texts() == scores
    signs = dict(zip(demo.locator(".legend span").all_inner_texts(), demo.locator("b").evaluate_all(LOOK), strict=True))
    assert tuple(signs) == WHY
    for look, reason in zip(buttons.evaluate_all(LOOK), why, strict=True):
        hatched = [line for cause in reason for line in signs[cause]["lines"]]
        assert (look["lines"], look["crossed"]) == (hatched, bool(reason)), reason
        assert look["solid"] == (not reason or WHY[2] in reason)
        if WHY[2] in reason:
            assert (look["width"], look["color"]) == (signs[WHY[2]]["width"], signs[WHY[2]]["color"])
    assert len({tuple(sign["lines"]) for sign in signs.values()}) == 3
    told = [
        f'button "query {n // 6 + 1}, key {n % 6 + 1}, score {scores[n]}: {listed(why[n]) or "open"}"'
        + " [pressed]" * (WHY[2] in why[n])
        for n in range(30)
    ]
    assert names(demo, "button") == ['button "Reset"', *told]
    assert buttons.evaluate_all("nodes => nodes.map(node => node.title)") == [", ".join(reason) for reason in why]
    lengths = demo.locator("input[type=number]")
    assert lengths.evaluate_all("nodes => nodes.map(node => node.valueAsNumber)") == twin.lengths
    assert names(demo, "spinbutton") == [f'spinbutton "valid length of query {i + 1}"' for i in range(5)]


def assert_weights(demo: Locator, twin: MaskEditor) -> None:
    """The right table: each weight in figures and as a shade between the empty cell's and violet."""
    weights = twin.naive_weights if twin.naive else twin.weights
    rows = cells(demo.locator(".weights tbody tr"))
    assert rows == [
        [f"q{'₁₂₃₄₅'[i]}", *("0" if w == 0 else fixed(w, 2) for w in row), fixed(row.sum(), 0)]
        for i, row in enumerate(weights)
    ]
    (nothing,) = fills(demo.locator(".sentence"))
    painted = fills(demo.locator(".weights tbody td:not(:last-child)"))
    assert [share_of(paint, nothing, rgb(SHADE)) for paint in painted] == near(FULL * weights, within=0.012)
    framed = demo.locator(".weights tbody tr").evaluate_all(
        "rows => rows.map(row => getComputedStyle(row).outlineStyle === 'solid')"
    )
    assert framed == [not row.any() for row in twin.mask]
    (ink,) = colors(demo)
    for color, empty in zip(colors(demo.locator(".weights tbody tr"), "outlineColor"), framed, strict=True):
        assert not empty or color == ink  # a frame around a row is no role


def seen(demo: Locator, twin: MaskEditor) -> dict:
    """Everything on the screen agrees with what the library computes; gives the numbers of the page."""
    numbers = check(demo, twin)
    assert_scores(demo, twin)
    assert_weights(demo, twin)
    assert [box.is_checked() for box in demo.get_by_role("checkbox").all()] == [twin.causal, twin.naive]
    kind = "with −10⁶ in masked cells" if twin.naive else "that the library gives"
    assert demo.locator(".caption").all_inner_texts() == [
        *["Scores: click one to mask or open it", f"Weights {kind}"],
    ]
    assert_says(demo, sentence(twin))
    return numbers


def test_mask_editor(show_both_ways):
    twin = MaskEditor()
    demo = ready(show_both_ways(MaskEditor()))
    start = seen(demo, twin)
    assert start["weights"][4] == [0] * 6
    assert start["naive_weights"][4] == pytest.approx([1 / 6] * 6)

    demo.get_by_label("valid length of query 5").fill("3")
    demo.get_by_label("valid length of query 1").press("ArrowDown")
    assert inputs(demo)["lengths"] == [5, 6, 4, 2, 3]
    seen(demo, twin)
    demo.get_by_label("valid length of query 2").fill("99")  # held to the number of keys
    demo.get_by_label("valid length of query 2").press("Tab")
    expect(demo.get_by_label("valid length of query 2")).to_have_value("6")
    seen(demo, twin)
    assert "Every query has something" in sentence(twin)

    demo.get_by_label("causal").press("Space")
    assert seen(demo, twin)["mask"][0] == [True, True, False, False, False, False]
    demo.get_by_role("button", name="query 1, key 1").click()
    demo.locator(".title").hover()  # or the border would be that of a button under the mouse
    shown = seen(demo, twin)
    assert shown["weights"][0] == [0, 1, 0, 0, 0, 0]
    demo.get_by_role("button", name="query 1, key 1").press("ArrowRight")
    demo.page.keyboard.press("Space")
    shown = seen(demo, twin)
    assert inputs(demo)["blocked"][0] == [1, 1, 0, 0, 0, 0]
    assert shown["weights"][0] == [0] * 6
    demo.get_by_label("valid length of query 4").fill("0")
    seen(demo, twin)
    assert "Queries 1 and 4 have" in sentence(twin)
    demo.get_by_role("button", name="query 1, key 2").focus()
    demo.page.keyboard.press("ArrowDown")
    demo.page.keyboard.press("End")
    expect(demo.get_by_role("button", name="query 2, key 6")).to_be_focused()

    demo.get_by_label("compare").check()
    seen(demo, twin)
    row = demo.locator(".weights tbody tr").first
    assert row.inner_text().split() == ["q₁", *["0.17"] * 6, "1"]
    demo.get_by_role("button", name="Reset").click()
    assert seen(demo, twin) == start


def test_the_words_of_the_mask_editor(show):
    demo = ready(show(MaskEditor()))
    assert demo.locator(".title").inner_text() == "Mask editor"
    assert demo.locator(".formula > span").all_inner_texts() == [
        "mask = length mask & causal mask & your clicks",
        "weights = masked_softmax(scores, mask)",
    ]
    assert demo.locator(".hint").inner_text() == (
        "Keyboard: arrow keys, Home and End move among the cells, Space masks or opens one."
    )
    keys = [(f"k{sub}", "key") for sub in "₁₂₃₄₅₆"]
    queries = [(f"q{sub}", "query") for sub in "₁₂₃₄₅"]
    assert words(demo) == [("weights", "weight"), *keys, *queries, ("Weights", "weight"), *keys, *queries]
    heads = cells(demo.locator("thead tr"))
    assert heads == [["", *(key for key, _ in keys), last] for last in ("length", "sum")]
    assert names(demo, "region", "checkbox", "table") == [
        *['region "Demo: Mask editor"', 'checkbox "causal: no query sees a later key"'],
        *['checkbox "compare: fill with −10⁶ instead"', "table", f'table "{MaskEditor().description}"'],
    ]
    assert abs(hue(rgb(SHADE)) - hue(role_colors("figures")["weight"])) < 14, "cells are in the color of weights"
