"""Run the chapters, keep their notebooks canonical, and edit them as text.

    python tools/chapters.py run [NN ...]        run in a clean kernel, write back canonical
    python tools/chapters.py check [NN ...]      say which notebooks are not canonical
    python tools/chapters.py text NN             write _build/text/NN_slug.md, to edit in any editor
    python tools/chapters.py notebook NN         take that text back; unchanged cells keep their outputs

A chapter is named by its number or by its file; with no name, all are meant. Canonical: outputs from one run in order,
and nothing in the file that differs from one run to the next. Running a chapter twice leaves no diff. Nothing is
written where something would be lost: a line says what and why, and the exit code is 1.
"""

import argparse
import re
import sys
from pathlib import Path

from notebooks import RefusedError, short
from notebooks.canonical import problems

__all__ = ["find", "main", "notebooks", "problems"]

ROOT = Path(__file__).resolve().parent.parent


def notebooks(root: Path = ROOT) -> list[Path]:
    """Return every notebook of the book, chapters first."""
    return sorted(root.glob("chapters/*.ipynb")) + sorted(root.glob("appendix/*.ipynb"))


def find(names: list[str], root: Path = ROOT) -> list[Path]:
    """Return the notebooks that ``names`` say, by number or by file; all of them if there are no names."""
    have = notebooks(root)
    found = []
    for name in names:
        if name.isdecimal():
            matches = [path for path in have if re.fullmatch(rf"0*{int(name)}_.*", path.stem)]
        else:
            matches = [path for path in have if path.stem == Path(name).name.removesuffix(".ipynb")]
        if not matches:
            raise RefusedError(f"there is no chapter {name!r}, but {', '.join(path.stem for path in have) or 'none'}")
        found += matches
    return found if names else have


def do(command: str, path: Path, root: Path) -> None:
    """Carry out one command on one notebook."""
    text = root / "_build" / "text" / f"{path.stem}.md"
    match command:
        case "run":
            from notebooks.run import run

            print(f"{path.name} … ", end="", flush=True)
            try:
                print(f"{run(path):.0f} s")
            except BaseException:
                print()  # what went wrong stands on a line of its own
                raise
        case "check":
            found = problems(path)
            if found:
                raise RefusedError(f"{', '.join(found)}; mend it with `make chapters CH={short(path)}`")
        case "text":
            from notebooks.text import to_text

            to_text(path, text)
            print(text.relative_to(root))
        case "notebook":
            from notebooks.text import from_text

            if not text.exists():
                raise RefusedError(f"{text.relative_to(root)} is missing: write it with `make text`")
            print(f"{path.name}: {from_text(text, path)}")


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Read the command line, do what it says, return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["run", "check", "text", "notebook"])
    parser.add_argument("chapters", nargs="*", metavar="NN", help="numbers or files of chapters, all if none is given")
    options = parser.parse_args(arguments)
    failed = 0
    path = None
    try:
        # make hands over one word, with blanks in it where several chapters are meant
        for path in find([name for names in options.chapters for name in names.split()], root):
            try:
                do(options.command, path, root)
            except (RefusedError, OSError) as problem:
                print(f"{path.name}: {problem}", file=sys.stderr)
                failed = 1
    except RefusedError as problem:
        print(problem, file=sys.stderr)
        failed = 1
    except KeyboardInterrupt:
        print(f"{path.name if path else options.command}: interrupted, left as it was", file=sys.stderr)
        failed = 130
    return failed


if __name__ == "__main__":
    sys.exit(main())
