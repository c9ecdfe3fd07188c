"""Kernel explorer in a real browser: the right numbers and a picture that shows them, by mouse, slider and keyboard."""

import functools

import numpy as np
import pytest
import torch
from demo_pages import check, drag, fixed, inputs, places, readouts, ready, slide
from drawn import Picture, assert_at, assert_says, cells, names, near, read, words
from playwright.sync_api import Locator

from attn_utils.attention import attend
from attn_utils.kernels import KERNELS
from attn_utils.widgets import KernelExplorer

WIDTHS = torch.logspace(np.log10(0.05), np.log10(5), 101, dtype=torch.float64).tolist()
ERROR_TOP = 1.25  # curves that go higher leave the picture
DATA = KernelExplorer()


def column(numbers: list[float]) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float64)[:, None]


def fit(kernel: str, width: float, left_out: bool = False) -> np.ndarray:
    """The library's fit where the truth is known, or at each key from the others."""
    keys, values = column(DATA.x_train), column(DATA.y_train)
    queries = keys if left_out else column(DATA.x_test)
    others = ~torch.eye(len(keys), dtype=torch.bool) if left_out else None
    return attend(KERNELS[kernel](queries, keys, width), values, others)[0][:, 0].numpy()


@functools.cache
def errors_by_width(kernel: str) -> tuple[list[float], list[float]]:
    """Leave-one-out error and error against the truth at each width of the picture."""
    loo = [float(((fit(kernel, h, True) - DATA.y_train) ** 2).mean()) for h in WIDTHS]
    truth = [float(((fit(kernel, h) - DATA.y_test) ** 2).mean()) for h in WIDTHS]
    return loo, truth


def sentence(twin: KernelExplorer) -> str:
    used = int((twin.weights > 0.001).sum())
    found = (
        f"averages {used} of {len(twin.weights)} points and gets {fixed(twin.output, 2)}."
        if used
        else "has no point in its window: all weights are 0, and so is the output."
    )
    ratio = twin.width / twin.best_width
    verdict = "close to the best width"
    if ratio > 1.6:
        verdict = "too wide: the fit misses the shape of the curve"
    if ratio < 0.62:
        verdict = "too narrow: the fit follows the noise"
    return (
        f"The query at x = {fixed(twin.x, 2)} {found} Width {fixed(twin.width, 2)} is {verdict}. "
        f"Leave-one-out error {fixed(twin.loo_error, 2)}, error against the truth {fixed(twin.true_error, 2)}."
    )


def assert_regression(plot: Picture, twin: KernelExplorer) -> None:
    """Data, truth, fit and query stand where the axes have them; one stem for each weight."""
    across, upward = plot.across(), plot.upward()
    assert across.numbers == [0, 1, 2, 3, 4, 5]
    everything = [*twin.y_train, *twin.y_test]
    air = 0.05 * (max(everything) - min(everything))
    inside = functools.partial(np.clip, a_min=min(everything) - air, a_max=max(everything) + air)
    for kind, ys in (("truth", twin.y_test), ("fit", fit(twin.kernel, twin.width))):
        (curve,) = plot.of(kind)
        assert_at(across, curve.xs, twin.x_test, f"{kind}, across")
        assert_at(upward, curve.ys, inside(ys), f"{kind}, upward")
        assert bool(curve.dash) == (kind == "truth")

    share = (twin.weights / max(float(twin.weights.max()), 1e-9)).numpy()
    points, stems, (plumb,) = plot.of("point"), plot.of("stem"), plot.of("plumb")
    assert_at(across, [point.xs[0] for point in points], twin.x_train, "keys")
    assert_at(upward, [point.ys[0] for point in points], twin.y_train, "values")
    size = plumb.width / 1.5  # of a unit of the picture, in pixels
    assert [point.radius for point in points] == near(size * (2.5 + 3.5 * share), within=0.1)
    assert [point.fill[3] for point in points] == near(0.3 + 0.6 * share, within=0.01)
    floor = max(line.ys[0] for line in plot.of("axis", tag="line"))
    for end in (0, 1):
        assert_at(across, [stem.xs[end] for stem in stems], twin.x_train, "weights, across")
    assert [stem.ys[0] for stem in stems] == near([floor] * len(share), within=0.5)
    assert [floor - stem.ys[1] for stem in stems] == near(36 * size * share, within=0.5)

    (output,), (query,) = plot.of("output"), plot.of("query")
    assert_at(across, [*plumb.xs, output.xs[0], query.xs[0], query.middle[0]], [twin.x] * 5, "the query")
    assert_at(upward, [output.ys[0]], [inside(twin.output)], "the output")
    assert plumb.ys[1] == pytest.approx(floor, abs=1)
    assert floor - 2 < query.box[1] < query.box[3] < floor + 15 * size, "the query stands below its axis"


def assert_errors(picture: Picture, twin: KernelExplorer) -> None:
    """Both error curves, the width chosen and the best one."""
    across, upward = picture.across(logarithmic=True), picture.upward()
    assert across.numbers == [0.05, 0.1, 0.2, 0.5, 1, 2, 5]
    assert upward.numbers == [0, 0.5, 1]
    for kind, ys in zip(("loo", "truth"), errors_by_width(twin.kernel), strict=True):
        shown = [(width, y) for width, y in zip(WIDTHS, ys, strict=True) if y <= ERROR_TOP]
        (curve,) = picture.of(kind)
        assert_at(across, curve.xs, [width for width, _ in shown], f"{kind}, across")
        assert_at(upward, curve.ys, [y for _, y in shown], f"{kind}, upward")
        assert bool(curve.dash) == (kind == "truth")
    (here,), (mark,) = picture.of("here", tag="line"), picture.of("here", tag="circle")
    assert_at(across, [*here.xs, mark.xs[0]], [twin.width] * 3, "the width")
    assert_at(upward, [mark.ys[0]], [min(twin.loo_error, ERROR_TOP)], "the error at this width")
    (goal,) = picture.of("axis", "dashed")
    (label,) = [text for text in picture.texts if text.text.startswith("best")]
    assert_at(across, [*goal.xs, label.middle[0]], [twin.best_width] * 3, "the best width")
    assert label.text == f"best {fixed(twin.best_width, 2)}"
    assert [text.text for text in picture.texts if text.text.isalpha()] == ["width"]


def seen(demo: Locator, twin: KernelExplorer) -> dict:
    """Everything on the screen agrees with what the library computes; gives the numbers of the page."""
    numbers = check(demo, twin)
    plot, errors = map(read, demo.locator("svg").all())
    assert_regression(plot, twin)
    assert_errors(errors, twin)
    assert (plot.name, errors.name) == (twin.description, "Error against the width of the kernel")
    assert readouts(demo) == [fixed(twin.width, 2), fixed(twin.x, 2)]
    assert places(demo) == near([np.log10(twin.width), twin.x], within=0.026)
    assert cells(demo.locator("tbody tr")) == [
        ["leave-one-out error", fixed(twin.loo_error, 3)],
        ["error against the truth", fixed(twin.true_error, 3)],
    ]
    chosen = {"gaussian": "Gaussian", "epanechnikov": "Epanechnikov"}.get(twin.kernel, twin.kernel)
    assert demo.locator("select option:checked").inner_text() == chosen
    assert_says(demo, sentence(twin))
    return numbers


def test_kernel_explorer(show_both_ways):
    twin = KernelExplorer()
    tab = show_both_ways(KernelExplorer())
    demo = ready(tab)
    start = seen(demo, twin)
    plot, errors = demo.locator("svg").all()

    for kernel in ("box", "triangle", "epanechnikov", "gaussian"):
        demo.get_by_role("combobox", name="kernel").select_option(kernel)
        assert inputs(demo)["kernel"] == kernel
        slide(demo, "width", *["ArrowLeft"] * 4)
        seen(demo, twin)
    drag(tab, plot, (0.3, 0.5), (0.8, 0.5))
    assert 3.7 < inputs(demo)["x"] < 4.2
    seen(demo, twin)
    slide(demo, "query x", "Home", "ArrowRight")
    assert inputs(demo)["x"] == pytest.approx(0.05)

    drag(tab, errors, (0.5, 0.5), (0.9, 0.5))
    assert inputs(demo)["width"] > 2
    wide = seen(demo, twin)
    demo.get_by_role("button", name="Take the best width").click()
    assert inputs(demo)["width"] == pytest.approx(wide["best_width"], abs=1e-4)
    best = seen(demo, twin)
    assert best["loo_error"] < wide["loo_error"]

    # A window without a point: weights and output are 0, as in the library.
    demo.get_by_role("combobox", name="kernel").select_option("box")
    slide(demo, "width", "Home")
    keys = sorted([0.0, *twin.x_train, 5.0])
    gap = max(range(len(keys) - 1), key=lambda i: keys[i + 1] - keys[i])
    middle = round((keys[gap] + keys[gap + 1]) / 2 / 0.05)
    slide(demo, "query x", "Home", *["ArrowRight"] * middle)
    empty = seen(demo, twin)
    assert empty["output"] == 0
    assert not any(empty["weights"])

    demo.get_by_role("button", name="Reset").click()
    assert seen(demo, twin) == start


def test_where_a_drag_leads(show):
    """The query and the width go to where the mouse is on their axes."""
    tab = show(KernelExplorer())
    demo = ready(tab)
    for svg, name, number in zip(demo.locator("svg").all(), ("x", "width"), (1.5, 0.4), strict=True):
        axis = read(svg).across(logarithmic=name == "width")
        box = svg.bounding_box()
        drag(tab, svg, (0.5, 0.5), ((float(axis.place(number)) - box["x"]) / box["width"], 0.5))
        assert inputs(demo)[name] == pytest.approx(number, rel=0.02)


def test_the_words_of_the_kernel_explorer(show):
    demo = ready(show(KernelExplorer()))
    assert demo.locator(".title").inner_text() == "Kernel explorer"
    assert demo.locator(".formula > span").all_inner_texts() == [
        "weights = softmax(log K((x − xⱼ) / width))",
        "fit = Σ weight · yⱼ",
    ]
    assert words(demo) == [
        *[("weights", "weight"), ("x", "query"), ("xⱼ", "key"), ("fit", "output"), ("weight", "weight")],
        *[("yⱼ", "value"), ("query", "query"), ("weight", "weight")],
    ]
    assert demo.locator(".caption").all_inner_texts() == [
        "Drag the query: each point counts as much as its weight below.",
        "Mean squared error against the width",
    ]
    assert demo.locator(".legend span").all_inner_texts() == [
        *["truth", "fit", "data", "leave-one-out", "against the truth"],
    ]
    assert demo.locator(".ends").all_inner_texts() == ["narrow\nwide", "0\n5"]
    assert names(demo, "region", "button", "slider", "combobox") == [
        *['region "Demo: Kernel explorer"', 'button "Reset"', 'combobox "kernel"', 'slider "width"'],
        *['slider "query x"', 'button "Take the best width"'],
    ]
