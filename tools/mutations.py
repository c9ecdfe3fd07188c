"""Break the project on purpose, one thing at a time, and see that the check which guards it goes red.

    python tools/mutations.py                  all mutations; the rates are written into the appendix
    python tools/mutations.py --only figures   one kind (or several); the rates of the others stay
    python tools/mutations.py --list           what would be broken, and which check guards it

The mutations stand in ``tools/mutations.toml``. Each is made in a copy of the repository, and only its own check runs
there; the same check has to pass in the unbroken copy first. For a check of the built site, the copy's site is broken
too: a style or script is put in its place there, and for anything else the copy is built anew.
"""

import argparse
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import chapters

ROOT = Path(__file__).resolve().parents[1]
STORE = ROOT / "tools" / "mutations.toml"
PAGE = ROOT / "appendix" / "checks.md"
BUILT = Path("_build", "html")
RATE = re.compile(r"(?<=<!-- rate -->\n).*?(?=<!-- end of rate -->)", flags=re.DOTALL)
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"


@dataclass(frozen=True)
class Mutation:
    """One thing that is broken: in ``file``, ``new`` in the place of ``old``, or an ``edit`` by its name."""

    kind: str
    what: str
    file: str
    check: str
    """What must go red: a folder or file of tests with pytest's own options, or ``fresh NN``, a notebook's fresh run.

    ``site`` before the tests says that they look at the built site.
    """
    old: str = ""
    new: str = ""
    edit: str = ""
    first: bool = False
    """Whether only the first ``old`` is replaced, where there are several."""

    @property
    def needs_site(self) -> bool:
        """Whether its check looks at the built site."""
        return self.check.startswith("site ")

    def apply(self, text: str) -> str:
        """Return the broken text.

        Raises:
            ValueError: If there is nothing to break: the mutation is out of date.
        """
        if self.edit:
            broken = EDITS[self.edit](text)
        elif self.first and self.old in text:
            broken = text.replace(self.old, self.new, 1)
        elif text.count(self.old) != 1:
            raise ValueError(
                f"{self.what}: {self.old!r} must stand once in {self.file}, not {text.count(self.old)} times"
            )
        else:
            broken = text.replace(self.old, self.new)
        if broken == text:
            raise ValueError(f"{self.what}: nothing is broken by it in {self.file}")
        return broken

    def command(self) -> list[str]:
        """Return the command of the check."""
        pytest = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-x"]
        words = self.check.split()
        if self.needs_site:
            return [*pytest, *words[1:]]
        if words[0] == "fresh":
            (notebook,) = chapters.find(words[1:])
            options = ["-p", "nbval.plugin", "-p", "tools.stored_outputs", "--nbval", "--nbval-cell-timeout=900"]
            return [*pytest, *options, str(notebook.relative_to(ROOT))]
        return [*pytest, *words]


def exchange_pictures(text: str) -> str:
    """Exchange the first two pictures that are stored in a notebook."""
    pictures = re.findall(r'"image/png": "([^"]+)"', text)
    first, second = pictures[:2]
    return text.replace(first, "…").replace(second, first).replace("…", second)


def negate_demo(text: str) -> str:
    """Change the sign of the numbers in the lists of the first demo that is stored in a notebook."""
    notebook = json.loads(text)
    models = notebook["metadata"]["widgets"][WIDGET_STATE]["state"]
    state = next(model["state"] for model in models.values() if "_esm" in model["state"])

    def negated(value: object) -> object:
        if isinstance(value, list):
            return [negated(inner) for inner in value]
        return -value if isinstance(value, float) else value

    for name, value in state.items():
        if isinstance(value, list):
            state[name] = negated(value)
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def empty_solution(text: str) -> str:
    """Reduce the last solution that is stored in a notebook to an assertion of nothing."""
    notebook = json.loads(text)
    solutions = [cell for cell in notebook["cells"] if "solution" in cell["metadata"].get("tags", [])]
    solutions[-1]["source"] = ["assert True"]
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


EDITS: dict[str, Callable[[str], str]] = {
    "exchange pictures": exchange_pictures,
    "negate demo": negate_demo,
    "empty solution": empty_solution,
}


def load() -> list[Mutation]:
    """Return the kept mutations."""
    with STORE.open("rb") as file:
        return [Mutation(**row) for row in tomllib.load(file)["mutation"]]


def copy(target: Path) -> None:
    """Copy what git knows and does not ignore, with what is installed beside it."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    if (ROOT / "node_modules").exists():
        (target / "node_modules").symlink_to(ROOT / "node_modules")


def renew_site(mutation: Mutation, text: str, folder: Path) -> bool:
    """Let the copy's built site be that of its broken sources; say whether that was possible."""
    if mutation.file.startswith("assets/") and "/templates/" not in mutation.file:  # copied as they are
        (folder / BUILT / "_static" / Path(mutation.file).name).write_text(text, encoding="utf-8")
        return True
    build = [sys.executable, "tools/book.py", "--all"]
    return subprocess.run(build, cwd=folder, env=surroundings(folder), capture_output=True, check=False).returncode == 0


def surroundings(folder: Path) -> dict[str, str]:
    """Return the environment of what runs in the copy: it takes the copy's own library."""
    return os.environ | {
        "PYTHONPATH": str(folder),
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # a third of the time of a short check
    }


def passes(command: list[str], folder: Path) -> bool:
    """Run a check in the copy."""
    result = subprocess.run(command, cwd=folder, env=surroundings(folder), capture_output=True, text=True, check=False)
    if result.returncode not in (0, 1):  # 1: tests failed. Anything else would be red for another reason
        raise SystemExit(
            f"{' '.join(command)} could not run (code {result.returncode}):\n{result.stdout}{result.stderr}"
        )
    return result.returncode == 0


def try_all(mutations: list[Mutation]) -> dict[Mutation, bool]:
    """Return for each mutation whether its check noticed."""
    caught: dict[Mutation, bool] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy(folder)
        if any(mutation.needs_site for mutation in mutations):
            subprocess.run([sys.executable, "tools/book.py"], cwd=ROOT, check=True)
            shutil.copytree(ROOT / BUILT, folder / BUILT)
        for command in dict.fromkeys(tuple(mutation.command()) for mutation in mutations):
            if not passes(list(command), folder):
                raise SystemExit(f"red without any mutation: {' '.join(command)}")
            print(f"green     {' '.join(command[3:])}", flush=True)
        for mutation in mutations:
            path = folder / mutation.file
            before = path.read_text(encoding="utf-8")
            broken = mutation.apply(before)
            path.write_text(broken, encoding="utf-8")
            stands = renew_site(mutation, broken, folder) if mutation.needs_site else True
            caught[mutation] = not (stands and passes(mutation.command(), folder))
            path.write_text(before, encoding="utf-8")
            if mutation.needs_site:
                shutil.rmtree(folder / "_build")
                shutil.copytree(ROOT / BUILT, folder / BUILT)
            print(f"{'caught  ' if caught[mutation] else 'SURVIVED'}  {mutation.kind}: {mutation.what}", flush=True)
    return caught


@dataclass(frozen=True)
class Rate:
    """How many mutations of a kind were tried and caught, when, and what survived."""

    tried: int
    caught: int
    commit: str
    day: str
    survivors: tuple[str, ...] = ()


ROW = re.compile(r"^\| (.+?) \| \d+ \| (\d+) \| (\d+) \| `(\w+)`, ([\d-]+) \|$", flags=re.MULTILINE)


def rates(text: str) -> dict[str, Rate]:
    """Read the rates, by kind, from where :func:`table` has written them."""
    survivors = re.findall(r"^- Survived: (.*) \(([^()]*)\)$", text, flags=re.MULTILINE)
    return {
        kind: Rate(int(tried), int(caught), commit, day, tuple(what for what, of in survivors if of == kind))
        for kind, tried, caught, commit, day in ROW.findall(text)
    }


def measured(caught: dict[Mutation, bool], commit: str, day: str) -> dict[str, Rate]:
    """Return the rates of a run, by kind."""
    found = {}
    for kind in dict.fromkeys(mutation.kind for mutation in caught):
        verdicts = {mutation.what: verdict for mutation, verdict in caught.items() if mutation.kind == kind}
        survivors = tuple(what for what, verdict in verdicts.items() if not verdict)
        found[kind] = Rate(len(verdicts), len(verdicts) - len(survivors), commit, day, survivors)
    return found


def table(by_kind: dict[str, Rate], kept: Counter[str]) -> str:
    """Return the rates as Markdown: in all and by kind, with how many mutations of the kind are kept by now."""
    known = {kind: by_kind.get(kind, Rate(0, 0, "", "")) for kind in kept}
    tried, caught = sum(rate.tried for rate in known.values()), sum(rate.caught for rate in known.values())
    lines = [
        f"The checks caught **{caught} of {tried}** mutations that were tried; {kept.total()} are kept.",
        "",
        "| What was broken | Kept | Tried | Caught | Last tried at |",
        "|---|---|---|---|---|",
        *(
            f"| {kind} | {kept[kind]} | {rate.tried} | {rate.caught} | "
            + (f"`{rate.commit}`, {rate.day} |" if rate.tried else "not yet |")
            for kind, rate in known.items()
        ),
    ]
    survivors = [f"- Survived: {what} ({kind})" for kind, rate in known.items() for what in rate.survivors]
    return "\n".join([*lines, *(["", *survivors] if survivors else [])]) + "\n"


def main() -> int:
    """Read the command line, run, and write the rate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", help="only mutations of this kind")
    parser.add_argument("--list", action="store_true", help="list the mutations instead of running them")
    arguments = parser.parse_args()
    mutations = [mutation for mutation in load() if not arguments.only or mutation.kind in arguments.only]
    if arguments.list:
        print("\n".join(f"{mutation.kind}: {mutation.what}\n    {mutation.check}" for mutation in mutations))
        return 0
    git = ["git", "rev-parse", "--short=10", "HEAD"]
    commit = subprocess.run(git, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    caught = try_all(mutations)
    page = PAGE.read_text(encoding="utf-8")
    by_kind = rates(page) | measured(caught, commit, datetime.date.today().isoformat())
    result = table(by_kind, Counter(mutation.kind for mutation in load()))
    print("\n" + result)
    PAGE.write_text(RATE.sub(lambda _: result, page), encoding="utf-8")
    return int(not all(caught.values()))


if __name__ == "__main__":
    sys.exit(main())
