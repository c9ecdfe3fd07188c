"""What holds for every demo in a real browser: keyboard, light and dark, width, names, several on a page.

The last test visits the built site, if the chapters are there, and looks at every demo on it.
"""

import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from demo_pages import DEMOS, FONTS, NARROWEST, PHONE, ROOT, SMALLEST_TEXT, VIEW, check, inputs, numbers, ready, slide
from ipywidgets.embed import dependency_state
from playwright.sync_api import expect

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

MUTATIONS = {
    PointAndAttend: ("-0.5 * (", "-0.6 * ("),
    KernelExplorer: ("-0.5 * u * u", "-0.55 * u * u"),
    WhySqrtD: ("score / Math.sqrt(dimension)", "score / Math.cbrt(dimension)"),
    MaskEditor: ("j >= lengths[i]", "j > lengths[i]"),
    AlignmentExplorer: ("Math.tanh(query[a] + key[a])", "Math.tanh(query[a] - key[a])"),
    Heads: ("read[0] * blocks[h][0][f]", "read[1] * blocks[h][0][f]"),
    CostAndReach: ("2 * n * n * d", "n * n * d"),
    PositionDials: ("(p + k) * w", "(p - k) * w"),
    LookFromAPixel: ("softmax(keys.cells", "softmax(queries.cells"),
    TransformerExplorer: ("Number(thousandths) / 1000", "Number(thousandths) / 999"),
    MergeMachine: ("oldFactor * old.total +", "old.total +"),
    Memory: ("2 * layers * kept * head_size", "layers * kept * head_size"),
    Translator: ("/ Math.sqrt(q.length)", "/ Math.cbrt(q.length)"),
}


@pytest.mark.parametrize("kind", DEMOS)
def test_the_sources_are_real_modules(page, serve_folder, kind):
    """A browser takes them as they are, without the join, and gets the same numbers."""
    demo = kind()
    state = dependency_state([demo], drop_defaults=False)[demo.model_id]["state"]
    address, folder = serve_folder(ROOT), kind.__module__.split(".")[-2]
    tab = page(f"{address}/assets/", errors_expected=True)  # a list of files, which has no icon
    tab.evaluate(
        """async ([address, state]) => {
          const { default: front } = await import(address);
          const asset = (name) => new Promise((resolve) => {
            window.demoAsset = (_, content) => resolve(content);
            const script = document.createElement("script");
            script.src = `demos/${name}.js`;
            document.head.append(script);
          });
          const model = { get: name => state[name], set() {}, on() {}, off() {}, save_changes() {}, asset };
          await front.render({ model, el: document.body });
        }""",
        [f"{address}/attn_utils/widgets/{folder}/view.js", state],
    )
    check(tab.locator(".attn-demo"), kind())


@pytest.mark.parametrize("kind", DEMOS)
def test_a_wrong_formula_is_noticed(show, kind):
    right, wrong = MUTATIONS[kind]
    assert kind._esm.count(right) == 1
    as_json = [json.dumps(text)[1:-1] for text in (right, wrong)]
    tab = show(kind(), change=lambda state: state.replace(*as_json))
    with pytest.raises(AssertionError, match=r"Tensor-likes|Mismatched|Scalars"):
        check(ready(tab), kind())


@pytest.mark.parametrize("kind", DEMOS)
def test_with_the_keyboard_alone(show, kind):
    tab = show(kind())
    demo = ready(tab)
    stops = []
    changed = set()
    for _ in range(20):
        tab.keyboard.press("Tab")
        here = tab.evaluate(
            """() => {
              const node = document.activeElement;
              if (node === document.body) return null;
              const style = getComputedStyle(node), ring = node.querySelector?.(".ring");
              const outline = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
              const drawn = ring && getComputedStyle(ring).stroke !== "rgba(0, 0, 0, 0)";
              const label = node.getAttribute("aria-label") || node.labels?.[0]?.textContent || node.textContent;
              return { tag: node.tagName, type: node.type, label, visible: outline || !!drawn };
            }"""
        )
        if here is None:
            break
        stops.append(here)
        before = demo.get_attribute("data-inputs")
        slides = here["type"] == "range" or here["tag"] == "g"
        keys = {"number": "ArrowUp", "select-one": "ArrowDown", "radio": "ArrowDown"}
        key = keys.get(here["type"], "ArrowLeft" if slides else "Space")
        tab.keyboard.press(key)
        if demo.get_attribute("data-inputs") != before:
            changed |= {name for name, value in json.loads(before).items() if inputs(demo)[name] != value}
    assert here is None, "the focus must be able to leave the demo"
    assert all(stop["visible"] for stop in stops), stops
    assert all(stop["label"].strip() for stop in stops), stops
    assert changed == set(kind.inputs)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1200, PHONE])
def test_light_dark_wide_and_narrow(show, width, dark):
    tab = show(*(kind() for kind in DEMOS), width=width, dark=dark)
    for index in range(len(DEMOS)):
        demo = ready(tab, index)
        lightness = demo.evaluate("node => Math.max(...getComputedStyle(node).backgroundColor.match(/\\d+/g))")
        assert (lightness < 80) == dark
        sizes = demo.locator("svg text").evaluate_all(
            """texts => texts.map(text => parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a)"""
        )
        assert min(sizes, default=99) >= SMALLEST_TEXT
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    wider = tab.evaluate(
        f"""() => [...document.querySelectorAll(".attn-demo *")].filter(
              node => node.getBoundingClientRect().right > {width} + 0.5).map(node => node.outerHTML.slice(0, 80))"""
    )
    assert not wider
    violations = Axe().run(tab).response["violations"]
    assert not [(v["id"], [node["html"][:90] for node in v["nodes"]]) for v in violations]


@pytest.mark.parametrize("font", FONTS)
@pytest.mark.parametrize("width", [NARROWEST, PHONE, 660, 1000])
def test_every_demo_fits_whatever_the_font(show, width, font):
    tab = show(*(kind() for kind in DEMOS), width=width, font=FONTS[font])
    for index in range(len(DEMOS)):
        ready(tab, index)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    # Nor does anything reach beyond the content of its demo: a table's spacing of 2 pixels is all that may.
    beyond = tab.evaluate(
        """() => [...document.querySelectorAll(".attn-demo")].flatMap(demo => {
             const style = getComputedStyle(demo);
             const edge = parseFloat(style.paddingRight) + parseFloat(style.borderRightWidth);
             const end = demo.getBoundingClientRect().right - edge;
             return [...demo.querySelectorAll("*")].filter(node => node.getBoundingClientRect().right > end + 2.5)
               .map(node => node.outerHTML.slice(0, 80));
           })"""
    )
    assert not beyond


@pytest.mark.parametrize(
    ("theme", "system_dark", "dark"),
    [('data-theme="dark"', False, True), ('data-theme="light"', True, False), ('theme="dark"', False, True)],
    ids=["site dark", "site light", "Colab dark"],
)
def test_the_theme_of_the_page_wins(show, theme, system_dark, dark):
    demo = ready(show(PointAndAttend(), theme=theme, dark=system_dark))
    assert (demo.evaluate("node => Math.max(...getComputedStyle(node).backgroundColor.match(/\\d+/g))") < 80) == dark


def test_jupyter_themes(show):
    demo = ready(show(PointAndAttend()))
    surface = "node => Math.max(...getComputedStyle(node).backgroundColor.match(/\\d+/g))"
    demo.page.evaluate("document.body.dataset.jpThemeLight = 'false'")
    assert demo.evaluate(surface) < 80
    demo.page.evaluate("document.body.dataset.jpThemeLight = 'true'")
    assert demo.evaluate(surface) > 200


def test_the_description_is_the_name_of_the_picture(show):
    told = "A query that has come very near to key 4."
    demo = ready(show(PointAndAttend(description=told)))
    assert demo.locator("svg").get_attribute("aria-label") == told
    for kind in (KernelExplorer, WhySqrtD):
        demo = ready(show(kind(description=told)))
        assert demo.get_by_role("img", name=told).count() == 1
    assert ready(show(MaskEditor(description=told))).get_by_role("table", name=told).count() == 1
    for kind in (AlignmentExplorer, LookFromAPixel, TransformerExplorer, Translator):
        assert ready(show(kind(description=told))).get_by_role("img", name=told).count() == 1


# In which boxes `Demo.heights` was measured: on phones of 320, 390 and 430 pixels, between, on a laptop, a tablet and a
# large screen.
BOXES = [288, 358, 398, 540, 624, 736, 832]


@pytest.mark.parametrize("font", ["the machine's", "narrow"])
@pytest.mark.parametrize("box", BOXES)
def test_nothing_moves_when_demos_come_alive(show, box, font):
    """Each demo keeps within the room that the page reserved for it, and does not leave much of it empty."""
    demos = [kind() for kind in DEMOS]
    tops = """(box) => {
      document.body.style.margin = "0";
      document.querySelector("main").style.width = `${box}px`;
      return [...document.querySelectorAll(".demo-host")].map(host => host.getBoundingClientRect().top + scrollY);
    }"""
    reserved = show(*demos, places=True, host=False, width=1000, font=FONTS[font]).evaluate(tops, box)
    tab = show(*demos, places=True, width=1000, font=FONTS[font])
    cards = [ready(tab, index) for index in range(len(DEMOS))]
    assert tab.evaluate(tops, box) == pytest.approx(reserved, abs=1)
    needed = tab.evaluate(
        """() => [...document.querySelectorAll(".demo-host")].map(host => {
             const room = host.clientHeight;
             host.style.cssText = "min-height: 0 !important";
             return [host.clientHeight, room];
           })"""
    )
    assert all(card.is_visible() for card in cards)
    for kind, (height, room) in zip(DEMOS, needed, strict=True):
        assert room - 0.16 * room <= height <= room, f"{kind.__name__} needs {height - 24} in a box of {box}"


def test_two_views_share_one_model(show):
    one = PointAndAttend()
    tab = show(one, one)
    first, second = ready(tab, 0), ready(tab, 1)
    slide(first, "temperature", "End")
    first.get_by_role("slider", name="query", exact=True).press("2")
    assert inputs(second) == inputs(first) != {"query": one.query, "temperature": one.temperature}
    check(second, PointAndAttend())
    expect(second.get_by_label("temperature")).to_have_value(first.get_by_label("temperature").input_value())
    second.get_by_role("button", name="Reset").click()
    assert inputs(first)["query"] == one.query


def test_demos_do_not_disturb_each_other(show):
    tab = show(*(kind() for kind in DEMOS), PointAndAttend(temperature=2.0), KernelExplorer(kernel="box", width=0.5))
    boxes = [ready(tab, index) for index in range(len(DEMOS) + 2)]
    before = [box.get_attribute("data-numbers") for box in boxes]
    slide(boxes[0], "temperature", "Home")
    slide(boxes[1], "width", "Home")
    after = [box.get_attribute("data-numbers") for box in boxes]
    assert [old != new for old, new in zip(before, after, strict=True)] == [True, True, *[False] * len(DEMOS)]
    assert inputs(boxes[len(DEMOS)])["temperature"] == 2.0
    check(boxes[-1], KernelExplorer())


def test_every_demo_of_the_built_site_is_alive(page, site, served):
    seen = 0
    for path in sorted(site.rglob("*.html")):
        views = path.read_text(encoding="utf-8").count(f'<script type="{VIEW}">')
        if not views:
            continue
        # Both ways to open it, both themes and both widths, in two visits.
        for address, dark, width in (
            (f"{served}/{path.relative_to(site).as_posix()}", False, 1200),
            (path.as_uri(), True, PHONE),
        ):
            tab = page(address, dark=dark, width=width)
            boxes = tab.locator("[data-demo]")
            expect(boxes).to_have_count(views)
            for index in range(views):
                boxes.nth(index).scroll_into_view_if_needed()
                expect(boxes.nth(index)).to_have_attribute("data-demo", re.compile("ready|kernel"))
                if boxes.nth(index).get_attribute("data-demo") == "ready":
                    assert numbers(boxes.nth(index).locator(".attn-demo"))
            assert tab.evaluate("document.documentElement.scrollWidth") <= tab.viewport_size["width"]
            taken = tab.evaluate(
                """() => [...document.querySelectorAll(".demo-host")].map(host =>
                     host.clientHeight / parseFloat(getComputedStyle(host).minHeight))"""
            )
            assert max(taken) < 1.03, "a demo is higher than the page knew: renew `heights` of its class"
        seen += views
    assert seen, "the built site holds no demo"
