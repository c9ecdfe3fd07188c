"""The demos in a real browser: right numbers, every way to operate them, every place they have to work in.

Each test writes a page of its own, with a widget's state exactly as myst-nb writes it, so that the site need not be
built. The last test visits the built site, if the chapters are there, and looks at every demo on it.

A demo publishes the inputs and the numbers its picture was drawn from. `check` gives these inputs to the Python class
and compares its results, which come from the library, with the numbers.
"""

import itertools
import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from ipywidgets import IntSlider
from ipywidgets.embed import dependency_state
from playwright.sync_api import Locator, Page, expect

from attn_utils.widgets import AlignmentExplorer, KernelExplorer, MaskEditor, PointAndAttend, WhySqrtD

ROOT = Path(__file__).resolve().parents[2]
PHONE = 390  # CSS pixels: the width of most phones in use
DEMOS = [PointAndAttend, KernelExplorer, WhySqrtD, MaskEditor, AlignmentExplorer]
VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
NARROWEST = 320  # CSS pixels: what WCAG 2.1 asks of a page, a window of 1280 at a zoom of 400 %
SMALLEST_TEXT = 10  # CSS pixels
# A page's width may not depend on the fonts of the machine. Of each list the first that is there is taken.
FONTS = {
    "the machine's": "",
    "narrow": '"Liberation Sans Narrow", "Arial Narrow", "DejaVu Sans Condensed"',
    "wide": '"DejaVu Sans Mono", Verdana, "Courier New", monospace',
}


def write_page(folder, *views, change=lambda state: state, theme="", font="") -> str:
    """Write a page that shows the widgets; gives its file name. `change` may damage the state's text.

    `font` is a CSS list of the fonts that everything on the page is to be set in.
    """
    models = dependency_state(list(dict.fromkeys(views)), drop_defaults=False)
    state = change(json.dumps({"state": models, "version_major": 2, "version_minor": 0}))

    def script(kind: str, content: str) -> str:
        # myst_nb.core.render.sanitize_script_content does the same
        return f'<script type="{kind}">' + content.replace("</script>", r"<\/script>") + "</script>"

    seen = "".join(
        script(VIEW, json.dumps({"version_major": 2, "version_minor": 0, "model_id": view.model_id})) for view in views
    )
    style = f"<style>* {{ font-family: {font} !important }}</style>" if font else ""
    shutil.copy(ROOT / "assets" / "demo-host.js", folder)
    (folder / "page.html").write_text(
        f'<!doctype html><html lang="en" {theme}><head><meta charset="utf-8"><title>Demos</title>'
        '<link rel="icon" href="data:,"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'{style}<script defer src="demo-host.js"></script></head><body><main><h1>Demos</h1>{seen}</main>'
        f"{script(STATE, state)}</body></html>",
        encoding="utf-8",
    )
    return "page.html"


@pytest.fixture
def show(page, tmp_path):
    """Open a page, from disk, that shows the widgets; gives the tab."""

    def open_page(*views, change=lambda state: state, theme="", font="", **options) -> Page:
        name = write_page(tmp_path, *views, change=change, theme=theme, font=font)
        return page((tmp_path / name).as_uri(), **options)

    return open_page


@pytest.fixture(params=["served", "from disk"])
def show_both_ways(request, page, tmp_path, serve_folder):
    """Like `show`, once from a server and once from disk."""

    def open_page(*views, **options) -> Page:
        name = write_page(tmp_path, *views)
        if request.param == "from disk":
            return page((tmp_path / name).as_uri(), **options)
        return page(f"{serve_folder(tmp_path)}/{name}", **options)

    return open_page


def ready(tab: Page, index: int = 0) -> Locator:
    """Wait for a demo to be alive."""
    box = tab.locator("[data-demo]").nth(index)
    expect(box).to_have_attribute("data-demo", "ready")
    return box.locator(".attn-demo")


def inputs(demo: Locator) -> dict:
    return json.loads(demo.get_attribute("data-inputs"))


def numbers(demo: Locator) -> dict:
    return json.loads(demo.get_attribute("data-numbers"))


def check(demo: Locator, twin) -> dict:
    """Compare every number of the page with what the library computes from the same inputs."""
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


def spot(point) -> tuple:
    """Where a point of the plane is in the picture of `PointAndAttend`."""
    return (point[0] + 3) / 6, (3 - point[1]) / 6


# ------------------------------------------------------------------------------------------------ each demo
def test_point_and_attend(show_both_ways):
    twin = PointAndAttend()
    tab = show_both_ways(PointAndAttend())
    demo = ready(tab)
    start = check(demo, twin)
    plane, query = demo.locator("svg"), demo.get_by_role("slider", name="query", exact=True)
    sentence = demo.locator(".sentence").inner_text()

    drag(tab, plane, spot(inputs(demo)["query"]), spot(twin.key_points[4]))
    assert inputs(demo)["query"] == pytest.approx(twin.key_points[4], abs=0.03)
    shown = check(demo, twin)
    assert max(range(7), key=shown["weights"].__getitem__) == 4
    expect(demo.locator(".sentence")).not_to_have_text(sentence)

    slide(demo, "temperature", "Home")
    shown = check(demo, twin)
    assert inputs(demo)["temperature"] == 0.02
    assert shown["output"] == pytest.approx(twin.value_colors[4], abs=1e-3)
    expect(demo.locator(".sentence")).to_contain_text("look-up: key 5")
    slide(demo, "temperature", "End")
    shown = check(demo, twin)
    assert max(shown["weights"]) - min(shown["weights"]) < 0.05
    expect(demo.locator(".sentence")).to_contain_text("average")

    query.press("1")
    assert inputs(demo)["query"] == twin.key_points[0]
    query.press("Home")
    for key in ("ArrowUp", "ArrowUp", "ArrowRight", "Shift+ArrowLeft"):
        query.press(key)
    assert inputs(demo)["query"] == pytest.approx([-0.4, 0.2])
    slide(demo, "query x", "ArrowRight")
    assert inputs(demo)["query"] == pytest.approx([-0.3, 0.2])
    slide(demo, "temperature", *["PageDown"] * 5)
    shown = check(demo, twin)

    # What is drawn and written is what is published.
    cells = demo.locator("tbody tr").all_inner_texts()
    assert [float(row.split()[2]) for row in cells] == [pytest.approx(w, abs=6e-4) for w in shown["weights"]]
    bars = demo.locator(".bar").evaluate_all(
        "bars => bars.map(bar => bar.getBoundingClientRect().width / bar.parentElement.clientWidth)"
    )
    order = sorted(range(7), key=shown["weights"].__getitem__)
    assert sorted(range(7), key=bars.__getitem__) == order
    widths = demo.locator(".link").evaluate_all("links => links.map(link => +link.getAttribute('stroke-width'))")
    assert widths == pytest.approx([1 + 13 * w for w in shown["weights"]])
    color = demo.locator(".handle circle").nth(3).get_attribute("fill")
    assert [int(part) for part in re.findall(r"\d+", color)] == pytest.approx([255 * c for c in shown["output"]], abs=1)

    demo.get_by_role("button", name="Reset").click()
    assert check(demo, twin) == start


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


def widths(threads: Locator) -> list[float]:
    return threads.evaluate_all("threads => threads.map(thread => +thread.getAttribute('stroke-width'))")


def loose_ends(demo: Locator) -> list[float]:
    """How far, in pixels, the ends of the strong threads are from the middles of the words they should meet.

    They are in the order of the other side's words: of all source words to the word looked at, or the reverse.
    """
    return demo.evaluate(
        """demo => {
          const box = demo.querySelector(".threads").getBoundingClientRect();
          const middles = side => [...demo.querySelectorAll(`.${side} .token`)].map(token => {
            const { top, bottom } = token.getBoundingClientRect();
            return (top + bottom) / 2;
          });
          const [source, target] = ["source", "target"].map(middles);
          const threads = [...demo.querySelectorAll(".thread.strong")];
          const here = side => [...demo.querySelectorAll(`.${side} .token`)].findIndex(t => t.matches(".looked"));
          return threads.flatMap((thread, n) => {
            const [j, i] = here("source") < 0 ? [n, here("target")] : [here("source"), n];
            const spots = [0, thread.getTotalLength()].map(at =>
              thread.getPointAtLength(at).matrixTransform(thread.getScreenCTM()));
            return [spots[0].y - source[j], spots[1].y - target[i], spots[0].x - box.left, spots[1].x - box.right];
          });
        }"""
    )


def test_alignment_explorer(show_both_ways):
    twin = AlignmentExplorer()
    demo = ready(show_both_ways(AlignmentExplorer()))
    start = check(demo, twin)
    sentence, strong = demo.locator(".sentence"), demo.locator(".thread.strong")
    expect(sentence).to_have_text(
        "Step 1 of 6 writes “je” (probability 0.97). It looks mostly at “I” (0.94). Gold: “I”."
    )
    assert widths(strong) == pytest.approx([10 * w for w in start["weights"]])

    # What is drawn and written is what is published, at every step.
    for step in range(1, 6):
        slide(demo, "step", "ArrowRight")
        assert inputs(demo)["step"] == step
        shown = check(demo, twin)
        record = twin.sentences[0]
        rows = demo.locator(".source tbody tr").all_inner_texts()
        assert [float(row.split()[0].replace("−", "-")) for row in rows] == pytest.approx(shown["scores"], abs=0.051)
        assert [float(row.split()[1]) for row in rows] == pytest.approx(shown["weights"], abs=0.0051)
        assert [row.split()[2] for row in rows] == record["source"]
        assert widths(strong) == pytest.approx([10 * w for w in shown["weights"]])
        assert loose_ends(demo) == pytest.approx([0] * 4 * len(record["source"]), abs=1.5)
        choice = demo.locator(".choice tbody tr").all_inner_texts()
        assert [row.split()[0] for row in choice] == [word for word, _ in record["candidates"][step]]
        assert choice[0].split()[1:] == ["written", f"{record['candidates'][step][0][1]:.3f}"]
        bars = demo.locator(".strip rect").evaluate_all("bars => bars.map(bar => bar.height.baseVal.value)")
        assert bars == pytest.approx([abs(q) / 3 for q in record["queries"][step]], abs=1e-6)
    expect(sentence).to_contain_text("writes “</s>”, the end of the sentence, (probability 0.99). It spreads")
    expect(sentence).to_contain_text("its weight almost evenly.")
    demo.get_by_role("button", name="Previous").click()
    demo.get_by_role("button", name="Previous").click()
    expect(sentence).to_contain_text("It looks mostly at “see” (0.59). Gold: “see” and “do” (possible).")
    demo.get_by_role("button", name="Next").click()
    assert inputs(demo)["step"] == 4

    # Another sentence starts at its first word. Its wrong word is marked, and has no gold link.
    demo.get_by_role("combobox", name="sentence").select_option("by hand: a wrong word")
    assert inputs(demo) == {"sentence": 1, "step": 0, "gold": True}
    check(demo, twin)
    expect(demo.locator(".token.strange")).to_have_text("rouge")
    expect(demo.locator(".reference")).to_have_text("Reference: nous voyons la maison bleue")
    slide(demo, "step", "End", "ArrowLeft")
    expect(sentence).to_contain_text("(0.94). The reference has “bleue” here.")
    assert demo.locator(".gold").count() == len(twin.sentences[1]["possible"]) == 4
    demo.get_by_label("gold links", exact=True).uncheck()
    assert demo.locator(".gold").count() == 0
    check(demo, twin)
    demo.get_by_role("button", name="Reset").click()
    assert check(demo, twin) == start


@pytest.mark.parametrize("how", ["mouse", "keyboard", "finger"])
def test_alignment_explorer_shows_rows_and_columns(show, how):
    """A source word shows which steps look at it, a written word its own step; neither changes the step."""
    twin = AlignmentExplorer(step=1)
    tab = show(AlignmentExplorer(step=1), touch=how == "finger")
    demo = ready(tab)
    start, sentence = check(demo, twin), demo.locator(".sentence")

    def point_at(side: str, word: str) -> None:
        token = demo.locator(f".{side} .token").filter(has_text=re.compile(f"^{word}$"))
        if how == "keyboard":
            token.focus()
        else:
            token.hover() if how == "mouse" else token.tap()

    point_at("source", "not")
    column = [row[2] for row in start["all_weights"]]
    expect(sentence).to_have_text(
        "“not” is looked at when “ne” (0.94), “pas” (0.94) and “</s>” (0.20) are written. "
        f"All 6 steps together give it {sum(column):.2f}. Gold: “ne” and “pas”."
    )
    assert widths(demo.locator(".thread.strong")) == pytest.approx([10 * w for w in column])
    assert loose_ends(demo) == pytest.approx([0] * 4 * 6, abs=1.5)
    assert demo.locator(".share").all_inner_texts() == ["", "0.94", "", "", "0.94", "0.20"]
    assert inputs(demo) == {"sentence": 0, "step": 1, "gold": True}
    check(demo, twin)

    point_at("target", "vois")
    expect(sentence).to_contain_text("Step 4 of 6 writes “vois”")
    expect(demo.locator(".choice tbody th").first).to_contain_text("vois")
    assert widths(demo.locator(".thread.strong")) == pytest.approx([10 * w for w in start["all_weights"][3]])
    assert inputs(demo)["step"] == (3 if how == "finger" else 1)  # a finger cannot point without pressing
    check(demo, twin)
    if how == "mouse":
        tab.mouse.click(*[demo.locator(".target .token").nth(3).bounding_box()[side] + 5 for side in "xy"])
    if how == "keyboard":
        tab.keyboard.press("ArrowDown")
        expect(demo.locator(".target .token").nth(4)).to_be_focused()
        tab.keyboard.press("ArrowUp")
        tab.keyboard.press("Enter")
    assert inputs(demo)["step"] == 3
    demo.get_by_role("button", name="Next").click()
    expect(sentence).to_contain_text("Step 5 of 6")

    if how == "finger":  # Safari does not focus a button that is pressed
        demo.locator(".source .token").nth(4).dispatch_event("click")
    else:
        point_at("source", "it")
    expect(sentence).to_contain_text("“it” is looked at")
    if how == "keyboard":
        tab.keyboard.press("Escape")
    elif how == "mouse":
        demo.locator(".title").hover()
    else:
        demo.locator(".title").tap()
    expect(sentence).to_contain_text("Step 5 of 6")


def test_alignment_explorer_forgets_the_word_looked_at_in_another_sentence(show):
    demo = ready(show(AlignmentExplorer()))
    demo.locator(".target .token").last.focus()
    expect(demo.locator(".sentence")).to_contain_text("Step 6 of 6")
    demo.get_by_role("combobox", name="sentence").select_option("by hand: a wrong word")
    expect(demo.locator(".sentence")).to_contain_text("Step 1 of 6")
    check(demo, AlignmentExplorer())


def long_sentence(written: int) -> AlignmentExplorer:
    """A sentence of 24 words, some of them as long as words get, translated by the last few of them."""
    words = [*(f"word{i}" for i in range(12)), *(f"internationalization{i}" for i in range(12))]
    generator = torch.Generator().manual_seed(0)
    queries, keys = (3 * torch.randn(n, 128, generator=generator) for n in (written + 1, 24))
    target = [*words[24 - written :], "</s>"]
    links = [[24 - written + i, i] for i in range(written)]
    record = {
        "label": "a long sentence with a label that says at length what is to be seen in it", "source": words,
        "target": target, "reference": words[::-1], "queries": queries, "keys": keys, "sure": links, "possible": links,
        "candidates": [[[word, 0.5], ["internationalization", 0.1]] for word in target],
    }  # fmt: skip
    return AlignmentExplorer(sentences=[record], v=torch.randn(128, generator=generator), step=written - 2)


@pytest.mark.parametrize("font", FONTS)
@pytest.mark.parametrize(
    ("width", "written"), [(1200, 24), (900, 24), (690, 24), (640, 24), (PHONE, 24), (NARROWEST, 24), (PHONE, 12)]
)
def test_alignment_explorer_has_room_for_a_long_sentence(show, width, written, font):
    tab = show(long_sentence(written), width=width, font=FONTS[font])
    demo = ready(tab)
    check(demo, long_sentence(written))
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    boxes = demo.evaluate(
        """demo => Object.fromEntries(["source", "target"].map(side => [side,
             [...demo.querySelectorAll(`.${side} .token`)].map(token => token.getBoundingClientRect().toJSON())]))"""
    )
    threads = demo.locator(".threads").bounding_box()
    assert threads["width"] > 45
    for side in boxes.values():
        assert all(box["height"] >= 24 for box in side), "too small for a finger"
        assert all(above["bottom"] <= below["top"] for above, below in itertools.pairwise(side))
    assert max(box["right"] for box in boxes["source"]) <= threads["x"] + 1
    assert min(box["left"] for box in boxes["target"]) >= threads["x"] + threads["width"] - 1
    assert max(box["right"] for box in boxes["target"]) <= width
    assert loose_ends(demo) == pytest.approx([0] * 4 * 24, abs=1.5)
    sizes = demo.locator("*").evaluate_all("nodes => nodes.map(node => parseFloat(getComputedStyle(node).fontSize))")
    assert min(sizes) >= SMALLEST_TEXT


MUTATIONS = {
    PointAndAttend: ("-0.5 * (", "-0.6 * ("),
    KernelExplorer: ("-0.5 * u * u", "-0.55 * u * u"),
    WhySqrtD: ("score / Math.sqrt(dimension)", "score / Math.cbrt(dimension)"),
    MaskEditor: ("j >= lengths[i]", "j > lengths[i]"),
    AlignmentExplorer: ("Math.tanh(query[a] + key[a])", "Math.tanh(query[a] - key[a])"),
}


@pytest.mark.parametrize("kind", DEMOS)
def test_a_wrong_formula_is_noticed(show, kind):
    right, wrong = MUTATIONS[kind]
    assert kind._esm.count(right) == 1
    as_json = [json.dumps(text)[1:-1] for text in (right, wrong)]
    tab = show(kind(), change=lambda state: state.replace(*as_json))
    with pytest.raises(AssertionError, match=r"Tensor-likes|Mismatched|Scalars"):
        check(ready(tab), kind())


# ------------------------------------------------------------------------------------------------ access
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
        key = {"number": "ArrowUp", "select-one": "ArrowDown"}.get(here["type"], "ArrowLeft" if slides else "Space")
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
@pytest.mark.parametrize("width", [NARROWEST, PHONE])
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


def test_touch(show):
    """A tap moves the query there, and a finger on the query drags it; elsewhere a finger scrolls the page."""
    twin = PointAndAttend()
    tab = show(PointAndAttend(), width=PHONE, touch=True)
    demo = ready(tab)
    plane = demo.locator("svg")
    plane.scroll_into_view_if_needed()
    box = plane.bounding_box()

    def place(point) -> list[float]:
        across, down = spot(point)
        return [box["x"] + across * box["width"], box["y"] + down * box["height"]]

    tab.touchscreen.tap(*place([-1, -1]))
    assert inputs(demo)["query"] == pytest.approx([-1, -1], abs=0.05)
    here = """([x, y]) => {
      const { query } = JSON.parse(document.querySelector(".attn-demo").dataset.inputs);
      return Math.hypot(query[0] - x, query[1] - y) < 0.05;
    }"""
    finger = tab.context.new_cdp_session(tab)
    for kind, point in (("touchStart", [-1, -1]), ("touchMove", [0, 0]), ("touchMove", [1, 2]), ("touchEnd", None)):
        points = [dict(zip("xy", place(point), strict=True))] if point else []
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        if point:
            tab.wait_for_function(here, arg=point)  # the browser delivers touches with the next frame
    check(demo, twin)
    assert demo.locator(".handle").evaluate("node => getComputedStyle(node).touchAction") == "none"
    assert plane.evaluate("node => getComputedStyle(node).touchAction") != "none"


def test_the_description_is_the_name_of_the_picture(show):
    told = "A query that has come very near to key 4."
    demo = ready(show(PointAndAttend(description=told)))
    assert demo.locator("svg").get_attribute("aria-label") == told
    for kind in (KernelExplorer, WhySqrtD):
        demo = ready(show(kind(description=told)))
        assert demo.get_by_role("img", name=told).count() == 1
    assert ready(show(MaskEditor(description=told))).get_by_role("table", name=told).count() == 1
    assert ready(show(AlignmentExplorer(description=told))).get_by_role("img", name=told).count() == 1


# ------------------------------------------------------------------------------------------------ several on a page
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
    boxes = [ready(tab, index) for index in range(7)]
    before = [box.get_attribute("data-numbers") for box in boxes]
    slide(boxes[0], "temperature", "Home")
    slide(boxes[1], "width", "Home")
    after = [box.get_attribute("data-numbers") for box in boxes]
    assert [old != new for old, new in zip(before, after, strict=True)] == [True, True, *[False] * 5]
    assert inputs(boxes[5])["temperature"] == 2.0
    check(boxes[6], KernelExplorer())


# ------------------------------------------------------------------------------------------------ broken pages
def says(tab: Page, part: str, index: int = 0, role: str = "alert") -> None:
    message = tab.locator("[data-demo]").nth(index).get_by_role(role)
    expect(message).to_be_visible()
    expect(message).to_contain_text(part)
    assert len(message.inner_text()) > 60


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


# ------------------------------------------------------------------------------------------------ the built site
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
                expect(boxes.nth(index)).to_have_attribute("data-demo", re.compile("ready|kernel"))
                if boxes.nth(index).get_attribute("data-demo") == "ready":
                    assert numbers(boxes.nth(index).locator(".attn-demo"))
            assert tab.evaluate("document.documentElement.scrollWidth") <= tab.viewport_size["width"]
        seen += views
    assert seen, "the built site holds no demo"
