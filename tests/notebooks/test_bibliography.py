"""The bibliography says of each work in which notebooks it is cited, and names none that nobody cites."""

import re
from pathlib import Path

import nbformat
import pytest

import chapters

ROOT = Path(__file__).resolve().parents[2]


def slug(heading: str) -> str:
    return re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-"))


ENTRIES = {
    slug(heading): (heading, text)
    for heading, text in re.findall(
        r"^## (.+?)\n(.*?)(?=^## |\Z)",
        (ROOT / "appendix" / "bibliography.md").read_text("utf-8"),
        re.MULTILINE | re.DOTALL,
    )
}


def cited_in(anchor: str) -> set[str]:
    """Return the notebooks that link to an entry."""
    found = set()
    for path in chapters.notebooks():
        cells = nbformat.read(path, as_version=4).cells
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        if f"bibliography.md#{anchor})" in text:
            found.add(path.stem)
    return found


@pytest.mark.parametrize("anchor", ENTRIES)
def test_an_entry_names_the_notebooks_that_cite_it(anchor):
    heading, text = ENTRIES[anchor]
    named = {Path(link).stem for link in re.findall(r"\]\(([^)]+)\.ipynb\)", text)}
    cited = cited_in(anchor)
    assert named == cited, f"{heading}: names {sorted(named)}, cited in {sorted(cited)}"
    to_come = re.search(r"chapter (?:[5-9]|10)\b", text, re.IGNORECASE)
    assert cited or to_come or "[the library](api.md)" in text, f"{heading}: nobody cites it"
