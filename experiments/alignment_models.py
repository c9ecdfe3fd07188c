"""Align chapter 4's corpus with word-for-word models that learn from bare pairs, to have a rival for the weights.

IBM Model 1 lets each target word come from one source word or from a *null word*, which stands for none, and learns by
EM how often which word becomes which (Brown et al., 1993, section 4.1). There all places are alike beforehand. The
second model prefers those near the diagonal: the prior of source word i for target word j falls like
exp(−tension · |i/n − j/m|), both counted from the middle of the word. This prior is ours; IBM Model 2 of the same paper
learns one instead. The null word has a fixed prior in both.

No link is shown in training. The null word's prior, the tension and the number of rounds are those with the smallest
error rate on the development part, where links are looked at. All of it takes some minutes.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from attn_utils import results
from attn_utils.data.pairs import Pair, split_random
from attn_utils.data.parallel import generate
from attn_utils.data.vocabulary import PADDING, Vocabulary
from attn_utils.metrics import alignment_error_rate

NULL = PADDING  # no sentence has padding inside, so its number is free to stand for the null word
NULL_PRIORS = [0.0, 0.05, 0.1, 0.2]
TENSIONS = {"IBM Model 1": [0.0], "IBM Model 1 with a diagonal prior": [1.0, 2.0, 4.0, 8.0]}
ROUNDS = [2, 3, 5, 10, 20]
SETTINGS = {
    "null priors": NULL_PRIORS,
    "tensions": TENSIONS,
    "rounds": ROUNDS,
    "corpus": {"pairs": 40_000, "seed": 0, "dev": 1000, "test": 2000},
}

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Candidates(NamedTuple):
    """Each target word of a corpus beside all it may come from: for each the null word, and then the source in order.

    Attributes:
        source: Number of the source word, or ``NULL``, shape ``(k,)``.
        target: Number of the target word, ``(k,)``.
        row: Which target word of the corpus it is, counted through all sentences, ``(k,)``.
        distance: How far from the diagonal, from 0 to 1, ``(k,)``. 0 for the null word, which has no place.
    """

    source: Ints
    target: Ints
    row: Ints
    distance: Floats


def candidates(pairs: Sequence[Pair], source_words: Vocabulary, target_words: Vocabulary) -> Candidates:
    """Lay out a corpus for :func:`rounds` and :func:`links`."""
    source, target, width, distance = [], [], [], []
    for pair in pairs:
        n, m = len(pair.source), len(pair.target)
        source.append(np.tile([NULL, *source_words.encode(pair.source)], m))
        target.append(np.repeat(target_words.encode(pair.target), n + 1))
        width.append(np.full(m, n + 1))
        away = np.abs((np.arange(n) + 0.5) / n - (np.arange(m)[:, None] + 0.5) / m)  # (m, n)
        distance.append(np.pad(away, [(0, 0), (1, 0)]).ravel())
    widths = np.concatenate(width)
    row = np.repeat(np.arange(len(widths)), widths)
    return Candidates(np.concatenate(source), np.concatenate(target), row, np.concatenate(distance))


def prior(found: Candidates, null: float, tension: float) -> Floats:
    """Probability of each candidate before its words are known. For each target word it sums to 1.

    Args:
        found: From :func:`candidates`.
        null: Probability of the null word.
        tension: How strongly the diagonal is preferred. With 0 all source words are alike.
    """
    near = np.where(found.source == NULL, 0.0, np.exp(-tension * found.distance))
    near *= (1 - null) / np.bincount(found.row, near)[found.row]
    return np.where(found.source == NULL, null, near)


def rounds(found: Candidates, before: Floats, shape: tuple[int, int]) -> Iterator[Floats]:
    """Learn by EM, and give the table t(target word | source word) after each round.

    Args:
        found: From :func:`candidates`.
        before: From :func:`prior`.
        shape: Numbers of source words and of target words.

    Yields:
        The table, of that shape. Rows of source words that occur sum to 1.

    Source:
        Brown et al. (1993), section 4.1, equations 15 to 17.
    """
    cell = found.source * shape[1] + found.target
    table = np.full(shape, 1 / shape[1])
    while True:
        share = table.ravel()[cell] * before
        share /= np.bincount(found.row, share)[found.row]  # of each target word, which part comes from where
        counts = np.bincount(cell, share, shape[0] * shape[1]).reshape(shape)
        table = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-300)
        yield table


def links(pairs: Sequence[Pair], found: Candidates, before: Floats, table: Floats) -> list[set[tuple[int, int]]]:
    """Give each target word the link to its most probable source word, and none where that is the null word.

    Args:
        pairs: A corpus.
        found: Its candidates.
        before: Their prior.
        table: From :func:`rounds`, learned on this corpus or another.

    Returns:
        Links (i, j) of each sentence. Of equals the first counts, and the null word before all.
    """
    joint, start, result = table[found.source, found.target] * before, 0, []
    for pair in pairs:
        n, m = len(pair.source), len(pair.target)
        best = joint[start : start + m * (n + 1)].reshape(m, n + 1).argmax(axis=1)
        result.append({(int(i) - 1, j) for j, i in enumerate(best) if i > 0})
        start += m * (n + 1)
    return result


def error(pairs: Sequence[Pair], found: Candidates, before: Floats, table: Floats) -> float:
    """Alignment error rate of the links found."""
    predicted = links(pairs, found, before, table)
    return round(alignment_error_rate(predicted, [p.sure for p in pairs], [p.possible for p in pairs]), 4)


def main() -> None:
    corpus = SETTINGS["corpus"]
    split = split_random(generate(corpus["pairs"], seed=corpus["seed"]), dev=corpus["dev"], test=corpus["test"])
    words = split.vocabularies()
    shape = len(words[0]), len(words[1])
    train, dev, test = (candidates(part, *words) for part in split)
    tuning: list[dict[str, Any]] = []
    tables = {}
    for model, tensions in TENSIONS.items():
        for null, tension in itertools.product(NULL_PRIORS, tensions):
            learned = rounds(train, prior(train, null, tension), shape)
            for number, table in enumerate(itertools.islice(learned, max(ROUNDS)), start=1):
                if number in ROUNDS:
                    row = {"model": model, "null prior": null, "tension": tension, "rounds": number}
                    row["dev AER"] = error(split.dev, dev, prior(dev, null, tension), table)
                    tuning.append(row)
                    tables[len(tuning) - 1] = table
                    print(*row.values(), sep="  ", flush=True)
    runs = []
    for model in TENSIONS:
        best = min((k for k in tables if tuning[k]["model"] == model), key=lambda k: tuning[k]["dev AER"])
        before = prior(test, tuning[best]["null prior"], tuning[best]["tension"])
        runs.append({**tuning[best], "test AER": error(split.test, test, before, tables[best])})
        print(*runs[-1].values(), sep="  ")
    figures = {"settings": SETTINGS, "tuning": tuning, "runs": runs}
    results.save("alignment_models", "experiments.alignment_models", figures)


if __name__ == "__main__":
    main()
