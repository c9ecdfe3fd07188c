"""Words as numbers, and sentences of many lengths as tensors.

Four numbers mean the same in every vocabulary of the course: ``PADDING`` fills a batch up, ``UNKNOWN`` stands for a
word that the vocabulary lacks, ``START`` is what a decoder reads first, and ``END`` is what it writes last.

Shapes: ``b`` sentences of a batch, ``s`` words of its longest source, ``t`` words of its longest target plus one.
"""

import itertools
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from attn_utils._checks import check_size

__all__ = ["END", "PADDING", "SPECIAL", "START", "UNKNOWN", "Batch", "Batches", "SentencePair", "Vocabulary", "pad"]

PADDING = 0
"""Fills a batch up."""

UNKNOWN = 1
"""Stands for a word that the vocabulary lacks."""

START = 2
"""What a decoder reads first."""

END = 3
"""What a decoder writes last."""

SPECIAL = ("<pad>", "<unk>", "<s>", "</s>")


class Vocabulary:
    """The words of some sentences, numbered.

    The special symbols ``<pad>``, ``<unk>``, ``<s>`` and ``</s>`` have the numbers 0 to 3. The words follow, the most
    frequent first, equally frequent ones by alphabet. Build it from the training part alone: a word that occurs only
    in the test part must stay unknown.

    Args:
        sentences: Sentences as sequences of words.
        min_count: A word that occurs fewer times is left out.

    Attributes:
        words: The symbol or word of every number.

    Raises:
        ValueError: If no word is left, if a sentence is a string or holds a special symbol or what is no string, or if
            ``min_count`` is not a positive integer.

    Example:
        >>> Vocabulary([("the", "cat"), ("the", "dog")]).encode(["the", "cow", "dog"])
        [4, 1, 6]
    """

    def __init__(self, sentences: Iterable[Sequence[str]], min_count: int = 1) -> None:
        check_size("min_count", min_count)
        counts: Counter[str] = Counter()
        for sentence in sentences:
            counts.update(_words("sentences", sentence))
        if other := [word for word in counts if not isinstance(word, str)]:
            raise ValueError(f"sentences must hold words as strings, got {other[0]!r}")
        special = [symbol for symbol in SPECIAL if symbol in counts]
        if special:
            raise ValueError(f"sentences must not hold the special symbols, got {', '.join(special)}")
        kept = [word for word, count in counts.items() if count >= min_count]
        if not kept:
            raise ValueError(f"sentences must hold a word that occurs {min_count} times, got {len(counts)} rarer words")
        self.words = (*SPECIAL, *sorted(kept, key=lambda word: (-counts[word], word)))
        # Without the symbols: a text that happens to hold "</s>" must not end a sentence.
        self._numbers = {word: number for number, word in enumerate(self.words) if number >= len(SPECIAL)}

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._numbers

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} words, {', '.join(map(repr, self.words[4:7]))}, …)"

    def encode(self, tokens: Sequence[str]) -> list[int]:
        """Return the numbers of words. No special symbols are added.

        Args:
            tokens: The words. One that the vocabulary lacks becomes ``UNKNOWN``, and so does one that is spelled like
                a special symbol.

        Raises:
            ValueError: If ``tokens`` is a string.
        """
        return [self._numbers.get(word, UNKNOWN) for word in _words("tokens", tokens)]

    def decode(self, numbers: Sequence[int] | Tensor) -> list[str]:
        """Return the words of numbers, up to the first ``END`` and without ``PADDING`` and ``START``.

        Args:
            numbers: The numbers of one sentence, a sequence or an integer tensor of shape ``(t,)``.

        Returns:
            The words, ``<unk>`` for ``UNKNOWN``.

        Raises:
            ValueError: If ``numbers`` has another shape or type, or holds a number that no word has.
        """
        if isinstance(numbers, Tensor):
            if numbers.ndim != 1 or numbers.is_floating_point() or numbers.is_complex() or numbers.dtype == torch.bool:
                got = f"{numbers.dtype} of shape {tuple(numbers.shape)}"
                raise ValueError(f"numbers must be those of one sentence, integers of shape (t,), got {got}")
            numbers = numbers.tolist()
        words = []
        for number in numbers:
            if not hasattr(number, "__index__"):  # NumPy's integers are none of Python's
                raise ValueError(f"numbers must be integers, got {number!r}")
            if not 0 <= number < len(self):
                raise ValueError(f"numbers must lie between 0 and {len(self) - 1}, got {number}")
            if number == END:
                break
            if number not in (PADDING, START):
                words.append(self.words[number])
        return words


class SentencePair(Protocol):
    """What :class:`Batches` asks of a pair: words on two sides."""

    @property
    def source(self) -> Sequence[str]:
        """The words to translate."""

    @property
    def target(self) -> Sequence[str]:
        """Their translation."""


class Batch(NamedTuple):
    """Some sentence pairs as numbers, int64, filled up with ``PADDING`` on the right.

    Attributes:
        source: The words to translate, shape ``(b, s)``.
        target_in: What the decoder reads, shape ``(b, t)``: ``START``, then the words.
        target_out: What it has to answer, shape ``(b, t)``: the words, then ``END``.
    """

    source: Tensor
    target_in: Tensor
    target_out: Tensor

    def to(self, device: torch.device | str) -> "Batch":
        """Return the batch on another device."""
        return Batch(*(tensor.to(device) for tensor in self))


class Batches:
    """Cut sentence pairs into batches of about equal lengths, in a new order each epoch.

    A batch is as long as its longest sentence, and every step of a recurrent network costs time, padding or not. So
    the pairs are shuffled, cut into pools of ``pool`` batches, sorted by length (of the target, then of the source)
    inside each pool and cut into batches, and the batches are shuffled. Each pair comes once an epoch.

    The order depends on ``seed`` and the number of the epoch alone: no other source of chance is used or changed. A
    ``for`` loop over the batches is an epoch: the first has number 0, the next 1, and so on. :meth:`epoch` has the one
    that is asked for, and does not count.

    Args:
        pairs: Anything with words in ``source`` and ``target``.
        source_vocabulary: Numbers the words of the sources.
        target_vocabulary: Numbers the words of the targets.
        batch_size: Pairs in a batch. The last one of an epoch's cut may hold fewer.
        pool: Batches in a pool. With 1 the lengths in a batch are as mixed as in the corpus.
        seed: Which orders to draw.
        shuffle: Whether to shuffle. If not, every epoch is the whole corpus sorted by length, which is the fastest
            for an evaluation.

    Raises:
        ValueError: If there are no pairs, a pair has an empty side, or a size is not a positive integer.
    """

    def __init__(
        self,
        pairs: Iterable[SentencePair],
        source_vocabulary: Vocabulary,
        target_vocabulary: Vocabulary,
        batch_size: int = 64,
        pool: int = 40,
        seed: int = 0,
        shuffle: bool = True,
    ) -> None:
        check_size("batch_size", batch_size)
        check_size("pool", pool)
        self.batch_size, self.pool, self.seed, self.shuffle = batch_size, pool, seed, shuffle
        self._epochs = itertools.count()
        # Lists of numbers, not padded tensors: how long a row gets depends on its neighbors in the batch.
        self._rows = [(source_vocabulary.encode(pair.source), target_vocabulary.encode(pair.target)) for pair in pairs]
        if not self._rows:
            raise ValueError("pairs must hold at least one pair, got none")
        for i, (source, target) in enumerate(self._rows):
            if not source or not target:
                raise ValueError(f"pairs must have words on both sides, pair {i} has {len(source)} and {len(target)}")

    def __len__(self) -> int:
        return -(-len(self._rows) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        return self.epoch(next(self._epochs))

    def order(self, number: int) -> list[list[int]]:
        """Return which pairs are in each batch of an epoch, as indices into ``pairs``.

        Args:
            number: The epoch, from 0.
        """
        indices = list(range(len(self._rows)))
        if not self.shuffle:
            return _cut(sorted(indices, key=self._length), self.batch_size)
        chance = random.Random(f"{self.seed}, epoch {number}")
        chance.shuffle(indices)
        pools = _cut(indices, self.batch_size * self.pool)
        batches = [batch for pool in pools for batch in _cut(sorted(pool, key=self._length), self.batch_size)]
        chance.shuffle(batches)
        return batches

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield the batches of an epoch.

        Args:
            number: The epoch, from 0.
        """
        for indices in self.order(number):
            sources, targets = zip(*(self._rows[i] for i in indices), strict=True)
            yield Batch(pad(sources), pad([[START, *t] for t in targets]), pad([[*t, END] for t in targets]))

    def _length(self, index: int) -> tuple[int, int]:
        source, target = self._rows[index]
        return len(target), len(source)


def pad(sequences: Sequence[Sequence[int]]) -> Tensor:
    """Write sequences of numbers into one tensor, filled up with ``PADDING`` on the right.

    Args:
        sequences: ``n`` sequences, of any lengths.

    Returns:
        The numbers, int64, shape ``(n, longest)``.

    Raises:
        ValueError: If there are no sequences.
    """
    if not sequences:
        raise ValueError("sequences must hold at least one sequence, got none")
    longest = max(map(len, sequences))
    rows = [[*sequence, *[PADDING] * (longest - len(sequence))] for sequence in sequences]
    return torch.tensor(rows, dtype=torch.int64)


def _cut(indices: list[int], size: int) -> list[list[int]]:
    return [indices[i : i + size] for i in range(0, len(indices), size)]


def _words(name: str, words: Sequence[str]) -> Sequence[str]:
    """Reject a string: it is a sequence too, of letters."""
    if isinstance(words, str):
        raise ValueError(f"{name} must be sequences of words, got the string {words!r}: split it first")
    return words
