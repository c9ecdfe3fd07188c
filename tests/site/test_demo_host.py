"""The script that brings demos to life in a page without a kernel: what it says when something is wrong."""

import json

import pytest
from demo_pages import check, ready, says, slide
from ipywidgets import IntSlider

from attn_utils.widgets import KernelExplorer, PointAndAttend, WhySqrtD

BREAKS = {
    "no JSON": (lambda state: state[:-40], "missing from this page or damaged"),
    "no anywidget": (lambda state: state.replace('"anywidget"', '"another"'), "runs Python"),
    "no front end": (lambda state: state.replace('"_esm"', '"_nothing"'), "missing from this page or damaged"),
    "syntax error": (lambda state: state.replace("export default { render }", "export default {{"), "could not start"),
    "no export": (lambda state: state.replace("export default { render }", "render"), "could not start"),
    "error while drawing": (lambda state: state.replace('"query": [0.55, 0.75]', '"query": null'), "could not start"),
    "nothing drawn": (lambda state: state.replace("el.replaceChildren(root);", ""), "could not start"),
}


@pytest.mark.parametrize("how", BREAKS)
def test_a_broken_demo_says_so(show, how):
    change, words = BREAKS[how]
    damaged = []
    tab = show(
        PointAndAttend(),
        change=lambda state: damaged.append(change(state) != state) or change(state),
        errors_expected=True,
    )
    assert damaged == [True]
    says(tab, words, role="note" if "Python" in words else "alert")
    assert not tab.foreign


def test_a_view_without_a_model_says_so(show):
    missing = PointAndAttend()
    lose = lambda state: state.replace(missing.model_id, "gone")  # noqa: E731
    tab = show(missing, KernelExplorer(), change=lose, errors_expected=True)
    says(tab, "missing from this page or damaged")
    check(ready(tab, 1), KernelExplorer())  # the other one lives


def test_a_demo_that_fails_while_operated_says_so_and_the_other_goes_on(show):
    failing = "const numbers = attendTo([x, y], now);"
    wrong = failing + " if (numbers.weights[0] > 0.5) throw new Error();"
    change = lambda state: state.replace(json.dumps(failing)[1:-1], json.dumps(wrong)[1:-1])  # noqa: E731
    tab = show(PointAndAttend(), WhySqrtD(), change=change, errors_expected=True)
    ready(tab).get_by_role("slider", name="query", exact=True).press("1")
    says(tab, "stopped because of an error")
    slide(ready(tab, 1), "dimension d", "End")
    check(ready(tab, 1), WhySqrtD())


def test_a_plain_control_says_that_it_needs_python(show):
    tab = show(IntSlider(description="learning rate"), PointAndAttend())
    says(tab, "runs Python", role="note")
    check(ready(tab, 1), PointAndAttend())
