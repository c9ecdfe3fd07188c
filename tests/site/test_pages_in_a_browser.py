"""What a reader's browser makes of the built site: every page, in light and dark, and the tools around the text."""

import gzip
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from built_pages import CHAPTERS, NOTEBOOKS, PAGES, VIEW, at_rest

BUDGET = 400_000  # bytes of a chapter's first visit, compressed, without its figures

# Rules of axe that a page may break: where (a selector inside the element), and why.
KNOWN_TO_AXE = {
    "empty-table-header": ("math", "the header is one formula; axe does not read MathML, screen readers do"),
}


@pytest.fixture(params=CHAPTERS)
def chapter(request) -> str:
    return request.param


@pytest.mark.parametrize("name", [*PAGES, "search"])
def test_light_and_wide_from_a_server(page, served, name):
    tab = page(f"{served}/{name}.html", width=1200)
    at_rest(tab)
    cut = tab.locator("div.math").evaluate_all(  # it scrolls, and so cuts off what is too wide
        "all => all.filter(f => f.scrollWidth > f.clientWidth + 1).map(f => f.textContent)"
    )
    assert cut == []  # no formula is wider than the column of a laptop
    look(tab, dark=False)


@pytest.mark.parametrize("name", [*PAGES, "search"])
def test_dark_and_narrow_from_disk(page, site, name):
    tab = page((site / f"{name}.html").as_uri(), width=390, height=844, dark=True, touch=True)
    at_rest(tab)
    unreachable = tab.evaluate(
        """() => [...document.querySelectorAll("article *")].filter(box =>
             /auto|scroll/.test(getComputedStyle(box).overflowX) && box.scrollWidth > box.clientWidth + 1 &&
             !(box.tabIndex === 0 && box.getAttribute("aria-label")) && !box.closest(".katex, .attn, [data-demo]"))
             .map(box => box.outerHTML.slice(0, 120))"""
    )
    assert unreachable == [], "a box that scrolls sideways must be reachable by keyboard and have a name"
    look(tab, dark=True)


def look(tab, *, dark: bool) -> None:
    """What holds for every page in every light and at every width. The console is checked when the tab closes."""
    too_wide = tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert too_wide <= 0, f"the page scrolls sideways by {too_wide} pixels"
    red, green, blue = map(int, re.findall(r"\d+", tab.evaluate("getComputedStyle(document.body).backgroundColor"))[:3])
    assert (max(red, green, blue) < 40) if dark else (min(red, green, blue) > 240)
    framed = tab.evaluate(
        """() => [...document.images].filter(image => getComputedStyle(image).filter !== "none" ||
             getComputedStyle(image).backgroundColor !== "rgba(0, 0, 0, 0)").map(image => image.src)"""
    )
    assert framed == [], "figures are transparent and drawn for both themes: no box behind them, no filter"
    stretched = tab.evaluate(
        """() => [...document.images].filter(image => image.naturalWidth && image.clientHeight &&
             Math.abs(image.clientWidth / image.clientHeight * image.naturalHeight / image.naturalWidth - 1) > 0.03)
             .map(image => image.src)"""
    )
    assert stretched == [], "a figure that shrinks to the page keeps its proportions"
    # The boxes of a formula, ten thousand on a page, are hidden from screen readers and take the color of the text
    # around them. Looking at each would take most of the time and find nothing. What they scroll in has its own test.
    tab.evaluate("document.querySelectorAll('.katex-html').forEach(boxes => boxes.replaceChildren())")
    # Code repeats a dozen colors thousands of times: one word in each color is enough.
    tab.evaluate(
        """() => { const seen = new Set(); document.querySelectorAll(".highlight span").forEach(word =>
             seen.has(word.className) ? word.replaceWith(...word.childNodes) : seen.add(word.className)); }"""
    )
    # Left alone, axe fetches the style sheets once more, resolves an @import against the page, and gets a 404.
    found = Axe().run(tab, options={"preload": False, "resultTypes": ["violations"]})
    violations = {}
    for violation in found.response["violations"]:
        inside, _ = KNOWN_TO_AXE.get(violation["id"], ("", ""))
        for node in violation["nodes"]:
            if not (inside and tab.locator(node["target"][0]).locator(inside).count()):
                violations.setdefault(violation["id"], []).append(node["html"][:200])
    assert violations == {}


@pytest.mark.parametrize("chapter", NOTEBOOKS)
def test_first_visit_is_light(page, served, chapter):
    tab = page()
    responses = []
    tab.on("response", lambda response: responses.append(response))
    tab.goto(f"{served}/{chapter}.html")
    at_rest(tab)
    missing = [response.url for response in responses if response.status >= 400]
    assert missing == []
    weights = {
        response.url.removeprefix(served): len(gzip.compress(response.body(), 6))
        for response in responses
        if "/_images/" not in response.url and response.url.startswith("http")
    }
    total = sum(weights.values())
    heaviest = sorted(weights.items(), key=lambda item: -item[1])[:8]
    print(f"{chapter}: {total / 1000:.0f} kB", heaviest)
    assert total <= BUDGET, heaviest


@pytest.mark.parametrize("place", ["server", "disk"])
def test_search_finds_and_leads(page, served, site, place):
    start = served if place == "server" else site.as_uri()
    tab = page(f"{start}/{PAGES[0]}.html")
    tab.keyboard.press("Control+k")
    tab.keyboard.type("kernel regression")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/search.html?q=*")
    result = tab.locator("#search-results li a", has_text=re.compile("kernel regression", re.IGNORECASE)).first
    result.wait_for()
    if place == "server":  # a page opened from disk may not read its neighbors, so there are no excerpts there
        excerpt = tab.locator("#search-results li p.context").first
        excerpt.wait_for()
        assert "\\" not in excerpt.inner_text()  # formulas once, not as TeX
    result.click()
    tab.wait_for_url(re.compile(r"/chapters/02_"))
    assert "kernel regression" in tab.locator("h1").inner_text().lower()


def test_search_says_so_when_it_finds_nothing(page, served):
    tab = page(f"{served}/search.html?q=xyzzyqwert")
    tab.get_by_text("did not match any documents").wait_for()


def test_theme_button_changes_the_theme_and_it_stays(page, served):
    tab = page(f"{served}/{PAGES[0]}.html")
    assert tab.evaluate("document.documentElement.dataset.theme") == "light"
    tab.get_by_role("button", name="Light, dark or as your system").click()
    assert tab.evaluate("document.documentElement.dataset.theme") == "dark"
    tab.goto(f"{served}/{CHAPTERS[0]}.html")
    assert tab.evaluate("document.documentElement.dataset.theme") == "dark"


def test_keyboard_reaches_every_tool_and_skips_to_the_text(page, served):
    tab = page(f"{served}/{CHAPTERS[0]}.html")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the text"
    tab.wait_for_function("document.activeElement.getBoundingClientRect().top >= 0")  # it is seen, once it has slid in
    reached = []
    for _ in range(40):
        tab.keyboard.press("Tab")
        reached.append(tab.evaluate("document.activeElement.title"))
        outline = tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", "the focus must be visible"
        if reached[-1] == "Search":
            break
    tools = tab.locator(".bd-header-article :is(a, button)")
    names = [tool.get_attribute("title") for tool in tools.all() if tool.is_visible()]
    assert len(names) >= 7
    assert set(names) <= set(reached)
    tab.reload()
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.getElementById('main-content').contains(document.activeElement)")


def test_drawer_on_a_phone(page, served):
    tab = page(f"{served}/{CHAPTERS[1]}.html", width=390, height=844, touch=True)
    link = tab.locator(".bd-sidebar-primary a", has_text="Notation")
    assert not link.is_visible()
    button = tab.get_by_role("button", name="Show or hide the table of contents")
    button.tap()
    link.wait_for(state="visible")
    tab.wait_for_function("document.querySelector('.bd-sidebar-primary').contains(document.activeElement)")
    tab.keyboard.press("Escape")
    link.wait_for(state="hidden")
    assert button.evaluate("button => button === document.activeElement")
    tab.get_by_role("button", name="Show or hide the sections of this page").tap()
    tab.locator(".bd-toc-nav a").first.wait_for(state="visible")


def test_list_of_sections_follows_the_reader(page, served):
    tab = page(f"{served}/{CHAPTERS[0]}.html", width=1280)
    links = tab.locator(".bd-toc-nav > ul > li > a")
    links.last.click()
    tab.wait_for_function("link => link.classList.contains('active')", arg=links.last.element_handle())
    assert tab.locator(".bd-toc-nav [aria-current=true]").count() == 1


def test_print(page, served):
    tab = page(f"{served}/{CHAPTERS[0]}.html", dark=True)
    tab.emulate_media(media="print")
    for gone in (".bd-header-article", ".bd-sidebar-primary", ".bd-sidebar-secondary", ".course-footer"):
        assert not tab.locator(gone).is_visible(), gone
    assert tab.locator("h1").is_visible()
    ink, paper = tab.evaluate(
        "[getComputedStyle(document.querySelector('article p')).color, getComputedStyle(document.body).backgroundColor]"
    )
    assert (ink, paper) == ("rgb(0, 0, 0)", "rgb(255, 255, 255)")
    code = tab.evaluate(
        "[...document.querySelectorAll('div.highlight :is(pre, span)')].map(part => getComputedStyle(part).color)"
    )
    assert set(code) == {"rgb(0, 0, 0)"}
    assert tab.locator("details").count() > 0
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.locator("details:not([open])").count() == 0
    assert tab.evaluate("document.documentElement.dataset.theme") == "light"
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert tab.locator("details[open]").count() == 0
    assert tab.evaluate("document.documentElement.dataset.theme") == "dark"


def test_without_javascript_text_figures_and_descriptions_remain(page, served, chapter):
    tab = page(f"{served}/{chapter}.html", javascript=False)
    assert tab.locator("h1").is_visible()
    assert tab.locator("article img").first.is_visible()
    views = tab.locator(f"script[type='{VIEW}']").count()
    descriptions = tab.locator(".demo-description")
    assert views == descriptions.count() > 0
    assert all(description.is_visible() for description in descriptions.all())
    assert not tab.locator("button").first.is_visible(), "a button that does nothing must not be shown"
