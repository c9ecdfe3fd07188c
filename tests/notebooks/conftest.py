"""What the tests of a chapter share: the notebook, and the exceptions that a chapter has been granted."""

import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(Path(__file__).resolve().parent)]

from exceptions import ALLOWED  # noqa: E402 - it lies beside this file

NOTEBOOKS = sorted((ROOT / "chapters").glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request) -> Path:
    return request.param


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
