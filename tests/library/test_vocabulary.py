"""Vocabulary and batches: what is numbered how, and that each pair comes once an epoch, among pairs of its length."""

import itertools
import random
import re
from collections import Counter
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attn_utils.data.vocabulary import END, PADDING, START, UNKNOWN, Batch, Batches, Vocabulary, pad

SENTENCES = [("the", "cat", "sees", "the", "dog"), ("a", "dog", "sees", "the", "cat"), ("the", "end")]
WORDS = [f"w{i}" for i in range(50)]


def some_pairs(n=500, seed=0, longest=24):
    chance = random.Random(seed)
    lengths = [(chance.randint(1, longest), chance.randint(1, longest)) for _ in range(n)]
    return [
        SimpleNamespace(source=tuple(chance.choices(WORDS, k=s)), target=tuple(chance.choices(WORDS, k=t)))
        for s, t in lengths
    ]


def some_batches(n=500, longest=24, **options):
    pairs = some_pairs(n, longest=longest)
    vocabulary = Vocabulary([WORDS])
    return pairs, Batches(pairs, vocabulary, vocabulary, **options)


def rows(batch):
    """The batch back as pairs of lists."""
    strip = [[[x for x in row if x != PADDING] for row in tensor.tolist()] for tensor in batch]
    return list(zip(*strip, strict=True))


def test_special_symbols_come_first_then_words_by_count_then_alphabet():
    vocabulary = Vocabulary(SENTENCES)
    assert (PADDING, UNKNOWN, START, END) == (0, 1, 2, 3)
    assert list(vocabulary.words[:4]) == ["<pad>", "<unk>", "<s>", "</s>"]
    assert list(vocabulary.words[4:]) == ["the", "cat", "dog", "sees", "a", "end"]
    assert len(vocabulary) == 10
    assert "cat" in vocabulary
    assert "<pad>" not in vocabulary
    assert "cow" not in vocabulary


def test_order_of_the_sentences_does_not_matter():
    assert Vocabulary(SENTENCES).words == Vocabulary(SENTENCES[::-1]).words
    assert Vocabulary(iter(SENTENCES)).words == Vocabulary(SENTENCES).words


def test_rare_words_are_left_out():
    vocabulary = Vocabulary(SENTENCES, min_count=2)
    assert list(vocabulary.words[4:]) == ["the", "cat", "dog", "sees"]
    assert vocabulary.encode(["a", "cat"]) == [UNKNOWN, 5]


def test_encode_adds_nothing_and_decode_takes_it_back():
    vocabulary = Vocabulary(SENTENCES)
    for sentence in SENTENCES:
        numbers = vocabulary.encode(sentence)
        assert len(numbers) == len(sentence)
        assert min(numbers) > END
        assert vocabulary.decode(numbers) == list(sentence)
        assert vocabulary.decode(torch.tensor(numbers)) == list(sentence)
    assert vocabulary.encode(["the", "cow"]) == [4, UNKNOWN]
    assert vocabulary.encode(["<pad>", "</s>", "cat"]) == [UNKNOWN, UNKNOWN, 5]
    assert vocabulary.decode([4, UNKNOWN]) == ["the", "<unk>"]
    assert vocabulary.encode([]) == vocabulary.decode([]) == []


def test_decode_stops_before_the_end_and_leaves_out_padding_and_start():
    vocabulary = Vocabulary(SENTENCES)
    assert vocabulary.decode([START, PADDING, 4, 5, END, 6, END]) == ["the", "cat"]
    assert vocabulary.decode(torch.tensor([4, 5, END, PADDING], dtype=torch.int32)) == ["the", "cat"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Vocabulary([]), "sentences must hold a word that occurs 1 times, got 0 rarer"),
        (lambda: Vocabulary(SENTENCES, min_count=9), "sentences must hold a word that occurs 9 times, got 6 rarer"),
        (lambda: Vocabulary(SENTENCES, min_count=0), "min_count must be a positive integer, got 0"),
        (lambda: Vocabulary([("a", "</s>")]), "sentences must not hold the special symbols, got </s>"),
        (lambda: Vocabulary(["the cat"]), "sentences must be sequences of words, got the string 'the cat'"),
        (lambda: Vocabulary(SENTENCES).encode("the cat"), "tokens must be sequences of words, got the string"),
        (lambda: Vocabulary(SENTENCES).decode([4, 10]), "numbers must lie between 0 and 9, got 10"),
        (lambda: Vocabulary(SENTENCES).decode([-1]), "numbers must lie between 0 and 9, got -1"),
        (lambda: Vocabulary(SENTENCES).decode(torch.ones(1, 2).long()), r"numbers must .* \(t,\), got .* \(1, 2\)"),
        (lambda: Vocabulary(SENTENCES).decode(torch.ones(2)), "numbers must be .* integers .* got torch.float32"),
        (lambda: Vocabulary(SENTENCES).decode([4, 5.0]), "numbers must be integers, got 5.0"),
        (lambda: Vocabulary(SENTENCES).decode(["the"]), "numbers must be integers, got 'the'"),
        (lambda: Vocabulary([("a", 3)]), "sentences must hold words as strings, got 3"),
        (lambda: pad([]), "sequences must hold at least one sequence, got none"),
        (lambda: some_batches(0), "pairs must hold at least one pair, got none"),
        (lambda: some_batches(batch_size=0), "batch_size must be a positive integer, got 0"),
        (lambda: some_batches(pool=1.5), "pool must be a positive integer, got 1.5"),
        (
            lambda: Batches([SimpleNamespace(source=("a",), target=())], Vocabulary(SENTENCES), Vocabulary(SENTENCES)),
            "pairs must have words on both sides, pair 0 has 1 and 0",
        ),
    ],
)
def test_wrong_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@given(st.lists(st.lists(st.integers(1, 9), max_size=6), min_size=1, max_size=5))
def test_pad_fills_up_on_the_right_and_changes_nothing_else(sequences):
    before = [list(sequence) for sequence in sequences]
    padded = pad(sequences)
    assert padded.dtype == torch.int64
    assert padded.shape == (len(sequences), max(map(len, sequences)))
    for row, sequence in zip(padded.tolist(), sequences, strict=True):
        assert row[: len(sequence)] == sequence
        assert set(row[len(sequence) :]) <= {PADDING}
    assert sequences == before


def test_a_batch_holds_the_words_with_start_before_and_end_after():
    pairs = [
        SimpleNamespace(source=("the", "cat"), target=("sees", "the", "dog")),
        SimpleNamespace(source=("a",), target=("dog",)),
    ]
    vocabulary = Vocabulary(SENTENCES)
    (batch,) = Batches(pairs, vocabulary, vocabulary, shuffle=False)
    assert batch.source.tolist() == [[8, PADDING], [4, 5]]
    assert batch.target_in.tolist() == [[START, 6, PADDING, PADDING], [START, 7, 4, 6]]
    assert batch.target_out.tolist() == [[6, END, PADDING, PADDING], [7, 4, 6, END]]
    assert all(tensor.dtype == torch.int64 for tensor in batch)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize(
    ("n", "batch_size", "pool"), [(500, 16, 5), (500, 64, 40), (64, 64, 1), (7, 3, 2), (1, 64, 40)]
)
def test_an_epoch_holds_every_pair_once(n, batch_size, pool, shuffle):
    pairs, batches = some_batches(n, batch_size=batch_size, pool=pool, shuffle=shuffle)
    vocabulary = Vocabulary([WORDS])
    epoch = list(batches.epoch(3))
    seen = Counter((tuple(s), tuple(i), tuple(o)) for batch in epoch for s, i, o in rows(batch))
    sides = [(vocabulary.encode(pair.source), vocabulary.encode(pair.target)) for pair in pairs]
    assert seen == Counter((tuple(s), (START, *t), (*t, END)) for s, t in sides)
    assert len(epoch) == len(batches)
    sizes = sorted((len(batch.source) for batch in epoch), reverse=True)
    assert set(sizes[:-1]) <= {batch_size}, "all but one must be full"


def test_order_says_which_pairs_a_batch_holds():
    pairs, batches = some_batches(100, batch_size=16, pool=3)
    for number in (0, 5):
        for indices, batch in zip(batches.order(number), batches.epoch(number), strict=True):
            assert [len(pairs[i].source) for i in indices] == (batch.source != PADDING).sum(dim=1).tolist()
            targets = [Vocabulary([WORDS]).encode(pairs[i].target) for i in indices]
            assert targets == [target_out[:-1] for _, _, target_out in rows(batch)]


def same(a, b):
    return [[x.tolist() for x in batch] for batch in a] == [[x.tolist() for x in batch] for batch in b]


def test_an_epoch_depends_on_seed_and_number_alone():
    _, batches = some_batches(seed=1)
    first = list(batches.epoch(2))
    list(batches.epoch(7))  # what came before does not matter
    random.seed(5)
    torch.manual_seed(5)
    assert same(first, list(batches.epoch(2)))
    assert same(first, list(some_batches(seed=1)[1].epoch(2)))
    assert not same(first, list(batches.epoch(3)))
    assert not same(first, list(some_batches(seed=2)[1].epoch(2)))
    assert same(list(batches), list(batches.epoch(0)))


def test_each_loop_over_the_batches_is_an_epoch_with_a_new_order():
    _, batches = some_batches(60, batch_size=8)
    _, others = some_batches(60, batch_size=8)
    loops = [[rows(batch) for batch in batches] for _ in range(3)]
    assert loops == [[rows(batch) for batch in others.epoch(number)] for number in range(3)]
    assert loops[0] != loops[1] != loops[2] != loops[0]
    assert [rows(batch) for batch in batches.epoch(0)] == loops[0]  # asked for, it does not count
    assert [rows(batch) for batch in batches] == [rows(batch) for batch in others.epoch(3)]


def test_the_order_of_an_epoch_is_the_same_on_every_machine():
    _, batches = some_batches(20, batch_size=4, pool=3, longest=9)
    assert batches.order(0) == [[7, 12, 14, 1], [11, 5, 8, 16], [6, 3, 4, 13], [17, 18, 10, 9], [19, 0, 15, 2]]


def test_batches_leave_global_chance_alone():
    before = torch.get_rng_state(), random.getstate()
    _, batches = some_batches()
    list(batches.epoch(0))
    assert torch.equal(before[0], torch.get_rng_state())
    assert random.getstate() == before[1]


def share_of_padding(batches):
    tensors = [tensor for batch in batches for tensor in batch]
    return sum((x == PADDING).sum().item() for x in tensors) / sum(x.numel() for x in tensors)


def test_pools_leave_little_padding():
    # The two lengths of a pair go together, as in a translation.
    pairs = [SimpleNamespace(source=pair.target, target=pair.target) for pair in some_pairs(4000)]
    vocabulary = Vocabulary([WORDS])
    mixed, pooled, ordered = (
        share_of_padding(Batches(pairs, vocabulary, vocabulary, **options))
        for options in ({"pool": 1}, {}, {"shuffle": False})
    )
    assert ordered < pooled < 0.04
    assert mixed > 0.4


def test_batches_are_shuffled_not_served_by_length():
    _, batches = some_batches(2000, batch_size=16)
    lengths = [batch.target_out.shape[1] for batch in batches.epoch(0)]
    assert lengths != sorted(lengths)
    rising = sum(a <= b for a, b in itertools.pairwise(lengths)) / len(lengths)
    assert 0.3 < rising < 0.7


def test_without_shuffling_the_corpus_is_sorted_once():
    pairs, batches = some_batches(shuffle=False)
    order = [i for indices in batches.order(0) for i in indices]
    lengths = [(len(pairs[i].target), len(pairs[i].source)) for i in order]
    assert lengths == sorted(lengths)
    assert batches.order(0) == batches.order(9)


def test_a_batch_moves_to_a_device_as_a_whole():
    _, batches = some_batches(10)
    moved = next(iter(batches)).to("meta")
    assert isinstance(moved, Batch)
    assert {tensor.device.type for tensor in moved} == {"meta"}


def test_repr_is_short():
    assert re.fullmatch(r"Vocabulary\(10 words, 'the', 'cat', 'dog', …\)", repr(Vocabulary(SENTENCES)))
