"""The built site: what stands in its files, and what a reader's browser makes of it.

The pages are those of `_toc.yml`, so a page that was not built fails too. The demos have tests of their own.
"""

import itertools
import json
import re
from collections.abc import Iterator
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from built_pages import CHAPTERS, CONFIG, NOTEBOOKS, PAGES, ROOT, TOC, VIEW, Reader, read


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
