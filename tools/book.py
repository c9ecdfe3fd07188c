"""Build the site into _build/html.

    python tools/book.py          the pages that changed; all of them where something changed that pages share
    python tools/book.py --all    all of them

One build at a time in a folder: a second one waits, and then finds little to do.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from environment import ROOT, locked

SHARED = ["_config.yml", "_toc.yml", "assets", "attn_utils", "tools/sphinx_course*"]
BUILD = ["jupyter-book", "build", ".", "-W", "-n", "--keep-going", "--quiet"]


def shared_changed(root: Path) -> bool:
    """Say whether something that all pages share is newer than the last build."""
    built = root / "_build" / ".built"
    if not built.exists():
        return True
    shared = [path for pattern in SHARED for path in root.glob(pattern)]
    files = shared + [path for folder in shared for path in folder.rglob("*")]
    newest = (path.stat().st_mtime for path in files if path.is_file() and path.suffix != ".pyc")
    return max(newest, default=0) > built.stat().st_mtime


def build(root: Path, everything: bool) -> int:
    """Build the site and return the exit code."""
    program = Path(sys.executable).parent / BUILD[0]
    with locked(root) as lock:
        start = time.time()
        extra = ["--all"] if everything or shared_changed(root) else []
        code = subprocess.run([program, *BUILD[1:], *extra], cwd=root, pass_fds=[lock], check=False).returncode
        if code == 0:
            built = root / "_build" / ".built"
            built.touch()
            os.utime(built, (start, start))  # what was saved during the build is newer than it
    return code


if __name__ == "__main__":
    try:
        sys.exit(build(ROOT, "--all" in sys.argv[1:]))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
