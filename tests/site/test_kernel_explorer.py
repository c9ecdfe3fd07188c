"""Kernel explorer in a real browser: right numbers, by mouse and keyboard."""

import pytest
from demo_pages import check, drag, inputs, ready, slide
from playwright.sync_api import expect

from attn_utils.widgets import KernelExplorer


def test_kernel_explorer(show_both_ways):
    twin = KernelExplorer()
    tab = show_both_ways(KernelExplorer())
    demo = ready(tab)
    start = check(demo, twin)
    plot, errors = demo.locator("svg").all()

    for kernel in ("box", "triangle", "epanechnikov", "gaussian"):
        demo.get_by_role("combobox", name="kernel").select_option(kernel)
        assert inputs(demo)["kernel"] == kernel
        check(demo, twin)
        slide(demo, "width", *["ArrowLeft"] * 4)
        check(demo, twin)
    drag(tab, plot, (0.3, 0.5), (0.8, 0.5))
    assert 3.7 < inputs(demo)["x"] < 4.2
    check(demo, twin)
    slide(demo, "query x", "Home", "ArrowRight")
    assert inputs(demo)["x"] == pytest.approx(0.05)

    drag(tab, errors, (0.5, 0.5), (0.9, 0.5))
    assert inputs(demo)["width"] > 2
    wide = check(demo, twin)
    expect(demo.locator(".sentence")).to_contain_text("too wide")
    demo.get_by_role("button", name="Take the best width").click()
    assert inputs(demo)["width"] == pytest.approx(wide["best_width"], abs=1e-4)
    best = check(demo, twin)
    assert best["loo_error"] < wide["loo_error"]
    expect(demo.locator("tbody")).to_contain_text(f"{best['loo_error']:.3f}")
    expect(demo.locator("tbody")).to_contain_text(f"{best['true_error']:.3f}")
    stems = demo.locator(".stem").evaluate_all("stems => stems.map(s => s.getAttribute('y1') - s.getAttribute('y2'))")
    tallest = max(best["weights"])
    assert [s / max(stems) for s in stems] == pytest.approx([w / tallest for w in best["weights"]], abs=1e-9)

    # A window without a point: weights and output are 0, as in the library.
    demo.get_by_role("combobox", name="kernel").select_option("box")
    slide(demo, "width", "Home")
    keys = sorted([0.0, *twin.x_train, 5.0])
    gap = max(range(len(keys) - 1), key=lambda i: keys[i + 1] - keys[i])
    middle = round((keys[gap] + keys[gap + 1]) / 2 / 0.05)
    slide(demo, "query x", "Home", *["ArrowRight"] * middle)
    empty = check(demo, twin)
    assert empty["output"] == 0
    assert not any(empty["weights"])
    expect(demo.locator(".sentence")).to_contain_text("no point in its window")

    demo.get_by_role("button", name="Reset").click()
    assert check(demo, twin) == start
