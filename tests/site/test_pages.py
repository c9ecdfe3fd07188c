"""The built site: what stands in its files, and what a reader's browser makes of it.

The pages are those of `_toc.yml`, so a page that was not built fails too. The demos have tests of their own.
"""

import gzip
import itertools
import json
import re
from collections.abc import Iterator
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from built_pages import CHAPTERS, CONFIG, PAGES, ROOT, TOC, VIEW, Reader, at_rest, read

BUDGET = 400_000  # bytes of a chapter's first visit, compressed, without its figures

# Rules of axe that a page may break: where (a selector inside the element), and why.
KNOWN_TO_AXE = {
    "empty-table-header": ("math", "the header is one formula; axe does not read MathML, screen readers do"),
}


@pytest.fixture(params=[*PAGES, "search"])
def document(request, site) -> Reader:
    return read(site / f"{request.param}.html")


@pytest.fixture(params=PAGES)
def written(request, site) -> Reader:
    """A page that somebody wrote, unlike the search page."""
    return read(site / f"{request.param}.html")


@pytest.fixture(params=CHAPTERS)
def chapter(request) -> str:
    return request.param


# --------------------------------------------------------------------------------------------------- in the files
def loaded(reader: Reader) -> Iterator[str]:
    """Addresses that a browser asks for without being told to."""
    for tag, attributes in reader.elements:
        if tag in ("script", "img", "iframe", "source", "video", "audio", "embed", "track") and attributes.get("src"):
            yield attributes["src"]
        if tag == "object" and attributes.get("data"):
            yield attributes["data"]
        if attributes.get("srcset"):
            yield from (part.split()[0] for part in attributes["srcset"].split(","))
        if tag == "link" and not {"canonical", "license", "next", "prev", "search"} & set(attributes["rel"].split()):
            yield attributes["href"]
        yield from re.findall(r"url\([\"']?([^\"')]+)", attributes.get("style", ""))
    for sheet in reader.texts.get("style", []):
        yield from re.findall(r"url\([\"']?([^\"')]+)|@import [\"']([^\"']+)", sheet)


def test_nothing_is_loaded_from_elsewhere(document):
    elsewhere = [address for address in loaded(document) if urlsplit(address).scheme not in ("", "data")]
    elsewhere += [address for address in loaded(document) if address.startswith("//")]
    assert elsewhere == []
    # Not even a name is looked up ahead of time.
    assert not [link for link in document.all("link") if {"preconnect", "dns-prefetch"} & set(link["rel"].split())]


def test_style_sheets_name_only_files_that_are_there(site):
    wrong = []
    for sheet in (site / "_static").rglob("*.css"):
        text = re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.DOTALL)
        for address in re.findall(r"(?:url\(\s*|@import\s+)[\"']?([^\"')\s;]+)", text):
            local = not urlsplit(address).scheme and not address.startswith("//")
            if address.startswith(("data:", "#", "url(")):
                continue
            if not local or not (sheet.parent / unquote(urlsplit(address).path)).resolve().exists():
                wrong.append(f"{sheet.relative_to(site)}: {address}")
    assert wrong == []


def test_every_link_leads_somewhere(document, site):
    dead = []
    for tag, attributes in document.elements:
        address = attributes.get("href") or attributes.get("src")
        if not address or tag == "base":
            continue
        parts = urlsplit(address)
        if parts.scheme in ("https", "mailto", "data"):
            continue
        target = (document.path.parent / unquote(parts.path)).resolve() if parts.path else document.path
        there = not parts.scheme and target.is_relative_to(site.resolve()) and target.is_file()
        if there and parts.fragment and target.suffix == ".html":
            there = unquote(parts.fragment) in read(target).ids
        if not there:
            dead.append(address)
    assert dead == []


def test_pictures_say_what_is_to_be_seen(document):
    wordless = []
    for picture in document.all("img"):
        alt = picture.get("alt", "").strip()
        decoration = picture["src"].endswith("_static/favicon.svg") and "alt" in picture  # beside the course's name
        if not decoration and (len(alt) < 15 or re.search(r"\.(png|svg|jpe?g)$|^[0-9a-f]{16,}", alt)):
            wordless.append((picture["src"], alt))
    assert wordless == []


def test_demos_say_what_is_to_be_seen(written):
    views = written.source.count(f'type="{VIEW}"')
    described = re.findall(rf'type="{re.escape(VIEW)}">.*?</script>\s*<noscript><p [^>]*>([^<]{{40,}})', written.source)
    assert len(described) == views


def test_there_is_a_demo_on_the_landing_page_and_in_each_chapter(site):
    for name in [TOC["root"], *CHAPTERS]:
        assert f'type="{VIEW}"' in read(site / f"{name}.html").source, name


def test_head(document, site):
    assert document.all("html")[0]["lang"] == "en"
    title = "".join(document.texts["title"])
    assert CONFIG["title"] in title
    assert not set("\\$<") & set(title), "a title is plain text"
    icons = [link["href"] for link in document.all("link") if link["rel"] == "icon"]
    assert len(icons) == 1
    assert (document.path.parent / icons[0]).resolve().is_file()
    assert document.meta("og:title")
    assert document.meta("og:site_name") == CONFIG["title"]
    base = CONFIG["html"]["baseurl"]
    canonical = [link["href"] for link in document.all("link") if link["rel"] == "canonical"]
    if base:
        inside = document.path.relative_to(site).as_posix()
        assert document.meta("og:url") == urljoin(base, inside) == canonical[0]
        card = document.meta("og:image")
        assert card.startswith(base)
        assert (site / card.removeprefix(base)).is_file()
        assert document.meta("og:image:alt")
    else:  # an address that nobody has set must not be made up
        assert (canonical, document.meta("og:url"), document.meta("og:image")) == ([], None, None)


def test_description(written):
    description = written.meta("description") or ""
    assert 50 <= len(description) <= 160, description
    assert written.meta("og:description") == description


def test_titles_and_descriptions_differ(site):
    readers = [read(site / f"{name}.html") for name in PAGES]
    for texts in (["".join(reader.texts["title"]) for reader in readers], [r.meta("description") for r in readers]):
        assert len(set(texts)) == len(texts)


def test_headings_are_an_outline(document):
    levels = [int(tag[1]) for tag, _ in document.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels)), levels


def test_ids_are_unique(document):
    twice = {name for name in document.ids if document.ids.count(name) > 1}
    assert twice == set()


def test_formulas_are_drawn(written):
    formulas = re.findall(r'<(?:span|div) class="math[^>]*>(.{0,40})', written.source, re.DOTALL)
    assert [formula for formula in formulas if 'class="katex' not in formula] == []
    assert written.source.count('class="katex-html"') == written.source.count("</math>")
    assert "katex-error" not in written.source


def test_icons_need_no_icon_font(document, site):
    classes = " ".join(attributes.get("class", "") for _, attributes in document.elements).split()
    assert [name for name in classes if name.startswith("fa-")] == []
    sheet = (site / "_static" / "course.css").read_text(encoding="utf-8")
    used = {name for name in classes if name.startswith("icon-")}
    assert used
    assert {name for name in used if not re.search(rf"\.{name} {{ --shape: url", sheet)} == set()
    assert not (site / "_static" / "vendor").exists()


NOTEBOOKS = [name for name in PAGES if (ROOT / f"{name}.ipynb").exists()]  # chapters, and what the appendix runs


@pytest.mark.parametrize("chapter", NOTEBOOKS)
def test_chapter_opens_in_colab_and_comes_as_a_file(chapter, site):
    reader = read(site / f"{chapter}.html")
    links = {tag.get("title"): tag for tag in reader.all("a")}
    slug = "/".join(CONFIG["repository"]["url"].split("/")[-2:])
    there = f"{slug}/blob/{CONFIG['repository']['branch']}/{chapter}.ipynb"
    assert links["Run this chapter in Google Colab"]["href"] == f"https://colab.research.google.com/github/{there}"
    assert links["Source of this page on GitHub"]["href"] == f"https://github.com/{there}"
    assert f"/gh/{slug}/" in links["Run this chapter on Binder"]["href"]
    download = links["Download this chapter as a notebook"]
    assert "download" in download
    taken = (reader.path.parent / download["href"]).resolve()
    assert taken.read_bytes() == (ROOT / f"{chapter}.ipynb").read_bytes()
    assert json.loads(taken.read_text(encoding="utf-8"))["nbformat"] == 4


def luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["query", "key", "value", "weight", "output", "ink", "quiet", "link"])
def test_colors_are_legible(theme, name):
    sheet = (ROOT / "assets" / "course.css").read_text(encoding="utf-8")
    block = re.search(rf'html\[data-theme="{theme}"\][^{{]*{{([^}}]*)}}', sheet)[1]
    colors = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", block))
    for background in ("page", "raised"):
        low, high = sorted((luminance(colors[name]), luminance(colors[background])))
        assert (high + 0.05) / (low + 0.05) >= 4.5, f"{name} {colors[name]} on {background} {colors[background]}"


# ------------------------------------------------------------------------------------------------ in a real browser
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
