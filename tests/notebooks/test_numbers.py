"""Numbers are evidence: each number in the text is shown by a cell, or has a reason on a short list."""

import evidence
import nbformat
import pytest


def test_each_number_in_the_text_is_shown_by_a_cell_or_has_a_reason(path, notebook):
    missing, unused = evidence.unexplained(path.stem, notebook)
    text = [str(place) for place in missing if place.cell is None]
    assert not text, "; ".join(text)
    alts = [str(place) for place in missing if place.cell is not None]
    assert not alts, "\n".join(alts)
    assert not unused, f"reasons.toml: nothing needs {unused}"


def test_most_numbers_are_shown(notebook):
    everything = evidence.places(notebook)
    assert len(evidence.without_evidence(notebook)) < len(everything) / 2


def number(text):
    ((found, _, _),) = evidence.numbers(text)
    return found


@pytest.mark.parametrize(
    ("text", "printed", "found"),
    [
        ("0.05", "0.047", True),
        ("0.05", "0.057", False),
        ("60 %", "60%", True),
        ("60 %", "0.60", True),
        ("60 %", "60", False),
        ("60 %", "59.9", True),
        ("0.6", "60%", True),
        ("20 000", "20,000", True),
        ("1,800", "1800", True),
        ("98", "97.6", True),
        ("98", "97.4", False),
        ("0.87", "0.9", False),
        ("16", "160", False),
    ],
)
def test_rounded_forms_count(text, printed, found):
    assert evidence.is_shown(number(text), {number(printed)}, set()) is found


def test_in_the_table_a_percent_is_printed_as_one():
    assert not evidence.is_shown(number("40 %"), {number("0.40")}, {number("0.4"), number("40")}, shares=False)
    assert evidence.is_shown(number("40 %"), {number("40%")}, set(), shares=False)
    assert evidence.is_shown(number("40 %"), {number("39.9")}, set(), shares=False)  # in a column of percents


def test_numbers_of_the_code_count_exactly():
    assert evidence.is_shown(number("20 %"), set(), {number("0.2")})
    assert not evidence.is_shown(number("20 %"), set(), {number("20")})
    assert evidence.is_shown(number("0.5"), set(), {number("0.5")})
    assert not evidence.is_shown(number("0.5"), set(), {number("0.47")})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("In chapter 3 and Figure 2.1, Luong et al. (2015) and since 1964; exercises 2 and 3", []),
        ("a `0.5` in $$0.25$$ and [here](file12.md)", []),
        ("# Part 7\n\n1. first\n2. second\n\n*Chapter 1 · 65 minutes*\n●● · 12 minutes", []),
        ("sums to 1 or 0, in $n = 64$ of 2,000 cases (0.29 at best), 37 %", ["64", "2,000", "0.29", "37 %"]),
        ("W_2, x2 and float32, a 3-d plot", ["3"]),
    ],
)
def test_which_numbers_are_read(text, found):
    seen = [n.text for n, _, _ in evidence.numbers(evidence.prose(text)) if not n.is_evident]
    assert [text.strip() for text in seen] == found


def test_a_row_of_the_table_must_be_shown_by_one_cell():
    def chapter(row):
        cells = [
            nbformat.v4.new_markdown_cell("# Title"),
            *(
                nbformat.v4.new_code_cell("f()", outputs=[nbformat.v4.new_output("stream", text=text)])
                for text in ("loss 0.25", "loss 0.75 error 12")
            ),
            nbformat.v4.new_markdown_cell(f"## What was measured\n\n| what | how much |\n|---|---|\n{row}\n"),
        ]
        return nbformat.v4.new_notebook(cells=cells)

    assert evidence.without_evidence(chapter("| error, loss | 12; 0.75 |")) == []
    (missing,) = evidence.without_evidence(chapter("| error, loss | 12; 0.25 |"))
    assert missing.number.value in (12, 0.25)  # each cell shows one of the two


@pytest.mark.parametrize(
    ("alt", "missing"),
    [
        ("With T = 0.3 a staircase of 5 steps, at 12.4 on the left and 37 below.", []),
        ("With T = 30 a staircase.", ["T = 30"]),  # 30 is printed, but nothing is set to it
        ("With τ ≈ 0.31 a staircase.", ["τ ≈ 0.31"]),
        ("A staircase at 12.", []),
        ("A staircase at 0.4.", ["0.4"]),  # 0.35 rounds to it, and so do many others: one digit proves nothing
        ("A staircase of 99 steps.", ["99"]),  # printed two cells above
        ("Set to h = 2.5.", []),  # in these words
    ],
)
def test_an_alt_text_is_held_to_its_own_cell_and_the_one_before(alt, missing):
    def cell(source, text, **metadata):
        outputs = [nbformat.v4.new_output("stream", text=text)]
        return nbformat.v4.new_code_cell(source, outputs=outputs, metadata=metadata)

    cells = [
        nbformat.v4.new_markdown_cell("# Title"),
        cell("f()", "99"),
        cell("steps = 5", "30 things, 12.4 and 0.35; h = 2.5"),
        cell("draw(0.3, 37)", "", mystnb={"image": {"alt": alt}}),
    ]
    found = evidence.without_evidence(nbformat.v4.new_notebook(cells=cells))
    assert [place.setting or place.number.text for place in found] == missing
    assert all("alt text" in str(place) for place in found)
