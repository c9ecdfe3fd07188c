"""One file over HTTP, continued where an earlier attempt broke off.

It is written on ``urllib``: the libraries that fetch data sets (pooch, torch.hub) do not continue a download that was
cut off, and requests leaves to its caller what is most of this module, the continuing and the checks.
"""

import errno
import json
import os
import re
import socket
import ssl
from collections.abc import Iterator
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from attn_utils.data.textfile import CorpusError, check_largest

__all__ = ["InterruptedTransferError", "Part", "by_hand", "is_address", "receive"]

# The server answers 406 to the name that urllib gives itself.
_HEADERS = {"User-Agent": "Mozilla/5.0 (compatible; attn_utils)", "Accept": "*/*", "Accept-Encoding": "identity"}
_CHUNK = 1 << 16
_PASSING = {408, 425, 429, 500, 502, 503, 504}  # HTTP errors that the next attempt may not meet


class InterruptedTransferError(Exception):
    """A transfer stopped midway.

    Attributes:
        again: Whether another attempt may succeed.
    """

    def __init__(self, message: str, again: bool = True) -> None:
        super().__init__(message)
        self.again = again


def is_address(url: str) -> bool:
    """Return whether this is an address of the web, ``http://`` or ``https://``, that can be asked for a file."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # a bracket that never closes, a port that is no number or above 65535
        return False
    return (
        parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0 and bool(re.fullmatch(r"[!-~]+", url))
    )


def by_hand(url: str) -> str:
    """Return the advice that ends most messages."""
    return f"You can also download {url} in a browser and pass it: read('path/to/the/file')."


class Part:
    """The file that is being filled, and a note of the file on the server that it is a part of: version and length.

    Args:
        target: Where the whole file will be. The part and the note stand beside it.
    """

    def __init__(self, target: Path) -> None:
        self.path = Path(f"{target}.part")
        self.note = Path(f"{target}.part.json")

    def state(self) -> tuple[int, str, int | None]:
        """Return the bytes that lie there, version and length of the whole; 0, "", None if it cannot be continued."""
        try:
            note = json.loads(self.note.read_text("utf-8"))
            version, size = note["version"], note["size"]
            if version and isinstance(version, str) and (size is None or isinstance(size, int)):
                return self.path.stat().st_size, version, size
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return 0, "", None

    def begin(self, version: str, size: int | None) -> None:
        """Throw away what lies there, and note what will come."""
        # In this order: killed in between, it leaves an empty file, never old bytes under a new version.
        self.path.write_bytes(b"")
        self.note.write_text(json.dumps({"version": version, "size": size}), "utf-8")

    def discard(self) -> None:
        """Remove the part and the note."""
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def publish(self, target: Path) -> None:
        """Give the whole file its name, at once."""
        os.replace(self.path, target)
        self.note.unlink(missing_ok=True)


def receive(url: str, part: Part, progress: bool, timeout: float) -> bool:
    """Receive the file, or what is missing of it.

    Args:
        url: Its address.
        part: Where to put it.
        progress: Whether to show the progress on stderr.
        timeout: How long the server may be silent, in seconds.

    Returns:
        Whether an earlier part was continued.

    Raises:
        InterruptedTransferError: If the transfer stopped midway, or what came does not belong to the earlier part.
        CorpusError: If another attempt would not help.
        OSError: If the file cannot be written.

    Source:
        RFC 9110, sections 13.1.5 and 14 (If-Range, Range and Content-Range).
    """
    from tqdm.auto import tqdm  # here, because it looks for a notebook's widgets when it is imported

    have, version, size = part.state()
    with _open(url, part, have, version, timeout) as response:
        continued = response.status == 206
        if continued:
            size = _size_of_continued(response, part, have, version, size)
        else:
            have, size = 0, _announced(url, response)
            part.begin(_version(response), size)
        if size is not None:
            check_largest(url, size)
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
                have += len(chunk)
                check_largest(url, have)
    if size is not None and have != size:
        raise InterruptedTransferError(f"the connection closed after {have:,} of {size:,} bytes")
    return continued


class _Redirects(HTTPRedirectHandler):
    """Follows to web addresses only: urllib would go on to ``ftp:``."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        if not is_address(newurl):
            raise _nowhere(req.full_url, newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _nowhere(url: str, target: object) -> CorpusError:
    return CorpusError(f"{url} leads to an address that is none of the web ({target}). {by_hand(url)}")


def _open(url: str, part: Part, have: int, version: str, timeout: float) -> HTTPResponse:
    """Ask for the file, from byte ``have`` on if it is still of that version. Return the answer, 200 or 206."""
    wanted = {"Range": f"bytes={have}-", "If-Range": version} if have else {}
    try:
        response = build_opener(_Redirects).open(Request(url, headers=_HEADERS | wanted), timeout=timeout)
    except HTTPError as error:
        error.close()
        if error.code == 416:
            part.discard()
        if error.code in _PASSING or (error.code == 416 and have):
            raise InterruptedTransferError(f"the server answered HTTP {error.code} ({error.reason})") from error
        raise _refusal(url, error.code, error.reason) from error
    except CorpusError:
        raise
    except (OSError, HTTPException) as error:
        raise _interruption(url, error, timeout) from error
    except (ValueError, OverflowError) as error:  # from parsing what a redirect names
        raise _nowhere(url, error) from error
    if response.status not in ((200, 206) if have else (200,)):
        response.close()
        raise _refusal(url, response.status, f"{response.reason}, which nobody asked for")
    return response


def _refusal(url: str, code: int, reason: str) -> CorpusError:
    return CorpusError(f"the server refused {url}: HTTP {code} ({reason}). Check the address. {by_hand(url)}")


def _interruption(url: str, error: Exception, timeout: float) -> InterruptedTransferError:
    """Say in words why a connection failed."""
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, TimeoutError):
        return InterruptedTransferError(f"the server was silent for {timeout:g} s")
    if isinstance(reason, socket.gaierror) or getattr(reason, "errno", 0) in (errno.ENETUNREACH, errno.ENETDOWN):
        return InterruptedTransferError(f"no network, or no computer of the name {urlsplit(url).hostname}", again=False)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return InterruptedTransferError(
            f"the certificate of the server is not valid ({reason.verify_message})", again=False
        )
    return InterruptedTransferError(f"the connection failed ({reason or type(reason).__name__})")


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


def _announced(url: str, response: HTTPResponse) -> int | None:
    """Return the length that the server announces, None if it does not."""
    length = response.headers.get("Content-Length")
    if length is None or "Transfer-Encoding" in response.headers:
        return None
    if not re.fullmatch(
        r"[0-9]{1,18}", length.strip()
    ):  # int() alone gives up at 4,300 digits, and http.client silently
        raise CorpusError(f"{url} has a length that is none ({length[:20]!r}). {by_hand(url)}")
    return int(length)


def _size_of_continued(response: HTTPResponse, part: Part, have: int, version: str, size: int | None) -> int:
    """Return the length of the whole file, if the answer goes on where the part ends and belongs to the same file."""
    # Some servers honor Range but not If-Range, so the version of what they send is compared as well.
    sent = re.fullmatch(
        r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)", response.headers.get("Content-Range", "").strip()
    )
    if sent and int(sent[1]) == have and _version(response) in ("", version):
        total = size if sent[3] == "*" else int(sent[3])
        if total is not None and size in (None, total) and int(sent[2]) < total:
            return total
    part.discard()
    raise InterruptedTransferError("the file on the server changed during the download")
