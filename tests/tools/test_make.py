"""What is given to make on the command line reaches the programs as it is, and no shell; cleaning loses no edit."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STUB = """#!/bin/bash
printf '%s\\0' "$@" >> calls
"""
HOSTILE = [
    'https://github.com/a/b";touch x;"',
    "a'; touch x; '",
    "`touch x`",
    "$(touch x)",
    "$(shell touch x)",
    "${shell touch x}",
    "$$(touch x)",
    "a\ntouch x",
    "a; touch x",
    "a && touch x",
    "a | touch x",
    "--help; touch x #",
    "$HOME",
    "~",
    "*",
    "a  b",
    "\\",
]


@pytest.fixture
def project(tmp_path):
    """The Makefile with programs that only note what they are called with."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    stub = tmp_path / ".venv" / "bin" / "python"
    stub.parent.mkdir(parents=True)
    stub.write_text(STUB)
    stub.chmod(0o755)
    return tmp_path


def make(project: Path, *arguments: str, **variables: str) -> list[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    subprocess.run(
        ["make", *arguments], cwd=project, env=environment | variables, check=True, capture_output=True, timeout=60
    )
    assert not (project / "x").exists(), "the shell ran what was given"
    calls = (project / "calls").read_text().split("\0")[:-1]
    (project / "calls").unlink()
    return calls


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize(
    ("command", "variable", "program"),
    [
        ("repository", "URL", ["tools/repository.py", "set"]),
        ("chapters", "CH", ["tools/chapters.py", "run"]),
        ("text", "CH", ["tools/chapters.py", "text"]),
        ("notebook", "CH", ["tools/chapters.py", "notebook"]),
        ("serve", "PORT", ["-m", "http.server"]),
    ],
)
def test_no_input_reaches_a_shell(project, command, variable, program, value):
    python = f"PYTHON={project}/.venv/bin/python"
    calls = make(project, python, command, f"{variable}={value}")
    place = calls.index(program[1])
    assert calls[place - 1 : place + 2] == [*program, value]
    assert make(project, python, command, **{variable: value}) == calls


def test_python_is_a_program_and_no_command_line(project):
    python = project / "a python; touch x"
    python.write_text(STUB)
    python.chmod(0o755)
    assert make(project, f"PYTHON={python}", "book")[:2] == ["tools/environment.py", "book"]


def test_clean_keeps_chapters_as_text(project):
    (project / "_build" / "text").mkdir(parents=True)
    (project / "_build" / "html").mkdir()
    (project / "_build" / ".built").touch()
    text = project / "_build" / "text" / "02_a.md"
    text.write_text("edits")
    result = subprocess.run(["make", "clean"], cwd=project, check=True, capture_output=True, text=True)
    assert text.read_text() == "edits"
    assert list((project / "_build").iterdir()) == [text.parent]
    assert "_build/text" in result.stdout
    shutil.rmtree(project / "_build")
    subprocess.run(["make", "clean"], cwd=project, check=True, capture_output=True)
