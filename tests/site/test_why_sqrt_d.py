"""Why √d in a real browser: right numbers, by mouse and keyboard."""

from demo_pages import check, inputs, ready, slide
from playwright.sync_api import expect

from attn_utils.widgets import WhySqrtD


def test_why_sqrt_d(show_both_ways):
    twin = WhySqrtD()
    demo = ready(show_both_ways(WhySqrtD()))
    start = check(demo, twin)
    for key, dimension in (("Home", 1), ("ArrowRight", 2), ("End", 1024), ("ArrowLeft", 512)):
        slide(demo, "dimension d", key)
        assert inputs(demo)["dimension"] == dimension
        shown = check(demo, twin)
    bars = demo.locator("svg").first.locator("rect.weight")
    heights = bars.evaluate_all("bars => bars.map(bar => bar.height.baseVal.value)")
    largest = max(range(16), key=heights.__getitem__)
    assert largest == max(range(16), key=shown["weights"][0].__getitem__)
    for _ in range(3):
        demo.get_by_role("button", name="Another draw").click()
        again = check(demo, twin)
        assert again != shown
        shown = again
    assert inputs(demo)["draw"] == 3
    expect(demo.locator("tbody")).to_contain_text(f"{shown['entropy'][1]:.2f}")
    expect(demo.locator(".sentence")).to_contain_text("In 512 dimensions")
    demo.get_by_role("button", name="Reset").click()
    assert check(demo, twin) == start
