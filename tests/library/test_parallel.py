"""The parallel corpus as a whole: its size, its words, its phenomena, and that it stays the same."""

import hashlib
import random
import re
import statistics
import time
from collections import Counter

import pytest

from attn_utils.data.grammar.words import NOUNS
from attn_utils.data.parallel import LONGEST, PHENOMENA, SHORTEST, generate


@pytest.fixture(scope="module")
def corpus():
    return generate(40_000, seed=0)


@pytest.fixture(scope="module")
def pairs(corpus):
    return corpus[:12_000]


def test_sources_are_distinct_and_lengths_within_limits(pairs):
    assert len({pair.source for pair in pairs}) == len(pairs) == 12_000
    lengths = [len(pair.source) for pair in pairs]
    assert min(lengths) == SHORTEST == 3
    assert max(lengths) == LONGEST == 24
    assert 8 <= statistics.median(lengths) <= 10
    assert sum(length >= 15 for length in lengths) >= 0.1 * len(lengths)


def test_a_sentence_has_one_translation_whatever_the_seed(pairs):
    known = {pair.source: pair for pair in pairs}
    common = [(known[pair.source], pair) for pair in generate(12_000, seed=1) if pair.source in known]
    assert len(common) > 50
    for one, other in common:
        assert (one.target, one.sure, one.possible) == (other.target, other.sure, other.possible)


def test_words_are_lower_case_without_punctuation(pairs):
    for pair in pairs:
        for word in (*pair.source, *pair.target):
            assert re.fullmatch(r"[a-zàâçéèêîïôœûù]+'?|aujourd'hui|'s|'|grand-mère", word), word


def test_phenomena_and_modified_tell_the_truth(pairs):
    counts = Counter(name for pair in pairs for name in pair.phenomena)
    assert set(counts) == set(PHENOMENA)
    assert min(counts.values()) >= 20
    nouns = {noun.lemma: noun for noun in NOUNS}
    for pair in pairs:
        source, target = set(pair.source), set(pair.target)
        assert ("negation" in pair.phenomena) == bool(target & {"pas", "jamais"})
        assert ("contraction" in pair.phenomena) >= bool(target & {"du", "au", "aux"} - {"du"})
        assert ("elision" in pair.phenomena) >= bool(target & {"d'", "n'", "j'", "m'", "qu'", "c'"})
        assert ("relative clause" in pair.phenomena) >= ("who" in source)
        for adjective, noun in pair.modified:
            assert adjective in source
            assert source & set(nouns[noun].english)
            assert adjective in {a.english for a in (*nouns[noun].before, *nouns[noun].after)}


def test_the_vocabulary_is_at_least_that_of_the_trial(pairs):
    assert len({word for pair in pairs for word in pair.source}) >= 296
    assert len({word for pair in pairs for word in pair.target}) >= 625


def test_a_diagonal_aligner_fails_and_one_link_a_word_does_not(pairs):
    def error_rate(links):
        hits = size = 0
        for pair, found in zip(pairs, links, strict=True):
            hits += len(found & pair.sure) + len(found & pair.possible)
            size += len(found) + len(pair.sure)
        return 1 - hits / size

    diagonal = [
        {(int((j + 0.5) * len(pair.source) / len(pair.target)), j) for j in range(len(pair.target))} for pair in pairs
    ]
    oracle = [set({j: (i, j) for i, j in (*pair.possible, *pair.sure)}.values()) for pair in pairs]
    assert error_rate(diagonal) >= 0.35
    assert error_rate(oracle) <= 0.02


def test_the_same_on_every_machine(corpus):
    """A hash of all that the chapters train on. If you change the grammar on purpose, put the new one here."""
    everything = [
        (p.source, p.target, sorted(p.sure), sorted(p.possible), sorted(p.phenomena), sorted(p.modified))
        for p in corpus
    ]
    digest = hashlib.sha256(repr(everything).encode()).hexdigest()
    assert digest == "c6d505e9056e692001b085a7d5a1e0a9f2c378a8304fc4d46b5795fc13fa8d4b"


def test_a_shorter_corpus_is_the_beginning_and_the_global_generator_is_left_alone(pairs):
    state = random.getstate()
    assert generate(300) == pairs[:300]
    assert generate(300, seed=3) != pairs[:300]
    assert random.getstate() == state


def test_generation_is_quick():
    start = time.process_time()
    generate(4_000)
    # A tenth of the corpus in a tenth of 3 s on a free core; neighbors and tracers may take as much again and more.
    assert time.process_time() - start < 1.5


@pytest.mark.parametrize("num_pairs", [0, -1, 2.5, True, "many"])
def test_wrong_number_of_pairs(num_pairs):
    with pytest.raises(ValueError, match="num_pairs must be a positive integer, got"):
        generate(num_pairs)
