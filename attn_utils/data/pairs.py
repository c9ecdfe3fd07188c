"""Sentence pairs, and three ways of splitting them into training, development and test parts."""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from attn_utils._checks import check_count, check_size
from attn_utils.data.vocabulary import Vocabulary

__all__ = ["Pair", "Split", "split_compositional", "split_length", "split_random"]

Links = frozenset[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Pair:
    """A sentence and its translation.

    Attributes:
        source: Words of the sentence, without start or end symbol.
        target: Words of the translation, likewise.
        sure: Gold links (place in ``source``, place in ``target``) that any aligner should find: *S* of Och and Ney.
        possible: Links that are no mistake when found: *P* of Och and Ney. It contains ``sure``. Both are empty where
            nobody has aligned the pair.
        phenomena: What of grammar occurs in the sentence, for sorting mistakes.
        modified: (adjective, noun) of each adjective that stands beside its noun in the source, both as lemmas.

    Source:
        Och and Ney (2003), section 4.1, for sure and possible links.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    sure: Links = frozenset()
    possible: Links = frozenset()
    phenomena: frozenset[str] = frozenset()
    modified: frozenset[tuple[str, str]] = frozenset()


class Split(NamedTuple):
    """Three parts of a corpus: no source sentence of one occurs in another."""

    train: list[Pair]
    dev: list[Pair]
    test: list[Pair]

    def vocabularies(self, min_count: int = 1) -> tuple[Vocabulary, Vocabulary]:
        """Count the words of the training part, and of no other.

        Args:
            min_count: How often a word must occur to be known.

        Returns:
            The source words and the target words.

        Raises:
            ValueError: If the training part is empty, or ``min_count`` is not a positive integer.
        """
        source = Vocabulary((pair.source for pair in self.train), min_count)
        return source, Vocabulary((pair.target for pair in self.train), min_count)


def split_random(pairs: Sequence[Pair], dev: int = 1000, test: int = 1000, seed: int = 0) -> Split:
    """Split by source sentence, at random.

    A sentence with several translations has all of them in one part, so nothing in test was seen in training. A part
    ends with the sentence that fills it; with several translations a sentence, it can hold a few pairs more than asked.

    Args:
        pairs: The corpus. It is not changed.
        dev: Number of pairs to select models on. May be 0.
        test: Number of pairs to report once. May be 0.
        seed: Which split to draw.

    Returns:
        The three parts. Together they hold every pair once.

    Raises:
        ValueError: If ``dev`` or ``test`` is not an integer of at least 0, or no pair is left to train on.
    """
    check_count("dev", dev)
    check_count("test", test)
    groups = _by_source(pairs)
    random.Random(seed).shuffle(groups)
    parts = Split(_take(groups, 0), _take(groups, dev), _take(groups, test))
    rest = [pair for group in groups for pair in group]
    if not rest or len(parts.dev) < dev or len(parts.test) < test:
        raise ValueError(f"dev + test must leave pairs to train on, got {dev} + {test} of {len(pairs)} pairs")
    return parts._replace(train=rest)


def split_compositional(
    pairs: Sequence[Pair], share: float = 0.1, dev: int = 1000, test: int = 1000, seed: int = 0
) -> Split:
    """Split so that test combines known words in ways never seen.

    A share of all (adjective, noun) combinations is held out. Every test sentence has at least one of them; no
    sentence of train or dev has any. Every adjective and every noun of a held-out combination, and every other word
    of the test sentences, still occurs in train. Sentences that would fit nowhere are left out, so the parts
    together can be smaller than the corpus. An adjective may still have been seen *after* "to be" with a noun of
    test ("the hat is red"): only the attributive combination ("the red hat") is new.

    Args:
        pairs: The corpus, with ``modified`` filled in. It is not changed.
        share: Share of the combinations to hold out, between 0 and 1.
        dev: Number of pairs to select models on, drawn like train. May be 0.
        test: Number of pairs of the test part.
        seed: Which split to draw.

    Returns:
        The three parts.

    Raises:
        ValueError: If ``share`` is not between 0 and 1, a size is not an integer of at least 0, no pair has an
            adjective beside its noun, or the held-out combinations do not fill ``test``.
    """
    check_count("dev", dev)
    check_count("test", test)
    if not 0 < share < 1:
        raise ValueError(f"share must lie between 0 and 1, got {share}")
    held_out = _hold_out(pairs, share, seed)
    seen = [pair for pair in pairs if not pair.modified & held_out]
    train, development, _ = split_random(seen, dev, 0, seed)
    words = {word for pair in train for word in (*pair.source, *pair.target)}
    known = {pair.source for pair in seen}
    new = [
        pair
        for pair in pairs
        if pair.modified & held_out and pair.source not in known and words.issuperset((*pair.source, *pair.target))
    ]
    return Split(train, development, _sample("test", new, test, seed, f"with a held-out combination (share={share})"))


def split_length(pairs: Sequence[Pair], longest: int = 8, dev: int = 1000, test: int = 1000, seed: int = 0) -> Split:
    """Split so that every test sentence is longer than any sentence of train.

    Test sentences hold only words that occur in train, so that length alone is new. Long sentences that do not go
    into test are left out.

    Args:
        pairs: The corpus. It is not changed.
        longest: Number of source words of the longest sentences in train and dev.
        dev: Number of pairs to select models on, drawn like train. May be 0.
        test: Number of longer pairs.
        seed: Which split to draw.

    Returns:
        The three parts.

    Raises:
        ValueError: If ``longest`` is not a positive integer, a size is not an integer of at least 0, no pair is left
            to train on, or the longer sentences do not fill ``test``.
    """
    check_count("dev", dev)
    check_count("test", test)
    check_size("longest", longest)
    train, development, _ = split_random([pair for pair in pairs if len(pair.source) <= longest], dev, 0, seed)
    words = {word for pair in train for word in (*pair.source, *pair.target)}
    longer = [pair for pair in pairs if len(pair.source) > longest and words.issuperset((*pair.source, *pair.target))]
    return Split(train, development, _sample("test", longer, test, seed, f"of more than longest={longest} words"))


def _by_source(pairs: Sequence[Pair]) -> list[list[Pair]]:
    groups: dict[tuple[str, ...], list[Pair]] = defaultdict(list)
    for pair in pairs:
        groups[pair.source].append(pair)
    return list(groups.values())


def _take(groups: list[list[Pair]], size: int) -> list[Pair]:
    """Move sentences from the end of ``groups`` until they make ``size`` pairs."""
    taken: list[Pair] = []
    while groups and len(taken) < size:
        taken += groups.pop()
    return taken


def _sample(name: str, pairs: list[Pair], size: int, seed: int, kind: str) -> list[Pair]:
    groups = _by_source(pairs)
    random.Random(seed).shuffle(groups)
    sample = _take(groups, size)
    if len(sample) < size:
        raise ValueError(f"{name} must be at most {len(pairs)}, the number of pairs {kind}, got {size}")
    return sample


def _hold_out(pairs: Sequence[Pair], share: float, seed: int) -> frozenset[tuple[str, str]]:
    """Choose (adjective, noun) combinations such that each adjective and each noun keeps another combination."""
    combinations = sorted({combination for pair in pairs for combination in pair.modified})
    if not combinations:
        raise ValueError("pairs must have adjectives beside nouns in their field modified, got none")
    wanted = max(1, round(share * len(combinations)))
    left = [Counter(words) for words in zip(*combinations, strict=True)]
    random.Random(seed).shuffle(combinations)
    held_out: set[tuple[str, str]] = set()
    for adjective, noun in combinations:
        if len(held_out) < wanted and left[0][adjective] > 1 and left[1][noun] > 1:
            held_out.add((adjective, noun))
            left[0][adjective] -= 1
            left[1][noun] -= 1
    return frozenset(held_out)
