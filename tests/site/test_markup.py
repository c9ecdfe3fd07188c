"""No page shows its source: a table, a note or a link that was written wrong appears as the signs that make it."""

import re

import pytest
from built_pages import PAGES, read

SIGNS = re.compile(r"^\s*\|.*\|\s*$|:::|```|\]\(|\*\*[^\s*][^*\n]*\*\*|^#{1,6} |\{[a-z:]+\}`|\$\$", re.MULTILINE)


def paragraphs(source: str) -> list[str]:
    """The texts of a page's paragraphs, list items, cells and headings, without code, formulas and demos."""
    (article,) = re.findall(r"<article.*?</article>", source, re.DOTALL)
    article = re.sub(r"<(pre|code|script|style|svg|textarea)\b.*?</\1>", "", article, flags=re.DOTALL)
    article = re.sub(r'<(span|div) class="[^"]*(?:math|katex)[^"]*".*?</\1>', "", article, flags=re.DOTALL)
    blocks = re.split(r"</?(?:p|li|td|th|h\d|dd|dt|summary|figcaption|div|section)\b[^>]*>", article)
    return [text for block in blocks if (text := re.sub(r"<[^>]*>", "", block).strip())]


@pytest.mark.parametrize("name", PAGES)
def test_no_sign_of_its_source_is_seen(site, name):
    seen = [text[:120] for text in paragraphs(read(site / f"{name}.html").source) if SIGNS.search(text)]
    assert not seen, f"{name} shows its source: {seen[:5]}"
