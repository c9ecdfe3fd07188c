"""What the tests of a notebook share: the notebook, and how faults are told.

A test that takes ``path`` or ``notebook`` holds for every notebook of the book. One that is marked ``of_chapters`` is
about a chapter's shape, which a page of the appendix does not have.
"""

import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(Path(__file__).resolve().parent)]

import chapters  # noqa: E402 - of tools

NOTEBOOKS = chapters.notebooks()


def pytest_configure(config):
    config.addinivalue_line("markers", "of_chapters: about a chapter's shape, not for the notebooks of the appendix")


def pytest_generate_tests(metafunc):
    if "path" in metafunc.fixturenames:
        only = metafunc.definition.get_closest_marker("of_chapters")
        chosen = [path for path in NOTEBOOKS if not only or path.parent.name == "chapters"]
        metafunc.parametrize("path", chosen, ids=lambda path: path.stem)


@pytest.fixture
def label(path) -> str:
    """What the numbers of a notebook's figures and equations begin with: a chapter's number, or a letter."""
    if path.parent.name == "chapters":
        return str(int(path.name[:2]))
    appendix = [other for other in NOTEBOOKS if other.parent.name == "appendix"]
    return "ABCDEFGHIJ"[appendix.index(path)]


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


@pytest.fixture
def judge(path):
    """Tell all faults of a notebook against a rule of the contract at once."""

    def tell(rule: str, faults: list[str]) -> None:
        listed = "\n- ".join(["", *faults])
        assert not faults, f"{path.stem}, {rule}: {len(faults)} faults:{listed}"

    return tell
