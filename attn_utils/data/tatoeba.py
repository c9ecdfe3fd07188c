"""Real sentence pairs: the public files that ManyThings makes from Tatoeba, for any pair of languages.

A file is UTF-8 text with a sentence pair a line, its columns separated by tabs::

    source <TAB> target [<TAB> attribution]

``read()`` downloads the English–French file, checks it and returns its pairs as tokens. ``read("deu.txt")`` reads a
file you have. The files are listed at https://www.manythings.org/anki/; their sentences come from
https://tatoeba.org and are published under CC BY 2.0 (France), with the names of their authors in the third column.
A file is sorted by the length of the source and has several translations for most sources.

What is downloaded stays in a folder: ``cache`` if given, else the one named by the environment variable
``ATTN_UTILS_CACHE``, else ``attn_utils`` in ``XDG_CACHE_HOME``, else ``~/.cache/attn_utils``. Delete a file there
to have it downloaded again.

The transfer is written on ``urllib``, because the libraries that fetch data sets (pooch, torch.hub) do not
continue a download that was cut off. Locking is left to filelock, which torch needs anyway.
"""

import errno
import hashlib
import json
import lzma
import math
import os
import re
import socket
import ssl
import sys
import time
import unicodedata
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache as once
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

from filelock import FileLock, Timeout

from attn_utils._checks import check_size
from attn_utils.data.pairs import Pair

__all__ = ["URL", "Corpus", "CorpusError", "download", "read", "tokenize"]

URL = "https://www.manythings.org/anki/fra-eng.zip"

# The server answers 406 to the name that urllib gives itself.
_HEADERS = {"User-Agent": "Mozilla/5.0 (compatible; attn_utils)", "Accept": "*/*", "Accept-Encoding": "identity"}
_CHUNK = 1 << 16
_LONGEST_PAUSE = 30.0  # seconds
_LOCK_WAIT = 600.0  # seconds
_LARGEST = 1 << 30  # bytes: no file of sentence pairs unpacks to more
_PASSING = {408, 425, 429, 500, 502, 503, 504}  # HTTP errors that the next attempt may not meet
_FORMAT = "A line must be: source sentence, tab, target sentence."


class CorpusError(OSError):
    """The sentence pairs cannot be had or read. The message says what happened and what you can do."""


class _InterruptedError(Exception):
    """A transfer stopped midway.

    Attributes:
        again: Whether another attempt may succeed.
    """

    def __init__(self, message: str, again: bool = True) -> None:
        super().__init__(message)
        self.again = again


@dataclass(frozen=True)
class Corpus:
    """What :func:`read` found in a file.

    Attributes:
        pairs: The sentence pairs, in the order of the file, each once, without gold links.
        skipped: How many lines were left out, by reason: ``"missing column"`` (no tab), ``"empty"`` (a blank line,
            or a sentence without tokens), ``"too long"`` (more than ``max_tokens``), ``"repeated"`` (the same
            tokens on both sides as an earlier pair).
        path: The file that was read.
    """

    pairs: list[Pair]
    skipped: dict[str, int]
    path: Path


# ---------------------------------------------------------------------------------------------- reading


def read(
    path: str | os.PathLike[str] | None = None,
    *,
    url: str = URL,
    cache: str | os.PathLike[str] | None = None,
    max_tokens: int | None = None,
    lower: bool = True,
    swap: bool = False,
    limit: int | None = None,
    progress: bool = True,
) -> Corpus:
    """Read sentence pairs from a file, which is downloaded if no path is given.

    Files that tatoeba.org exports itself, with a number before each sentence (number, source, number, target), are
    read as well. To give :func:`download` a checksum or a timeout, write ``read(download(url, sha256=...))``.
    To split by source sentence, hand ``read().pairs`` to :func:`attn_utils.data.pairs.split_random`.

    Args:
        path: A ``.txt`` or ``.tsv`` file, or a ``.zip`` that holds one. By default the file at ``url`` is used.
        url: What to download if ``path`` is not given.
        cache: The folder for downloads. See the head of this module for the default.
        max_tokens: Leave out pairs with more tokens than this on either side. By default none is too long.
        lower: Whether to write all tokens in lower case.
        swap: Whether to make the second column the source and the first the target.
        limit: Stop after this many pairs. ManyThings sorts its files by length, so these are the shortest.
        progress: Whether to show the progress of a download on stderr.

    Returns:
        The pairs, and how many lines were left out and why.

    Raises:
        ValueError: If ``max_tokens`` or ``limit`` is not a positive integer, or ``url`` is not an HTTP address.
        CorpusError: If the file cannot be downloaded or read, is not UTF-8, or has no pair to offer.

    Warns:
        UserWarning: If lines were left out because they have no tab. The message names the first of them.
    """
    for name, number in (("max_tokens", max_tokens), ("limit", limit)):
        if number is not None:
            check_size(name, number)
    path = download(url, cache, progress=progress) if path is None else Path(path).expanduser()
    lines = _text(path).removesuffix("\n").split("\n")  # splitlines() would also cut at U+2028 and U+0085
    pairs, skipped, broken = _collect(lines, lower, swap, max_tokens, limit)
    if not pairs:
        reasons = ", ".join(f"{number} {reason}" for reason, number in skipped.items() if number)
        raise CorpusError(f"no sentence pair is left of {path} (lines left out: {reasons}). {_FORMAT}")
    if broken:
        warnings.warn(
            f"{path}: left out {skipped['missing column']} line(s) without a tab; the first is {broken}. {_FORMAT}",
            stacklevel=2,
        )
    return Corpus(pairs, skipped, path)


def _collect(
    lines: list[str], lower: bool, swap: bool, max_tokens: int | None, limit: int | None
) -> tuple[list[Pair], dict[str, int], str]:
    """Return the pairs, the number of lines skipped by reason, and the first line without a tab."""
    pairs: dict[Pair, None] = {}
    skipped = {"missing column": 0, "empty": 0, "too long": 0, "repeated": 0}
    broken = ""
    for number, line in enumerate(lines, 1):
        found = _pair(line, lower, swap, max_tokens)
        if found in pairs:
            found = "repeated"
        if isinstance(found, Pair):
            pairs[found] = None
            if len(pairs) == limit:
                break
            continue
        skipped[found] += 1
        if found == "missing column":
            broken = broken or f"line {number}: {line[:60]!r}"
    return list(pairs), skipped, broken


def _pair(line: str, lower: bool, swap: bool, max_tokens: int | None) -> Pair | str:
    """Return the pair in a line, or the reason why there is none."""
    columns = line.split("\t")
    if len(columns) >= 4 and columns[0].isdigit() and columns[2].isdigit():
        columns = [columns[1], columns[3]]  # an export of tatoeba.org, which numbers the sentences
    if len(columns) < 2:
        return "missing column" if line.strip() else "empty"
    source, target = (tokenize(column, lower) for column in (columns[1::-1] if swap else columns[:2]))
    if not source or not target:
        return "empty"
    if max_tokens is not None and max(len(source), len(target)) > max_tokens:
        return "too long"
    return Pair(source, target)


def _text(path: Path) -> str:
    """Return the text of a file, or of the one text in a zip."""
    try:
        data = _unzip(path, str(path)) if _is_zip(path, str(path)) else path.read_bytes()
    except CorpusError:
        raise
    except OSError as error:
        raise CorpusError(
            f"{path} cannot be read ({error.strerror or error}). Give the path of a .txt, .tsv or .zip file."
        ) from error
    _refuse_web_page(data, str(path))
    return _decode(data, path)


def _decode(data: bytes, path: Path) -> str:
    data = data.removeprefix(b"\xef\xbb\xbf")  # the mark that some editors put at the head of UTF-8
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        utf16 = " It looks like UTF-16." if data.startswith((b"\xff\xfe", b"\xfe\xff")) else ""
        raise CorpusError(
            f"{path} is not UTF-8: line {line}, byte {column} is 0x{data[error.start]:02x}.{utf16} "
            "Save the file as UTF-8, or take another."
        ) from error


def _is_zip(path: Path, name: str) -> bool:
    with path.open("rb") as file:
        return name.lower().endswith(".zip") or file.read(4) == b"PK\x03\x04"


def _unzip(path: Path, name: str, check_all: bool = False) -> bytes:
    """Return the one text in a zip. Its checksum is compared; with ``check_all``, so are those of all others."""
    with path.open("rb") as file:
        _refuse_web_page(file.read(1024), name)
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
            if size > _LARGEST:
                raise CorpusError(f"{name} unpacks to {size / 2**30:.1f} GiB: that is no file of sentence pairs.")
            damaged = archive.testzip() if check_all else None
            if damaged is None:
                return archive.read(_member(archive.namelist(), name))
    except CorpusError:
        raise
    # What zipfile raises depends on where the file is damaged. The path itself was opened above.
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, ValueError, OSError) as error:
        damaged = str(error)
    raise CorpusError(f"{name} is a damaged or truncated zip file ({damaged}). Download it again.")


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


# ------------------------------------------------------------------------------------------- tokenizing

# One look for what has several: apostrophes, quotation marks, hyphens. Invisible marks go.
_ALIKE = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u02bc\uff07", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f", '"'),
        **dict.fromkeys("\u2010\u2011", "-"),
        **dict.fromkeys("\u00ad\u200b\u200e\u200f\u2060\ufeff\u202a\u202b\u202c\u202d\u202e", None),
    }
)
# Scripts written without spaces: Chinese, Japanese, Thai, Lao, Burmese, Khmer.
_UNSPACED = (
    "\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
    "\U00020000-\U0003ffff\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u1000-\u103f\u1780-\u17d3"
)


def tokenize(text: str, lower: bool = True) -> tuple[str, ...]:
    """Cut a sentence into words and punctuation marks, by the same simple rules for every language.

    - Unicode is composed (NFC). Every kind of space separates, also the narrow no-break space that French puts
      before ``!``. Curly apostrophes and quotation marks become straight ones.
    - A French word that lost its vowel is a token of its own and keeps the apostrophe: ``l'ami`` is ``l'``, ``ami``;
      ``qu'il`` is ``qu'``, ``il``. Other apostrophes and hyphens inside a word stay: ``don't``, ``aujourd'hui``,
      ``est-ce`` are one token each.
    - A number keeps its points and commas: ``3.14``. Two or more full stops are one token, every other mark is its
      own.
    - A character of a script without spaces (Chinese, Japanese, Thai, Lao, Burmese, Khmer) is a token, with the
      vowel signs that stand on it.

    Args:
        text: A sentence.
        lower: Whether to write the tokens in lower case.

    Returns:
        The tokens. None of them is empty or contains a space.
    """
    text = unicodedata.normalize("NFC", text.translate(_ALIKE))
    # A word occurs thousands of times: interned, it is kept once.
    return tuple(map(sys.intern, _pattern().findall(text.lower() if lower else text)))


@once
def _pattern() -> re.Pattern[str]:
    # Python's \w leaves out the marks that stand on letters, which Hindi, Arabic and Thai cannot do without.
    marks = "".join(c for c in map(chr, range(0x10000)) if unicodedata.category(c).startswith("M"))
    letters = rf"[^\W_{_UNSPACED}]+(?:[{marks}\u200c\u200d]+[^\W_{_UNSPACED}]*)*"
    elided = r"(?:[cçdjlmnst]|(?:jus|lors|puis|quoi)?qu)'(?=\w)"
    number = r"\d+(?:[.,:]\d+)+"
    return re.compile(
        rf"{elided}|{number}|{letters}(?:['·-]{letters})*|[{_UNSPACED}][{marks}]*|\.\.+|\S", re.IGNORECASE
    )


# ------------------------------------------------------------------------------------------ downloading


def download(
    url: str = URL,
    cache: str | os.PathLike[str] | None = None,
    *,
    sha256: str | None = None,
    progress: bool = True,
    timeout: float = 20.0,
    retries: int = 4,
    backoff: float = 1.0,
) -> Path:
    """Download a file into the cache, unless a sound copy is there already.

    The bytes go to a ``.part`` file. It is checked and then renamed, so that the final name never holds half a file.
    A transfer that was cut off continues where it stopped, also in a later call, if the server says that the file is
    still the same (ETag or Last-Modified). Two processes that want the same file take turns. Checked are the length
    that the server announced, the checksums inside a zip, and ``sha256``.

    Args:
        url: The address of a ``.zip``, ``.txt`` or ``.tsv`` file, ``http://`` or ``https://``.
        cache: The folder for downloads. See the head of this module for the default.
        sha256: The SHA-256 of the file in hexadecimal. ManyThings publishes none and renews its files, so by
            default none is asked for.
        progress: Whether to show the progress on stderr.
        timeout: How long the server may be silent, in seconds.
        retries: How often to try again after a broken connection or a passing error of the server.
        backoff: The pause before the first retry, in seconds. It doubles with each, up to 30 s.

    Returns:
        The path of the file.

    Raises:
        ValueError: If an argument is not of the kind described.
        CorpusError: If the file cannot be had, or is not what it should be.
    """
    _check_arguments(url, sha256, timeout, retries, backoff)
    target = _cache_folder(cache) / quote(url.split("://", 1)[1], safe="")  # no two addresses share a name
    if _is_sound(target, url, sha256):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{target}.lock", timeout=_LOCK_WAIT):
            if not _is_sound(target, url, sha256):  # another process may have brought it meanwhile
                _transfer(url, target, sha256, progress, timeout, retries, backoff)
    except CorpusError:
        raise
    except Timeout as error:
        raise CorpusError(
            f"another process has been downloading {url} for {_LOCK_WAIT:g} s. Wait for it or end it."
        ) from error
    except OSError as error:
        raise CorpusError(
            f"{target} cannot be written ({error.strerror or error}). Choose another folder with cache= or "
            "the environment variable ATTN_UTILS_CACHE."
        ) from error
    return target


def _check_arguments(url: str, sha256: str | None, timeout: float, retries: int, backoff: float) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not re.fullmatch(r"[!-~]+", url):
        raise ValueError(f"url must be an address like {URL}, got {url!r}. To read a file you have, use read(path)")
    if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise ValueError(f"sha256 must be 64 hexadecimal digits, got {sha256!r}")
    if not 0 < timeout < math.inf:
        raise ValueError(f"timeout must be positive and finite, got {timeout}")
    if not isinstance(retries, int) or isinstance(retries, bool) or retries < 0:
        raise ValueError(f"retries must be an integer of at least 0, got {retries!r}")
    if not 0 <= backoff < math.inf:
        raise ValueError(f"backoff must be at least 0 and finite, got {backoff}")


def _cache_folder(cache: str | os.PathLike[str] | None) -> Path:
    if cache is None:
        home = os.environ.get("XDG_CACHE_HOME", "")  # must be ignored unless absolute, says the XDG standard
        default = Path(home) if os.path.isabs(home) else Path("~/.cache")
        cache = os.environ.get("ATTN_UTILS_CACHE") or default / "attn_utils"
    return Path(cache).expanduser()


def _by_hand(url: str) -> str:
    return f"You can also download {url} in a browser and pass it: read('path/to/the/file')."


class _Part:
    """The file that is being filled, and a note of the version of the file on the server that it is a part of."""

    def __init__(self, target: Path) -> None:
        self.path = Path(f"{target}.part")
        self.note = Path(f"{target}.part.json")

    def state(self) -> tuple[int, str]:
        """Return the bytes that lie there and their version, or 0 and "" if they cannot be continued."""
        try:
            version = json.loads(self.note.read_text("utf-8"))["version"]
            return (self.path.stat().st_size, str(version)) if version else (0, "")
        except (OSError, ValueError, KeyError, TypeError):
            return 0, ""

    def begin(self, version: str) -> None:
        # In this order: killed in between, it leaves an empty file, never old bytes under a new version.
        self.path.write_bytes(b"")
        self.note.write_text(json.dumps({"version": version}), "utf-8")

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def publish(self, target: Path) -> None:
        os.replace(self.path, target)
        self.note.unlink(missing_ok=True)


def _transfer(
    url: str, target: Path, sha256: str | None, progress: bool, timeout: float, retries: int, backoff: float
) -> None:
    """Bring the file into ``target``, in as many attempts as it takes."""
    part = _Part(target)
    for attempt in range(retries + 1):
        if attempt:
            time.sleep(min(backoff * 2 ** (attempt - 1), _LONGEST_PAUSE))
        try:
            continued = _receive(url, part, progress, timeout)
            _check_contents(part.path, url, sha256, continued)
            return part.publish(target)
        except _InterruptedError as error:
            failure = error
            if not error.again:
                break
        except CorpusError:
            part.discard()
            raise
    if not part.state()[0]:
        part.discard()
    raise CorpusError(f"{url} could not be downloaded: {failure} (attempt {attempt + 1}). {_by_hand(url)}")


def _receive(url: str, part: _Part, progress: bool, timeout: float) -> bool:
    """Receive the file, or what is missing of it. Return whether an earlier part was continued."""
    from tqdm.auto import tqdm  # here, because it looks for a notebook's widgets when it is imported

    have, version = part.state()
    with _open(url, part, have, version, timeout) as response:
        continued = response.status == 206
        if not continued:
            have = 0
            part.begin(_version(response))
        elif not _is_continuation(response, have, version):
            part.discard()
            raise _InterruptedError("the file on the server changed during the download")
        size = None if response.length is None else have + response.length
        with (
            part.path.open("ab") as file,
            tqdm(
                total=size, initial=have, unit="B", unit_scale=True, desc=url.rsplit("/", 1)[-1], disable=not progress
            ) as bar,
        ):
            for chunk in _chunks(response, timeout):
                file.write(chunk)
                file.flush()  # what has arrived survives even if the process is killed
                bar.update(len(chunk))
            have = file.tell()
    if size is not None and have != size:
        raise _InterruptedError(f"the connection closed after {have:,} of {size:,} bytes")
    return continued


def _open(url: str, part: _Part, have: int, version: str, timeout: float) -> HTTPResponse:
    """Ask for the file, from byte ``have`` on if it is still of that version."""
    wanted = {"Range": f"bytes={have}-", "If-Range": version} if have else {}
    try:
        return urlopen(Request(url, headers=_HEADERS | wanted), timeout=timeout)
    except HTTPError as error:
        error.close()
        if error.code == 416:
            part.discard()
        if error.code in _PASSING or (error.code == 416 and have):
            raise _InterruptedError(f"the server answered HTTP {error.code} ({error.reason})") from error
        raise CorpusError(
            f"the server refused {url}: HTTP {error.code} ({error.reason}). Check the address. {_by_hand(url)}"
        ) from error
    except (OSError, HTTPException) as error:
        raise _interruption(url, error, timeout) from error


def _interruption(url: str, error: Exception, timeout: float) -> _InterruptedError:
    """Say in words why a connection failed."""
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, TimeoutError):
        return _InterruptedError(f"the server was silent for {timeout:g} s")
    if isinstance(reason, socket.gaierror) or getattr(reason, "errno", 0) in (errno.ENETUNREACH, errno.ENETDOWN):
        return _InterruptedError(f"no network, or no computer of the name {urlsplit(url).hostname}", again=False)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return _InterruptedError(f"the certificate of the server is not valid ({reason.verify_message})", again=False)
    return _InterruptedError(f"the connection failed ({reason or type(reason).__name__})")


def _chunks(response: HTTPResponse, timeout: float) -> Iterator[bytes]:
    # Here and not around the loop of the caller: an error of the disk there must not pass for one of the network.
    while True:
        try:
            chunk = response.read1(_CHUNK)
        except (OSError, HTTPException) as error:
            raise _interruption(response.url, error, timeout) from error
        if not chunk:
            return
        yield chunk


def _version(response: HTTPResponse) -> str:
    """Return what tells this version of the file from another. "" if the server does not say."""
    tag = response.headers.get("ETag", "")
    return response.headers.get("Last-Modified", "") if not tag or tag.startswith("W/") else tag


def _is_continuation(response: HTTPResponse, have: int, version: str) -> bool:
    # Some servers honor Range but not If-Range, so the version of what they send is compared as well.
    starts = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return starts is not None and int(starts[1]) == have and _version(response) in ("", version)


def _check_contents(path: Path, name: str, sha256: str | None, continued: bool = False) -> None:
    """Reject a file that is not sentence pairs, or not the one expected."""
    try:
        if sha256 is not None:
            _check_digest(path, name, sha256)
        if _is_zip(path, name):
            _unzip(path, name, check_all=True)
        elif not path.stat().st_size:
            raise CorpusError(f"{name} is empty. {_by_hand(name)}")
        else:
            with path.open("rb") as file:
                _refuse_web_page(file.read(1024), name)
    except CorpusError as error:
        if not continued:
            raise
        path.unlink()  # the two pieces may not belong together: the next attempt starts afresh
        raise _InterruptedError(f"the continued file is not sound: {error}") from error


def _check_digest(path: Path, name: str, sha256: str) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256.lower():
        raise CorpusError(
            f"{name} has the SHA-256 {found}, not {sha256.lower()}: it is damaged or another version. "
            "Try again, or leave sha256 out to take the version that the server has now."
        )


def _is_sound(target: Path, url: str, sha256: str | None) -> bool:
    try:
        _check_contents(target, url, sha256)
    except OSError:
        return False
    return True
