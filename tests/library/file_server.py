"""A file server on this computer that misbehaves on request, and files like the public ones."""

import io
import re
import socket
import struct
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# Sentences of our own in the form of the public files: U+202F or U+00A0 before French marks, straight and curly
# apostrophes, quotation marks that open and never close, a third column with two authors.
FRENCH = """\
Stay.\tReste\u202f!\tCC-BY 2.0 (France) Attribution: tatoeba.org #91000001 (anna) & #91000002 (b_noir)
Stay.\tRestez\u00a0!\tCC-BY 2.0 (France) Attribution: tatoeba.org #91000001 (anna) & #91000003 (c.d)
It's late.\tIl est tard.\tCC-BY 2.0 (France) Attribution: tatoeba.org #91000004 (anna) & #91000005 (b_noir)
I don't ski.\tJe ne skie pas.\tCC-BY 2.0 (France) Attribution: tatoeba.org #91000006 (anna) & #91000007 (éric)
Who's there?\tQui est l\u00e0\u202f?\tCC-BY 2.0 (France) Attribution: tatoeba.org #91000008 (anna) & #91000009 (x)
She has my key.\tElle a ma cl\u00e9.\tCC-BY 2.0 (France) Attribution: tatoeba.org #91000010 (y) & #91000011 (x)
The friend waits.\tL\u2019ami attend.\tCC-BY 2.0 (France) Attribution: tatoeba.org #91000012 (y) & #91000013 (x)
Is it today?\tEst-ce aujourd'hui\u202f?\tCC-BY 2.0 (France) Attribution: tatoeba.org #91000014 (y) & #91000015 (x)
"Come," he said.\t\u00ab\u00a0Viens\u00a0\u00bb, dit-il.\tCC-BY 2.0 (France) Attribution: tatoeba.org #91000016 (y) & #9
"Wait.\t\u201cAttends.\tCC-BY 2.0 (France) Attribution: tatoeba.org #91000018 (y) & #91000019 (x)
It costs $3.50.\tCela co\u00fbte 3,50\u00a0$.\tCC-BY 2.0 (France) Attribution: tatoeba.org #91000020 (y) & #91000021 (x)
I know what he has.\tJe sais ce qu'il a\u2026\tCC-BY 2.0 (France) Attribution: tatoeba.org #91000022 (y) & #91000023 (x)
"""


def zipped(text: str | bytes = FRENCH, name: str = "fra.txt", **others: str) -> bytes:
    """A zip like those of ManyThings, uncompressed so that its size is a matter of its text."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("_about.txt", "** Info **\n\nCheck for newest version here.\n")
        archive.writestr(name, text)
        for other, content in others.items():
            archive.writestr(other.replace("__", "/").replace("_dot_", "."), content)
    return buffer.getvalue()


@dataclass
class Answer:
    """How the server answers one request. By default it behaves."""

    status: int = 200
    body: bytes | None = None  # instead of the file
    cut: int | None = None  # close the connection after so many bytes of the body
    reset: bool = False  # and do it by a reset
    stall: str = ""  # "headers" or "body": say nothing more, from there on
    ranges: bool = True  # honor Range
    if_range: bool = True  # honor If-Range
    length: int = 0  # announce so many bytes too many
    end: int | None = None  # answer a Range up to this byte only
    headers: dict[str, str | None] = field(default_factory=dict)  # instead of its own; None: leave it out


@dataclass
class Seen:
    """One request, and how many bytes of body the server wrote."""

    range: str | None
    if_range: str | None
    agent: str
    sent: int = 0


@dataclass
class State:
    """The file on the server, what it does next and what it has seen."""

    file: bytes
    tag: str | None = '"v1"'
    modified: str | None = None
    plan: list[Answer] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def replace(self, file: bytes, tag: str | None) -> None:
        self.file, self.tag = file, tag


class Handler(BaseHTTPRequestHandler):
    server: "Server"

    def do_GET(self):
        state = self.server.state
        answer = state.plan.pop(0) if state.plan else Answer()
        seen = Seen(self.headers["Range"], self.headers["If-Range"], self.headers["User-Agent"])
        state.seen.append(seen)
        if answer.stall == "headers":
            state.over.wait(3)
            return
        body, status = state.file if answer.body is None else answer.body, answer.status
        start = self.start(answer, seen, status)
        if start >= len(body) > 0:
            self.send_error(416)
            return
        self.send_response(206 if start else status)
        self.describe(state, start, len(body), answer)
        cut = min(len(body) if answer.cut is None else answer.cut, self.end(start, len(body), answer))
        seen.sent = len(body[start:cut])  # before they are sent: the client may look at once
        self.wfile.write(body[start:cut])
        if answer.stall:
            state.over.wait(3)
        if answer.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def start(self, answer: Answer, seen: Seen, status: int) -> int:
        state = self.server.state
        same = not answer.if_range or seen.if_range in (state.tag, state.modified)
        wanted = re.fullmatch(r"bytes=(\d+)-", seen.range or "")
        return int(wanted[1]) if wanted and status == 200 and answer.ranges and same else 0

    def end(self, start: int, size: int, answer: Answer) -> int:
        return size if answer.end is None or not start else answer.end

    def describe(self, state: State, start: int, size: int, answer: Answer) -> None:
        end = self.end(start, size, answer)
        headers = {
            "Content-Range": f"bytes {start}-{end - 1}/{size}" if start else None,
            "ETag": state.tag,
            "Last-Modified": state.modified,
            "Content-Length": str(end - start + answer.length),
        }
        for name, value in (headers | answer.headers).items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    state: State

    def handle_error(self, *_):
        pass  # a client that hangs up is what some tests are about


@contextmanager
def serving() -> Iterator[State]:
    """Serve a file, and let go of all who wait at the end."""
    with Server(("127.0.0.1", 0), Handler) as running:
        running.state = State(zipped())
        running.state.url = f"http://127.0.0.1:{running.server_port}/anki/fra-eng.zip"
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running.state
        running.state.over.set()
        running.shutdown()
        thread.join()


def left_behind(tmp_path: Path) -> dict[str, int]:
    """The sizes of the files in the cache, by the end of their name; the lock is of no interest."""
    files = (tmp_path / "cache").glob("*")
    return {p.name.split("anki%2F")[1]: p.stat().st_size for p in files if p.suffix != ".lock"}


def written(tmp_path: Path, data: str | bytes, name: str = "pairs.txt") -> Path:
    """A file to be read."""
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


PAGE = b"\n<!DOCTYPE html>\n<html><body>Please log in.</body></html>"
DAMAGED = bytearray(zipped())
DAMAGED[DAMAGED.index(b"Il est tard")] ^= 1
