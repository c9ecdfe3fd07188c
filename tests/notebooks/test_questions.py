"""“Attention in PyTorch”: its list of contents, and the addresses that other people link to."""

import re
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
    "why-do-the-weights-not-sum-to-1",
    "why-do-multiheadattention-and-scaled-dot-product-attention-differ",
    "why-does-transformerencoder-change-its-output-in-eval",
    "which-axis-is-the-query-and-which-is-the-batch",
    "who-divides-by-the-root-of-d-and-do-i-divide-twice",
    "is-it-really-using-a-fused-kernel",
    "why-does-memory-still-grow-with-the-square-of-the-length",
    "why-can-i-not-differentiate-twice-and-why-does-vmap-warn",
    "how-do-i-change-the-score-with-flex-attention",
]


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


def test_every_question_is_answered_by_what_equals_attend(cells):
    """Each section asserts something, and calls `attend`, or the page's `encoded`, which does."""
    sections: dict[str, str] = {}
    question = ""
    for cell in cells:
        if cell.cell_type == "markdown":
            question = next(iter(re.findall(r"^## (.+)$", cell.source, flags=re.MULTILINE)), question)
        elif question:
            sections[question] = sections.get(question, "") + cell.source + "\n"
    assert len(sections) >= 19
    for question, code in sections.items():
        asserted = [line for line in code.splitlines() if line.strip().startswith("assert")]
        assert asserted, f"“{question}” shows nothing that is asserted"
        assert "attend(" in code or "encoded(" in code, f"“{question}” shows nothing that equals attend"
