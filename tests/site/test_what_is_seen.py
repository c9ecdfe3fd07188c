"""What a reader sees of the built site and can press: not what the files say, but what the browser draws and does."""

import colorsys
import re
import struct

import fonts
import pytest
from built_pages import CHAPTERS, CONFIG, PAGES, ROOT, TOC, VIEW, at_rest, read
from demo_pages import NARROWEST, STATE, ready
from playwright.sync_api import expect

from attn_utils.plots import COLORS

MOST_SHIFT = 0.01  # of the layout; the limit of Google's Core Web Vitals is 0.1
ROLES = list(COLORS)

# How much of what is drawn of an element comes through all that it stands in, from 0 to 1.
OPACITY = """const opacity = part => part.checkVisibility({visibilityProperty: true}) ? (() => {
    let product = 1;
    for (let box = part; box; box = box.parentElement) product *= Number(getComputedStyle(box).opacity);
    return product; })() : 0;"""


@pytest.fixture(params=CHAPTERS)
def chapter(request) -> str:
    return request.param


def unfold(tab) -> None:
    """Open everything that is folded, and let it fade in."""
    tab.evaluate(
        """() => { for (const part of document.querySelectorAll("details")) part.open = true;
             const ends = document.getAnimations().filter(one => one.effect.getComputedTiming().endTime < 5000);
             return Promise.all(ends.map(animation => animation.finished)).then(() => 0); }"""
    )


@pytest.mark.parametrize("name", [*PAGES, "search"])
def test_every_page_fits_the_narrowest_window_in_any_font(page, site, name):
    for font in ("narrow", "wide"):
        tab = page((site / f"{name}.html").as_uri(), width=NARROWEST, height=568, touch=True)
        fonts.set_in(tab, fonts.FONTS[font])
        at_rest(tab)
        assert tab.evaluate("document.documentElement.scrollWidth") <= NARROWEST, font
        outside = tab.locator(".bd-header-article :is(a, button):visible").evaluate_all(
            f"""all => all.map(tool => tool.getBoundingClientRect())
                 .filter(box => box.left < 0 || box.right > {NARROWEST})"""
        )
        assert outside == [], f"{font}: a tool that cannot be reached"


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_moves_while_a_page_arrives(page, served, chapter, width):
    tab = page(width=width)
    tab.add_init_script(
        """window.shifts = []; new PerformanceObserver(list => { for (const entry of list.getEntries())
             shifts.push([entry.value, ...entry.sources.map(({node}) => node?.className ?? node?.nodeName)]);
           }).observe({type: "layout-shift", buffered: true})"""
    )
    # Slowly, as over a bad line, so that the text is drawn before what stands behind it in the file is there.
    line = tab.context.new_cdp_session(tab)
    line.send("Network.enable")
    speed = {"downloadThroughput": 300_000, "uploadThroughput": 300_000}
    line.send("Network.emulateNetworkConditions", {"offline": False, "latency": 20, **speed})
    tab.goto(f"{served}/{chapter}.html", wait_until="domcontentloaded")
    # The text is there, what it is dressed in may come as fast as it can: a slow line with many files stalls at times.
    line.send("Network.emulateNetworkConditions", {"offline": False, "latency": 0} | dict.fromkeys(speed, -1))
    at_rest(tab)
    tab.wait_for_timeout(500)
    shifts = tab.evaluate("shifts")
    assert sum(value for value, *_ in shifts) <= MOST_SHIFT, shifts


def test_figures_are_seen_at_their_size(page, served, chapter):
    tab = page(f"{served}/{chapter}.html", width=1280)
    at_rest(tab)
    unfold(tab)
    figures = tab.locator("article .cell_output img")
    assert figures.count() >= 1
    hidden = figures.evaluate_all(
        f"""all => {{ {OPACITY} return all.filter(figure => {{
             const box = figure.getBoundingClientRect(), style = getComputedStyle(figure);
             const own = parseFloat(figure.style.width || figure.getAttribute("width"));
             const wanted = Math.min(own, figure.closest(".cell_output").clientWidth);
             return !figure.complete || !figure.naturalWidth || opacity(figure) < 1 || box.width < wanted - 2 ||
                 box.height < 40 || style.clipPath !== "none" || style.mixBlendMode !== "normal";
           }}).map(figure => [figure.alt.slice(0, 60), opacity(figure), figure.getBoundingClientRect().width]); }}"""
    )
    assert hidden == []
    covered = tab.evaluate(
        """() => [...document.querySelectorAll("article .cell_output img")].filter(figure => {
             figure.scrollIntoView({block: "center"});
             const box = figure.getBoundingClientRect();
             return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2) !== figure;
           }).map(figure => figure.alt.slice(0, 60))"""
    )
    assert covered == [], "something lies over a figure"


def test_text_and_formulas_are_seen_at_their_size(page, served, chapter):
    tab = page(f"{served}/{chapter}.html", width=1280)
    at_rest(tab)
    unfold(tab)
    wrong = tab.locator("article .katex").evaluate_all(
        f"""all => {{ {OPACITY} return all.filter(formula => {{
             const text = formula.parentElement.closest("p, td, th, li, div, h2, h3");
             const around = parseFloat(getComputedStyle(text).fontSize);
             const size = parseFloat(getComputedStyle(formula).fontSize);
             const drawn = formula.querySelector(".katex-html").getBoundingClientRect();
             return opacity(formula) < 1 || size < around || size > 1.5 * around || drawn.height < size / 2 ||
                 drawn.width < 2;
           }}).map(formula => formula.textContent.slice(0, 40)); }}"""
    )
    assert wrong == []
    pale = tab.locator("article :is(h1, h2, h3, p, li, td, th, pre, summary, figcaption)").evaluate_all(
        f"""all => {{ {OPACITY} return all
             .filter(part => part.checkVisibility() && part.innerText.trim() && !part.closest(".attn-demo"))
             .filter(part => opacity(part) < 1 || parseFloat(getComputedStyle(part).fontSize) < 11)
             .map(part => part.innerText.slice(0, 40)); }}"""
    )
    assert pale == []


def test_what_is_folded_opens_and_closes(page, served, chapter):
    tab = page(f"{served}/{chapter}.html")
    at_rest(tab)
    folded = tab.locator("article details")
    assert folded.count() >= 6, "the solutions of six exercises"
    first = folded.filter(has=tab.locator("summary", has_text=re.compile("solution", re.IGNORECASE))).first
    for part in (first, folded.last):
        expect(part).not_to_have_attribute("open", "")
        part.locator("summary").first.click()
        expect(part).to_have_attribute("open", "")
        part.locator("summary").first.click()
        expect(part).not_to_have_attribute("open", "")
    unfold(tab)
    empty = folded.evaluate_all(
        f"""all => {{ {OPACITY}
             const seen = inside => inside.getBoundingClientRect().height > 15 && opacity(inside) === 1;
             return all.filter(part => ![...part.querySelectorAll(":scope > :not(summary)")].some(seen))
             .map(part => part.textContent.trim().slice(0, 60)); }}"""
    )
    assert empty == []


def test_a_link_into_something_folded_opens_it(page, served, chapter):
    tab = page(f"{served}/{chapter}.html")
    at_rest(tab)
    tab.evaluate("document.querySelector('article details > :not(summary)').id = 'inside'; location.hash = 'inside'")
    tab.wait_for_function("document.getElementById('inside').closest('details').open")
    box = tab.locator("#inside").bounding_box()
    assert box["height"] > 0
    assert 0 <= box["y"] < 900


def test_the_print_button_prints_and_code_is_on_paper(page, served, chapter):
    tab = page(f"{served}/{chapter}.html")
    at_rest(tab)
    tab.evaluate("window.printed = 0; window.print = () => { window.printed += 1; }; 0")
    tab.get_by_role("button", name="Print this page").click()
    assert tab.evaluate("window.printed") == 1
    tab.emulate_media(media="print")
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    unfold(tab)  # nothing is left to open; what fades in has done so
    missing = tab.locator("article :is(pre, img, figcaption, .katex-html)").evaluate_all(
        f"""all => {{ {OPACITY} return all.filter(part => !part.closest(".attn-demo, noscript"))
             .filter(part => opacity(part) < 1 || part.getBoundingClientRect().height < 5)
             .map(part => part.textContent.slice(0, 60)); }}"""
    )
    assert missing == []
    white = tab.locator("article pre").evaluate_all(
        "all => all.filter(part => getComputedStyle(part).color === 'rgb(255, 255, 255)').length"
    )
    assert white == 0


def links(reader, kind):
    """Where a page's link to its neighbor leads: the link a reader presses, and what the head says."""
    pressed = [tag["href"] for tag in reader.all("a") if tag.get("class") == kind]
    said = [tag["href"] for tag in reader.all("link") if tag["rel"] == ("prev" if kind == "previous" else "next")]
    return [[(reader.path.parent / address).resolve() for address in found] for found in (pressed, said)]


def test_previous_and_next_lead_there(site):
    paths = [(site / f"{name}.html").resolve() for name in PAGES]
    for before, path, after in zip([None, *paths], paths, [*paths[1:], None], strict=False):
        reader = read(path)
        assert links(reader, "previous") == [[before] if before else []] * 2, path
        assert links(reader, "next") == [[after] if after else []] * 2, path


def test_previous_and_next_can_be_pressed(page, served):
    tab = page(f"{served}/{PAGES[2]}.html")
    for name, wanted in (("Next", PAGES[3]), ("Previous", PAGES[2]), ("Previous", PAGES[1])):
        link = tab.get_by_role("navigation", name="Previous and next page").get_by_role("link", name=re.compile(name))
        link.click()
        tab.wait_for_url(f"{served}/{wanted}.html")


def test_the_landing_page_has_the_demo_that_its_text_describes(page, served, site):
    """ "Drag the query toward a key and watch its fill": the first chapter's demo."""
    name = TOC["root"]
    state = re.search(rf'<script type="{re.escape(STATE)}">(.*?)</script>', read(site / f"{name}.html").source)[1]
    assert set(re.findall(r'"_anywidget_id": "[\w.]*?(\w+)"', state)) == {"PointAndAttend"}
    tab = page(f"{served}/{name}.html")
    demo = ready(tab)
    assert tab.locator(f"script[type='{VIEW}']").count() == 1
    expect(demo).to_be_visible()
    names = demo.get_by_role("slider").evaluate_all(
        "all => all.map(part => part.getAttribute('aria-label') || part.id)"
    )
    assert any("query" in name.lower() for name in names), names


def test_icons_are_drawn(page, served):
    tab = page(f"{served}/{CHAPTERS[0]}.html", width=1280)
    at_rest(tab)
    wrong = tab.locator("span.icon:visible").evaluate_all(
        f"""all => {{ {OPACITY} return all.filter(icon => {{ const box = icon.getBoundingClientRect();
             const style = getComputedStyle(icon), page = getComputedStyle(document.body).backgroundColor;
             return box.width < 10 || box.height < 10 || opacity(icon) < 1 || style.maskImage === "none" ||
                 style.backgroundColor === page || style.backgroundColor === "rgba(0, 0, 0, 0)";
           }}).map(icon => icon.className); }}"""
    )
    assert wrong == []
    assert tab.locator("span.icon:visible").count() >= 8


def test_pictures_of_the_course_have_their_size():
    layout = {"social-card.png": (1200, 630), "demo.png": (936, 1007)}
    for name, size in layout.items():
        data = (ROOT / "assets" / name).read_bytes()
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">II", data[16:24]) == size, name
        assert len(data) > 20_000, f"{name} shows next to nothing"
    assert re.search(r'<svg [^>]*viewBox="0 0 1200 630" width="1200" height="630"', svg("social-card"))
    assert re.search(r'viewBox="0 0 (\d\d+) \1"', svg("favicon"))
    for words in ("Attention", "kernel regression", "Transformer"):
        assert words in svg("social-card")
        assert words in CONFIG["title"]


def svg(name: str) -> str:
    return (ROOT / "assets" / f"{name}.svg").read_text(encoding="utf-8")


def test_the_notation_page_names_the_colors_of_the_library():
    text = (ROOT / "appendix" / "notation.md").read_text(encoding="utf-8")
    rows = re.findall(r'^\| <span class="(\w+)">■ \w+</span> `(#\w{6})` \| (\w+):', text, re.MULTILINE)
    assert [(role, color) for role, color, _ in rows] == list(COLORS.items())
    assert [role for role, _, _ in rows] == [word for _, _, word in rows]


@pytest.mark.parametrize("dark", [False, True])
def test_roles_have_their_colors_on_the_notation_page(page, served, dark):
    """Each role's words are in a shade of its color, and in no other role's."""
    tab = page(f"{served}/appendix/notation.html", dark=dark)
    at_rest(tab)
    for role in ROLES:
        drawn = tab.locator(f"article span.{role}").evaluate_all("all => all.map(part => getComputedStyle(part).color)")
        assert drawn, role
        for color in set(drawn):
            distances = {other: hue_distance(color, COLORS[other]) for other in ROLES}
            assert min(distances, key=distances.get) == role, f"{role} is drawn in {color}"
            assert distances[role] < 15, f"{role} is drawn in {color}"


def hue_distance(drawn: str, color: str) -> float:
    one = [int(channel) / 255 for channel in re.findall(r"\d+", drawn)[:3]]
    two = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    difference = abs(colorsys.rgb_to_hsv(*one)[0] - colorsys.rgb_to_hsv(*two)[0]) * 360
    return min(difference, 360 - difference)
