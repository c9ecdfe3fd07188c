"""Real sentence pairs: the public files that ManyThings makes from Tatoeba, for any pair of languages.

A file is text with a sentence pair a line, its columns separated by tabs::

    source <TAB> target [<TAB> attribution]

``read()`` downloads the English–French file, checks it and returns its pairs as tokens. ``read("deu.txt")`` reads a
file you have. The files are listed at https://www.manythings.org/anki/; their sentences come from
https://tatoeba.org and are published under CC BY 2.0 (France), with the names of their authors in the third column.
A file is sorted by the length of the source and has several translations for most sources.
"""

import os
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from attn_utils._checks import check_size
from attn_utils.data.download import URL, download
from attn_utils.data.pairs import Pair
from attn_utils.data.textfile import FORMAT, CorpusError, expand, read_text
from attn_utils.data.tokens import tokenize

__all__ = ["Corpus", "read"]

_SAMPLE = 1000  # lines that tell what the columns are
_KINDS = {  # of a column that is no sentence
    "number": re.compile(r"\d+"),
    "language": re.compile(r"[a-z]{2,3}([_-][A-Za-z]{2,4})?|\\N"),
    "credit": re.compile(r"CC[- ]?(BY|0).*", re.DOTALL),
}


@dataclass(frozen=True)
class Corpus:
    """What :func:`read` found in a file.

    Attributes:
        pairs: The sentence pairs, in the order of the file, each once, without gold links.
        skipped: How many lines were left out, by reason: ``"missing column"`` (no tab, or fewer columns
            than the other lines), ``"empty"`` (a blank line,
            or a sentence without tokens), ``"too long"`` (more than ``max_tokens``), ``"repeated"`` (the same
            tokens on both sides as an earlier pair).
        path: The file that was read.
    """

    pairs: list[Pair]
    skipped: dict[str, int]
    path: Path


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

    The source is the first column of sentences, the target the second. Where there are more than two columns, those
    that hold only numbers, language codes or attributions, as the first thousand lines tell, are passed over: so
    exports of tatoeba.org with a number before each sentence or pair are read as well. A line ends as in any text
    file, with a line feed, a carriage return or both. See :func:`attn_utils.data.textfile.read_text` for packed files
    and encodings, and :func:`attn_utils.data.tokens.tokenize` for what a token is.

    To give :func:`attn_utils.data.download.download` a checksum or a timeout, write
    ``read(download(url, sha256=...))``. To split by source sentence, hand ``read().pairs`` to
    :func:`attn_utils.data.pairs.split_random`.

    Args:
        path: A text, or a ``.zip`` or ``.gz`` that holds one. By default the file at ``url`` is used.
        url: What to download if ``path`` is not given.
        cache: The folder for downloads. See :mod:`attn_utils.data.download` for the default.
        max_tokens: Leave out pairs with more tokens than this on either side. By default none is too long.
        lower: Whether to write all tokens in lower case.
        swap: Whether to make the second column the source and the first the target.
        limit: Stop after this many pairs. ManyThings sorts its files by length, so these are the shortest.
        progress: Whether to show the progress of a download on stderr.

    Returns:
        The pairs, and how many lines were left out and why.

    Raises:
        ValueError: If ``max_tokens`` or ``limit`` is not a positive integer, or ``url`` is not an HTTP address.
        CorpusError: If the file cannot be downloaded or read, is in an unknown encoding, has one column of sentences
            or none, or has no pair to offer.

    Warns:
        UserWarning: If lines were left out because they lack a column. The message names the first of them.

    Example:
        ``read("deu.txt", max_tokens=12).pairs[0].target``
    """
    for name, number in (("max_tokens", max_tokens), ("limit", limit)):
        if number is not None:
            check_size(name, number)
    path = download(url, cache, progress=progress) if path is None else expand(path)
    lines = re.split("\r\n|\r|\n", read_text(path))  # splitlines() would also cut at U+2028 and U+0085
    if not lines[-1]:
        del lines[-1]  # what follows the last line end is no line
    columns = _columns(lines, str(path))
    pairs, skipped, broken = _collect(lines, columns[::-1] if swap else columns, lower, max_tokens, limit)
    if not pairs:
        reasons = ", ".join(f"{number} {reason}" for reason, number in skipped.items() if number)
        raise CorpusError(f"no sentence pair is left of {path} (lines left out: {reasons or 'none'}). {FORMAT}")
    if broken:
        warnings.warn(
            f"{path}: left out {skipped['missing column']} line(s) that lack a column; the first is {broken}. {FORMAT}",
            stacklevel=2,
        )
    return Corpus(pairs, skipped, path)


def _columns(lines: Sequence[str], name: str) -> tuple[int, int]:
    """Return the places of source and target in a line."""
    rows = [columns for line in lines[:_SAMPLE] if len(columns := line.split("\t")) > 1]
    if not rows:
        return 0, 1
    width = sorted(map(len, rows))[len(rows) // 2]
    kinds = [_kind([row[place].strip() for row in rows if len(row) > place]) for place in range(width)]
    places = [place for place, kind in enumerate(kinds) if kind != "credit"]
    if len(places) > 2:
        places = [place for place in places if kinds[place] == "sentence"]
    if len(places) < 2 or all(kinds[place] == "number" for place in places):
        raise CorpusError(
            f"{name} holds no pairs of sentences: its columns are {', '.join(kinds)}. It may be a list of single "
            f"sentences, or of links between them. {FORMAT}"
        )
    return places[0], places[1]


def _kind(column: Sequence[str]) -> str:
    """Say what a column holds, in nine of ten lines at least."""
    for kind, pattern in _KINDS.items():
        if 10 * sum(pattern.fullmatch(text) is not None for text in column) >= 9 * len(column):
            return kind
    return "sentence"


def _collect(
    lines: Sequence[str], columns: tuple[int, int], lower: bool, max_tokens: int | None, limit: int | None
) -> tuple[list[Pair], dict[str, int], str]:
    """Return the pairs, the number of lines skipped by reason, and the first line that lacks a column."""
    pairs: dict[Pair, None] = {}
    skipped = {"missing column": 0, "empty": 0, "too long": 0, "repeated": 0}
    broken = ""
    for number, line in enumerate(lines, 1):
        found = _pair(line, columns, lower, max_tokens)
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


def _pair(line: str, columns: tuple[int, int], lower: bool, max_tokens: int | None) -> Pair | str:
    """Return the pair in a line, or the reason why there is none."""
    texts = line.split("\t")
    if len(texts) <= max(columns):
        return "missing column" if line.strip() else "empty"
    source, target = (tokenize(texts[place], lower) for place in columns)
    if not source or not target:
        return "empty"
    if max_tokens is not None and max(len(source), len(target)) > max_tokens:
        return "too long"
    return Pair(source, target)
