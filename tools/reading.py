"""How long a chapter is: words, formulas, visible code, figures, and the minutes that they take.

    python tools/reading.py [NN ...]     say it for each chapter, and whether the chapter states it

The rates below are for reading to understand, not to finish. Two readers who had not written chapters 1 to 4 needed 60,
60, 75–100 and 80–110 minutes for all but the exercises; that is what the rates were set by.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

CHAPTERS = Path(__file__).resolve().parents[1] / "chapters"

# Seconds of a reader's time.
PER_WORD = 60 / 160  # people read a novel with 240 words a minute
PER_SYMBOL = 1.0  # a formula within a line, such as $W_q$
PER_DISPLAY = 20.0  # a formula on a line of its own
PER_LINE = 5.0  # a line of code that is not folded away
PER_ROW = 5.0  # a row of a table
PER_FIGURE = 20.0
PER_DEMO = 120.0

REST = ("Exercises", "Going deeper", "Further reading")
"""What stands behind the main path."""

HIDDEN = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
EXERCISE_TIME = re.compile(r"^(●{1,3}) · (\d+) minutes$", flags=re.MULTILINE)
STATED = re.compile(r"· (\d+) minutes to read, (\d+) more with exercises")


@dataclass
class Section:
    """What stands under one heading: its Markdown, with the heading, and its code cells."""

    title: str
    level: int
    chapter_part: str
    """The heading of level 2 that it belongs to, or the chapter's own above the first."""
    text: str
    cells: list[Any]

    @property
    def is_main(self) -> bool:
        """Whether the section is part of the main path."""
        return self.chapter_part not in REST


@dataclass
class Amount:
    """How much there is to read."""

    words: int = 0
    symbols: int = 0
    displays: int = 0
    lines: int = 0
    rows: int = 0
    figures: int = 0
    demos: int = 0
    exercise_minutes: int = 0

    def minutes(self) -> float:
        """Return the minutes it takes."""
        seconds = self.words * PER_WORD + self.symbols * PER_SYMBOL + self.displays * PER_DISPLAY
        seconds += self.lines * PER_LINE + self.rows * PER_ROW
        seconds += self.figures * PER_FIGURE + self.demos * PER_DEMO
        return seconds / 60 + self.exercise_minutes


def sections(notebook: Any) -> list[Section]:
    """Cut a chapter at its headings."""
    found: list[Section] = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            found[-1].cells.append(cell)
            continue
        fenced = False
        for line in cell.source.split("\n"):
            fenced ^= line.lstrip().startswith("```")
            heading = None if fenced else re.match(r"(#+) (.+)", line)
            if heading:
                level, title = len(heading[1]), heading[2].strip()
                part = title if level <= 2 else found[-1].chapter_part
                found.append(Section(title, level, part, "", []))
            elif not found:
                found.append(Section("", 0, "", "", []))
            found[-1].text += line + "\n"
        found[-1].text += "\n"
    return found


def is_visible(cell: Any) -> bool:
    """Whether the page shows a cell's code without being asked."""
    return not HIDDEN & set(cell.metadata.get("tags", []))


def code_lines(cell: Any) -> list[str]:
    """Return a cell's lines that are not blank."""
    return [line for line in cell.source.split("\n") if line.strip()]


def words(text: str) -> int:
    """Count the words of Markdown: no code, no formula, no table, no address."""
    text = re.sub(r"```.*?```|\$\$.*?\$\$", " ", text, flags=re.DOTALL)
    text = re.sub(r"^\|.*$", " ", text, flags=re.MULTILINE)
    text = re.sub(r"`[^`\n]*`|\$[^$\n]*\$|<[^>\n]+>", " ", text)
    text = re.sub(r"\]\([^)]*\)", "] ", text)
    return len(re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", text))


def measure(parts: list[Section]) -> Amount:
    """Add up what a reader has to read in some sections."""
    amount = Amount()
    for part in parts:
        displays = re.findall(r"\$\$.*?\$\$", part.text, flags=re.DOTALL)
        plain = re.sub(r"\$\$.*?\$\$|```.*?```", "", part.text, flags=re.DOTALL)
        amount.words += words(part.text)
        amount.displays += len(displays)
        amount.symbols += len(re.findall(r"\$[^$\n]+\$", plain))
        amount.rows += len(re.findall(r"^\|.*$", part.text, flags=re.MULTILINE))
        amount.exercise_minutes += sum(int(minutes) for _, minutes in EXERCISE_TIME.findall(part.text))
        for cell in part.cells:
            amount.lines += len(code_lines(cell)) if is_visible(cell) else 0
            data = [output.get("data", {}) for output in cell.outputs]
            amount.figures += sum("image/png" in bundle for bundle in data)
            amount.demos += sum(WIDGET_VIEW in bundle for bundle in data)
    return amount


def round_to_five(minutes: float) -> int:
    """Round as a reader plans: to 5 minutes."""
    return 5 * int(minutes / 5 + 0.5)


def minutes(notebook: Any) -> tuple[int, int]:
    """Return the minutes for the main path, and for all that stands behind it with the exercises done."""
    parts = sections(notebook)
    main = measure([part for part in parts if part.is_main])
    rest = measure([part for part in parts if not part.is_main])
    return round_to_five(main.minutes()), round_to_five(rest.minutes())


def stated(notebook: Any) -> tuple[int, int] | None:
    """Return the minutes that the chapter's opening states, or ``None`` if it states none."""
    found = STATED.search(notebook.cells[0].source)
    return (int(found[1]), int(found[2])) if found else None


def main(arguments: list[str]) -> int:
    """Print a line for each chapter."""
    wrong = 0
    for path in sorted(CHAPTERS.glob("[0-9][0-9]_*.ipynb")):
        if arguments and path.name[:2] not in arguments:
            continue
        notebook = nbformat.read(path, as_version=4)
        parts = sections(notebook)
        for name, chosen in (("main path", True), ("rest", False)):
            amount = measure([part for part in parts if part.is_main is chosen])
            print(f"{path.stem}, {name}: {amount}, {amount.minutes():.0f} minutes")
        agrees = stated(notebook) == minutes(notebook)
        wrong += not agrees
        print(f"{path.stem}: computed {minutes(notebook)}, stated {stated(notebook)}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
