"""Numbers in a chapter's text, and where the chapter's cells show them.

    python tools/evidence.py [NN ...]     list the numbers that no cell shows, and that have no reason either

A number in the prose, in a table or in an alt text must stand in what a cell of the same section prints, in what it
asserts, or in its code; in the summary, in any cell of the chapter; a row of “What was measured”, in one cell. Rounded
forms count (0.047 is 0.05), so do shares and percents (0.05 is 5 %). The alt text of a figure is held to its own cell
and the one before: a setting (T = 0.3) must stand in their code or, in these words, in what they print; another number
must stand there or be printed, and a rounded one must keep two digits. What has another source stands in
``tests/notebooks/reasons.toml``, with the words around it, so that it cannot change unseen.
"""

import ast
import io
import itertools
import math
import re
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

sys.path.insert(0, str(Path(__file__).resolve().parent))
import reading

import chapters

STORE = Path(__file__).resolve().parents[1] / "tests" / "notebooks" / "reasons.toml"
SEPARATORS = ",   "  # of thousands: comma, thin and narrow spaces, and a plain space
NUMBER = re.compile(
    r"(?<![\w.,^_\\])(?P<digits>\d{1,3}(?:[,   ]\d{3})+(?![\d])|\d+)(?P<decimals>\.\d+)?(?:e(?P<power>-?\d+))?"
    r"(?P<percent>[  ]?\\?%)?(?![\w])"
)
SUMMARY, MEASURED = "Summary", "What was measured"
NOT_READ = ("Further reading",)
# Numbers that are names: of chapters, figures, exercises, years.
NAMES = re.compile(
    r"\b(?:chapters?|exercises?|sections?|figures?|equations?|exhibits?|footnotes?|pages?|part|python|pytorch|torch)"
    r"[  ](?:\d[\d.]*(?:(?:, | and | to |–)\d[\d.]*)*)|\((?:[^()]*\D)?(?:1[6-9]|20)\d\d[^()]*\)"
    r"|\b(?:in|of|from|since|until) (?:1[6-9]|20)\d\d\b(?! \w+s\b)|^ *\d+\. |^\*Chapter .*$|^●.*$",
    flags=re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True)
class Number:
    """A number as it is written."""

    text: str
    value: float
    decimals: int
    percent: bool

    @property
    def is_evident(self) -> bool:
        """Whether it needs no evidence: 0 and 1 are what weights sum to, and where they end."""
        return self.value in (0, 1) and not self.decimals and not self.percent


@dataclass(frozen=True)
class Place:
    """A number in the text, with the words around it and where it stands."""

    number: Number
    around: str
    """The text from 120 characters before to 120 behind, with single spaces."""
    part: str
    """The heading of level 2 above it."""
    row: str = ""
    """The row of a table in “What was measured”, or nothing."""
    cell: int | None = None
    """For an alt text, the cell that it belongs to: which of the chapter's."""
    setting: str = ""
    """For an alt text, the number with the sign before it where it says what something is set to: “T = 0.3”."""

    def __str__(self) -> str:
        """Say what is wrong, for the author."""
        if self.cell is None:
            return f"no cell shows {self.number.text!r} in “{self.around}”"
        where = "the code" if self.setting else "code or output"
        what = self.setting or self.number.text
        return f"{what!r} of an alt text is not in {where} of its cell or of the cell before: “{self.around}”"


def numbers(text: str) -> Iterator[tuple[Number, int, int]]:
    """Find the numbers of a text, each with where it begins and ends."""
    for found in NUMBER.finditer(text):
        digits = re.sub(f"[{SEPARATORS}]", "", found["digits"])
        value = float(digits + (found["decimals"] or "")) * 10.0 ** int(found["power"] or 0)
        decimals = len(found["decimals"] or ".") - 1 - int(found["power"] or 0)
        yield Number(found[0], value, max(decimals, 0), bool(found["percent"])), found.start(), found.end()


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", "_", found[0])


def prose(text: str) -> str:
    """Blank out what is not prose, keeping every position: code, displayed formulas, addresses, names with numbers."""
    text = re.sub(r"```.*?```|\$\$.*?\$\$", _blank, text, flags=re.DOTALL)
    text = re.sub(r"`[^`\n]*`|\]\([^)\s]*\)|<[^>\n]*>|^#+ .*$", _blank, text, flags=re.MULTILINE)
    return NAMES.sub(_blank, text)


def places(notebook: Any) -> list[Place]:
    """Return every number that a reader meets in the prose, the tables and the alt texts."""
    found = []
    count = 0
    for section in reading.sections(notebook):
        texts: list[tuple[int | None, str]] = [(None, section.text)]
        for cell in section.cells:
            texts.append((count, cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")))
            count += 1
        for cell_number, text in texts if section.title not in NOT_READ else []:
            for number, start, end in numbers(prose(text)):
                around = " ".join(text[max(0, start - 120) : end + 120].split())
                line = text[text.rfind("\n", 0, start) + 1 : text.find("\n", end)]
                row = line if section.title == MEASURED and line.startswith("|") else ""
                set_to = re.search(r"\w+ ?[=≈] ?$", text[:start]) if cell_number is not None else None
                setting = text[set_to.start() : end] if set_to else ""
                if not number.is_evident:
                    found.append(Place(number, around, section.chapter_part, row, cell_number, setting))
    return found


def shown(cell: Any) -> set[Number]:
    """Return the numbers that a cell prints, and those that it asserts in a printed form, such as "0.87 ± 0.03"."""
    found: set[Number] = set()
    for output in cell.outputs:
        if output.output_type == "stream":
            text = output.text
        elif {"image/png", reading.WIDGET_VIEW} & set(output.get("data", {})):
            continue  # its text is an alt text, which has to be shown true itself
        else:
            text = output.get("data", {}).get("text/plain", "")
        found |= {number for number, _, _ in numbers(text)}
    for node in ast.walk(ast.parse(_python(cell))):
        if isinstance(node, ast.Assert):
            for inner in ast.walk(node.test):
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                    found |= {number for number, _, _ in numbers(inner.value)}
    return found


def written(cell: Any) -> set[Number]:
    """Return the numbers in a cell's code, but not those in its comments and alt texts."""
    found: set[Number] = set()
    for token in tokenize.generate_tokens(io.StringIO(_python(cell)).readline):
        if token.type == tokenize.NUMBER and not re.match(r"0[xob]", token.string):
            found |= {number for number, _, _ in numbers(token.string.replace("_", ""))}
    return found


def _python(cell: Any) -> str:
    return re.sub(r"^(\s*)[%!].*$", r"\1pass", cell.source, flags=re.MULTILINE)


def _rounds_to(exact: float, value: float, decimals: int) -> bool:
    return abs(exact - value) <= 0.5 * 10.0**-decimals * (1 + 1e-9)


def is_shown(number: Number, printed: set[Number], code: set[Number], shares: bool = True) -> bool:
    """Whether a number is one of those printed, or what one of them rounds to, or stands in the code.

    Where ``shares`` are not, a percent must have been printed as one: 40 % is not any 0.4.
    """
    literal = number.value / 100 if number.percent else number.value
    if (shares or not number.percent) and any(math.isclose(literal, other.value, rel_tol=1e-9) for other in code):
        return True
    for other in printed:
        exact, decimals = other.value, other.decimals
        if number.percent and not other.percent:  # a percent against a share, or against a column of percents
            if decimals < 1:
                continue
            if exact <= 1 and not shares:
                continue
            if exact <= 1:
                exact, decimals = 100 * exact, max(decimals - 2, 0)
        elif other.percent and not number.percent:
            exact, decimals = exact / 100, decimals + 2
        if abs(number.value - exact) <= 1e-9 * max(1.0, abs(exact)):
            return True
        if decimals > number.decimals and _rounds_to(exact, number.value, number.decimals):
            return True
    return False


def printed_text(cell: Any) -> str:
    """Return what a cell prints, beside pictures and demos."""
    return "\n".join(output.text for output in cell.outputs if output.output_type == "stream")


def alt_is_shown(place: Place, cells: list[Any]) -> bool:
    """Whether a number of an alt text stands in the code of one of the cells, or is what they print."""
    digits = max(len(place.number.text.replace(".", "").strip("0% ")), 1)
    for cell in cells:
        code, printed = written(cell), shown(cell)
        if is_shown(place.number, set(), code) or (place.setting and place.setting in printed_text(cell)):
            return True
        same = {number for number in printed if number.value == place.number.value}
        if not place.setting and is_shown(place.number, printed if digits > 1 else same, set()):
            return True
    return False


def reasons(chapter: str) -> dict[str, list[str]]:
    """Return the words around numbers that need no evidence, by reason."""
    with STORE.open("rb") as file:
        return tomllib.load(file).get(chapter, {})


def without_evidence(notebook: Any) -> list[Place]:
    """Return the numbers that no cell shows where it should."""
    code_cells = [cell for section in reading.sections(notebook) for cell in section.cells]
    cells: list[tuple[str, set[Number], set[Number]]] = [
        (section.chapter_part, shown(cell), written(cell))
        for section in reading.sections(notebook)
        for cell in section.cells
    ]
    found: list[Place] = []
    for row, group in itertools.groupby(places(notebook), key=lambda place: place.row):
        together = list(group)
        if row:  # one cell must show the whole row: the one that shows most of it is meant
            rests = [
                [p for p in together if not is_shown(p.number, printed, code, shares=False)]
                for _, printed, code in cells
            ]
            fewest = min(rests, key=len)
            found += fewest
            continue
        for place in together:
            if place.cell is not None:
                if not alt_is_shown(place, code_cells[max(0, place.cell - 1) : place.cell + 1]):
                    found.append(place)
                continue
            near = [(printed, code) for part, printed, code in cells if part == place.part or place.part == SUMMARY]
            if not any(is_shown(place.number, printed, code) for printed, code in near):
                found.append(place)
    return found


def unexplained(chapter: str, notebook: Any) -> tuple[list[Place], list[str]]:
    """Return the numbers without evidence and without a reason, and the reasons that nothing needs."""
    words = [text for texts in reasons(chapter).values() for text in texts]
    used: set[str] = set()
    found = []
    for place in without_evidence(notebook):
        excuses = {text for text in words if place.number.text.strip() in text and text in place.around}
        used |= excuses
        if not excuses:
            found.append(place)
    return found, [text for text in words if text not in used]


def main(arguments: list[str]) -> int:
    """List what has neither evidence nor a reason."""
    left = 0
    for path in chapters.find(arguments):
        notebook = nbformat.read(path, as_version=4)
        missing, unused = unexplained(path.stem, notebook)
        shown_here = len(places(notebook)) - len(without_evidence(notebook))
        print(f"{path.stem}: {len(places(notebook))} numbers, {shown_here} shown by a cell, {len(missing)} unexplained")
        for place in missing:
            print(f"  [{place.part}] {place}")
        for text in unused:
            print(f"  a reason that nothing needs: {text}")
        left += len(missing) + len(unused)
    return int(left > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
