"""Mask editor in a real browser: right numbers, by mouse and keyboard."""

import pytest
from demo_pages import check, inputs, ready
from playwright.sync_api import expect

from attn_utils.widgets import MaskEditor


def test_mask_editor(show_both_ways):
    twin = MaskEditor()
    demo = ready(show_both_ways(MaskEditor()))
    start = check(demo, twin)
    assert start["weights"][4] == [0] * 6
    assert start["naive_weights"][4] == pytest.approx([1 / 6] * 6)
    expect(demo.locator(".sentence")).to_contain_text("Query 5 has nothing to attend to: this row gets weights 0")

    demo.get_by_label("valid length of query 5").fill("3")
    demo.get_by_label("valid length of query 1").press("ArrowDown")
    assert inputs(demo)["lengths"] == [5, 6, 4, 2, 3]
    check(demo, twin)
    demo.get_by_label("valid length of query 2").fill("99")  # held to the number of keys
    demo.get_by_label("valid length of query 2").press("Tab")
    expect(demo.get_by_label("valid length of query 2")).to_have_value("6")
    expect(demo.locator(".sentence")).to_contain_text("Every query has something")

    demo.get_by_label("causal").press("Space")
    assert check(demo, twin)["mask"][0] == [True, True, False, False, False, False]
    demo.get_by_role("button", name="query 1, key 1").click()
    shown = check(demo, twin)
    assert shown["weights"][0] == [0, 1, 0, 0, 0, 0]
    demo.get_by_role("button", name="query 1, key 1").press("ArrowRight")
    demo.page.keyboard.press("Space")
    shown = check(demo, twin)
    assert inputs(demo)["blocked"][0] == [1, 1, 0, 0, 0, 0]
    assert shown["weights"][0] == [0] * 6
    demo.page.keyboard.press("ArrowDown")
    demo.page.keyboard.press("End")
    expect(demo.get_by_role("button", name="query 2, key 6")).to_be_focused()

    row = demo.locator(".weights tbody tr").first
    assert row.inner_text().split() == ["q₁", "0", "0", "0", "0", "0", "0", "0"]
    demo.get_by_label("compare").check()
    check(demo, twin)
    assert row.inner_text().split() == ["q₁", *["0.17"] * 6, "1"]
    expect(demo.locator(".sentence")).to_contain_text("equal weights")
    demo.get_by_role("button", name="Reset").click()
    assert check(demo, twin) == start
