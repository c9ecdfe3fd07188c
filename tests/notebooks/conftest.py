"""What the tests of a notebook share: the notebook, and the exceptions that a chapter has been granted.

A test that takes ``path`` or ``notebook`` holds for every notebook of the book. One that is marked ``of_chapters`` is
about a chapter's shape, which a page of the appendix does not have.
"""

import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(Path(__file__).resolve().parent)]

from exceptions import ALLOWED  # noqa: E402 - it lies beside this file

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
    """Compare the faults of a chapter with the number that it has been granted: no more, and no fewer.

    No fewer, so that the list of exceptions gets shorter with every fault that is mended.
    """

    def compare(rule: str, faults: list[str]) -> None:
        allowed = ALLOWED.get(path.stem, {}).get(rule, 0)
        listed = "\n- ".join(["", *faults])
        assert len(faults) <= allowed, f"{path.stem}, {rule}: {len(faults)} faults, {allowed} are allowed:{listed}"
        assert len(faults) == allowed, (
            f"{path.stem}, {rule}: {len(faults)} faults are left of {allowed}; lower the number in "
            f"tests/notebooks/exceptions.py{listed}"
        )

    return compare
