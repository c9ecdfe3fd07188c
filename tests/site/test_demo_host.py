"""The script that brings demos to life without a kernel: assets on demand, and words when something is wrong."""

import json
from pathlib import Path

import pytest
import traitlets
from demo_pages import check, numbers, ready, says, slide
from ipywidgets import IntSlider
from playwright.sync_api import expect

from attn_utils.widgets import Demo, KernelExplorer, PointAndAttend, WhySqrtD
from attn_utils.widgets.frame.demo import front_end

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


# ------------------------------------------------------------------------------------------------ assets
class AssetDemo(Demo):
    """A demo that loads an asset when its button is pressed."""

    _esm = front_end(Path(__file__).parent / "asset_demo" / "view.js")
    title = "Asset"
    inputs = ("name",)
    name = traitlets.Unicode("small").tag(sync=True)

    def compute(self):
        return {}


def write_asset(folder: Path, text: str = 'demoAsset("small", { weights: [1, 2, 4.5] });', name: str = "small") -> None:
    (folder / "demos").mkdir(exist_ok=True)
    (folder / "demos" / f"{name}.js").write_text(text, encoding="utf-8")


def test_an_asset_is_loaded_on_demand_and_once(show_both_ways, tmp_path):
    write_asset(tmp_path)
    demo = AssetDemo()
    tab = show_both_ways(demo, demo, AssetDemo())
    first, second, other = (ready(tab, index) for index in range(3))
    asked = []
    tab.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    tab.evaluate("document.head.append = (script) => { window.held = script; }")  # a slow network
    first.get_by_role("button", name="Load").click()
    expect(first.get_by_role("status")).to_have_text("Loading the weights of the example (1 kB) …")
    second.get_by_role("button", name="Load").click()
    assert numbers(first) == {"total": 0}
    tab.evaluate("delete document.head.append; document.head.append(window.held)")
    for box in (first, second):
        expect(box).to_contain_text("The total is 7.5.")
        assert numbers(box) == {"total": 7.5}
        expect(box.get_by_role("status")).to_have_count(0)
    other.get_by_role("button", name="Load").click()
    expect(other).to_contain_text("The total is 7.5.")
    assert asked == ["small.js"]


@pytest.mark.parametrize("damage", ["missing", "empty", "another", "syntax"])
def test_an_asset_that_cannot_be_loaded_is_missed_in_words_and_asked_for_again(show_both_ways, tmp_path, damage):
    texts = {"empty": "", "another": 'demoAsset("large", {});', "syntax": "demoAsset("}
    if damage in texts:
        write_asset(tmp_path, texts[damage])
    tab = show_both_ways(AssetDemo(), errors_expected=True)
    demo = ready(tab)
    for _ in range(2):
        demo.get_by_role("button", name="Load").click()
        alert = demo.get_by_role("alert")
        expect(alert).to_contain_text("needs the weights of the example (1 kB), which could not be loaded")
        expect(demo.get_by_role("status")).to_have_count(0)
    assert numbers(demo) == {"total": 0}
    write_asset(tmp_path)
    demo.get_by_role("button", name="Load").click()
    expect(demo).to_contain_text("The total is 7.5.")
    expect(alert).to_have_count(0)


def test_an_asset_has_a_plain_name(show, tmp_path):
    (tmp_path / "secret.js").write_text('demoAsset("../secret", { weights: [1] });')
    demo = ready(show(AssetDemo(name="../secret")))
    demo.get_by_role("button", name="Load").click()
    expect(demo.get_by_role("alert")).to_contain_text("could not be loaded")


@pytest.mark.parametrize("answer", ["content", "error"])
def test_in_a_notebook_the_kernel_sends_the_asset(show, answer):
    """There a front end has no host: it asks Python, as `Demo.asset` answers."""
    tab = show(AssetDemo(), host=False)
    reply = {"asset": "small", answer: {"weights": [3, 4]} if answer == "content" else "it has none"}
    tab.evaluate(
        """async ([source, reply]) => {
          const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
          const front = (await import(address)).default;
          const listeners = new Set();
          const tell = (message) => [...listeners].forEach((call) => call(message, []));
          const model = {
            get: (name) => ({ name: "small", _start: { name: "small" } })[name],
            on: (event, call) => event === "msg:custom" && listeners.add(call),
            off: (event, call) => listeners.delete(call),
            send: ({ asset }) => { window.asked = asset; tell({ asset: "another", content: 1 }); tell(reply); },
          };
          await front.render({ model, el: document.querySelector("main") });
          window.listeners = listeners;
        }""",
        [AssetDemo._esm, reply],
    )
    demo = tab.locator(".attn-demo")
    demo.get_by_role("button", name="Load").click()
    expect(demo).to_contain_text("The total is 7." if answer == "content" else "could not be loaded")
    assert tab.evaluate("[window.asked, window.listeners.size]") == ["small", 0]
