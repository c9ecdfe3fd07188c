"""Setting up: it recovers from every interruption by itself, and two at once do not disturb each other."""

import errno
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import environment
import pytest
from environment import Environment, FailedError

TOOLS = Path(environment.__file__).parent
NPM = """#!python
import json, os, pathlib, time
assert not pathlib.Path("busy").exists(), "two at once"
pathlib.Path("busy").touch()
time.sleep(0.5)
for path in json.load(open("package-lock.json"))["packages"]:
    os.makedirs(path or ".", exist_ok=True)
    path and pathlib.Path(path, "package.json").touch()
with open("log", "a") as log:
    log.write("npm\\n")
os.remove("busy")
"""


@pytest.fixture
def project(tmp_path):
    """A project whose book needs one package: a wheel that brings an npm, which notes when it is called."""
    root = tmp_path / "project"
    (root / "tools").mkdir(parents=True)
    (root / "requirements").mkdir()
    shutil.copy(TOOLS / "environment.py", root / "tools")
    packages = {"": {}, "node_modules/katex": {}, "node_modules/other": {}, "node_modules/windows": {"optional": True}}
    (root / "package-lock.json").write_text(json.dumps({"packages": packages}))
    (root / "requirements" / "book.lock").write_text("./npm-1-py3-none-any.whl\n")
    with zipfile.ZipFile(root / "npm-1-py3-none-any.whl", "w") as wheel:
        script = zipfile.ZipInfo("npm-1.data/scripts/npm")
        script.external_attr = 0o100755 << 16  # a regular file, executable
        wheel.writestr(script, NPM)
        wheel.writestr("npm-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: npm\nVersion: 1\n")
        wheel.writestr("npm-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("npm-1.dist-info/RECORD", "")
    return root


def start(root: Path) -> subprocess.Popen:
    command = [getattr(sys, "_base_executable", sys.executable), "tools/environment.py", "book"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=root, start_new_session=True, **pipes)


def done(process: subprocess.Popen) -> str:
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return output


def works(root: Path) -> None:
    pip = subprocess.run([root / ".venv" / "bin" / "pip", "list"], capture_output=True, text=True, check=True)
    assert "npm" in pip.stdout
    assert (root / "node_modules" / "katex" / "package.json").exists()
    assert not (root / ".venv" / ".unfinished").exists()


def test_set_up_and_every_interruption(project, tmp_path):
    first, second = start(project), start(project)
    outputs = done(first), done(second)
    works(project)
    assert (project / "log").read_text() == "npm\n", "only one of the two had anything to do"
    assert sum("Waiting for another make in this folder" in output for output in outputs) == 1
    assert done(start(project)) == "", "where all is there, nothing is done"

    shutil.rmtree(project / "node_modules" / "katex")
    assert done(start(project)) == "Installing what the book is built with\n"
    works(project)

    moved = project.rename(tmp_path / "moved")
    killed = start(moved)
    while not ((moved / ".venv" / ".unfinished").exists() and (moved / ".venv" / "bin" / "python").exists()):
        assert killed.poll() is None
        time.sleep(0.01)
    os.killpg(killed.pid, signal.SIGKILL)
    assert ".venv was made in another folder: making it anew" in killed.communicate()[0]
    assert "was interrupted" in done(start(moved))
    works(moved)


@pytest.fixture
def bare(tmp_path):
    """An environment whose .venv looks like a sound one. Commands are noted, not run."""
    bin_ = tmp_path / ".venv" / "bin"
    bin_.mkdir(parents=True)
    (bin_ / "python").symlink_to(sys.executable)
    (bin_ / "pip").write_text(f"#!{bin_}/python3\n")
    (tmp_path / "requirements").mkdir()
    for name in [name for names in environment.SOURCES.values() for name in names]:
        (tmp_path / name).write_text('{"packages": {"": {}}}')

    class Noted(Environment):
        calls: list[tuple[str, ...]] = []  # noqa: RUF012
        fails: Exception | None = None

        def call(self, *command):
            self.calls.append(tuple(map(str, command)))
            if self.fails:
                raise self.fails

    Noted.calls = []
    return Noted(tmp_path, 0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda venv: None, None),
        (lambda venv: (venv / "bin" / "pip").unlink(), "has no pip"),  # what Debian leaves without ensurepip
        (lambda venv: (venv / "bin" / "python").unlink(), "has no Python"),
        (lambda venv: ((venv / "bin" / "python").unlink(), (venv / "bin" / "python").symlink_to("gone")), "is gone"),
        (lambda venv: (venv / "bin" / "pip").write_text("#!/elsewhere/.venv/bin/python"), "made in another folder"),
        (lambda venv: (venv / ".unfinished").touch(), "interrupted"),
        (lambda venv: shutil.rmtree(venv / "bin"), "has no Python"),
    ],
)
def test_a_broken_venv_is_noticed_and_made_anew(bare, capsys, change, says):
    change(bare.venv)
    reason = bare.broken()
    assert reason is None if says is None else says in reason
    bare.make()
    made = [call[1:3] for call in bare.calls]
    assert made == ([("-m", "venv")] if says else [])
    assert (says or "") in capsys.readouterr().out
    assert not bare.unfinished.exists()


def test_a_failure_says_itself_and_a_kill_leaves_the_mark(bare):
    for failure, stays in [
        (FailedError("no network"), False),
        (FailedError("", killed=True), True),
        (KeyboardInterrupt(), True),
    ]:
        bare.fails = failure
        with pytest.raises(type(failure)):
            bare.install("book")
        assert bare.unfinished.exists() == stays
        assert not (bare.venv / ".book-ready").exists()
        bare.unfinished.unlink(missing_ok=True)


def test_a_changed_source_is_installed_again(bare):
    for part, commands in (("book", 2), ("test", 2)):
        for name in environment.SOURCES[part]:
            bare.calls.clear()
            bare.install(part)
            assert len(bare.calls) == commands
            bare.calls.clear()
            bare.install(part)
            assert bare.calls == []
            (bare.root / name).write_text('{"packages": {"": {}}} ')


def test_a_child_that_was_killed_is_told_from_one_that_failed(tmp_path):
    with environment.locked(tmp_path) as lock:
        for code, killed in (("raise SystemExit(3)", False), ("import os; os.kill(os.getpid(), 9)", True)):
            with pytest.raises(FailedError, match="failed with code") as failed:
                Environment(tmp_path, lock).call(sys.executable, "-c", code)
            assert failed.value.killed == killed


def test_a_child_keeps_the_lock_when_its_parent_is_killed(tmp_path):
    """Otherwise the next make would begin again while the orphan still installs."""
    child = "import os, time; open('child', 'w').write(f'{os.getpid()}.'); time.sleep(60)"
    code = f"""
import sys
from pathlib import Path
from environment import Environment, locked
with locked(Path({str(tmp_path)!r})) as lock:
    Environment(Path({str(tmp_path)!r}), lock).call(sys.executable, "-c", {child!r})
"""
    note = tmp_path / "child"
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=TOOLS)
    while not (note.exists() and note.read_text().endswith(".")):
        assert parent.poll() is None
        time.sleep(0.01)
    parent.kill()
    parent.wait()
    mine = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(BlockingIOError):
            fcntl.flock(mine, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.kill(int(note.read_text()[:-1]), signal.SIGKILL)
        fcntl.flock(mine, fcntl.LOCK_EX)
    finally:
        os.close(mine)


def test_a_file_system_without_locks_is_no_obstacle(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(environment.fcntl, "flock", no_locks)
    with environment.locked(tmp_path):
        pass


def test_an_unsupported_python_is_named(bare, monkeypatch):
    shutil.rmtree(bare.venv)
    monkeypatch.setattr(environment.sys, "version_info", (3, 10, 1))
    with pytest.raises(FailedError, match=r"Python 3.11 to 3.13 is needed, .* is 3.10"):
        bare.make()
    assert not bare.venv.exists()


@pytest.mark.parametrize("arguments", [[], ["books"], ["book", "test"]])
def test_usage(arguments, capsys):
    assert environment.main(arguments) == 2
    assert "usage" in capsys.readouterr().err
