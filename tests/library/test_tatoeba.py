"""The reader of Tatoeba's sentence pairs, against a file server on this computer that misbehaves on request."""

import hashlib
import io
import os
import re
import socket
import struct
import threading
import time
import warnings
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest

from attn_utils.data import tatoeba
from attn_utils.data.pairs import Pair
from attn_utils.data.tatoeba import CorpusError, download, read, tokenize

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


# ------------------------------------------------------------------------------------------ the server


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
        cut = len(body) if answer.cut is None else answer.cut
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

    def describe(self, state: State, start: int, size: int, answer: Answer) -> None:
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        if state.tag:
            self.send_header("ETag", state.tag)
        if state.modified:
            self.send_header("Last-Modified", state.modified)
        self.send_header("Content-Length", str(size - start + answer.length))
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    state: State

    def handle_error(self, *_):
        pass  # a client that hangs up is what some tests are about


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with Server(("127.0.0.1", 0), Handler) as running:
        running.state = State(zipped())
        running.state.url = f"http://127.0.0.1:{running.server_port}/anki/fra-eng.zip"
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running.state
        running.state.over.set()
        running.shutdown()
        thread.join()


@pytest.fixture
def get(server, tmp_path):
    """Download what the server has, patiently but fast."""

    def call(**options):
        options = {"progress": False, "timeout": 5.0, "backoff": 0.0} | options
        return download(options.pop("url", server.url), tmp_path / "cache", **options)

    return call


def left_behind(tmp_path: Path) -> dict[str, int]:
    """The sizes of the files in the cache, by the end of their name; the lock is of no interest."""
    files = (tmp_path / "cache").glob("*")
    return {p.name.split("anki%2F")[1]: p.stat().st_size for p in files if p.suffix != ".lock"}


# ---------------------------------------------------------------------------------- downloads that work


def test_a_file_is_downloaded_once(server, get, tmp_path):
    path = get()
    assert path.read_bytes() == server.file
    assert left_behind(tmp_path) == {"fra-eng.zip": len(server.file)}
    assert get() == path
    assert len(server.seen) == 1
    assert "urllib" not in server.seen[0].agent.lower()
    assert server.seen[0].range is None


def test_read_downloads_and_reads(server, tmp_path):
    corpus = read(url=server.url, cache=tmp_path, progress=False)
    assert len(corpus.pairs) == 12
    assert corpus.path.parent == tmp_path
    assert corpus.pairs[0] == Pair(("stay", "."), ("reste", "!"))


@pytest.mark.parametrize("by", ["ETag", "Last-Modified"])
def test_a_cut_connection_is_continued_where_it_broke(server, get, tmp_path, by):
    if by == "Last-Modified":
        server.tag, server.modified = 'W/"weak"', "Sat, 01 Nov 2025 10:00:00 GMT"
    server.plan = [Answer(cut=700), Answer(cut=1000)]
    assert get().read_bytes() == server.file
    assert [s.range for s in server.seen] == [None, "bytes=700-", "bytes=1000-"]
    assert [s.sent for s in server.seen] == [700, 300, len(server.file) - 1000]
    assert server.seen[2].if_range == (server.tag if by == "ETag" else server.modified)
    assert left_behind(tmp_path) == {"fra-eng.zip": len(server.file)}


def test_a_reset_connection_is_tried_again(server, get):
    """A reset may throw away what lies in the buffers: how much is continued is a matter of luck."""
    server.plan = [Answer(cut=700, reset=True), Answer(cut=1000, reset=True)]
    assert get().read_bytes() == server.file
    assert len(server.seen) == 3


def test_a_later_call_continues_what_an_earlier_one_left(server, get, tmp_path):
    server.plan = [Answer(cut=700)]
    with pytest.raises(CorpusError, match=rf"closed after 700 of {len(server.file):,} bytes.*read\('path"):
        get(retries=0)
    note = len('{"version": "\\"v1\\""}')
    assert left_behind(tmp_path) == {"fra-eng.zip.part": 700, "fra-eng.zip.part.json": note}
    assert get().read_bytes() == server.file
    assert (server.seen[1].range, server.seen[1].sent) == ("bytes=700-", len(server.file) - 700)


def test_a_server_that_ignores_range_sends_the_whole_file(server, get):
    server.plan = [Answer(cut=700), Answer(ranges=False)]
    assert get().read_bytes() == server.file
    assert server.seen[1].range == "bytes=700-"
    assert server.seen[1].sent == len(server.file)


@pytest.mark.parametrize("name", ["fra-eng.zip", "fra.txt"])  # a text has no checksums to find the seam by
@pytest.mark.parametrize("if_range", [True, False])
def test_a_file_that_changes_between_attempts_is_not_pieced_together(server, get, if_range, name):
    url = server.url.replace("fra-eng.zip", name)
    pack = zipped if name.endswith("zip") else str.encode
    server.replace(pack(FRENCH), '"v1"')
    server.plan = [Answer(cut=700)]
    with pytest.raises(CorpusError, match="closed after 700"):
        get(url=url, retries=0)
    server.replace(pack(FRENCH.replace("Stay", "Halt")), '"v2"')
    server.plan = [Answer(if_range=if_range)]
    assert get(url=url).read_bytes() == server.file
    assert server.seen[1].if_range == '"v1"'
    # Told by If-Range, the server sends the new file at once; else the new ETag gives it away, and one more is needed.
    assert [s.range for s in server.seen[2:]] == ([] if if_range else [None])


def test_without_a_version_nothing_is_continued(server, get, tmp_path):
    server.tag = None
    server.plan = [Answer(cut=700), Answer(cut=700)]
    with pytest.raises(CorpusError, match="closed after 700"):
        get(retries=1)
    assert [s.range for s in server.seen] == [None, None]
    assert left_behind(tmp_path) == {}


def test_a_part_of_unknown_origin_is_thrown_away(server, get, tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    name = quote(server.url.removeprefix("http://"), safe="")
    (cache / f"{name}.part").write_bytes(b"x" * 100)
    assert get().read_bytes() == server.file
    assert server.seen[0].range is None
    assert left_behind(tmp_path) == {"fra-eng.zip": len(server.file)}


@pytest.mark.parametrize("size", [100, 100_000])
def test_a_part_with_wrong_bytes_is_found_out(server, get, tmp_path, size):
    """Of the right length so far, or longer than the file: both start afresh."""
    server.plan = [Answer(cut=100)]
    with pytest.raises(CorpusError):
        get(retries=0)
    (part,) = (tmp_path / "cache").glob("*.part")
    part.write_bytes(b"x" * size)
    assert get(retries=1).read_bytes() == server.file
    assert [s.range for s in server.seen[1:]] == [f"bytes={size}-", None]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_error_of_the_server_passes(server, get, status):
    server.plan = [Answer(status), Answer(status)]
    assert get(retries=2).read_bytes() == server.file


def test_the_pause_doubles_with_each_retry(server, get, monkeypatch):
    pauses = []
    monkeypatch.setattr(tatoeba.time, "sleep", pauses.append)
    server.plan = [Answer(503)] * 8
    with pytest.raises(CorpusError, match=r"HTTP 503 .*attempt 8"):
        get(retries=7, backoff=1.0)
    assert pauses == [1, 2, 4, 8, 16, 30, 30]


def test_two_at_a_time_download_once(server, get):
    server.plan = [Answer(cut=700)]  # the second waits, also while the first tries again
    found = []
    threads = [threading.Thread(target=lambda: found.append(get())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(found) == 4
    assert {path.read_bytes() for path in found} == {server.file}
    assert len(server.seen) == 2


def test_the_final_name_never_holds_half_a_file(server, get, tmp_path):
    server.plan = [Answer(cut=700, stall="body")]
    thread = threading.Thread(target=lambda: get(timeout=30.0))
    thread.start()
    deadline = time.monotonic() + 2
    while left_behind(tmp_path).get("fra-eng.zip.part") != 700 and time.monotonic() < deadline:
        time.sleep(0.005)
    assert left_behind(tmp_path)["fra-eng.zip.part"] == 700
    assert "fra-eng.zip" not in left_behind(tmp_path)
    server.over.set()
    thread.join(10)
    assert left_behind(tmp_path) == {"fra-eng.zip": len(server.file)}


def test_the_file_appears_whole_by_a_rename(get, monkeypatch):
    renamed = []

    def replace(source, target):
        renamed.append((Path(source).name, Path(source).stat().st_size, Path(target).exists()))
        return os.rename(source, target)

    monkeypatch.setattr(tatoeba.os, "replace", replace)
    path = get()
    assert renamed == [(f"{path.name}.part", path.stat().st_size, False)]


def test_each_address_has_its_own_copy(server, get):
    at = [server.url.replace("fra-eng.zip", name) for name in ["a/b_c.zip", "a_b/c.zip", "a_b_c.zip", "a%2Fb_c.zip"]]
    assert len({get(url=url) for url in at}) == len(server.seen) == 4


def test_a_damaged_copy_in_the_cache_is_replaced(server, get):
    path = get()
    path.write_bytes(server.file[:-30])
    assert get().read_bytes() == server.file
    assert len(server.seen) == 2


def test_progress_goes_to_stderr(get, tmp_path, capsys):
    get(progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "fra-eng.zip: 100%" in err
    (path,) = (tmp_path / "cache").glob("*.zip")
    path.unlink()
    get(progress=False)
    assert capsys.readouterr() == ("", "")


def test_a_checksum_is_compared(server, get, tmp_path):
    right = hashlib.sha256(server.file).hexdigest()
    path = get(sha256=right.upper())
    with pytest.raises(CorpusError, match=f"SHA-256 {right}, not {'0' * 64}: it is damaged or another version"):
        get(sha256="0" * 64)
    assert path.read_bytes() == server.file  # the copy that was there is left alone
    assert left_behind(tmp_path) == {"fra-eng.zip": len(server.file)}
    server.replace(zipped("a\tb\n"), '"v2"')
    assert get(sha256=hashlib.sha256(server.file).hexdigest()).read_bytes() == server.file


def test_a_text_needs_no_zip(server, get):
    server.file = FRENCH.encode()
    server.plan = [Answer(cut=700)]
    corpus = read(get(url=server.url.replace("fra-eng.zip", "fra.txt")))
    assert len(corpus.pairs) == 12


# --------------------------------------------------------------------------------- downloads that fail


PAGE = b"\n<!DOCTYPE html>\n<html><body>Please log in.</body></html>"
DAMAGED = bytearray(zipped())
DAMAGED[DAMAGED.index(b"Il est tard")] ^= 1

REFUSED = {
    "a web page": (Answer(body=PAGE), "http://.*/fra-eng.zip is a web page, not sentence pairs"),
    "not found": (Answer(404), r"refused http://127.*: HTTP 404 \(Not Found\)\. Check the address"),
    "forbidden": (Answer(403), "HTTP 403"),
    "not acceptable": (Answer(406), "HTTP 406"),
    "damaged": (Answer(body=bytes(DAMAGED)), r"http://.* is a damaged or truncated zip file \(fra.txt\)"),
    "truncated": (Answer(body=zipped()[:-40]), "damaged or truncated zip file"),
    "nothing": (Answer(body=b""), "damaged or truncated zip file"),
    "no text": (
        Answer(body=zipped(name="fra.csv")),
        r"must hold one .txt or .tsv file .* holds 0 \(_about.txt, fra.csv",
    ),
    "two texts": (Answer(body=zipped(deu_dot_txt="Halt.")), r"holds 2 \(deu.txt, fra.txt\)\. Unpack it"),
    "too short a length": (Answer(length=-200), "damaged or truncated zip file"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_file_is_refused_at_once_and_leaves_nothing(server, get, tmp_path, case):
    answer, message = REFUSED[case]
    server.plan = [answer]
    with pytest.raises(CorpusError, match=message):
        get()
    assert len(server.seen) == 1
    assert left_behind(tmp_path) == {}


def test_a_server_that_announces_too_many_bytes(server, get, tmp_path):
    server.plan = [Answer(length=50)] * 3
    size = len(server.file)
    with pytest.raises(CorpusError, match=f"closed after {size:,} of {size + 50:,} bytes"):
        get(retries=0)
    assert "fra-eng.zip" not in left_behind(tmp_path)


@pytest.mark.parametrize("stall", ["headers", "body"])
def test_a_silent_server_is_given_up(server, get, tmp_path, stall):
    server.plan = [Answer(cut=700, stall=stall)]
    begin = time.monotonic()
    with pytest.raises(CorpusError, match=r"the server was silent for 0.1 s"):
        get(timeout=0.1, retries=0)
    assert time.monotonic() - begin < 2
    assert left_behind(tmp_path).get("fra-eng.zip.part", 0) == (700 if stall == "body" else 0)
    assert get().read_bytes() == server.file
    assert server.seen[1].range == ("bytes=700-" if stall == "body" else None)


def test_no_network(get, server, monkeypatch):
    def fail(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(
        CorpusError, match=r"no network, or no computer of the name no.example .attempt 1.*in a browser"
    ):
        get(url="http://no.example/fra-eng.zip")


def test_nobody_at_the_address(get, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refuses
        with pytest.raises(CorpusError, match=r"connection failed .*attempt 3"):
            get(url=f"http://127.0.0.1:{taken.getsockname()[1]}/anki/fra-eng.zip", retries=2)
    assert left_behind(tmp_path) == {}


def test_a_cache_that_cannot_be_written(server, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(CorpusError, match=r"cannot be written .*cache= or the environment variable ATTN_UTILS_CACHE"):
        download(server.url, tmp_path / "file", progress=False)
    assert server.seen == []


def test_a_full_disk_is_not_taken_for_a_broken_connection(server, get, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tatoeba._Part, "begin", full)
    with pytest.raises(CorpusError, match=r"cannot be written \(No space left on device\)"):
        get()
    assert len(server.seen) == 1


def test_waiting_for_another_process_ends(server, get, monkeypatch):
    monkeypatch.setattr(tatoeba, "_LOCK_WAIT", 0.05)
    server.plan = [Answer(stall="headers")]
    thread = threading.Thread(target=lambda: get(retries=1))
    thread.start()
    deadline = time.monotonic() + 5
    while not server.seen and time.monotonic() < deadline:
        time.sleep(0.005)
    with pytest.raises(CorpusError, match="another process has been downloading"):
        get()
    server.over.set()
    thread.join(10)


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"ATTN_UTILS_CACHE": "/a/b", "XDG_CACHE_HOME": "/x"}, "/a/b"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/attn_utils"),
        ({"XDG_CACHE_HOME": "not/absolute"}, "/home/ada/.cache/attn_utils"),
        ({}, "/home/ada/.cache/attn_utils"),
    ],
)
def test_where_downloads_go(monkeypatch, variables, folder):
    for name in ("ATTN_UTILS_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "/home/ada", **variables}.items():
        monkeypatch.setenv(name, value)
    assert tatoeba._cache_folder(None) == Path(folder)
    assert tatoeba._cache_folder("/mine") == Path("/mine")


WRONG = [
    ({"url": "fra.txt"}, r"url must be an address like .*, got 'fra.txt'. To read a file you have, use read\(path\)"),
    ({"url": "file:///fra.txt"}, "url must be an address"),
    ({"url": "http://a b/fra.zip"}, "url must be an address"),
    ({"sha256": "abc"}, "sha256 must be 64 hexadecimal digits, got 'abc'"),
    ({"timeout": 0}, "timeout must be positive and finite, got 0"),
    ({"timeout": float("nan")}, "timeout must be positive and finite, got nan"),
    ({"retries": -1}, "retries must be an integer of at least 0, got -1"),
    ({"retries": 1.5}, "retries must be an integer of at least 0, got 1.5"),
    ({"backoff": -1}, "backoff must be at least 0 and finite, got -1"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_arguments(get, server, arguments, message):
    with pytest.raises(ValueError, match=message):
        get(**arguments)
    assert server.seen == []


@pytest.mark.parametrize("name", ["max_tokens", "limit"])
@pytest.mark.parametrize("value", [0, -1, 2.5, True])
def test_wrong_numbers(tmp_path, name, value):
    with pytest.raises(ValueError, match=f"{name} must be a positive integer, got {value}"):
        read(tmp_path / "never_opened.txt", **{name: value})


# ---------------------------------------------------------------------------------------------- reading


def written(tmp_path: Path, data: str | bytes, name: str = "pairs.txt") -> Path:
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def test_lines_in_the_true_form(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        corpus = read(written(tmp_path, FRENCH, "fra.txt"))
    said = [(" ".join(pair.source), " ".join(pair.target)) for pair in corpus.pairs]
    assert said == [
        ("stay .", "reste !"),
        ("stay .", "restez !"),
        ("it's late .", "il est tard ."),
        ("i don't ski .", "je ne skie pas ."),
        ("who's there ?", "qui est là ?"),
        ("she has my key .", "elle a ma clé ."),
        ("the friend waits .", "l' ami attend ."),
        ("is it today ?", "est-ce aujourd'hui ?"),
        ('" come , " he said .', "« viens » , dit-il ."),
        ('" wait .', '" attends .'),
        ("it costs $ 3.50 .", "cela coûte 3,50 $ ."),
        ("i know what he has .", "je sais ce qu' il a …"),
    ]
    assert corpus.path == tmp_path / "fra.txt"
    assert corpus.skipped == {"missing column": 0, "empty": 0, "too long": 0, "repeated": 0}
    assert all(not (pair.sure or pair.possible or pair.phenomena or pair.modified) for pair in corpus.pairs)


def test_the_same_pairs_in_every_wrapping(tmp_path):
    """Without attribution, with a byte order mark, with the line ends of Windows, without a last one, in a zip."""
    expected = read(written(tmp_path, FRENCH)).pairs
    two = "".join("\t".join(line.split("\t")[:2]) + "\n" for line in FRENCH.splitlines())
    more = "".join(f"{line}\t5\t0\n" for line in FRENCH.splitlines())
    shadow = zipped(name="data/fra-eng/fra.txt", **{"__MACOSX__._fra_dot_txt": "x"})
    files = {
        "two.txt": two,
        "more.tsv": more,
        "mark.txt": b"\xef\xbb\xbf" + FRENCH.encode(),
        "windows.txt": FRENCH.replace("\n", "\r\n"),
        "windows_two.txt": two.replace("\n", "\r\n"),
        "no_end.txt": two.removesuffix("\n"),
        "fra-eng.zip": zipped(),
        "folder.ZIP": shadow,
        "zip_without_the_name": zipped(),
    }
    for name, data in files.items():
        assert read(str(written(tmp_path, data, name))).pairs == expected, name


def test_only_a_line_feed_ends_a_line(tmp_path):
    path = written(tmp_path, "Go\u2028on.\tVa\u0085y.\n\x0cRun.\tCours\x1c.\n")
    assert [pair.source for pair in read(path).pairs] == [("go", "on", "."), ("run", ".")]


def test_an_export_of_tatoeba_itself(tmp_path):
    """It numbers the sentences: number, source, number, target."""
    lines = "\ufeff91\tStay.\t92\tReste\u202f!\n93\tIt's 7.\t94\tIl est 7 heures.\n"
    assert [pair.source[0] for pair in read(written(tmp_path, lines)).pairs] == ["stay", "it's"]
    assert read(written(tmp_path, lines), swap=True).pairs[0] == Pair(("reste", "!"), ("stay", "."))
    assert read(written(tmp_path, "7\tsept\tCC-BY\n")).pairs == [Pair(("7",), ("sept",))]


CREDIT = "\tCC-BY 2.0 (France) Attribution: tatoeba.org #1 (a) & #2 (b)\n"
GERMAN = f"Look!\tSchau\u2019s dir an!{CREDIT}He said: \u201cNo.\u201d\tEr sagte: \u201eNein.\u201c{CREDIT}"
CHINESE = f"Tom swims.\t\u6c64\u59c6\u4f1a\u6e38\u6cf3\u3002{CREDIT}"


def test_other_languages(tmp_path):
    look, said = read(written(tmp_path, GERMAN, "deu.txt")).pairs
    assert look.target == ("schau's", "dir", "an", "!")
    assert said == Pair(("he", "said", ":", '"', "no", ".", '"'), ("er", "sagte", ":", '"', "nein", ".", '"'))
    (swims,) = read(written(tmp_path, CHINESE, "cmn.txt")).pairs
    assert swims.target == ("\u6c64", "\u59c6", "\u4f1a", "\u6e38", "\u6cf3", "\u3002")


TOKENS = {
    "L\u2019\u00e9t\u00e9, qu\u2019est-ce que c\u2019est\u202f?": "l' \u00e9t\u00e9 , qu' est-ce que c' est ?",
    "Jusqu'\u00e0, lorsqu'il puisqu'on \u00e7'a": "jusqu' \u00e0 , lorsqu' il puisqu' on \u00e7' a",
    "J'ai, j\u2019y, N\u2019en, T'as, s'il, m'a, d'ici": "j' ai , j' y , n' en , t' as , s' il , m' a , d' ici",
    "quelqu'un, aujourd\u2019hui, va-t'en": "quelqu'un , aujourd'hui , va-t'en",
    "I can\u2019t; we'll, Tom's, o'clock, O'Hara": "i can't ; we'll , tom's , o'clock , o'hara",
    "the cats' 'quoted' one": "the cats ' ' quoted ' one",
    "1,000 or 3.14 at 7:30, not 5...": "1,000 or 3.14 at 7:30 , not 5 ...",
    "Wait\u2026 What?! (50%)": "wait \u2026 what ? ! ( 50 % )",
    "cafe\u0301\u00adte\u0301ria\u200b\u2009x\u2028y\u0085z": "caf\u00e9t\u00e9ria x y z",
    "co\u2011op snake_case col\u00b7legi": "co-op snake _ case col\u00b7legi",
    "\u00bfQu\u00e9? \u00a1No!": "\u00bf qu\u00e9 ? \u00a1 no !",
    "Tom\u662f\u6211\u7684 friend\u3002": "tom \u662f \u6211 \u7684 friend \u3002",
    "\u30cb\u30e5\u30fc": "\u30cb \u30e5 \u30fc",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u092e\u0947\u0902\u0964": (
        "\u0939\u093f\u0928\u094d\u0926\u0940 \u092e\u0947\u0902 \u0964"
    ),
    "\u0e09\u0e31\u0e19\u0e23\u0e31\u0e01": "\u0e09\u0e31 \u0e19 \u0e23\u0e31 \u0e01",
    "\ud55c\uad6d\uc5b4\ub97c \ub9d0\ud574\uc694.": "\ud55c\uad6d\uc5b4\ub97c \ub9d0\ud574\uc694 .",
    " \u202f \t": "",
}


@pytest.mark.parametrize("text", TOKENS)
def test_tokens(text):
    assert " ".join(tokenize(text)) == TOKENS[text]


def test_case_is_kept_on_request(tmp_path):
    assert tokenize("L'Oise, D'où, Qu'il", lower=False) == ("L'", "Oise", ",", "D'", "où", ",", "Qu'", "il")
    assert read(written(tmp_path, FRENCH), lower=False).pairs[6].target[:2] == ("L'", "ami")


def test_swap_limit_and_length(tmp_path):
    path = written(tmp_path, FRENCH)
    pairs = read(path).pairs
    assert read(path, swap=True).pairs == [Pair(pair.target, pair.source) for pair in pairs]
    assert read(path, limit=3).pairs == pairs[:3]
    short = read(path, max_tokens=4)
    assert short.pairs == [pair for pair in pairs if max(len(pair.source), len(pair.target)) <= 4]
    assert 0 < len(short.pairs) < 12
    assert short.skipped["too long"] == 12 - len(short.pairs)
    assert read(path, max_tokens=4, limit=2).pairs == short.pairs[:2]
    one_long_side = written(tmp_path, "a\tb c d\na b c\td\na\tb\n")
    assert read(one_long_side, max_tokens=2).skipped["too long"] == 2


def test_lines_that_are_no_pairs_are_counted_and_reported(tmp_path):
    lines = "Go.\tVa.\nno tab here\n\n \t \nGo.\t\u200b\nGO.\tva.\nanother one\nRun.\tCours.\n"
    path = written(tmp_path, lines)
    with pytest.warns(
        UserWarning, match=r"left out 2 line\(s\) without a tab; the first is line 2: 'no tab here'"
    ) as got:
        corpus = read(path)
    assert [w.filename for w in got] == [__file__]
    assert corpus.pairs == [Pair(("go", "."), ("va", ".")), Pair(("run", "."), ("cours", "."))]
    assert corpus.skipped == {"missing column": 2, "empty": 3, "too long": 0, "repeated": 1}
    assert len(corpus.pairs) + sum(corpus.skipped.values()) == lines.count("\n")


UNREADABLE = {
    "nothing.txt": (b"", r"no sentence pair is left of .*nothing.txt \(lines left out: 1 empty\)\. A line must be"),
    "no_tabs.txt": (b"one\ntwo\n", r"lines left out: 2 missing column\)"),
    "latin1.txt": ("Go.\tVa.\nKey.\tCl\xe9.\n".encode("latin-1"), r"not UTF-8: line 2, byte 8 is 0xe9\. Save the file"),
    "first.txt": (b"\xe9\n", "line 1, byte 1 is 0xe9"),
    "marked.txt": (b"\xef\xbb\xbfab\xe9\n", "line 1, byte 3 is 0xe9"),
    "utf16.txt": ("Go.\tVa.\n".encode("utf-16"), "line 1, byte 1 .* It looks like UTF-16"),
    "page.txt": (PAGE, "page.txt is a web page, not sentence pairs"),
    "page.zip": (PAGE, "page.zip is a web page, not sentence pairs"),
    "text.zip": (FRENCH.encode(), "text.zip is a damaged or truncated zip file"),
    "damaged.zip": (bytes(DAMAGED), "damaged.zip is a damaged or truncated zip file"),
    "truncated.zip": (zipped()[:-40], "truncated.zip is a damaged or truncated zip file"),
    "latin1.zip": (zipped("Cl\xe9\tKey\n".encode("latin-1")), "latin1.zip is not UTF-8: line 1, byte 3 is 0xe9"),
    "about.zip": (zipped(name="fra.csv"), "about.zip must hold one .txt or .tsv file"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_files(tmp_path, name):
    data, message = UNREADABLE[name]
    with pytest.raises(CorpusError, match=message):
        read(written(tmp_path, data, name))


def test_a_path_that_leads_nowhere(tmp_path):
    with pytest.raises(CorpusError, match=r"missing.txt cannot be read \(No such file or directory\)\. Give the path"):
        read(tmp_path / "missing.txt")
    with pytest.raises(CorpusError, match=r"cannot be read \(Is a directory\)"):
        read(tmp_path)
    with pytest.raises(CorpusError, match=r"too long"):
        read(written(tmp_path, FRENCH), max_tokens=1)
