"""What is in a file: packed and encoded in many ways, or not what it seems."""

import bz2
import contextlib
import gzip
import io
import lzma
import random
import zipfile

import pytest
from file_server import DAMAGED, FRENCH, PAGE, written, zipped

from attn_utils.data import textfile
from attn_utils.data.tatoeba import read
from attn_utils.data.textfile import CorpusError, read_text


def zip_with(text: str | bytes = FRENCH, method: int = zipfile.ZIP_DEFLATED, flags: int = 0) -> bytes:
    """A zip of a text that says of itself to be packed by this method, or encrypted."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("fra.txt", text)
    data = bytearray(buffer.getvalue())
    for start in (0, data.index(b"PK\x01\x02") + 2):  # the header of the file, and that of the directory
        data[start + 6] |= flags
        data[start + 8] = method
    return bytes(data)


WRAPPINGS = {
    "plain.txt": FRENCH.encode(),
    "marked.txt": FRENCH.encode("utf-8-sig"),
    "little.txt": FRENCH.encode("utf-16-le"),
    "big.txt": FRENCH.encode("utf-16-be"),
    "marked_little.txt": b"\xff\xfe" + FRENCH.encode("utf-16-le"),
    "marked_big.txt": b"\xfe\xff" + FRENCH.encode("utf-16-be"),
    "utf32.txt": FRENCH.encode("utf-32"),
    "fra-eng.zip": zipped(),
    "deflated.zip": zip_with(),
    "folder.ZIP": zipped(name="data/fra-eng/fra.txt", **{"__MACOSX__._fra_dot_txt": "x"}),
    "zip_without_the_name": zipped(),
    "text.zip": FRENCH.encode(),  # what a file is, its bytes say
    "fra.txt.gz": gzip.compress(FRENCH.encode()),
    "gzip_without_the_name.txt": gzip.compress(FRENCH.encode("utf-16")),
    "fra.tsv.bz2": bz2.compress(FRENCH.encode()),
    "fra.xz": lzma.compress(FRENCH.encode()),
}


@pytest.mark.parametrize("name", WRAPPINGS)
def test_the_same_text_in_every_wrapping(tmp_path, name):
    assert read_text(written(tmp_path, WRAPPINGS[name], name)) == FRENCH


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["走。\t走れ。\n", "अब\tਹੁਣ\r", "a\tb\n", "Ċ\tĉ\n"])
def test_utf_16_is_recognized_without_a_mark(tmp_path, text, encoding):
    assert read_text(written(tmp_path, text.encode(encoding))) == text


@pytest.mark.parametrize("pack", [zip_with, gzip.compress, bz2.compress, lzma.compress, bytes])
def test_a_file_that_unpacks_to_too_much(tmp_path, monkeypatch, pack):
    monkeypatch.setattr(textfile, "LARGEST", 10_000)
    read_text(written(tmp_path, pack(b"a\tb\n" * 2500)))
    with pytest.raises(CorpusError, match=r"pairs.txt has more than .* GiB: that is no file of sentence pairs"):
        read_text(written(tmp_path, pack(b"a\tb\n" * 2501)))


UNREADABLE = {
    "nothing.txt": (b"", r"no sentence pair is left of .*nothing.txt \(lines left out: none\)\. A line must be"),
    "no_tabs.txt": (b"one\ntwo\n", r"lines left out: 2 missing column\)"),
    "latin1.txt": ("Go.\tVa.\nKey.\tCl\xe9.\n".encode("latin-1"), r"not UTF-8: line 2, byte 8 is 0xe9\. Save the file"),
    "first.txt": (b"\xe9\n", "line 1, byte 1 is 0xe9"),
    "marked.txt": (b"\xef\xbb\xbfab\xe9\n", "line 1, byte 3 is 0xe9"),
    "cut16.txt": ("Go.\tVa.\n".encode("utf-16") + b"x", "cut16.txt is not UTF-16: line"),
    "null.txt": (b"Goo.\t\0Va.\n", "null.txt is no text in UTF-8 or UTF-16: byte 6 is 0"),
    "picture.txt": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "picture.txt is no text .* byte 9 is 0"),
    "page.txt": (PAGE, "page.txt is a web page, not sentence pairs"),
    "page.zip": (PAGE, "page.zip is a web page, not sentence pairs"),
    "page.gz": (gzip.compress(PAGE), "page.gz is a web page"),
    "cut.gz": (gzip.compress(FRENCH.encode())[:-20], "cut.gz is a damaged or truncated gzip file .* Download it again"),
    "no.bz2": (b"BZh9 what is this", "no.bz2 is a damaged or truncated bz2 file"),
    "cut.xz": (lzma.compress(FRENCH.encode())[:-20], "cut.xz is a damaged or truncated lzma file"),
    "deflate64.zip": (zip_with(method=9), r"cannot be unpacked by Python \(compression method 9: .* another program"),
    "encrypted.zip": (zip_with(flags=1), "encrypted.zip is encrypted. Unpack it with another program"),
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


@pytest.mark.parametrize("name", WRAPPINGS)
def test_whatever_the_bytes_the_answer_is_a_text_or_words(tmp_path, name):
    chance = random.Random(name)
    for _ in range(50):
        data = bytearray(WRAPPINGS[name])
        data[chance.randrange(len(data))] = chance.randrange(256)
        path = written(tmp_path, bytes(data[: chance.randrange(len(data)) if chance.random() < 0.3 else None]))
        with contextlib.suppress(CorpusError):
            assert isinstance(read_text(path), str)
