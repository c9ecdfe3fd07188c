"""Files that must agree with each other: locks, versions, workflows, Binder, hooks, and what `make test` runs."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import check
import lock
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def pins(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


# ---------------------------------------------------------------------------------------------- locks and versions
def test_every_pin_is_exact_and_the_locks_agree():
    book, test = pins(lock.BOOK), pins(lock.TEST)
    for pin in book + test:
        assert re.fullmatch(r"[a-z0-9.\[\]-]+==[\w.!+]+( ; .+)?", pin), pin
    versions = [{pin.split(" ;")[0] for pin in one} for one in (book, test)]
    assert versions[0] <= versions[1], "one environment serves both"
    assert [test, book] == [sorted(test), sorted(book)]


@pytest.mark.parametrize(
    ("path", "needs"),
    [(lock.BOOK, EXTRAS["book"]), (lock.TEST, PROJECT["dependencies"] + EXTRAS["book"] + EXTRAS["test"])],
    ids=["book", "test"],
)
def test_the_locks_hold_what_the_project_asks_for(path, needs):
    locked = [Requirement(pin) for pin in pins(path)]
    for need in map(Requirement, needs):
        found = [pin for pin in locked if canonicalize_name(pin.name) == canonicalize_name(need.name)]
        assert found, f"{need.name} is not locked: `make lock`"
        for pin in found:
            [exact] = pin.specifier
            assert need.specifier.contains(exact.version), f"{pin} is not {need}: `make lock`"


def test_one_version_of_the_library_everywhere():
    assert yaml.safe_load(read("CITATION.cff"))["version"] == PROJECT["version"]


def test_npm_packages_are_exact_and_locked():
    package, locked = json.loads(read("package.json")), json.loads(read("package-lock.json"))
    wanted = package.get("dependencies", {}) | package.get("devDependencies", {})
    for name, exact in wanted.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", exact), f"{name} is not pinned exactly"
        assert locked["packages"][f"node_modules/{name}"]["version"] == exact


@pytest.mark.parametrize("fails_at", [1, 2])
def test_a_failing_lock_leaves_both_as_they_were(monkeypatch, tmp_path, capsys, fails_at):
    calls = []

    def uv(command, **_):
        calls.append(command)
        if len(calls) == fails_at:
            raise subprocess.CalledProcessError(1, "uv")
        return subprocess.CompletedProcess(command, 0, "numpy==1\ntorch==2.13.0+cpu\nnvidia-nccl==1\n")

    monkeypatch.setattr(lock.subprocess, "run", uv)
    monkeypatch.setattr(lock, "ROOT", tmp_path)
    for name in ("BOOK", "TEST"):
        monkeypatch.setattr(lock, name, tmp_path / name)
        (tmp_path / name).write_text("before", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(read("pyproject.toml"), encoding="utf-8")
    assert lock.main() == 1
    assert [(tmp_path / name).read_text() for name in ("BOOK", "TEST")] == ["before"] * 2
    assert "left as they were" in capsys.readouterr().err
    calls[:] = ["", "", ""]
    assert lock.main() == 0
    assert pins(tmp_path / "TEST") == ["numpy==1", "torch==2.13.0"]


# ------------------------------------------------------------------------------------------------------- workflows
def steps(name: str) -> dict:
    return yaml.safe_load(read(f".github/workflows/{name}.yml"))["jobs"]


def test_the_workflows_run_what_a_person_runs():
    checks, publish = steps("checks"), steps("publish")
    assert "make test" in [step.get("run") for step in checks["course"]["steps"]]
    assert publish["checks"]["uses"] == "./.github/workflows/checks.yml"
    assert publish["build"]["needs"] == "checks"
    assert publish["deploy"]["needs"] == "build"
    assert "make book" in [step.get("run") for step in publish["build"]["steps"]]
    assert ".ci/run" not in read("Makefile")
    assert re.search(r"^make test$", read(".ci/run"), re.MULTILINE)
    assert re.search(r"^test: for-test.*\n\t@\$\(BIN\)/python tools/check.py$", read("Makefile"), re.MULTILINE)


def test_every_python_that_is_offered_is_checked():
    matrix = steps("checks")["library"]["strategy"]["matrix"]["python"]
    offered = [line.rsplit(" ", 1)[1] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)]
    assert matrix == offered
    assert PROJECT["requires-python"] == f">={offered[0]}"
    assert f"Python {offered[0]} to {offered[-1]}" in read("tools/environment.py")
    assert read("binder/runtime.txt").strip().removeprefix("python-") in offered


def test_one_folder_is_built_served_kept_and_published():
    assert "--directory _build/html\n" in read("Makefile")
    folders = [
        step["with"]["path"]
        for jobs in (steps("checks"), steps("publish"))
        for job in jobs.values()
        for step in job.get("steps", [])
        if "upload" in step.get("uses", "")
    ]
    assert folders == ["_build/html"] * 2


# ---------------------------------------------------------------------------------------- Binder, hooks, make test
def test_binder_installs_the_library_and_no_cuda():
    assert read("binder/requirements.txt").splitlines()[1:] == [
        "--extra-index-url https://download.pytorch.org/whl/cpu",
        ".",
        "jupyterlab",
    ]


def test_the_hooks_call_programs_that_are_there():
    [hooks] = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    for hook in hooks["hooks"]:
        program, *arguments = hook["entry"].split()
        assert program.startswith(".venv/bin/")
        assert (Path(sys.executable).parent / Path(program).name).exists()
        for argument in arguments:
            assert (ROOT / argument).exists() or "/" not in argument
    canonical = next(hook for hook in hooks["hooks"] if hook["id"] == "canonical-notebooks")
    for path in check.CHAPTERS:
        assert re.search(canonical["files"], path)
    assert not re.search(canonical["files"], "tests/x.ipynb")


def test_every_folder_of_tests_is_run_by_a_stage():
    run = {word for stage in check.STAGES for command in stage.commands for word in command}
    assert {f"tests/{path.name}" for path in (ROOT / "tests").iterdir() if any(path.glob("test_*.py"))} <= run


def test_portability_varies_instruction_sets_and_threads():
    settings = [stage.environment for stage in check.PORTABILITY]
    for setting in (
        {"ATEN_CPU_CAPABILITY": "default"},
        {"ATEN_CPU_CAPABILITY": "avx2"},
        {"MKL_ENABLE_INSTRUCTIONS": "AVX2"},  # leaves alone what ATen's variable changes, and the other way round
        {"OMP_NUM_THREADS": "1"},
        {"OMP_NUM_THREADS": "2"},
    ):
        assert setting in settings
    chapters = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("[ca][hp]*/*.ipynb")}
    for stage in check.PORTABILITY:
        assert chapters <= set(stage.commands[0])


def test_interrupting_the_checks_is_one_line():
    code = (
        "import runpy, subprocess, sys\ndef run(*a, **k): raise KeyboardInterrupt\nsubprocess.run = run\n"
        "sys.argv = ['check', '--only', 'lint']; sys.path.insert(0, 'tools')\n"
        "runpy.run_path('tools/check.py', run_name='__main__')"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ
    )
    assert (result.returncode, result.stderr) == (130, "\ninterrupted\n")
