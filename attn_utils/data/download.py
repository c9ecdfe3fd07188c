"""Files of sentence pairs from the web: fetched once, continued where they broke off, looked at before they are used.

What is downloaded stays in a folder: ``cache`` if given, else the one named by the environment variable
``ATTN_UTILS_CACHE``, else ``attn_utils`` in ``XDG_CACHE_HOME``, else ``~/.cache/attn_utils``. Delete a file there
to have it downloaded again.

The transfer itself is in ``attn_utils.data.transfer``. Locking is left to filelock, which torch needs anyway.
"""

import hashlib
import math
import os
import re
import time
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock, Timeout

from attn_utils._checks import check_count
from attn_utils.data.textfile import CorpusError, check_pairs, expand, read_text
from attn_utils.data.transfer import InterruptedTransferError, Part, by_hand, is_address, receive

__all__ = ["URL", "download"]

URL = "https://www.manythings.org/anki/fra-eng.zip"
"""The English–French file of ManyThings."""

_LONGEST_PAUSE = 30.0  # seconds
_LOCK_WAIT = 600.0  # seconds


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
    """Download a file of sentence pairs into the cache, unless a sound copy is there already.

    The bytes go to a ``.part`` file. It is checked and then renamed, so that the final name never holds half a file.
    A transfer that was cut off continues where it stopped, also in a later call, if the server says that the file is
    still the same (ETag or Last-Modified, and the length). Two processes that want the same file take turns.

    Checked are the length that the server announced, the checksum inside a packed file, ``sha256``, and that it is a
    text whose first lines look like sentence pairs. A copy in the cache is looked at in the same way. Of a text that
    comes without a length and without ``sha256``, no one can tell that its end is missing.

    Args:
        url: The address of a file that :func:`attn_utils.data.tatoeba.read` can read, ``http://`` or ``https://``.
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
        CorpusError: If the file cannot be had, is not what it should be, or has more than 1 GiB.

    Example:
        ``read(download(URL, sha256="…"), max_tokens=12)``
    """
    _check_arguments(url, sha256, timeout, retries, backoff)
    target = _cache_folder(cache) / _file_name(url)
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
    if not isinstance(url, str) or not is_address(url):
        raise ValueError(f"url must be an address like {URL}, got {url!r}. To read a file you have, use read(path)")
    if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise ValueError(f"sha256 must be 64 hexadecimal digits, got {sha256!r}")
    if not 0 < timeout < math.inf:
        raise ValueError(f"timeout must be positive and finite, got {timeout}")
    check_count("retries", retries)
    if not 0 <= backoff < math.inf:
        raise ValueError(f"backoff must be at least 0 and finite, got {backoff}")


def _file_name(url: str) -> str:
    """Return a name that no other address shares, short enough for every file system."""
    name = quote(url.split("://", 1)[1], safe="")
    return name if len(name) <= 200 else f"{name[:150]}-{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def _cache_folder(cache: str | os.PathLike[str] | None) -> Path:
    if cache is None:
        home = os.environ.get("XDG_CACHE_HOME", "")  # must be ignored unless absolute, says the XDG standard
        default = Path(home) if os.path.isabs(home) else Path("~/.cache")
        cache = os.environ.get("ATTN_UTILS_CACHE") or default / "attn_utils"
    return expand(cache)


def _transfer(
    url: str, target: Path, sha256: str | None, progress: bool, timeout: float, retries: int, backoff: float
) -> None:
    """Bring the file into ``target``, in as many attempts as it takes."""
    part = Part(target)
    for attempt in range(retries + 1):
        if attempt:
            time.sleep(min(backoff * 2 ** (attempt - 1), _LONGEST_PAUSE))
        try:
            continued = receive(url, part, progress, timeout)
            _check_contents(part.path, url, sha256, continued)
            return part.publish(target)
        except InterruptedTransferError as error:
            failure = error
            if not error.again:
                break
        except CorpusError:
            part.discard()
            raise
    if not part.state()[0]:
        part.discard()
    raise CorpusError(f"{url} could not be downloaded: {failure} (attempt {attempt + 1}). {by_hand(url)}")


def _check_contents(path: Path, name: str, sha256: str | None, continued: bool = False) -> None:
    """Reject a file that is not sentence pairs, or not the one expected."""
    try:
        if sha256 is not None:
            _check_digest(path, name, sha256)
        if not path.stat().st_size:
            raise CorpusError(f"{name} is empty. {by_hand(name)}")
        check_pairs(read_text(path, name), name)
    except CorpusError as error:
        if not continued:
            raise
        path.unlink()  # the two pieces may not belong together: the next attempt starts afresh
        raise InterruptedTransferError(f"the continued file is not sound: {error}") from error


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
