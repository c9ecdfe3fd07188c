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
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BOOK, TEST = ROOT / "requirements" / "book.lock", ROOT / "requirements" / "test.lock"
HEADER = "# Written by `make lock` from pyproject.toml: change the ranges there, then renew this file.\n"
UV_OPTIONS = ["--universal", "--python-version=3.11", "--upgrade", "--quiet", "--no-header", "--no-annotate"]
CUDA = re.compile(r"(nvidia-|cuda-|triton\b)")


def lock(requirements: list[str], target: Path, *options: str) -> None:
    """Resolve ``requirements`` for every supported Python and system, and write one pin a line."""
    resolved = subprocess.run(
        [sys.executable, "-m", "uv", "pip", "compile", "-", *UV_OPTIONS, *options],
        cwd=ROOT,
        check=True,
        input="\n".join(requirements),
        text=True,
        stdout=subprocess.PIPE,
    ).stdout.splitlines()
    pins = {re.sub(r"^(torch==[\d.]+).*", r"\1", line) for line in resolved if not CUDA.match(line)}
    target.write_text(HEADER + "".join(f"{pin}\n" for pin in sorted(pins)))
    print(f"{target.relative_to(ROOT)}: {len(pins)} packages")


def main() -> None:
    """Write both locks."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    # The site is built from stored outputs: it needs neither torch nor the library.
    lock(extras["book"], BOOK)
    lock(project["dependencies"] + extras["book"] + extras["test"], TEST, f"--constraint={BOOK}")


if __name__ == "__main__":
    main()
