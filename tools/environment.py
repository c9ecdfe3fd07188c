"""Set up .venv and node_modules for building the site (``book``) or for running and checking everything (``test``).

    python3 tools/environment.py book|test

It runs with whatever Python there is, before anything is installed, so it needs the standard library alone. It does
nothing where all is there, and begins again whatever an interruption left half done. One runs at a time in a folder.
"""

from __future__ import annotations  # an older Python shall get as far as saying which one is needed

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WHAT = {"book": "what the book is built with", "test": "what the chapters and the checks run with"}
# What a part is made from: when one of these changes, it is installed again.
SOURCES = {
    "book": ["requirements/book.lock", "package-lock.json"],
    "test": ["requirements/test.lock", "pyproject.toml"],
}


class FailedError(Exception):
    """What was called failed, after saying why; or it was killed, and may have left something half done."""

    def __init__(self, message: str, killed: bool = False) -> None:
        super().__init__(message)
        self.killed = killed


@contextlib.contextmanager
def locked(root: Path) -> Iterator[int]:
    """Let one process at a time change what is made in a folder; another waits, and says so.

    Yields the lock's file descriptor. A child that has it too keeps the lock when its parent is killed.
    """
    lock = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Waiting for another make in this folder", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError:  # a file system without locks, such as some network's: then nobody waits
            pass
        yield lock
    finally:
        os.close(lock)


class Environment:
    """The environment of the project in ``root``; ``lock`` is what :func:`locked` gave."""

    def __init__(self, root: Path, lock: int) -> None:
        self.root, self.lock = root, lock
        self.venv = root / ".venv"
        self.python = self.venv / "bin" / "python"
        self.unfinished = self.venv / ".unfinished"

    def call(self, *command: str | Path) -> None:
        """Run a command in the project's folder."""
        result = subprocess.run(list(map(str, command)), cwd=self.root, pass_fds=[self.lock], check=False)
        if result.returncode:
            words = " ".join(map(str, command))
            raise FailedError(f"failed with code {result.returncode}: {words}", killed=result.returncode < 0)

    def broken(self) -> str | None:
        """Say what is wrong with .venv, or nothing."""
        pip = self.venv / "bin" / "pip"  # what making .venv writes last, with the folder's name in it
        if self.unfinished.exists():
            return "was interrupted while something was installed into it"
        if not os.access(self.python, os.X_OK):
            return "has no Python, or its Python is gone"
        if not pip.exists():
            return "has no pip"
        if f"{self.venv}/bin/python" not in pip.read_text(encoding="utf-8", errors="replace")[:1000]:
            return "was made in another folder"
        return None

    @contextlib.contextmanager
    def marked(self) -> Iterator[None]:
        """Mark .venv as unfinished until all is done. A kill or Ctrl-C leaves the mark, a failure of pip does not."""
        self.venv.mkdir(exist_ok=True)
        self.unfinished.touch()
        try:
            yield
        except FailedError as failed:
            if not failed.killed:
                self.unfinished.unlink()
            raise
        self.unfinished.unlink()

    def make(self) -> None:
        """Make .venv where it is missing or broken."""
        if os.path.lexists(self.venv):
            reason = self.broken()
            if not reason:
                return
            print(f"{self.venv.name} {reason}: making it anew", flush=True)
            self.venv.unlink() if self.venv.is_symlink() else shutil.rmtree(self.venv)
        if not (3, 11) <= sys.version_info[:2] < (3, 14):
            have = f"{sys.executable} is {sys.version_info[0]}.{sys.version_info[1]}"
            raise FailedError(f"Python 3.11 to 3.13 is needed, {have}; name another with PYTHON=…")
        print(f"Creating {self.venv.name}", flush=True)
        # The Python that an active .venv was made from, because that .venv may be the one that was just removed.
        python = getattr(sys, "_base_executable", sys.executable)
        with self.marked():
            self.call(python, "-m", "venv", self.venv)

    def node_modules_whole(self) -> bool:
        """Say whether each package of package-lock.json is there."""
        packages = json.loads((self.root / "package-lock.json").read_text(encoding="utf-8"))["packages"]
        needed = [path for path, package in packages.items() if path and not package.get("optional")]
        return all((self.root / path / "package.json").exists() for path in needed)

    def install(self, part: str) -> None:
        """Install one part, unless it is there as its sources want it."""
        stamp = self.venv / f".{part}-ready"
        wanted = hashlib.sha256(b"\0".join((self.root / name).read_bytes() for name in SOURCES[part])).hexdigest()
        ready = stamp.exists() and stamp.read_text(encoding="utf-8") == wanted
        if ready and (part == "test" or self.node_modules_whole()):
            return
        print(f"Installing {WHAT[part]}", flush=True)
        pip: list[str | Path] = [self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        with self.marked():
            self.call(*pip, "-r", SOURCES[part][0])
            if part == "test":
                self.call(*pip, "--no-deps", "--no-build-isolation", "--editable", ".")
        if part == "book":
            self.call(self.venv / "bin" / "npm", "ci", "--silent", "--no-audit", "--no-fund")
        stamp.write_text(wanted, encoding="utf-8")


def set_up(part: str, root: Path = ROOT) -> None:
    """Set up a part of the environment and what it stands on."""
    with locked(root) as lock:
        environment = Environment(root, lock)
        environment.make()
        environment.install("book")
        if part == "test":
            environment.install("test")


def main(arguments: list[str]) -> int:
    """Read the command line, do what it says, return the exit code."""
    if len(arguments) != 1 or arguments[0] not in SOURCES:
        print("usage: python3 tools/environment.py book|test", file=sys.stderr)
        return 2
    try:
        set_up(arguments[0])
    except (FailedError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the next make begins again", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
