"""The reader of Tatoeba's sentence pairs: which columns are sentences, and which lines are left out."""

import warnings

import pytest
from file_server import FRENCH, written

from attn_utils.data.pairs import Pair
from attn_utils.data.tatoeba import read
from attn_utils.data.textfile import CorpusError


def test_read_downloads_and_reads(server, tmp_path):
    corpus = read(url=server.url, cache=tmp_path, progress=False)
    assert len(corpus.pairs) == 12
    assert corpus.path.parent == tmp_path
    assert corpus.pairs[0] == Pair(("stay", "."), ("reste", "!"))


@pytest.mark.parametrize("name", ["max_tokens", "limit"])
@pytest.mark.parametrize("value", [0, -1, 2.5, True])
def test_wrong_numbers(tmp_path, name, value):
    with pytest.raises(ValueError, match=f"{name} must be a positive integer, got {value}"):
        read(tmp_path / "never_opened.txt", **{name: value})


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


def test_the_same_pairs_in_every_layout(tmp_path):
    """With and without attribution, with numbers and languages, with the line ends of all systems."""
    expected = read(written(tmp_path, FRENCH)).pairs
    rows = [line.split("\t") for line in FRENCH.splitlines()]
    layouts = {
        "without attribution": "{0}\t{1}\n",
        "with scores after it": "{0}\t{1}\t{2}\t5\t0\n",
        "a number before each pair": "{3}\t{0}\t{1}\n",
        "a number before each pair, with attribution": "{3}\t{0}\t{1}\t{2}\n",
        "a number before each sentence": "{3}\t{0}\t{4}\t{1}\n",
        "numbers first": "{3}\t{4}\t{0}\t{1}\n",
        "languages first": "eng\tfra\t{0}\t{1}\n",
        "number and language of each": "{3}\teng\t{0}\t{4}\tfra\t{1}\n",
        "languages with scripts": "{0}\ten\t{1}\tfra_Latn\n",
        "Windows": "{0}\t{1}\t{2}\r\n",
        "Windows, two columns": "{0}\t{1}\r\n",
        "old Macintosh": "{0}\t{1}\r",
    }
    for name, layout in layouts.items():
        text = "".join(layout.format(*row, 91000000 + i, 5 * i) for i, row in enumerate(rows))
        for data in (text, text.removesuffix("\n").removesuffix("\r"), "\ufeff" + text):
            corpus = read(written(tmp_path, data))
            assert corpus.pairs == expected, name
            assert not any(corpus.skipped.values()), name
        assert read(written(tmp_path, text), swap=True).pairs == [Pair(p.target, p.source) for p in expected]


def test_numbers_and_short_words_are_sentences_where_there_are_two_columns(tmp_path):
    for text in (
        "7\tsept\n8\thuit\n",
        "7\tsept\tCC-BY 2.0\n8\thuit\tCC0 1.0\n",
        "7\tsept\n8\thuit\tet plus\n9\tneuf\n",
    ):
        assert read(written(tmp_path, text)).pairs[:2] == [Pair(("7",), ("sept",)), Pair(("8",), ("huit",))]
    assert read(written(tmp_path, "one\tun\ntwo\tdeux\n")).pairs[0] == Pair(("one",), ("un",))


def test_a_line_of_another_layout_is_left_out(tmp_path):
    lines = "".join(f"{i}\tStay {i}.\tReste {i}.\n" for i in range(20)) + "Go.\tVa.\n"
    with pytest.warns(UserWarning, match=r"left out 1 line\(s\) that lack a column; the first is line 21: 'Go\.\\tVa"):
        corpus = read(written(tmp_path, lines))
    assert len(corpus.pairs) == 20


LISTS = {
    "1\teng\tGo.\n2\tfra\tVa.\n": "number, language, sentence",
    "1\teng\tGo.\t1\t2\n": "number, language, sentence, number, number",
    "1\t2\n2\t1\n": "number, number",
    "Go.\tCC-BY 2.0 (France)\n": "sentence, credit",
}


@pytest.mark.parametrize("text", LISTS)
def test_a_list_of_single_sentences_or_links_is_refused(tmp_path, text):
    with pytest.raises(CorpusError, match=f"holds no pairs of sentences: its columns are {LISTS[text]}. It may"):
        read(written(tmp_path, text))


def test_a_line_ends_as_in_any_text_file_and_nowhere_else(tmp_path):
    path = written(tmp_path, "Go\u2028on.\tVa\u0085y.\n\x0cRun.\tCours\x1c.\r\nStay.\tReste.\rEat.\tMange.")
    corpus = read(path)
    assert [pair.source for pair in corpus.pairs] == [("go", "on", "."), ("run", "."), ("stay", "."), ("eat", ".")]
    assert not any(corpus.skipped.values())


CREDIT = "\tCC-BY 2.0 (France) Attribution: tatoeba.org #1 (a) & #2 (b)\n"


GERMAN = f"Look!\tSchau\u2019s dir an!{CREDIT}He said: \u201cNo.\u201d\tEr sagte: \u201eNein.\u201c{CREDIT}"


CHINESE = f"Tom swims.\t\u6c64\u59c6\u4f1a\u6e38\u6cf3\u3002{CREDIT}"


def test_other_languages(tmp_path):
    look, said = read(written(tmp_path, GERMAN, "deu.txt")).pairs
    assert look.target == ("schau's", "dir", "an", "!")
    assert said == Pair(("he", "said", ":", '"', "no", ".", '"'), ("er", "sagte", ":", '"', "nein", ".", '"'))
    (swims,) = read(written(tmp_path, CHINESE, "cmn.txt")).pairs
    assert swims.target == ("\u6c64", "\u59c6", "\u4f1a", "\u6e38", "\u6cf3", "\u3002")


def test_case_is_kept_on_request(tmp_path):
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
        UserWarning, match=r"left out 2 line\(s\) that lack a column; the first is line 2: 'no tab here'"
    ) as got:
        corpus = read(path)
    assert [w.filename for w in got] == [__file__]
    assert corpus.pairs == [Pair(("go", "."), ("va", ".")), Pair(("run", "."), ("cours", "."))]
    assert corpus.skipped == {"missing column": 2, "empty": 3, "too long": 0, "repeated": 1}
    assert len(corpus.pairs) + sum(corpus.skipped.values()) == lines.count("\n")


def test_a_path_that_leads_nowhere(tmp_path):
    with pytest.raises(CorpusError, match=r"missing.txt cannot be read \(No such file or directory\)\. Give the path"):
        read(tmp_path / "missing.txt")
    with pytest.raises(CorpusError, match=r"cannot be read \(Is a directory\)"):
        read(tmp_path)
    with pytest.raises(CorpusError, match=r"too long"):
        read(written(tmp_path, FRENCH), max_tokens=1)
