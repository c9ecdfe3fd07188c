"""Wrong answers to exercises: each is the solution's cell with one piece replaced, and the cell must notice.

They are stored in ``tests/notebooks/wrong_answers.toml``. The notebook check runs each of them in the chapter's own
kernel, right after the solution, in a copy of its names (``tools/stored_outputs.py``).
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import reading

STORE = Path(__file__).resolve().parents[1] / "tests" / "notebooks" / "wrong_answers.toml"
TITLE = re.compile(r"Exercise (\d+) \(([a-z ]+)\)")


@dataclass(frozen=True)
class WrongAnswer:
    """One wrong answer: in the solution of ``exercise``, ``new`` in the place of ``old``."""

    chapter: str
    exercise: int
    why: str
    old: str
    new: str

    def source(self, solution: str) -> str:
        """Return the cell of the solution with the wrong answer in it.

        Raises:
            ValueError: If ``old`` does not stand in the solution exactly once.
        """
        if solution.count(self.old) != 1:
            raise ValueError(
                f"{STORE.name}: {self.old!r} must stand once in the solution of exercise {self.exercise} of "
                f"{self.chapter}, it stands there {solution.count(self.old)} times"
            )
        return solution.replace(self.old, self.new)


def load(chapter: str) -> list[WrongAnswer]:
    """Return the wrong answers that are stored for a chapter, such as ``"01_queries_keys_values"``."""
    with STORE.open("rb") as file:
        answers = [WrongAnswer(**row) for row in tomllib.load(file)["answer"]]
    return [answer for answer in answers if answer.chapter == chapter]


def exercises(notebook: Any) -> dict[int, tuple[str, str, list[Any]]]:
    """Return for each exercise its kind, its text, and the cells that are tagged as its solution."""
    found = {}
    for part in reading.sections(notebook):
        title = TITLE.match(part.title)
        if title:
            cells = [cell for cell in part.cells if "solution" in cell.metadata.get("tags", [])]
            found[int(title[1])] = (title[2], part.text, cells)
    return found


def of_cell(chapter: str, notebook: Any, source: str) -> list[WrongAnswer]:
    """Return the wrong answers to the exercise whose solution this cell is."""
    for number, (_, _, cells) in exercises(notebook).items():
        if any(cell.source == source for cell in cells):
            return [answer for answer in load(chapter) if answer.exercise == number]
    return []
