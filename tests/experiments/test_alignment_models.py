"""The alignment models learn what EM must learn on corpora small enough for paper, and the stored rows are theirs."""

import itertools

import numpy as np
import pytest

from attn_utils.data.pairs import Pair
from attn_utils.data.vocabulary import Vocabulary
from attn_utils.results import load
from experiments import alignment_models as models

BOOKS = [("das Haus", "the house"), ("das Buch", "the book"), ("ein Buch", "a book")]


def corpus(sentences):
    pairs = [Pair(tuple(s.split()), tuple(t.split())) for s, t in sentences]
    return pairs, Vocabulary(p.source for p in pairs), Vocabulary(p.target for p in pairs)


def learn(sentences, null, tension, number):
    pairs, source, target = corpus(sentences)
    found = models.candidates(pairs, source, target)
    before = models.prior(found, null, tension)
    learned = models.rounds(found, before, (len(source), len(target)))
    tables = list(itertools.islice(learned, number))
    return tables, models.links(pairs, found, before, tables[-1]), (source, target), (found, before)


def test_one_round_of_em_as_worked_out_on_paper():
    (table,), _, (source, target), _ = learn(BOOKS, null=0.0, tension=0.0, number=1)

    def t(of, given):
        return table[source.encode([given])[0], target.encode([of])[0]]

    assert [t(w, "das") for w in ("the", "house", "book")] == pytest.approx([0.5, 0.25, 0.25])
    assert [t(w, "Buch") for w in ("the", "book", "a")] == pytest.approx([0.25, 0.5, 0.25])
    assert [t(w, "Haus") for w in ("the", "house")] == pytest.approx([0.5, 0.5])
    assert table[models.NULL].sum() == 0  # with a prior of 0 it takes nothing


def test_more_rounds_find_who_belongs_to_whom_without_being_told():
    tables, links, (source, target), _ = learn(BOOKS, null=0.0, tension=0.0, number=30)
    assert links == [{(0, 0), (1, 1)}] * 3
    assert tables[-1][source.encode(["Haus"])[0], target.encode(["house"])[0]] > 0.95


def test_no_round_makes_the_corpus_less_probable():
    tables, _, _, (found, before) = learn(BOOKS, null=0.1, tension=2.0, number=10)
    of_words = [np.bincount(found.row, t[found.source, found.target] * before) for t in tables]
    log_p = [np.log(p).sum() for p in of_words]
    assert (np.diff(log_p) > -1e-12).all()
    assert log_p[-1] > log_p[0] + 1


def test_a_word_that_stands_beside_everything_goes_to_the_null_word():
    sentences = [(word, f"{word.upper()} .") for word in "abcdefgh"]
    assert learn(sentences, null=0.5, tension=0.0, number=20)[1] == [{(0, 0)}] * 8
    assert learn(sentences, null=0.0, tension=0.0, number=20)[1] == [{(0, 0), (0, 1)}] * 8


def test_the_diagonal_tells_equal_words_apart():
    sentences = [("a a", "x x"), ("b", "y")]
    assert learn(sentences, null=0.0, tension=0.0, number=5)[1][0] == {(0, 0), (0, 1)}
    assert learn(sentences, null=0.0, tension=2.0, number=5)[1][0] == {(0, 0), (1, 1)}


def test_the_prior_is_a_distribution_over_the_source_and_the_null_word():
    found = models.candidates(*corpus([("a b c", "x y"), ("d", "z")]))
    before = models.prior(found, null=0.1, tension=3.0)
    assert np.bincount(found.row, before) == pytest.approx(np.ones(3))
    assert before[found.source == models.NULL] == pytest.approx([0.1] * 3)
    first = np.exp(-3 * np.abs(np.array([1, 3, 5]) / 6 - 1 / 4))  # the middles of thirds, and of the first half
    assert before[1:4] == pytest.approx(0.9 * first / first.sum())


def test_a_word_never_seen_gets_no_link():
    tables, _, words, _ = learn(BOOKS, null=0.1, tension=0.0, number=5)
    pairs = [Pair(("das", "Auto"), ("the", "car"))]
    found = models.candidates(pairs, *words)
    assert models.links(pairs, found, models.prior(found, 0.1, 0.0), tables[-1]) == [{(0, 0)}]


def test_stored_rows_are_of_the_programs_settings_and_chosen_on_the_development_part():
    stored = load("alignment_models")
    assert stored["settings"] == models.SETTINGS
    grid = [
        (model, null, tension, number)
        for model, tensions in models.TENSIONS.items()
        for null, tension, number in itertools.product(models.NULL_PRIORS, tensions, models.ROUNDS)
    ]
    keys = ["model", "null prior", "tension", "rounds"]
    assert [tuple(row[key] for key in keys) for row in stored["tuning"]] == grid
    assert all("test AER" not in row for row in stored["tuning"])
    assert [row["model"] for row in stored["runs"]] == list(models.TENSIONS)
    for row in stored["runs"]:
        tried = [r["dev AER"] for r in stored["tuning"] if r["model"] == row["model"]]
        assert row["dev AER"] == min(tried)
        assert {key: row[key] for key in [*keys, "dev AER"]} in stored["tuning"]
