"""`make test` and `make portability`: what they vary, what they run, and how they end when they are interrupted."""

import os
import subprocess
import sys
from pathlib import Path

import check

ROOT = Path(__file__).resolve().parents[2]


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
    folders = {folder: sorted((ROOT / folder).glob("*.ipynb")) for folder in ("chapters", "appendix")}
    assert all(folders.values())
    notebooks = {path.relative_to(ROOT).as_posix() for paths in folders.values() for path in paths}
    for stage in check.PORTABILITY:
        assert notebooks <= set(stage.commands[0])


def test_fonts_and_browsers_are_there_wherever_the_checks_run(monkeypatch):
    """Where the checks may not install them, as on a runner, its workflow does."""
    needed = {*check.FONTS_FROM.values(), "webkit2gtk-driver", "xvfb"}
    for name in ("checks", "weekly"):
        workflow = (ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8")
        assert needed <= set(workflow.split())
    monkeypatch.setattr(check.shutil, "which", lambda name: f"/usr/bin/{name}")
    there = subprocess.CompletedProcess([], 0), subprocess.CompletedProcess([], 1)
    answers = iter([there[0], there[1]])
    monkeypatch.setattr(check.subprocess, "run", lambda *_, **__: next(answers))
    assert check.missing_fonts() == [list(check.FONTS_FROM.values())[1]]
    monkeypatch.setattr(check.shutil, "which", lambda name: None)
    assert check.missing_fonts() == list(check.FONTS_FROM.values())


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


def test_no_two_test_files_have_the_same_name():
    """Files without packages around them are modules of one name: the second would not be imported."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
