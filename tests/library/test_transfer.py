"""Transfers that break off, lie, stall and are continued, against a file server on this computer."""

import socket
import time

import pytest
from file_server import FRENCH, Answer, left_behind, zipped

from attn_utils.data import textfile, transfer
from attn_utils.data.textfile import CorpusError


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
    note = len(f'{{"version": "\\"v1\\"", "size": {len(server.file)}}}')
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


def test_a_full_disk_is_not_taken_for_a_broken_connection(server, get, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(transfer.Part, "begin", full)
    with pytest.raises(CorpusError, match=r"cannot be written \(No space left on device\)"):
        get()
    assert len(server.seen) == 1


LONG = FRENCH.encode() * 10
RANGE = "bytes 998-1197/"


def text_at(server) -> str:
    """Serve a text, which has no checksum to find a seam by."""
    server.file = LONG
    return server.url.replace("fra-eng.zip", "fra.txt")


@pytest.mark.parametrize("total", [str(len(LONG)), "*"])
def test_a_piece_is_not_taken_for_the_rest(server, get, total):
    """The length that was announced counts: 200 bytes more are not the end."""
    url = text_at(server)
    server.plan = [Answer(cut=998), Answer(end=1198, headers={"Content-Range": RANGE + total})]
    with pytest.raises(CorpusError, match=rf"closed after 1,198 of {len(LONG):,} bytes"):
        get(url=url, retries=1)
    assert get(url=url).read_bytes() == LONG
    assert [s.range for s in server.seen] == [None, "bytes=998-", "bytes=1198-"]


LIES = [
    f"bytes 0-1197/{len(LONG)}",
    "bytes 998-1197/1198",
    "bytes 998-1197/998",
    "bytes 0-1197/99999",
    "bytes 998-",
    "",
    "lines 1-2/3",
]
LIES += [f"bytes 998-{'9' * 5000}/{'9' * 5000}", f"bytes {'9' * 5000}-1/2", None]


@pytest.mark.parametrize("lie", LIES, ids=range(len(LIES)))
def test_an_answer_that_does_not_continue_the_file_is_not_pieced_on(server, get, lie):
    url = text_at(server)
    server.plan = [Answer(cut=998), Answer(end=1198, headers={"Content-Range": lie})]
    assert get(url=url).read_bytes() == LONG
    assert [s.range for s in server.seen] == [None, "bytes=998-", None]


def test_a_length_that_is_told_only_with_the_rest(server, get):
    url = text_at(server)
    server.plan = [Answer(cut=998, stall="body", headers={"Content-Length": None})]
    with pytest.raises(CorpusError, match="silent"):
        get(url=url, timeout=0.1, retries=0)
    assert get(url=url).read_bytes() == LONG
    assert [s.range for s in server.seen] == [None, "bytes=998-"]


@pytest.mark.parametrize(("status", "words"), [(206, "Partial Content"), (203, "Non-Auth"), (204, "No Content")])
def test_what_nobody_asked_for_is_refused(server, get, tmp_path, status, words):
    server.plan = [Answer(status, headers={"Content-Range": f"bytes 0-{len(server.file) - 1}/{len(server.file)}"})]
    with pytest.raises(CorpusError, match=rf"HTTP {status} \({words}.*which nobody asked for\)"):
        get()
    assert len(server.seen) == 1
    assert left_behind(tmp_path) == {}


@pytest.mark.parametrize("length", ["9" * 5000, "-1", "many", "1e3"])
def test_a_length_that_is_none(server, get, tmp_path, length):
    server.plan = [Answer(headers={"Content-Length": length})]
    with pytest.raises(CorpusError, match=r"has a length that is none \('.{1,20}'\)"):
        get()
    assert left_behind(tmp_path) == {}


@pytest.mark.parametrize("length", [None, "1000", "9" * 18])
@pytest.mark.parametrize("name", ["fra-eng.zip", "fra.txt"])
def test_a_file_that_is_too_large_is_refused(server, get, tmp_path, monkeypatch, name, length):
    """Announced or not, packed or not; where no length is told, the transfer ends at the limit."""
    monkeypatch.setattr(textfile, "LARGEST", 999)
    server.file = LONG if name == "fra.txt" else zipped()
    server.plan = [Answer(headers={"Content-Length": length}, stall="body")]  # nobody waits for its end
    with pytest.raises(CorpusError, match=rf"{name} has more than .* GiB: that is no file of sentence pairs"):
        get(url=server.url.replace("fra-eng.zip", name), timeout=0.5, retries=0)
    assert len(server.seen) == 1
    assert left_behind(tmp_path) == {}


def test_a_stream_without_a_length_is_taken(server, get):
    server.plan = [Answer(headers={"Content-Length": None})]
    assert get().read_bytes() == server.file


@pytest.mark.parametrize(
    "target", ["ftp://127.0.0.1/fra.zip", "http://[::1/", "http://127.0.0.1:99999/", "http://:80/"]
)
def test_a_redirect_that_leads_nowhere(server, get, tmp_path, target):
    server.plan = [Answer(302, headers={"Location": target})]
    with pytest.raises(CorpusError, match=r"fra-eng.zip leads to an address that is none of the web \(.*in a browser"):
        get()
    assert len(server.seen) == 1
    assert left_behind(tmp_path) == {}


def test_other_redirects(server, get):
    server.plan = [Answer(302, headers={"Location": "/moved.zip"})]
    assert get().read_bytes() == server.file
    server.plan = [Answer(302, headers={"Location": "file:///etc/hosts"})]
    with pytest.raises(CorpusError, match=r"refused .* HTTP 302"):
        get(url=server.url + "?2")
    server.plan = [Answer(302, headers={"Location": server.url + "?3"})] * 20
    with pytest.raises(CorpusError, match=r"refused .* HTTP 302 .*infinite loop"):
        get(url=server.url + "?3")
