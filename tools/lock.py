"""Renew the exact pins of both environments: requirements/book.lock and requirements/test.lock.

The second holds the first and more, with the same versions, so one virtual environment serves both. Each lock is
universal: markers say what is needed for which Python from 3.11 on, and which system.

PyTorch is locked as ``torch==2.13.0``, without the ``+cpu`` of its CPU build, so that pip takes the CPU file where an
index or a folder offers one and the same release elsewhere. The CUDA packages that some builds need are left out of the
lock: torch names their exact versions itself, and a CPU build must not bring them in.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BOOK, TEST = ROOT / "requirements" / "book.lock", ROOT / "requirements" / "test.lock"
HEADER = "# Written by `make lock` from pyproject.toml: change the ranges there, then renew this file.\n"
UV_OPTIONS = ["--universal", "--python-version=3.11", "--upgrade", "--quiet", "--no-header", "--no-annotate"]
CUDA = re.compile(r"(nvidia-|cuda-|triton\b)")


def pins(requirements: list[str], *options: str) -> list[str]:
    """Resolve ``requirements`` for every supported Python and system: one pin a line."""
    resolved = subprocess.run(
        [sys.executable, "-m", "uv", "pip", "compile", "-", *UV_OPTIONS, *options],
        cwd=ROOT,
        check=True,
        input="\n".join(requirements),
        text=True,
        stdout=subprocess.PIPE,
    ).stdout.splitlines()
    return sorted({re.sub(r"^(torch==[\d.]+).*", r"\1", line) for line in resolved if not CUDA.match(line)})


def main() -> int:
    """Write both locks, or neither, so that they never disagree."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    try:
        # The site is built from stored outputs: it needs neither torch nor the library.
        book = pins(extras["book"])
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraint:
            constraint.write("\n".join(book))
            constraint.flush()
            everything = project["dependencies"] + extras["book"] + extras["test"]
            test = pins(everything, f"--constraint={constraint.name}")
    except (subprocess.CalledProcessError, KeyboardInterrupt) as error:
        print(f"The locks are left as they were: {error or 'interrupted'}", file=sys.stderr)
        return 1
    for target, lines in ((BOOK, book), (TEST, test)):
        target.write_text(HEADER + "".join(f"{line}\n" for line in lines), encoding="utf-8")
        print(f"{target.relative_to(ROOT)}: {len(lines)} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
