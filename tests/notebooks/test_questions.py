"""“Attention in PyTorch”: its list of contents, and the addresses that other people link to."""

import ast
import builtins
import re
import symtable
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]

# Links from elsewhere lead here. A question may be added; one whose words change keeps its old address by an element
# <a id="…"></a> above its heading.
ADDRESSES = [
    "does-true-in-a-mask-mean-attend-or-ignore",
    "my-mask-holds-zeros-and-ones-and-nothing-is-masked",
    "what-shape-does-a-mask-need",
    "how-do-i-combine-a-causal-mask-with-padding",
    "i-set-is-causal-and-the-model-still-sees-the-future",
    "why-does-my-decoder-with-a-cache-see-only-the-first-token",
    "why-is-my-output-nan",
    "the-padding-is-masked-so-why-does-its-nan-reach-the-output",
    "what-breaks-in-half-precision",
    "how-do-i-get-the-attention-weights",
    "are-the-weights-averaged-over-the-heads",
    "why-do-the-weights-not-sum-to-1",
    "why-do-multiheadattention-and-scaled-dot-product-attention-differ",
    "why-does-transformerencoder-change-its-output-in-eval",
    "which-axis-is-the-query-and-which-is-the-batch",
    "who-divides-by-the-root-of-d-and-do-i-divide-twice",
    "do-i-split-the-heads-with-view-or-with-transpose",
    "why-does-attention-have-three-matrices",
    "which-features-does-rope-pair-neighbors-or-halves",
    "is-it-really-using-a-fused-kernel",
    "why-does-memory-still-grow-with-the-square-of-the-length",
    "why-can-i-not-differentiate-twice-and-why-does-vmap-warn",
    "how-do-i-change-the-score-with-flex-attention",
    "the-names-that-all-cells-use",
]
NAMES = "The names that all cells use"


@pytest.fixture(scope="module")
def cells():
    return nbformat.read(ROOT / "appendix" / "attention_in_pytorch.ipynb", as_version=4).cells


@pytest.fixture(scope="module")
def text(cells):
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def address(heading: str) -> str:
    """Return the id that a heading has on the site."""
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")


def link(heading: str) -> str:
    """Return what a link within the book says, as GitHub and MyST make it of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def test_the_contents_list_every_question_in_order(text):
    headings = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    assert re.findall(r"^- \[(.+)\]\(#(.+)\)$", text, flags=re.MULTILINE) == [(h, link(h)) for h in headings]


def test_links_within_the_page_lead_somewhere(text):
    headings = {link(heading) for heading in re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings


def test_no_address_is_lost(text):
    there = {address(heading) for heading in re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)}
    there |= set(re.findall(r'<a id="([^"]+)"></a>', text))
    assert [old for old in ADDRESSES if old not in there] == []


@pytest.fixture(scope="module")
def sections(cells):
    """The cells of each question by its heading; what stands above the first is of no question."""
    found, question = {}, ""
    for cell in cells:
        if cell.cell_type == "markdown":
            question = next(iter(re.findall(r"^## (.+)$", cell.source, flags=re.MULTILINE)), question)
        if question:
            found.setdefault(question, []).append(cell)
    assert len(found) >= 20
    assert next(iter(found)) == NAMES
    return found


def code(cells) -> str:
    return "\n".join(cell.source for cell in cells if cell.cell_type == "code")


def names(source: str) -> tuple[set[str], set[str]]:
    """Return the global names that a source makes, and those that it uses."""
    made, used = set(), set()
    tables = [top := symtable.symtable(source, "cells", "exec")]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            if table is top and (symbol.is_assigned() or symbol.is_imported()):
                made.add(symbol.get_name())
            if symbol.is_referenced() and (table is top or symbol.is_global()):
                used.add(symbol.get_name())
    return made, used - set(dir(builtins))


def calls(source: str) -> set[str]:
    """Return every call in a source, written in one way."""
    source = source.replace("F.scaled_dot_product_attention(", "sdpa(")
    return {ast.unparse(node) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)}


def test_every_question_is_answered_by_what_equals_attend(sections):
    """Each section asserts something, and calls `attend`, or the page's `encoded`, which does."""
    for question, cells in sections.items():
        asserted = [line for line in code(cells).splitlines() if line.strip().startswith("assert")]
        assert asserted, f"“{question}” shows nothing that is asserted"
        assert "attend(" in code(cells) or "encoded(" in code(cells), f"“{question}” shows nothing that equals attend"


def test_every_question_stands_alone(sections):
    """A reader comes from a search: what a section uses is made there or by the names at the top, which it keeps."""
    common, _ = names(code(sections[NAMES]))
    common |= {"torch"}  # of the set-up cell
    for question, cells in sections.items():
        made, used = names(code(cells))
        assert used - made - common == set(), f"“{question}” uses names of another question"
        if question != NAMES:
            assert made & common == set(), f"“{question}” changes names that all cells use"
            assert "(#the-names-that-all-cells-use)" in cells[0].source, (
                f"“{question}” does not say whose names it uses"
            )


def test_every_question_begins_with_its_answer_and_shows_wrong_before_right(sections):
    for question, cells in sections.items():
        if question == NAMES:
            continue
        assert re.match(r"## .+\n\n\*\*[^*]", cells[0].source), f"“{question}” does not begin with its answer in bold"
        labels = re.findall(r"^# (Wrong|Right)\b", code(cells), flags=re.MULTILINE)
        assert labels[:1] == ["Wrong"], f"“{question}” shows no way that is wrong first"
        assert labels[-1] == "Right", f"“{question}” does not show the right way"


def test_lines_to_copy_are_run_in_what_is_right(sections):
    found = 0
    for question, cells in sections.items():
        right = code(cell for cell in cells if not cell.source.startswith("# Wrong"))
        for line in re.findall(r"```python\n(.*?)```", cells[0].source, flags=re.DOTALL):
            found += 1
            assert calls(line) - calls(right) == set(), f"“{question}” does not run what it says to copy"
    assert found >= 15


@pytest.mark.parametrize(
    ("source", "made", "used"),
    [
        ("y = [f(x) for x in z]", {"y"}, {"f", "z"}),
        ("import a.b\ndef g(u, w=y):\n    h = u + k\n    return h", {"a", "g"}, {"y", "k"}),
        ("with c() as e:\n    print(e, len(e))", {"e"}, {"c", "e"}),
    ],
)
def test_names_are_those_of_the_outermost_level(source, made, used):
    assert names(source) == (made, used)
