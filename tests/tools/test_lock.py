"""Renewing the locks: both are written, or neither is."""

import subprocess
from pathlib import Path

import lock
import pytest

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


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
    (tmp_path / "pyproject.toml").write_text(PROJECT.read_text(encoding="utf-8"), encoding="utf-8")
    assert lock.main() == 1
    assert [(tmp_path / name).read_text() for name in ("BOOK", "TEST")] == ["before"] * 2
    assert "left as they were" in capsys.readouterr().err
    calls[:] = ["", "", ""]
    assert lock.main() == 0
    assert (tmp_path / "TEST").read_text(encoding="utf-8") == f"{lock.HEADER}numpy==1\ntorch==2.13.0\n"
