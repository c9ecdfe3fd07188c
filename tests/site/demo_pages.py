"""What the tests of the demos share: a page to look at one, ways to operate it, and the comparison with the library.

A test writes a page of its own, with a widget's state exactly as myst-nb writes it, so that the site need not be built.
The fixtures `show` and `show_both_ways` in conftest.py open it.

A demo publishes the inputs and the numbers its picture was drawn from. `check` gives these inputs to the Python class
and compares its results, which come from the library, with the numbers.
"""

import json
import math
import shutil
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import fonts
import torch
from ipywidgets.embed import dependency_state
from playwright.sync_api import Locator, Page, expect
from sphinx_course.demos import place_for

from attn_utils.widgets import (
    AlignmentExplorer,
    CostAndReach,
    Heads,
    KernelExplorer,
    LookFromAPixel,
    MaskEditor,
    Memory,
    MergeMachine,
    PointAndAttend,
    PositionDials,
    TransformerExplorer,
    Translator,
    WhySqrtD,
)

ROOT = Path(__file__).resolve().parents[2]
PHONE = 390  # CSS pixels: the width of most phones in use
DEMOS = [
    PointAndAttend,
    KernelExplorer,
    WhySqrtD,
    MaskEditor,
    AlignmentExplorer,
    Heads,
    CostAndReach,
    PositionDials,
    TransformerExplorer,
    MergeMachine,
    Memory,
    Translator,
    LookFromAPixel,
]
VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
NARROWEST = 320  # CSS pixels: what WCAG 2.1 asks of a page, a window of 1280 at a zoom of 400 %
SMALLEST_TEXT = 10  # CSS pixels
FONTS = fonts.FONTS
HOST = '<script defer src="demo-host.js"></script>'


def write_page(folder, *views, change=lambda state: state, theme="", font="", places=False, host=True) -> str:
    """Write a page that shows the widgets; gives its file name. `change` may damage the state's text.

    `font` is one of FONTS, that everything on the page is to be set in. With `places` it has the site's style
    and the room that the book reserves for a demo; without `host` nothing comes alive.
    """
    models = dependency_state(list(dict.fromkeys(views)), drop_defaults=False)
    state = change(json.dumps({"state": models, "version_major": 2, "version_minor": 0}))

    def script(kind: str, content: str) -> str:
        # myst_nb.core.render.sanitize_script_content does the same
        return f'<script type="{kind}">' + content.replace("</script>", r"<\/script>") + "</script>"

    def seen(view) -> str:
        there = script(VIEW, json.dumps({"version_major": 2, "version_minor": 0, "model_id": view.model_id}))
        return place_for(models[view.model_id]["state"]) + there if places else there

    if places:
        shutil.copy(ROOT / "assets" / "course.css", folder)
        theme = theme or 'data-theme="light"'
    style = '<link rel="stylesheet" href="course.css">' if places else ""
    style += f"<style>{fonts.style(font)}</style>"
    shutil.copy(ROOT / "assets" / "demo-host.js", folder)
    if any(isinstance(view, Translator) for view in views):
        shutil.copytree(ROOT / "assets" / "demos", folder / "demos", dirs_exist_ok=True)
    (folder / "page.html").write_text(
        f'<!doctype html><html lang="en" {theme}><head><meta charset="utf-8"><title>Demos</title>'
        '<link rel="icon" href="data:,"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"{style}{HOST if host else ''}</head><body><main><h1>Demos</h1>{''.join(map(seen, views))}</main>"
        f"{script(STATE, state)}</body></html>",
        encoding="utf-8",
    )
    return "page.html"


def ready(tab: Page, index: int = 0) -> Locator:
    """Go to a demo and wait for it to be alive: what is heavy loads when the reader comes near."""
    box = tab.locator("[data-demo]").nth(index)
    box.scroll_into_view_if_needed()
    expect(box).to_have_attribute("data-demo", "ready")
    return box.locator(".attn-demo")


def inputs(demo: Locator) -> dict:
    return json.loads(demo.get_attribute("data-inputs"))


def numbers(demo: Locator) -> dict:
    return json.loads(demo.get_attribute("data-numbers"))


def check(demo: Locator, twin) -> dict:
    """Compare every number of the page with what the library computes from the same inputs."""
    with twin.hold_trait_notifications():
        for name, value in inputs(demo).items():
            setattr(twin, name, value)
    shown = numbers(demo)
    for name, value in shown.items():
        got, wanted = (torch.as_tensor(x, dtype=torch.float64) for x in (value, getattr(twin, name)))
        torch.testing.assert_close(got, wanted, rtol=0, atol=1e-5, msg=lambda text, name=name: f"{name}: {text}")
    return shown


def slide(demo: Locator, label: str, *keys: str) -> None:
    control = demo.get_by_role("slider", name=label, exact=True)
    control.focus()
    for key in keys:
        control.press(key)


def drag(tab: Page, picture: Locator, start: tuple, end: tuple) -> None:
    """Drag with the mouse, from and to places given as shares of the picture's size."""
    box = picture.bounding_box()
    spots = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    tab.mouse.move(*spots[0])
    tab.mouse.down()
    tab.mouse.move(*spots[1], steps=4)
    tab.mouse.up()


def says(tab: Page, part: str, index: int = 0, role: str = "alert") -> None:
    message = tab.locator("[data-demo]").nth(index).get_by_role(role)
    expect(message).to_be_visible()
    expect(message).to_contain_text(part)
    assert len(message.inner_text()) > 60


# ------------------------------------------------------------------------------------- how a demo writes what it says
def fixed(number: float, digits: int) -> str:
    """A number with so many digits after the point and a minus sign that is as long as a plus."""
    rounded = Decimal(float(number)).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    return str(abs(rounded) if rounded == 0 else rounded).replace("-", "−")


def percent(share: float) -> str:
    return f"{math.floor(100 * share + 0.5)}%"


def listed(words: Sequence) -> str:
    return " and ".join(filter(None, [", ".join(map(str, words[:-1])), *map(str, words[-1:])]))


def readouts(demo: Locator) -> list[str]:
    """What stands beside the sliders, which is also what they tell those who do not see."""
    shown = demo.locator(".slider").evaluate_all(
        """sliders => sliders.map(slider => [slider.querySelector(".readout").innerText,
             slider.querySelector("input").getAttribute("aria-valuetext")])"""
    )
    assert all(seen == told for seen, told in shown), shown
    return [seen for seen, _ in shown]


def places(demo: Locator) -> list[float]:
    """Where the sliders' thumbs are."""
    return demo.locator(".slider input").evaluate_all("sliders => sliders.map(slider => slider.valueAsNumber)")
