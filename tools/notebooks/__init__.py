"""Chapters as files: their canonical form, their text for editing, and how they are run."""

from pathlib import Path


class RefusedError(Exception):
    """What was asked for would lose something, or cannot be done. The message says what, in words for the author."""


def short(path: Path) -> str:
    """Return what a command calls a notebook: a chapter by its number, a page of the appendix by its name."""
    number = path.stem.split("_")[0]
    return number if number.isdecimal() else path.stem
