"""Checkpoints: a file that is whole and sound, whatever happens, or words."""

import copy
import errno
import multiprocessing
import os
import random
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from small_trainings import StoppedError, resumable, same, stopping, translator, weights

from attn_utils.training import checkpoints

STATE = {"weights": torch.arange(300.0), "steps": 3, "nested": {"tuple": (1, None, "text"), "list": [1.5]}}


def test_a_state_comes_back(tmp_path):
    path = tmp_path / "run.pt"
    checkpoints.save(STATE, path)
    state = checkpoints.load(str(path))
    assert torch.equal(state["weights"], STATE["weights"])
    assert {**state, "weights": None} == {**STATE, "weights": None}
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_on_the_disk_before_it_takes_its_place(tmp_path, monkeypatch):
    """Or after a power failure its name could be there without its content."""
    path, done = tmp_path / "run.pt", []
    fsync, replace = os.fsync, os.replace

    def watched_fsync(descriptor):
        part = next(tmp_path.glob("run.pt.*.part"))
        assert os.path.samestat(os.fstat(descriptor), part.stat())
        done.append(("fsync", part.stat().st_size))
        fsync(descriptor)

    def watched_replace(old, new):
        done.append(("replace", old.stat().st_size))
        replace(old, new)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "replace", watched_replace)
    checkpoints.save(STATE, path)
    size = path.stat().st_size  # nothing was left to be written later
    assert done == [("fsync", size), ("replace", size)]


def test_a_flipped_bit_is_noticed_wherever_it_is(tmp_path):
    path, chance = tmp_path / "run.pt", random.Random(0)
    checkpoints.save(STATE, path)
    sound = path.read_bytes()
    places = [
        *range(0, 8 * 95, 7),
        *(chance.randrange(8 * len(sound)) for _ in range(100)),
    ]  # the head, and anywhere
    for place in places:
        damaged = bytearray(sound)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"checkpoint .*run.pt cannot be read: delete it to train anew"):
            checkpoints.load(path)
    for damaged in (sound[:-1], sound + b"x", sound[: len(sound) // 2], sound[:10]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="cannot be read"):
            checkpoints.load(path)


def test_a_training_does_not_take_over_damaged_weights(tmp_path):
    path, model = tmp_path / "run.pt", translator()
    resumable(path, steps=3)
    damaged = bytearray(path.read_bytes())
    damaged[-3000] ^= 1
    path.write_bytes(damaged)
    before = weights(model)
    with pytest.raises(ValueError, match="it is damaged"):
        resumable(path, model=model, steps=3)
    assert same(weights(model), before)


def write_without_end(path, name):
    for number in range(10**9):
        checkpoints.save({"numbers": torch.full((50_000,), float(number)), "by": name}, path)


def test_a_file_stays_whole_if_two_write_it_and_are_killed(tmp_path):
    path, by, reads = tmp_path / "run.pt", set(), 0
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=write_without_end, args=(path, name)) for name in "ab"]
    for writer in writers:
        writer.start()
    end = time.monotonic() + 60
    while (reads < 100 or len(by) < 2) and time.monotonic() < end:
        if path.exists():
            state = checkpoints.load(path)  # raises if it is not whole
            assert len(state["numbers"].unique()) == 1
            by.add(state["by"])
            reads += 1
    assert all(writer.is_alive() for writer in writers)  # both write on, neither has failed
    for writer in writers:
        writer.kill()
        writer.join()
    checkpoints.load(path)
    assert by == {"a", "b"}


def test_what_a_killed_process_left_is_removed_when_it_is_old(tmp_path):
    old, new, other = (tmp_path / name for name in ("run[1].pt.1.part", "run[1].pt.2.part", "run1.pt.1.part"))
    for path in (old, new, other):
        path.touch()
    for path in (old, other):
        os.utime(path, (time.time() - 4000,) * 2)
    checkpoints.save(STATE, tmp_path / "run[1].pt")
    assert {path.name for path in tmp_path.iterdir()} == {"run[1].pt", new.name, other.name}


@pytest.mark.parametrize("when", ["write", "fsync", "replace"])
def test_a_full_disk_is_said_in_words_and_keeps_the_old_file(tmp_path, monkeypatch, when):
    path = tmp_path / "run.pt"
    with pytest.raises(StoppedError):
        resumable(path, stopping(20))
    before = path.read_bytes()

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    if when == "write":
        opened = Path.open
        monkeypatch.setattr(Path, "open", lambda path, mode="r": full() if mode == "xb" else opened(path, mode))
    else:
        monkeypatch.setattr(os, when, full)
    with pytest.raises(
        OSError, match=r"checkpoint .*run.pt could not be written, and is as it was before: No space"
    ) as e:
        resumable(path)
    assert e.value.errno == errno.ENOSPC
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_is_really_full(tmp_path):
    """As a limit on the size of a file: Python gets the same kind of error from the system."""
    resource = pytest.importorskip("resource")
    path, before = tmp_path / "run.pt", resource.getrlimit(resource.RLIMIT_FSIZE)
    checkpoints.save({"steps": 1}, path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(OSError, match=r"run.pt could not be written, and is as it was before: File too large"):
            checkpoints.save({"steps": 2, "weights": torch.zeros(500_000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert checkpoints.load(path) == {"steps": 1}
    assert list(tmp_path.iterdir()) == [path]


def refused(path, message, **options):
    """What can be known before the first step is said before it, and nothing is changed."""
    model = translator().train()
    before, state = weights(model), torch.get_rng_state()
    with pytest.raises(ValueError, match=message):
        resumable(path, stopping(1), model, **options)  # would raise another error at its first step
    assert same(weights(model), before)
    assert torch.equal(state, torch.get_rng_state())
    assert model.training


def test_a_place_where_nothing_can_be_written_is_refused_before_the_first_step(tmp_path, monkeypatch):
    refused(tmp_path, "checkpoint must be a file in a folder that exists")
    refused(tmp_path / "nowhere" / "run.pt", "checkpoint must be a file in a folder that exists")
    refused(tmp_path / ("x" * 250), "checkpoint must be in a folder that can be written to, got .*too long")
    if Path("/proc/self").is_dir():
        refused("/proc/self/run.pt", "checkpoint must be in a folder that can be written to, got /proc/self/run.pt")

    def read_only(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "touch", read_only)
        refused(tmp_path / "run.pt", "checkpoint must be in a folder that can be written to.*Read-only file system")
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
        refused(tmp_path / "run.pt", "checkpoint needs 2,0.. bytes at least, got .*run.pt on a disk with 1,000 left")
    assert list(tmp_path.iterdir()) == []


def test_a_complete_training_is_loaded_from_a_place_where_nothing_can_be_written(tmp_path, monkeypatch):
    whole, history = resumable(tmp_path / "run.pt")
    monkeypatch.setattr(checkpoints, "check_place", None)
    model, loaded = resumable(tmp_path / "run.pt", stopping(1))
    assert same(weights(model), weights(whole))
    assert loaded == history


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", "half", "a list", "code", "another state", "PyTorch's"])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "run.pt"
    resumable(path, steps=3)
    if content == "half":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif content == "a list":
        checkpoints.save([1, 2], path)
    elif content == "code":
        checkpoints.save({"settings": copy.copy}, path)  # what could run code is not loaded
    elif content == "another state":
        checkpoints.save({"settings": {}}, path)
    elif content == "PyTorch's":
        torch.save({"settings": {}}, path)
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"checkpoint .*run.pt cannot be read: delete it to train anew"):
        resumable(path, steps=3)
