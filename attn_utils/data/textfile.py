"""The text in a file of sentence pairs: packed or plain, in UTF-8 or UTF-16. What is none is refused in words.

What a file is, its bytes say, not its name. The encodings are told apart by rules and not guessed by a library
(charset-normalizer): a wrong guess would make wrong words, and no one would notice.
"""

import bz2
import codecs
import gzip
import lzma
import os
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["FORMAT", "LARGEST", "CorpusError", "check_largest", "check_pairs", "expand", "read_text"]

FORMAT = "A line must be: source sentence, tab, target sentence."
"""What a file must hold, for messages."""

LARGEST = 1 << 30
"""Bytes: no file of sentence pairs is larger, or unpacks to more."""

_PACKED: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
_AGAIN = "Download it again."
_SAVE = "Save the file as UTF-8, or take another."
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
# What unpacking raises depends on the format, and on where the file is damaged.
_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, ValueError, OSError)
_MARKS = {  # in this order: the mark of UTF-16 is the first half of that of UTF-32
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


class CorpusError(OSError):
    """The sentence pairs cannot be had or read. The message says what happened and what you can do."""


def expand(path: str | os.PathLike[str]) -> Path:
    """Return a path with ``~`` replaced by the home folder.

    Raises:
        CorpusError: If the home folder is not known, as in a container without ``HOME`` for a user without a name.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise CorpusError(
            f"{path} cannot be found: the home folder is not known. Give a path without ~ (for downloads with cache= "
            "or the environment variable ATTN_UTILS_CACHE), or set HOME."
        ) from error


def read_text(path: Path, name: str | None = None) -> str:
    """Return the text of a file, or of the one text packed in it.

    Args:
        path: A text in UTF-8, or in UTF-16 or UTF-32 (with a byte order mark; without one, UTF-16 is recognized by its
            tabs and line ends), as it is, or packed by zip, gzip, bzip2 or xz. A zip holds one ``.txt`` or ``.tsv``.
        name: What to call it in messages, by default the path.

    Returns:
        The text, its line ends as they are.

    Raises:
        CorpusError: If the file cannot be read, is damaged, encrypted or a web page, unpacks to more than
            :data:`LARGEST`, or is in another encoding.
    """
    name = name or str(path)
    try:
        with path.open("rb") as file:
            head = file.read(8)
            size = os.fstat(file.fileno()).st_size
            data = b"" if head.startswith((*_PACKED, *_ZIP)) or size > LARGEST else head + file.read()
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        reason = getattr(error, "strerror", None) or error
        raise CorpusError(
            f"{name} cannot be read ({reason}). Give the path of a text, or of a zip with one."
        ) from error
    check_largest(name, size)
    if head.startswith(_ZIP):
        data = _unzip(path, name)
    for magic, unpack in _PACKED.items():
        if head.startswith(magic):
            data = _unpack(path, name, unpack)
    _refuse_web_page(data, name)
    return _decode(data, name)


def check_largest(name: str, size: int) -> None:
    """Refuse a file of more bytes than :data:`LARGEST`.

    Raises:
        CorpusError: If it is larger.
    """
    if size > LARGEST:
        raise CorpusError(f"{name} has more than {LARGEST / 2**30:.3g} GiB: that is no file of sentence pairs.")


def check_pairs(text: str, name: str) -> None:
    """Refuse a text that does not begin like sentence pairs: JSON, a piece of HTML, a message of a server.

    At least half of its first hundred lines must have something on both sides of a tab, and not begin like markup.

    Raises:
        CorpusError: If it does not.
    """
    lines = [line for line in re.split(r"[\r\n]+", text[:100_000]) if line.strip()][:100]
    pairs = [line for line in lines if re.match(r"(?!\s*[<{\[])[^\t]*[^\t\s][^\t]*\t.*\S", line)]
    if 2 * len(pairs) < max(1, len(lines)):
        begins = repr(lines[0].strip()[:60]) if lines else "and ends without a word"
        raise CorpusError(f"{name} holds no sentence pairs: it begins {begins}. {FORMAT}")


def _unpack(path: Path, name: str, unpack: Callable[..., Any]) -> bytes:
    try:
        with unpack(path) as file:
            data = file.read(LARGEST + 1)
    except _DAMAGED as error:
        raise CorpusError(f"{name} is a damaged or truncated {unpack.__module__} file ({error}). {_AGAIN}") from error
    check_largest(name, len(data))
    return data


def _unzip(path: Path, name: str) -> bytes:
    """Return the one text in a zip, whose checksum is compared."""
    elsewhere = "Unpack it with another program and read() the text itself."
    try:
        with zipfile.ZipFile(path) as archive:
            member = archive.getinfo(_member(archive.namelist(), name))
            check_largest(name, member.file_size)
            if member.flag_bits & 1:
                raise CorpusError(f"{name} is encrypted. {elsewhere}")
            try:
                return archive.read(member)
            except NotImplementedError as error:  # a sound zip, packed by Deflate64 or something newer
                method = f"compression method {member.compress_type}"
                raise CorpusError(f"{name} cannot be unpacked by Python ({method}: {error}). {elsewhere}") from error
    except CorpusError:
        raise
    except _DAMAGED as error:
        raise CorpusError(f"{name} is a damaged or truncated zip file ({error}). {_AGAIN}") from error


def _member(members: list[str], name: str) -> str:
    # ManyThings adds _about.txt, macOS a folder of shadows such as __MACOSX/._fra.txt.
    texts = [text for text in members if re.search(r"(^|/)[^_./][^/]*\.(txt|tsv)$", text, re.IGNORECASE)]
    if len(texts) != 1:
        held = ", ".join(sorted(texts or members)[:5]) or "nothing"
        raise CorpusError(
            f"{name} must hold one .txt or .tsv file with sentence pairs, but it holds {len(texts)} ({held}). "
            "Unpack it and read() the path of the right file."
        )
    return texts[0]


def _refuse_web_page(data: bytes, name: str) -> None:
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        raise CorpusError(
            f"{name} is a web page, not sentence pairs: the server, or a network that asks you to log in, sent it. "
            "Open the address in a browser and save the file it offers."
        )


def _decode(data: bytes, name: str) -> str:
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            return _strictly(data, len(mark), encoding, name)
    null = data.find(b"\0")
    if null < 0:
        return _strictly(data, 0, "utf-8", name)
    for encoding in ("utf-16-le", "utf-16-be"):
        text = data.decode(encoding, "replace")
        # With the bytes of each pair exchanged, or in UTF-8, these are other characters.
        if "\t" in text and re.search("[\r\n]", text) and "\0" not in text:
            return _strictly(data, 0, encoding, name)
    raise CorpusError(f"{name} is no text in UTF-8 or UTF-16: byte {null + 1} is 0. {_SAVE}")


def _strictly(data: bytes, start: int, encoding: str, name: str) -> str:
    """Decode what follows the byte order mark, or say which byte is wrong, counted from 1 without the mark."""
    data = data[start:]
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = error.start - data.rfind(b"\n", 0, error.start)
        called = encoding.upper().removesuffix("-LE").removesuffix("-BE")
        raise CorpusError(
            f"{name} is not {called}: line {line}, byte {byte} is 0x{data[error.start]:02x}. {_SAVE}"
        ) from error
