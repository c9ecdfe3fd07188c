"""The splits of a corpus: no source in two parts, and what each split promises."""

import random

import pytest

from attn_utils.data.pairs import Pair, Split, split_compositional, split_length, split_random
from attn_utils.data.parallel import generate


@pytest.fixture(scope="module")
def pairs():
    return generate(12_000)


def sources(part):
    return {pair.source for pair in part}


def words(part):
    return {word for pair in part for word in (*pair.source, *pair.target)}


def toy(n, translations=1):
    return [Pair(("s", str(i)), ("t", str(k))) for i in range(n) for k in range(translations)]


SPLITS = [split_random, split_compositional, split_length]


@pytest.mark.parametrize("split", SPLITS)
def test_no_source_is_in_two_parts(split, pairs):
    train, dev, test = split(pairs, dev=200, test=300, seed=1)
    assert (len(dev), len(test)) == (200, 300)
    assert len(train) > 3_000
    assert not sources(train) & sources(dev)
    assert not sources(train) & sources(test)
    assert not sources(dev) & sources(test)
    assert sources(train) | sources(dev) | sources(test) <= sources(pairs)


@pytest.mark.parametrize("split", SPLITS)
def test_a_seed_decides_and_the_input_is_left_alone(split, pairs):
    before, state = list(pairs), random.getstate()
    one, same, other = (split(pairs, dev=100, test=100, seed=seed) for seed in (1, 1, 2))
    assert one == same
    assert one != other
    assert pairs == before
    assert random.getstate() == state


def test_random_split_holds_every_pair_once():
    pairs = toy(50)
    split = split_random(pairs, dev=10, test=5)
    assert sorted(p.source for part in split for p in part) == sorted(p.source for p in pairs)


def test_all_translations_of_a_sentence_are_in_one_part():
    pairs = toy(60, translations=3)
    split = split_random(pairs, dev=10, test=20)
    assert [len(part) for part in split] == [180 - 12 - 21, 12, 21]  # a part ends with the sentence that fills it
    for i, one in enumerate(split):
        for other in split[:i]:
            assert not sources(one) & sources(other)


def test_parts_may_be_empty_except_train():
    train, dev, test = split_random(toy(5), dev=0, test=0)
    assert (len(train), dev, test) == (5, [], [])


def test_compositional_test_has_only_unseen_combinations_of_known_words(pairs):
    train, dev, test = split_compositional(pairs, share=0.1, dev=200, test=300)
    seen = {combination for pair in (*train, *dev) for combination in pair.modified}
    every = {combination for pair in pairs for combination in pair.modified}
    held_out = every - seen
    assert 0.05 < len(held_out) / len(every) < 0.2
    for pair in test:
        assert pair.modified & held_out
    for k in (0, 1):
        assert {combination[k] for combination in held_out} <= {combination[k] for combination in seen}
    assert words(test) <= words(train)
    # What was held out by mistake of size alone would be rare; these are ordinary combinations.
    assert len({combination for pair in test for combination in pair.modified & held_out}) > 20


def test_a_greater_share_holds_out_more(pairs):
    left = [len(split_compositional(pairs, share=share, dev=0, test=100).train) for share in (0.05, 0.2, 0.4)]
    assert left[0] > left[1] > left[2]


def test_length_split_trains_on_the_short_and_tests_on_the_long(pairs):
    for longest in (6, 8):
        train, dev, test = split_length(pairs, longest=longest, dev=100, test=200)
        assert max(len(pair.source) for pair in (*train, *dev)) == longest
        assert min(len(pair.source) for pair in test) == longest + 1
        assert words(test) <= words(train)


def test_sentences_with_words_that_training_lacks_stay_out_of_test():
    short = [Pair(("the", "a", str(i)), ("x",)) for i in range(10)]
    known = [Pair(("the", "a", str(i), "the", "a"), ("x",)) for i in range(10)]
    unknown = [Pair(("the", "a", str(i), "rare", "a"), ("x",)) for i in range(10)]
    _, _, test = split_length([*short, *known, *unknown], longest=3, dev=0, test=10)
    assert sources(test) == sources(known)

    def described(adjective, noun, *more):
        return Pair((adjective, noun, *more), ("x",), modified=frozenset({(adjective, noun)}))

    grid = [described(a, n, more) for a in "abcd" for n in "klmn" for more in ("one", "two")]
    odd = [described(a, n, f"{a}{n}") for a in "abcd" for n in "klmn"]  # a word of its own in each
    train, _, test = split_compositional([*grid, *odd], share=0.2, dev=0, test=4)
    assert sources(test) <= sources(grid)
    assert words(test) <= words(train)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("name", ["dev", "test"])
@pytest.mark.parametrize("size", [-1, 2.5, True, "10"])
def test_wrong_size(split, name, size):
    with pytest.raises(ValueError, match=f"{name} must be an integer of at least 0, got"):
        split(toy(20), **{name: size})


@pytest.mark.parametrize(("dev", "test"), [(10, 10), (20, 0), (0, 20), (30, 0), (0, 30), (19, 1)])
def test_a_random_split_must_leave_something_to_train_on(dev, test):
    with pytest.raises(ValueError, match=rf"dev \+ test must leave pairs to train on, got {dev} \+ {test} of 20 pairs"):
        split_random(toy(20), dev=dev, test=test)


def test_impossible_splits(pairs):
    for share in (0, 1, -0.1, 1.5, float("nan")):
        with pytest.raises(ValueError, match=r"share must lie between 0 and 1, got"):
            split_compositional(pairs, share=share)
    with pytest.raises(ValueError, match=r"pairs must have adjectives .* modified, got none"):
        split_compositional(toy(20), dev=1, test=1)
    with pytest.raises(ValueError, match=r"test must be at most \d+, .* held-out combination .* got 11000"):
        split_compositional(pairs, dev=10, test=11_000)
    for longest in (0, -3, 2.0, True):
        with pytest.raises(ValueError, match="longest must be a positive integer, got"):
            split_length(pairs, longest=longest)
    with pytest.raises(ValueError, match=r"test must be at most 0, .* more than longest=24 words, got 5"):
        split_length(pairs, longest=24, dev=5, test=5)
    with pytest.raises(ValueError, match=r"dev \+ test must leave pairs to train on, got 5"):
        split_length(pairs, longest=2, dev=5, test=5)


def test_the_vocabularies_know_the_training_part_alone():
    parts = [[Pair((f"{part} word",), (f"mot {part}",))] for part in ["train", "dev", "test"]]
    source, target = Split(*parts).vocabularies()
    assert "train word" in source
    assert "mot train" in target
    for unseen in ["dev", "test"]:
        assert f"{unseen} word" not in source
        assert f"mot {unseen}" not in target
    with pytest.raises(ValueError, match="min_count"):
        Split(*parts).vocabularies(min_count=0)
