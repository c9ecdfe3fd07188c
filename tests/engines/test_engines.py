"""Every page and every demo in Firefox and in WebKit: no error, the right theme and width, the library's numbers."""

import time
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from demo_pages import DEMOS, write_page

from tests.engines.webkit import recording

ROOT = Path(__file__).resolve().parents[2]
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
PAGES = [TOC["root"], *(chapter["file"] for part in TOC["parts"] for chapter in part["chapters"]), "search"]

# What a reader can operate: how it is told apart, and the key that changes it.
CONTROLS = """index => {
  const demo = document.querySelectorAll(".attn-demo")[index];
  const all = [...demo.querySelectorAll("input, select, button, [role=slider], [tabindex='0']")];
  demo.controls = all.filter(node => !node.disabled && node.tabIndex >= 0 && node.getClientRects().length);
  return demo.controls.map(node => node.matches("[role=slider]") ? "slider" : node.type || node.tagName);
}"""
FOCUS = """(index, n) => {
  const node = document.querySelectorAll(".attn-demo")[index].controls[n];
  if (!node.isConnected) return false;
  node.scrollIntoView({ block: "center", behavior: "instant" });
  node.focus();
  return document.activeElement === node;
}"""
PLACE = """(index, n) => {
  const demo = document.querySelectorAll(".attn-demo")[index];
  const node = n === null ? demo.querySelector("svg") : demo.controls[n];
  if (!node?.isConnected) return null;
  node.scrollIntoView({ block: "center", behavior: "instant" });
  const { x, y, width, height } = node.getBoundingClientRect();
  return { x, y, width, height };
}"""
SAID = """index => {
  const { inputs, numbers } = document.querySelectorAll(".attn-demo")[index].dataset;
  return { inputs: JSON.parse(inputs), numbers: JSON.parse(numbers) };
}"""
KEYS = {"range": "ARROW_RIGHT", "slider": "ARROW_RIGHT", "number": "ARROW_UP", "select-one": "ARROW_DOWN"}


def wait_for(window: Any, function: str, *arguments: Any) -> Any:
    """Ask the page until the answer is true."""
    for _ in range(200):
        if answer := window.evaluate(function, *arguments):
            return answer
        time.sleep(0.1)
    state = window.evaluate(
        "() => [...document.querySelectorAll('[data-demo]')].map(box => box.innerText.slice(0, 90))"
    )
    pytest.fail(f"waited 20 s in vain for {function}; the demos say {state}")


def check(window: Any, index: int, twin: Any) -> dict[str, Any]:
    """Compare each number of a demo with what the library computes from the same inputs; give the inputs."""
    said = window.evaluate(SAID, index)
    for name, value in said["inputs"].items():
        setattr(twin, name, value)
    for name, value in said["numbers"].items():
        got, wanted = (torch.as_tensor(x, dtype=torch.float64) for x in (value, getattr(twin, name)))
        torch.testing.assert_close(got, wanted, rtol=0, atol=1e-5, msg=lambda text, name=name: f"{name}: {text}")
    inputs: dict[str, Any] = said["inputs"]
    return inputs


def demos_alive(window: Any) -> int:
    """Go to each demo until none is still starting, and say how many there are."""
    boxes = "[...document.querySelectorAll('[data-demo]')]"
    waiting = f"{boxes}.find(box => !/ready|kernel/.test(box.dataset.demo))"
    wait_for(window, f"() => {{ const box = {waiting}; box?.scrollIntoView(); return !box; }}")
    count: int = window.evaluate(f"() => {boxes}.length")
    return count


def test_every_page(setting, window, recorded_site, address):
    for name in PAGES:
        page = recorded_site / f"{name}.html"
        window.open(address(page), setting.width, 844)
        views = page.read_text(encoding="utf-8").count('type="application/vnd.jupyter.widget-view+json"')
        assert demos_alive(window) == views, name
        layout = window.evaluate(
            """() => ({ over: document.documentElement.scrollWidth - innerWidth,
                        paper: getComputedStyle(document.body).backgroundColor,
                        fonts: document.fonts.status })"""
        )
        assert layout["over"] <= 0, f"{name} scrolls sideways by {layout['over']} pixels"
        darkness = max(map(int, layout["paper"].removeprefix("rgb(").rstrip(")").split(",")))
        assert (darkness < 40) == setting.dark, (name, layout["paper"])
        window.evaluate("() => scrollTo(0, document.body.scrollHeight)")  # lazy pictures come, or fail to
        broken = window.evaluate(
            "() => [...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src.slice(-60))"
        )
        assert broken == [], name


@pytest.mark.parametrize("kind", DEMOS, ids=lambda kind: kind.__name__)
def test_every_demo_by_keyboard_and_mouse(setting, window, tmp_path, address, kind):
    page = tmp_path / write_page(tmp_path, kind())
    page.write_text(recording(page.read_text(encoding="utf-8")), encoding="utf-8")
    window.open(address(page), setting.width, 844)
    assert demos_alive(window) == 1
    twin, changed = kind(), set()
    before = check(window, 0, twin)

    def note(inputs: dict[str, Any]) -> bool:
        nonlocal before
        names = {name for name, value in inputs.items() if value != before[name]}
        changed.update(names)
        before = inputs
        return bool(names)

    for how in ("keyboard", "mouse"):
        changed.clear()
        controls = window.evaluate(CONTROLS, 0)
        assert controls
        for n, control in enumerate(controls):
            if how == "keyboard":
                if not window.evaluate(FOCUS, 0, n):
                    continue  # an earlier control has replaced it
                window.press(KEYS.get(control, "SPACE"))
            elif place := window.evaluate(PLACE, 0, n):
                if control in ("select-one", "number"):
                    continue  # the browser's own menus and arrows are not in the page
                middle = place["y"] + place["height"] / 2
                spot = (place["x"] + place["width"] * (0.7 if control == "range" else 0.5), middle)
                window.drag(spot, spot)
            note(check(window, 0, twin))
        if how == "keyboard":
            assert changed == set(kind.inputs), f"no key reaches {set(kind.inputs) - changed}"
        elif "range" in controls or "checkbox" in controls:
            assert changed, "no click changes anything"
    box = window.evaluate(PLACE, 0, None)
    if kind.__name__ in ("PointAndAttend", "KernelExplorer", "LookFromAPixel"):  # pictures that are dragged
        at = [(box["x"] + share * box["width"], box["y"] + 0.4 * box["height"]) for share in (0.35, 0.75)]
        window.drag(*at)
        assert note(check(window, 0, twin)), "dragging in the picture changes nothing"


def test_the_console_stayed_clean(window):
    window.open("about:blank", 800, 600)
    assert window.errors == []
