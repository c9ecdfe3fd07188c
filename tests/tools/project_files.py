"""The project's own files, as the tests of what they agree on read them."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
SITE = "_build/html"  # where jupyter-book puts it when it builds the root of the repository
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def load(name: str):
    return yaml.safe_load(text(name))


def recipe(target: str) -> str:
    """The commands of a target of the Makefile."""
    found = re.search(rf"^{re.escape(target)}:.*\n((?:\t.*\n)+)", text("Makefile"), flags=re.MULTILINE)
    assert found, f"the Makefile has no target {target}"
    return found[1]


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", text("Makefile"), flags=re.MULTILINE))
