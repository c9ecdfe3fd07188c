"""The cache of downloads: one sound copy of each file, whatever the server sends and whoever asks at the same time."""

import gzip
import hashlib
import os
import pwd
import threading
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from file_server import DAMAGED, FRENCH, PAGE, Answer, left_behind, zipped

from attn_utils.data import download as module
from attn_utils.data.download import download
from attn_utils.data.tatoeba import read
from attn_utils.data.textfile import CorpusError


def test_a_file_is_downloaded_once(server, get, tmp_path):
    path = get()
    assert path.read_bytes() == server.file
    assert left_behind(tmp_path) == {"fra-eng.zip": len(server.file)}
    assert get() == path
    assert len(server.seen) == 1
    assert "urllib" not in server.seen[0].agent.lower()
    assert server.seen[0].range is None


def test_a_part_of_unknown_origin_is_thrown_away(server, get, tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    name = quote(server.url.removeprefix("http://"), safe="")
    (cache / f"{name}.part").write_bytes(b"x" * 100)
    assert get().read_bytes() == server.file
    assert server.seen[0].range is None
    assert left_behind(tmp_path) == {"fra-eng.zip": len(server.file)}


def test_the_pause_doubles_with_each_retry(server, get, monkeypatch):
    pauses = []
    monkeypatch.setattr(module.time, "sleep", pauses.append)
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

    monkeypatch.setattr(os, "replace", replace)
    path = get()
    assert renamed == [(f"{path.name}.part", path.stat().st_size, False)]


def test_each_address_has_its_own_copy(server, get):
    at = [server.url.replace("fra-eng.zip", name) for name in ["a/b_c.zip", "a_b/c.zip", "a_b_c.zip", "a%2Fb_c.zip"]]
    at += [f"{server.url}?{'x' * 300}{end}" for end in "ab"]  # longer than a file's name may be
    assert len({get(url=url) for url in at}) == len(server.seen) == 6


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


REFUSED = {
    "a web page": (Answer(body=PAGE), "http://.*/fra-eng.zip is a web page, not sentence pairs"),
    "not found": (Answer(404), r"refused http://127.*: HTTP 404 \(Not Found\)\. Check the address"),
    "forbidden": (Answer(403), "HTTP 403"),
    "not acceptable": (Answer(406), "HTTP 406"),
    "damaged": (
        Answer(body=bytes(DAMAGED)),
        r"http://.* is a damaged or truncated zip file \(Bad CRC-32 for file 'fra.txt'\)",
    ),
    "truncated": (Answer(body=zipped()[:-40]), "damaged or truncated zip file"),
    "nothing": (Answer(body=b""), "fra-eng.zip is empty"),
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


NO_PAIRS = {
    "json": b'{"error": "rate limited", "retry": 60}',
    "json with tabs": b'{\n\t"error":\t"rate limited",\n\t"retry":\t60\n}\n',
    "json lines": b'{"a":\t1}\n{"a":\t2}\n',
    "fragment": b"<div>\n\t<p>Please log in.</p>\n</div>\n",
    "fragment with tabs": b"<p>Please\tlog in.</p>\n<p>Or\tregister.</p>\n",
    "message": b"Too many requests\n",
    "mostly prose": b"Dear reader,\nthis file has moved.\nold\tnew\n",
    "half columns": b"Go.\t\n\tVa.\nRun.\t \n",
    "blank": b"\n\n",
    "packed page": gzip.compress(PAGE),
    "packed json": gzip.compress(b"{}"),
    "cut off gzip": gzip.compress(FRENCH.encode())[:-20],
    "picture": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    "latin-1": "Key.\tCl\xe9.\n".encode("latin-1"),
}


@pytest.mark.parametrize("what", NO_PAIRS)
def test_a_text_is_looked_at_before_it_is_published(server, get, tmp_path, what):
    url = server.url.replace("fra-eng.zip", "fra.txt")
    server.file = FRENCH.encode()
    server.plan = [Answer(body=NO_PAIRS[what])]
    with pytest.raises(CorpusError, match=r"http://.*/fra.txt (holds no|is a|is no)"):
        get(url=url)
    assert left_behind(tmp_path) == {}
    path = get(url=url)  # the next call asks again
    assert path.read_bytes() == server.file
    path.write_bytes(NO_PAIRS[what])  # what an earlier version may have left
    assert get(url=url).read_bytes() == server.file


def test_a_text_may_come_packed(server, get):
    server.file = gzip.compress(FRENCH.encode())
    assert len(read(get(url=server.url.replace("fra-eng.zip", "fra.txt"))).pairs) == 12


def test_a_cache_that_cannot_be_written(server, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(CorpusError, match=r"cannot be written .*cache= or the environment variable ATTN_UTILS_CACHE"):
        download(server.url, tmp_path / "file", progress=False)
    assert server.seen == []


def test_waiting_for_another_process_ends(server, get, monkeypatch):
    monkeypatch.setattr(module, "_LOCK_WAIT", 0.05)
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
    assert module._cache_folder(None) == Path(folder)
    assert module._cache_folder("/mine") == Path("/mine")


def test_a_user_without_a_home(server, get, monkeypatch, tmp_path):
    """As in a container that runs under a number: no HOME, no entry in passwd."""

    def nobody(_):
        raise KeyError("uid not found")

    for name in ("HOME", "USERPROFILE", "ATTN_UTILS_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with pytest.raises(CorpusError, match=r"the home folder is not known\. .* cache= or .* ATTN_UTILS_CACHE"):
        download(server.url, progress=False)
    with pytest.raises(CorpusError, match="the home folder is not known"):
        read("~/fra.txt")
    assert get().read_bytes() == server.file


WRONG = [
    ({"url": "fra.txt"}, r"url must be an address like .*, got 'fra.txt'. To read a file you have, use read\(path\)"),
    ({"url": "file:///fra.txt"}, "url must be an address"),
    ({"url": "http://[::1/fra.zip"}, "url must be an address"),
    ({"url": "http://host:99999/fra.zip"}, "url must be an address"),
    ({"url": "http://host:port/fra.zip"}, "url must be an address"),
    ({"url": Path("fra.txt")}, "url must be an address"),
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
