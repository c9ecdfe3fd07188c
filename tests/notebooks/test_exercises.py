"""Exercises: kinds, time and difficulty; solutions that are folded away, do what is asked, and notice mistakes."""

import ast
import builtins
import importlib
import re

import pytest
import reading
import torch
import wrong_answers

pytestmark = pytest.mark.of_chapters

KINDS = ["predict", "derive", "build", "find the bug", "open"]
WRONG_ANSWERS = 2  # for each exercise with code
MODULES = [
    "attention",
    "kernels",
    "scoring",
    "multi_head",
    "positions",
    "recurrent",
    "decoding",
    "training",
    "metrics",
    "vision",
]


def text_of_exercises(notebook) -> str:
    return "".join(part.text for part in reading.sections(notebook) if part.chapter_part == "Exercises")


def test_there_are_six_exercises_of_all_kinds(notebook, judge):
    exercises = wrong_answers.exercises(notebook)
    assert len(exercises) >= 6
    assert list(exercises) == list(range(1, len(exercises) + 1))
    kinds = [kind for kind, _, _ in exercises.values()]
    assert set(kinds) <= set(KINDS)
    judge("kinds of exercises", [f"no exercise “{kind}”" for kind in KINDS if kind not in kinds])


def test_each_exercise_says_how_hard_it_is_and_how_long_it_takes(notebook):
    for number, (_, text, _) in wrong_answers.exercises(notebook).items():
        below = text.split("\n", 1)[1].strip().split("\n")[0]
        assert reading.EXERCISE_TIME.fullmatch(below), (
            f"below the heading of exercise {number} must stand a line such as “●● · 10 minutes”, got {below!r}"
        )


def test_each_exercise_has_one_folded_solution(notebook):
    exercises = wrong_answers.exercises(notebook)
    for number, (_, text, _) in exercises.items():
        assert len(re.findall(r"<summary>Solution</summary>", text)) == 1, f"exercise {number}"
        assert re.search(r"<details>\s*<summary>Solution</summary>\n\n.+?\n\n</details>", text, flags=re.DOTALL)
    tagged = [cell for cell in notebook.cells if "solution" in cell.metadata.get("tags", [])]
    assert sum(len(cells) for _, _, cells in exercises.values()) == len(tagged), "a solution outside of the exercises"
    for cell in tagged:
        assert "hide-cell" in cell.metadata.tags, f"the output of a solution gives it away:\n{cell.source}"


def test_exercises_to_build_and_to_mend_have_code(notebook):
    for number, (kind, _, cells) in wrong_answers.exercises(notebook).items():
        assert cells or kind not in ("build", "find the bug"), (
            f"exercise {number} ({kind}) has no cell tagged `solution`"
        )


def asked_for(text: str) -> set[str]:
    """Return the functions that an exercise names: of this library, of PyTorch, or one to be written."""
    question = text.split("<details>")[0]
    known = set(dir(torch)) | set(dir(torch.nn.functional))
    for module in MODULES:
        try:
            known |= set(dir(importlib.import_module(f"attn_utils.{module}")))
        except ModuleNotFoundError:  # its chapter is not written yet
            continue
    named = set(re.findall(r"`(?:\w+\.)*([A-Za-z_]\w+)(?=\(|`)", question))
    to_write = set(re.findall(r"`([A-Za-z_]\w+)\([\w, ]*\)`", question))
    return {name for name in named if name in known and not hasattr(builtins, name)} | to_write


def weaknesses(kind: str, text: str, source: str) -> list[str]:
    """Say what keeps a solution from being one."""
    tree = ast.parse(re.sub(r"^(\s*)[%!].*$", r"\1pass", source, flags=re.MULTILINE))
    found = []
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    called = {node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "") for node in calls}
    for name in sorted(asked_for(text) - called):
        found.append(f"the exercise asks for {name}, which is not called")
    tests = [node.test for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    tests += [node for node in calls if ast.unparse(node.func).endswith("assert_close")]
    # A test that names nothing, such as `assert True`, and one that names only what it has set itself, test nothing.
    checked = {node.id for test in tests for node in ast.walk(test) if isinstance(node, ast.Name)}
    if not checked - set(dir(builtins)):
        found.append("no assertion looks at what was computed")
    written = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for node in written:
        inside = [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef | ast.FunctionDef) and n.name == node]
        used = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == node]
        method = any(isinstance(n, ast.ClassDef) and any(m in n.body for m in inside) for n in ast.walk(tree))
        if not used and not method:
            found.append(f"{node} is written and never used")
    if kind in ("build", "find the bug") and not written and len(source.splitlines()) < 5:
        found.append("nothing is built")
    return found


def test_solutions_do_what_is_asked(notebook):
    for number, (kind, text, cells) in wrong_answers.exercises(notebook).items():
        if cells:
            source = "\n".join(cell.source for cell in cells)
            assert weaknesses(kind, text, source) == [], f"exercise {number}:\n{source}"


ASKED = "### Exercise 1 (build)\n\nCheck it with `attend`, write `beam_by_hand(model, beam)`.\n\n<details>`gaussian`"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def beam_by_hand():\n    pass\n\nassert beam_by_hand() == attend(x)", []),
        ("assert True", ["asks for attend", "asks for beam_by_hand", "no assertion looks", "nothing is built"]),
        ("def beam_by_hand():\n    attend(x)\n\nassert len([]) == 0", ["for beam", "no assertion", "never used"]),
    ],
)
def test_a_solution_that_does_not_is_seen(source, found):
    faults = weaknesses("build", ASKED, source)
    assert len(faults) == len(found)
    assert all(words in fault for words, fault in zip(found, faults, strict=True))


def test_wrong_answers_are_stored(path, notebook, judge):
    faults = []
    stored = wrong_answers.load(path.stem)
    exercises = wrong_answers.exercises(notebook)
    for number, (kind, _, cells) in exercises.items():
        have = sum(answer.exercise == number for answer in stored)
        if kind in ("build", "find the bug") and have < WRONG_ANSWERS:
            faults.append(f"exercise {number} has {have} wrong answers")
        for answer in stored:
            if answer.exercise == number:
                assert len(cells) == 1
                answer.source(cells[0].source)  # the text that it replaces is there
                assert answer.why
    assert {answer.exercise for answer in stored} <= set(exercises)
    judge("wrong answers", faults)
