"""Captions, numbers of formulas and citations, on a small book: what pages have, what is refused, how it looks."""

import base64
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).resolve().parents[2]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
CONFIG = """
extensions = ["myst_nb", "sphinxcontrib.bibtex", "sphinx_course.formulas", "sphinx_course.references"]
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
html_math_renderer = "course"
html_theme = "basic"
nb_execution_mode = "off"
bibtex_bibfiles = ["references.bib"]
bibtex_reference_style = "author_year"
root_doc = "one"
"""
BIBLIOGRAPHY = """# Bibliography

## Luong et al. (2015)

Scores.

```{bibliography}
:list: bullet
:filter: False

luong2015
```
"""
ENTRY = "@article{luong2015, author = {Luong, T.}, title = {Effective}, journal = {J}, year = {2015}}"
TEXT = r"""**Figure 1.1.** The weights, as equation (1.1) has them.

As figure 1.1 and Figures 1.1 and 2.1 show, equations (1.1), (1.2) and 2.1 hold; figure 2 of
another paper and `figure 9.9` are no business of ours. A break within Figure
1.1 does not matter.

$$a = b \tag{1.1}$$

$$
c = d
\tag{1.2}
$$

$$e = f$$

So say [Luong, Pham and Manning (2015)](bibliography.md#luong2015) and
[Luong et al. (2015)](bibliography.md#luong-et-al-2015).
"""
OTHER = r"""# Two

![A picture of the other chapter](picture.png)

**Figure 2.1.** The other one; see Figure 1.1.

![A picture of the appendix](picture.png)

**Figure A.1.** A page of the appendix has a letter; see also figure A.1.

$$g = h + \underbrace{aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}_{\text{long}} \tag{2.1}$$
"""


TITLE = new_markdown_cell("# One")


def figure(tags=()):
    """Return a cell that prints and draws."""
    picture = new_output("display_data", data={"image/png": PIXEL, "text/plain": "<Figure>"}, metadata={})
    outputs = [new_output("stream", text="printed"), picture]
    alt = {"mystnb": {"image": {"alt": "A picture of one pixel"}}, "tags": list(tags)}
    return new_code_cell("draw()", outputs=outputs, execution_count=1, metadata=alt)


def build(folder, text, cells=None):
    """Build a book of two chapters and a bibliography; gives its pages and what the build said."""
    source = folder / "source"
    source.mkdir()
    contents = new_markdown_cell("```{toctree}\n\ntwo\n```")
    notebook = new_notebook(cells=[*(cells or [TITLE, figure(), new_markdown_cell(text)]), contents])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python", "language": "python"}
    nbformat.write(notebook, source / "one.ipynb")
    (source / "two.md").write_text(OTHER + "\n```{toctree}\n\nbibliography\n```\n", encoding="utf-8")
    (source / "bibliography.md").write_text(BIBLIOGRAPHY, encoding="utf-8")
    (source / "references.bib").write_text(ENTRY, encoding="utf-8")
    (source / "picture.png").write_bytes(base64.b64decode(PIXEL))
    (source / "conf.py").write_text(CONFIG, encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-n", "--keep-going", "-E", "-b", "html"]
    result = subprocess.run(
        [*command, str(source), str(folder / "html")],
        capture_output=True, text=True, check=False, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT / "tools")},
    )  # fmt: skip
    assert (result.returncode == 0) == (result.stderr == ""), result.stderr
    return {path.stem: path.read_text(encoding="utf-8") for path in (folder / "html").glob("*.html")}, result.stderr


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """Where the sound book is built."""
    folder = tmp_path_factory.mktemp("book")
    _, said = build(folder, TEXT)
    assert said == ""
    return folder / "html"


def test_captions_numbers_and_citations_are_tied_together(book):
    one, two, bibliography = ((book / f"{n}.html").read_text("utf-8") for n in ("one", "two", "bibliography"))
    # The figure is what the cell draws, not what it prints or how; its caption stands within.
    (found,) = re.findall(r'<figure[^>]* id="fig-1-1">(.*?)</figure>', one, re.DOTALL)
    assert re.search(
        r'<img alt="A picture of one pixel".*<figcaption>.*<strong>Figure 1\.1\.</strong>', found, re.DOTALL
    )
    assert "printed" not in found
    assert "draw" not in found
    assert one.count("Figure 1.1.</strong>") == 1
    (found,) = re.findall(r'<figure[^>]* id="fig-2-1">(.*?)</figure>', two, re.DOTALL)
    assert re.search(r'<img alt="A picture of the other chapter".*<figcaption>', found, re.DOTALL)
    # Each formula that has a number shows it once, beside itself.
    numbered = r'<div class="formula numbered"[^>]* id="eq-{}">.*?<span class="eqno">\({}\)</span></div>'
    for page, number in ((one, "1.1"), (one, "1.2"), (two, "2.1")):
        (found,) = re.findall(numbered.format(number.replace(".", "-"), number.replace(".", r"\.")), page, re.DOTALL)
        assert "katex-html" in found
        assert "tag" not in found.replace('class="tag"', "")
    assert one.count('class="eqno"') == 2
    # What the text refers to is a link, word and number.
    links = [
        (target, re.sub("<[^>]*>", "", text))
        for target, text in re.findall(r'<a class="[^"]*" href="([^"]*)"[^>]*>(.*?)</a>', one)
    ]
    assert [link for link in links if re.search("fig-|eq-", link[0]) and link[1] != "¶"] == [
        ("#eq-1-1", "equation (1.1)"),
        ("#fig-1-1", "figure 1.1"), ("#fig-1-1", "Figures 1.1"), ("two.html#fig-2-1", "2.1"),
        ("#eq-1-1", "equations (1.1)"), ("#eq-1-2", "(1.2)"), ("two.html#eq-2-1", "2.1"),
        ("#fig-1-1", "Figure 1.1"),
    ]  # fmt: skip
    assert 'href="one.html#fig-1-1"' in two
    assert 'id="fig-a-1"' in two
    assert 'href="#fig-a-1"' in two
    # A citation leads to the entry by its key, or by its heading.
    assert ("bibliography.html#luong2015", "Luong, Pham and Manning (2015)") in links
    assert ("bibliography.html#luong-et-al-2015", "Luong et al. (2015)") in links
    assert 'id="luong2015"' in bibliography


NUMBERED = r'<div class="formula numbered"[^>]*>.*?<span class="eqno">\([\d.]+\)</span></div>'
FAULTS = [
    ("As figure 1.1", "As figure 1.7", "there is no figure 1.7 (cell 3, line 3)"),
    ("and 2.1 hold", "and 2.2 hold", "there is no equation 2.2 (cell 3, line 3)"),
    ("#luong2015", "#vaswani2017", "local id not found in doc 'bibliography': 'vaswani2017'"),
    ("[Luong et al. (2015)]", "[Luong et al. (2016)]", "“Luong et al. (2016)” leads to the entry luong-et-al-2015"),
    ("[Luong, Pham and Manning (2015)]", "[Cho (2015)]", "“Cho (2015)” leads to the entry vaswani2017"),
    (r"\tag{1.2}", r"\tag{1.1}", "there are two with this number: equation 1.1"),
    ("e = f", r"e \tag{1.5} = f \tag{1.6}", "a formula has one number, not 2"),
    ("So say", "**Figure 1.3.** A caption.\n\nSo say", "no figure stands above the caption Figure 1.3."),
    ("**Figure 1.1.** The", "**Figure 2.1.** The", "there are two with this number: figure 2.1"),
]


def test_what_does_not_exist_fails_the_build_with_its_place(tmp_path):
    broken = TEXT
    for old, new, _ in FAULTS:
        assert old in broken
        broken = broken.replace(old, new, 1)
    _, said = build(tmp_path, broken)
    lines = said.splitlines()
    for _, _, wanted in FAULTS:
        found = [line for line in lines if wanted in line]
        assert found, f"{wanted}\nis not in\n{said}"
        assert re.search(r"(one\.ipynb|two\.md):\d+: WARNING: ", found[0])


def test_a_caption_is_folded_away_with_its_figure(tmp_path):
    text = "**Figure 1.1.** Folded.\n\n$$a \\tag{1.1}$$\n\n$$b \\tag{1.2}$$"
    pages, said = build(tmp_path, "", [TITLE, figure(tags=["hide-cell"]), new_markdown_cell(text)])
    assert said == ""
    assert re.search(r"<details[^>]*>(?:(?!</details>).)*<figcaption>", pages["one"], re.DOTALL)


@pytest.mark.parametrize("width", [320, 390, 1200])
def test_the_number_stands_at_the_right_and_nothing_overflows(book, page, width):
    shutil.copy(ROOT / "assets" / "course.css", book / "_static")
    (formula,) = re.findall(NUMBERED, (book / "two.html").read_text("utf-8"), re.DOTALL)
    sheets = "".join(f'<link rel="stylesheet" href="_static/{name}">' for name in ("katex/katex.min.css", "course.css"))
    (book / "formula.html").write_text(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><link rel="icon" href="data:,">'
        f'<meta name="viewport" content="width=device-width">{sheets}</head>'
        f'<body><div class="bd-article">{formula}</div></body></html>',
        encoding="utf-8",
    )
    tab = page((book / "formula.html").as_uri(), width=width)
    tab.evaluate("document.fonts.ready.then(() => true)")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    outer, formula, number = (tab.locator(name).bounding_box() for name in (".numbered", ".numbered .math", ".eqno"))
    assert number["x"] >= formula["x"] + formula["width"] - 0.5, "the number stands beside the formula, not on it"
    assert abs(number["x"] + number["width"] - outer["x"] - outer["width"]) < 1, "at the right"
    assert outer["y"] <= number["y"] <= outer["y"] + outer["height"]
    scrolls = tab.locator(".numbered .math").evaluate("box => box.scrollWidth > box.clientWidth + 1")
    assert scrolls == (width < 500), "a formula that is too wide scrolls beside its number"
