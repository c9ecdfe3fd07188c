"""The form of a chapter: its size, what fits the page, captions, numbers of equations, citations, colors."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import reading

from attn_utils import plots

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
MAX_WORDS = 3000
MAX_LINES = 250
MAX_CELL = 25
COLUMNS = 87  # of the page's column on a screen of 1280 pixels
FORMATTED = 80
PHONE = 358  # the column on a screen of 390 pixels


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def visible(notebook):
    return [cell for cell in code(notebook) if reading.is_visible(cell)]


def main_path(notebook):
    return reading.measure([part for part in reading.sections(notebook) if part.is_main])


def plain(notebook) -> str:
    """All Markdown, without code and formulas."""
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return re.sub(r"```.*?```|\$\$.*?\$\$|`[^`\n]*`", " ", text, flags=re.DOTALL)


@pytest.mark.of_chapters
def test_main_path_is_short(notebook, judge):
    amount = main_path(notebook)
    judge("words of the main path", [f"{amount.words} words"] if amount.words > MAX_WORDS else [])
    judge("lines of the main path", [f"{amount.lines} lines of code"] if amount.lines > MAX_LINES else [])


def test_visible_cells_are_short(notebook, judge):
    lengths = [(len(cell.source.splitlines()), cell.source.splitlines()[0]) for cell in visible(notebook)]
    judge("length of a cell", [f"{length} lines: {first}" for length, first in lengths if length > MAX_CELL])


def test_code_fits_the_column(notebook, judge):
    lines = [line for cell in visible(notebook) for line in cell.source.splitlines()]
    # The address of the repository is as long as it is.
    judge("columns of code", [line for line in lines if len(line) > COLUMNS and "git+https://" not in line])


def test_printed_lines_fit_the_column(notebook, judge):
    texts = [
        output.text if output.output_type == "stream" else output.get("data", {}).get("text/plain", "")
        for cell in code(notebook)
        for output in cell.outputs
        # The page shows the picture or the demo in the place of this text.
        if not {"image/png", reading.WIDGET_VIEW} & set(output.get("data", {}))
    ]
    lines = [line for text in texts for line in text.splitlines()]
    judge("columns of output", [line for line in lines if len(line) > COLUMNS])


def test_code_is_formatted(path, notebook, judge, tmp_path):
    """All but the set-up cell, which is word for word the same everywhere, with a line as long as its message."""
    notebook.cells.remove(code(notebook)[0])
    copy = tmp_path / path.name
    nbformat.write(notebook, copy)
    command = [str(BIN / "ruff"), "format", "--isolated", f"--line-length={FORMATTED}", "--check", "--quiet"]
    result = subprocess.run([*command, str(copy)], capture_output=True, check=False)
    judge("formatter", [f"ruff format --line-length={FORMATTED} would change it"] if result.returncode else [])


@pytest.mark.of_chapters
def test_minutes_are_those_computed(path, notebook):
    assert reading.stated(notebook) == reading.minutes(notebook), (
        f"the opening must say “{reading.minutes(notebook)[0]} minutes to read, "
        f"{reading.minutes(notebook)[1]} more with exercises” (tools/reading.py {path.name[:2]})"
    )


@pytest.mark.of_chapters
def test_a_schematic_opens_the_main_path(notebook, judge):
    parts = [part for part in reading.sections(notebook) if part.is_main]
    drawn = any("schematic(" in cell.source for part in parts for cell in part.cells)
    judge("schematic", [] if drawn else ["no cell calls plots.schematic"])


@pytest.mark.of_chapters
def test_going_deeper_stands_behind_the_exercises(notebook, judge):
    headings = [part.title for part in reading.sections(notebook) if part.level == 2]
    if "Going deeper" not in headings:
        judge("going deeper", ["no section “Going deeper”"])
        return
    order = [headings.index(name) for name in ("Exercises", "Going deeper", "Further reading")]
    judge("going deeper", [] if order == sorted(order) else [f"it must stand behind the exercises: {headings}"])


def test_figures_have_captions_with_numbers(label, notebook, judge):
    """The Markdown below a figure begins with **Figure 5.1.** and the caption; in the appendix with **Figure A.1.**"""
    faults, number = [], 0
    for cell, below in zip(notebook.cells, [*notebook.cells[1:], None], strict=True):
        figure = cell.cell_type == "code" and any("image/png" in output.get("data", {}) for output in cell.outputs)
        if not figure:
            continue
        number += 1
        name = f"**Figure {label}.{number}.** "
        if below is None or not below.source.startswith(name):
            faults.append(f"no caption that begins with {name!r} below: {cell.source.splitlines()[0]}")
    judge("captions", faults)


def test_words_in_figures_are_legible_on_a_phone(notebook, judge):
    """A phone of 390 pixels shows a figure at most as wide as its column."""
    smallest = plots.STYLE["xtick.labelsize"] * 96 / 72  # pixels; nothing in the style is smaller
    faults = []
    for cell in code(notebook):
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                width = output.metadata["image/png"]["width"]
                size = smallest * min(1, PHONE / width)
                if size < 10:
                    faults.append(f"{width} pixels wide, words of {size:.1f} pixels: {cell.source.splitlines()[0]}")
    judge("figures on a phone", faults)


def test_nothing_in_the_style_is_smaller_than_ticks():
    sizes = {name: value for name, value in plots.STYLE.items() if name.endswith("size") and name != "lines.markersize"}
    assert min(sizes.values()) == plots.STYLE["xtick.labelsize"]


def test_what_is_referred_to_by_number_exists(label, notebook):
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    tags = re.findall(r"\\tag\{([A-J\d.]+)\}", text)
    assert tags == [f"{label}.{i}" for i in range(1, len(tags) + 1)], "equations are numbered in order"
    captions = set(re.findall(r"\*\*Figure ([A-J\d.]+)\.\*\*", text))
    for kind, number in re.findall(r"\b([Ee]quations?|[Ff]igures?)[  ]\(?((?:\d+|[A-J])\.\d+)\b", text):
        if number.split(".")[0] == label:
            assert number in (tags if kind[0] in "Ee" else captions), f"{kind} {number} does not exist"


def test_citations_are_links(notebook, judge):
    """[Luong et al. (2015)](../appendix/bibliography.md#…): a name with a year leads to the bibliography."""
    linked = re.sub(r"\[[^\]]*\]\([^)\s]+\)", " ", plain(notebook))
    judge("citations", re.findall(r"[A-Z][\w.’'-]+(?: et al\.)?,? \((?:1[89]|20)\d\d\)", linked))


def role_colors_elsewhere(source: str) -> list[str]:
    """Return calls that draw with the color of a role what their label says is something else."""
    names = {
        "query": "quer",
        "key": "key",
        "value": "value|label|point|pair",
        "weight": "weight|kernel",
        "output": "output|estimate|context",
    }
    found = []
    for node in ast.walk(ast.parse(re.sub(r"^(\s*)[%!].*$", r"\1pass", source, flags=re.MULTILINE))):
        if not isinstance(node, ast.Call):
            continue
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        color, label = given.get("color"), given.get("label")
        if not (isinstance(color, ast.Subscript) and isinstance(color.slice, ast.Constant)):
            continue
        if not isinstance(label, ast.Constant | ast.JoinedStr):  # a name tells nothing
            continue
        role, text = color.slice.value, ast.unparse(label)
        if role in names and not re.search(names[role], text.lower()):
            found.append(f"{text} in the color of {role}")
    return found


def test_role_colors_are_for_roles(notebook, judge):
    judge("role colors", [fault for cell in code(notebook) for fault in role_colors_elsewhere(cell.source)])


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ('ax.plot(x, y, color=plots.COLORS["query"], label="the query")', 0),
        ('ax.plot(x, y, color=COLORS["query"], label="bias")', 1),
        ('%pip install x\nax.plot(x, y, color=plots.INK, label="bias")', 0),
    ],
)
def test_a_role_color_for_something_else_is_seen(source, count):
    assert len(role_colors_elsewhere(source)) == count


def test_sections_are_cut_at_headings_and_counted():
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# Title\n\nTwo words, $x$ and `code`.\n\n```\n# no heading\n```"),
            nbformat.v4.new_code_cell("a = 1\n\nb = 2"),
            nbformat.v4.new_markdown_cell("## One\n\n$$x$$\n\n| a | b |\n|---|---|\n\n### Sub\n[link](there.md)"),
            nbformat.v4.new_code_cell("hidden = 1", metadata={"tags": ["hide-input"]}),
            nbformat.v4.new_markdown_cell("## Exercises\n### Exercise 1 (predict)\n\n●● · 7 minutes\n"),
        ]
    )
    parts = reading.sections(notebook)
    assert [(part.title, part.chapter_part, part.is_main) for part in parts] == [
        ("Title", "Title", True), ("One", "One", True), ("Sub", "One", True),
        ("Exercises", "Exercises", False), ("Exercise 1 (predict)", "Exercises", False),
    ]  # fmt: skip
    amount = reading.measure(parts[:3])
    assert (amount.words, amount.symbols, amount.displays, amount.lines, amount.rows) == (7, 1, 1, 2, 2)
    assert reading.measure(parts[3:]).exercise_minutes == 7
