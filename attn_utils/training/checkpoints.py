"""Checkpoints: written whole or not at all, read only if they are what was written, compared before they are used.

A checkpoint is one file: a line that says so, the SHA-256 of what follows, and the state, a dictionary as
:func:`torch.save` writes it. What could run code is neither written nor read.
"""

import hashlib
import io
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from glob import escape
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch

__all__ = ["check_place", "differences", "load", "plain", "save"]

_FIRST_LINE = b"attn_utils checkpoint 1\n"
_LEFT_BEHIND = 3600.0  # seconds after which a file that was not finished belongs to nobody: a process was killed


def save(state: dict[str, Any], path: str | os.PathLike[str]) -> None:
    """Write a checkpoint: whole or not at all, also if the process is killed or others write to the same path.

    Args:
        state: Tensors, numbers, texts, ``None``, and lists, tuples and dictionaries of them.
        path: The file. What it held before stays until the new one is on the disk.

    Raises:
        OSError: If it cannot be written, as on a full disk. The file is then as it was.

    Example:
        >>> save({"steps": 3, "weights": torch.ones(2)}, "run.pt")
        >>> load("run.pt")
        {'steps': 3, 'weights': tensor([1., 1.])}
    """
    path, buffer = Path(path), io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getbuffer()
    part = _part(path)
    try:
        _clear(path)
        try:
            with part.open("xb") as file:
                file.write(_FIRST_LINE + hashlib.sha256(content).hexdigest().encode() + b"\n")
                file.write(content)
                file.flush()
                os.fsync(file.fileno())  # on the disk before it takes the place of the old one
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        what = f"checkpoint {path} could not be written, and is as it was before: {error.strerror or error}"
        raise OSError(error.errno, what) from error


def load(path: str | os.PathLike[str], wanted: Iterable[str] = ()) -> dict[str, Any]:
    """Read a checkpoint. Its tensors are on the CPU.

    Args:
        path: A file that :func:`save` wrote.
        wanted: Names that the state must have.

    Returns:
        The state.

    Raises:
        ValueError: If the file cannot be read, is no checkpoint, or differs in a single bit from what was written.
    """
    try:
        first, digest, content = _split(Path(path).read_bytes())
        if first != _FIRST_LINE:
            raise ValueError("it does not begin like a checkpoint")
        if hashlib.sha256(content).hexdigest().encode() != digest:
            raise ValueError("it is damaged: its digest is another")
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        if not isinstance(state, dict):
            raise ValueError(f"it holds no dictionary, but {type(state).__name__}")
        if missing := set(wanted) - set(state):
            raise ValueError(f"it has no {', '.join(sorted(missing))}")
    except Exception as error:  # what torch.load raises depends on what is wrong
        raise ValueError(f"checkpoint {path} cannot be read: delete it to train anew ({error})") from error
    return state


def differences(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Say in which settings two trainings differ.

    Args:
        then: The settings of one, by name.
        now: Those of the other, which say what there is to compare.

    Returns:
        For each that differs a text such as ``"steps was 40, is 41"``; of a long one the first line that differs.
    """
    return [_difference(name, then.get(name), now[name]) for name in now if then.get(name) != now[name]]


def check_place(path: Path, size: int) -> None:
    """Refuse a path where no checkpoint can be written, as far as that can be known before there is one.

    Args:
        path: The file to be.
        size: Its least size in bytes.

    Raises:
        ValueError: If the folder does not exist, is not one to write to, or its disk has not that much space left.
    """
    folder = path.absolute().parent
    if path.is_dir() or not folder.is_dir():
        raise ValueError(f"checkpoint must be a file in a folder that exists, got {path}")
    part = _part(path)
    try:
        part.touch(exist_ok=False)
        part.unlink()
    except OSError as error:
        raise ValueError(f"checkpoint must be in a folder that can be written to, got {path} ({error})") from error
    free = shutil.disk_usage(folder).free
    if free < size:
        raise ValueError(f"checkpoint needs {size:,} bytes at least, got {path} on a disk with {free:,} left")


def plain(x: object) -> str:
    """Return what ``x`` prints, without addresses, which change from run to run."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(x))


def _part(path: Path) -> Path:
    """Return a name beside a path that nobody else has."""
    return path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")


def _clear(path: Path) -> None:
    """Remove what processes that were killed while they wrote left beside a path."""
    for part in path.parent.glob(f"{escape(path.name)}.*.part"):
        with suppress(OSError):  # another process is as quick
            if time.time() - part.stat().st_mtime > _LEFT_BEHIND:
                part.unlink()


def _split(data: bytes) -> tuple[bytes, bytes, memoryview]:
    start = len(_FIRST_LINE)
    end = start + 2 * hashlib.sha256().digest_size
    if data[end : end + 1] != b"\n":
        raise ValueError("it does not begin like a checkpoint")
    return data[:start], data[start:end], memoryview(data)[end + 1 :]


def _difference(name: str, then: Any, now: Any) -> str:
    for old, new in zip_longest(str(then).splitlines(), str(now).splitlines(), fillvalue="nothing"):
        if old != new:
            return f"{name} was {old.strip()}, is {new.strip()}"
    return name
