"""Metrics: is the translation right, and do the attention weights find the words it was translated from?

A sentence is a sequence of tokens. A link ``(i, j)`` joins source token ``i`` to target token ``j``, counted from 0.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from sacrebleu.metrics import BLEU
from torch import Tensor

from attn_utils._checks import check_size

__all__ = [
    "alignment_error_rate",
    "bleu",
    "bleu_signature",
    "diagonal_links",
    "exact_match",
    "links",
    "uniform_error_rate",
]

Sentences = Sequence[Sequence[str]]
Links = AbstractSet[tuple[int, int]]


def bleu(hypotheses: Sentences, references: Sentences) -> float:
    r"""Compare translations with their references by the runs of one to four tokens that they share.

    .. math:: 100 \cdot \min(1, e^{1 - r/h}) \cdot (p_1 p_2 p_3 p_4)^{1/4}

    :math:`p_n` is the share of the hypotheses' n-grams that occur in the reference of the same sentence (each at most
    as often as there), :math:`h` and :math:`r` are the lengths of all hypotheses and of all references. Counts are
    summed over the corpus before they are divided: this is not the mean over sentences.

    The number is sacrebleu's, for tokens as they are, case kept (:func:`bleu_signature`). Where no n-gram of one order
    matches, its precision is not 0 but :math:`1 / (2^m \cdot \text{number of n-grams})` for the :math:`m`-th such order
    (sacrebleu's smoothing "exp"); with no match at all the result is 0. It is also 0, even for perfect hypotheses,
    where none has four tokens.

    Args:
        hypotheses: Translations, each a sequence of tokens. May be empty sequences, but not all may be missing.
        references: As many references.

    Returns:
        Corpus BLEU, from 0 to 100.

    Raises:
        ValueError: If the numbers of sentences differ or are 0, or a token is not a string, is empty or holds white
            space.

    Example:
        >>> round(bleu([["the", "cat", "sat", "down", "."]], [["the", "cat", "sat", "up", "."]]), 1)
        42.7

    Source:
        Papineni et al. (2002), section 2.3; Post (2018) for the implementation.
    """
    _check_sentences(hypotheses, references)
    return _metric().corpus_score(_joined("hypotheses", hypotheses), [_joined("references", references)]).score


def bleu_signature() -> str:
    """Return what to print beside a BLEU, so that others can repeat it: settings and version of sacrebleu.

    Source:
        Post (2018).
    """
    metric = _metric()
    metric.corpus_score(["one"], [["one"]])  # only then does sacrebleu know the number of references
    return str(metric.get_signature())


def exact_match(hypotheses: Sentences, references: Sentences) -> float:
    """Return the share of sentences that are their reference, token by token, from 0 to 1.

    Args:
        hypotheses: Translations, each a sequence of tokens.
        references: As many references.

    Returns:
        A share from 0 to 1.

    Raises:
        ValueError: If the numbers of sentences differ or are 0.
    """
    _check_sentences(hypotheses, references)
    pairs = zip(hypotheses, references, strict=True)
    return sum(list(hypothesis) == list(reference) for hypothesis, reference in pairs) / len(references)


def alignment_error_rate(predicted: Sequence[Links], sure: Sequence[Links], possible: Sequence[Links]) -> float:
    r"""Compare predicted links with gold links.

    .. math:: AER(S, P; A) = 1 - \frac{|A \cap S| + |A \cap P|}{|A| + |S|}

    A sure link that is missing is an error, and so is a predicted link that is not even possible. A possible link may
    be there or not. Numbers of links are summed over the corpus before they are divided.

    Args:
        predicted: The links :math:`A` of each sentence.
        sure: The links :math:`S` of each sentence that must be found.
        possible: The links :math:`P` of each sentence that may be found, among them the sure ones.

    Returns:
        A rate from 0 (all sure links and no impossible one) to 1. Lower is better.

    Raises:
        ValueError: If the numbers of sentences differ, the links of one are not a set, a sure link is not possible, or
            there are neither predicted nor sure links.

    Example:
        >>> alignment_error_rate([{(0, 0), (1, 1)}], [{(0, 0)}], [{(0, 0), (1, 1)}])
        0.0

    Source:
        Och and Ney (2003), section 5.
    """
    _check_gold(sure, possible)
    _check_sets("predicted", predicted)
    if len(predicted) != len(sure):
        raise ValueError(f"predicted must have a set for each of the {len(sure)} sentences, got {len(predicted)}")
    hits = sum(len(A & S) + len(A & P) for A, S, P in zip(predicted, sure, possible, strict=True))
    return _error_rate(hits, sum(map(len, predicted)), sure)


def uniform_error_rate(sure: Sequence[Links], possible: Sequence[Links], lengths: Sequence[tuple[int, int]]) -> float:
    r"""Return the expected error rate of an aligner that draws one source token for each target token, all alike.

    It always has as many links as there are target tokens, and finds each gold link of a sentence with :math:`s` source
    tokens with probability :math:`1/s`. Only the numerator of the error rate is random, so that this is exact:

    .. math:: E[AER] = 1 - \frac{\sum_k (|S_k| + |P_k|) / s_k}{\sum_k (t_k + |S_k|)}

    Args:
        sure: The links :math:`S_k` of each sentence that must be found.
        possible: The links :math:`P_k` of each sentence that may be found, among them the sure ones.
        lengths: Numbers of tokens of source and target, :math:`(s_k, t_k)`, of each sentence.

    Returns:
        A rate from 0 to 1.

    Raises:
        ValueError: If the numbers of sentences differ, the links of one are not a set, a sure link is not possible, or
            a link lies outside of its sentence.

    Source:
        The error rate is that of Och and Ney (2003), section 5; its expectation is linear in the links.
    """
    _check_gold(sure, possible)
    if len(lengths) != len(sure):
        raise ValueError(f"lengths must have a pair for each of the {len(sure)} sentences, got {len(lengths)}")
    for k, (P, (s, t)) in enumerate(zip(possible, lengths, strict=True)):
        if outside := sorted((i, j) for i, j in P if not (0 <= i < s and 0 <= j < t)):
            raise ValueError(f"lengths[{k}] must hold the links of its sentence, got ({s}, {t}) for {outside[0]}")
    gold = zip(sure, possible, lengths, strict=True)
    hits = sum((len(S) + len(P)) / s for S, P, (s, _) in gold if P)
    return _error_rate(hits, sum(t for _, t in lengths), sure)


def links(weights: Tensor, num_target: int | None = None) -> set[tuple[int, int]]:
    """Read attention weights as an alignment: link each target token to the source token with the largest weight.

    Args:
        weights: Weights of one sentence, at least 0, shape ``(t, s)``: a row for each target token.
        num_target: Rows to use, from 0 to ``t``: without the one that emits END and the padding after it. ``None`` is
            all.

    Returns:
        Links ``(i, j)`` of source token ``i`` and target token ``j``, at most one for each ``j``. Of equal weights the
        first counts. A row of zeros attends to nothing and gets no link.

    Raises:
        ValueError: If ``weights`` is not a tensor of two dimensions, is negative or NaN somewhere, or ``num_target`` is
            no integer or out of range.

    Example:
        >>> sorted(links(torch.tensor([[0.9, 0.1], [0.2, 0.8]])))
        [(0, 0), (1, 1)]
    """
    if not isinstance(weights, Tensor):
        raise ValueError(f"weights must be a tensor of shape (t, s), got {type(weights).__name__}")
    if weights.ndim != 2 or not (weights >= 0).all():
        raise ValueError(
            f"weights must be numbers of at least 0 of shape (t, s), got shape {tuple(weights.shape)}"
            + (f" with {float(weights.min())}" if weights.numel() else "")
        )
    t = len(weights)
    if num_target is not None and (not isinstance(num_target, int) or not 0 <= num_target <= t):
        raise ValueError(f"num_target must be from 0 to the number of rows of weights, {t}, got {num_target!r}")
    if weights.shape[1] == 0:
        return set()
    largest, sources = weights[:num_target].max(dim=1)
    pairs = zip(sources.tolist(), largest.tolist(), strict=True)
    return {(i, j) for j, (i, weight) in enumerate(pairs) if weight > 0}


def diagonal_links(num_source: int, num_target: int) -> set[tuple[int, int]]:
    r"""Link each target token to the source token at the same relative place: an aligner that reads no words.

    .. math:: i = \left\lfloor \left(j + \tfrac12\right) \frac{s}{t} \right\rfloor

    The middle of target token :math:`j`, on a line as long as the sentence, lies in source token :math:`i`.

    Args:
        num_source: Number of source tokens, :math:`s`.
        num_target: Number of target tokens, :math:`t`.

    Returns:
        One link ``(i, j)`` for each target token ``j``.

    Raises:
        ValueError: If a number is not a positive integer.
    """
    check_size("num_source", num_source)
    check_size("num_target", num_target)
    return {((2 * j + 1) * num_source // (2 * num_target), j) for j in range(num_target)}


def _metric() -> BLEU:
    """Return sacrebleu's BLEU. ``force``: yes, we know that the text is tokenized."""
    return BLEU(tokenize="none", force=True)


def _joined(name: str, sentences: Sentences) -> list[str]:
    """Return each sentence as the string that sacrebleu will split at white space into the same tokens."""
    for tokens in sentences:
        if other := [token for token in tokens if not isinstance(token, str)]:
            raise ValueError(f"{name} must have strings as tokens, got {other[0]!r}: decode numbers first")
    lines = [" ".join(tokens) for tokens in sentences]
    for line, tokens in zip(lines, sentences, strict=True):
        if line.split() != list(tokens):
            raise ValueError(f"{name} must have tokens that are not empty and hold no white space, got {list(tokens)}")
    return lines


def _error_rate(hits: float, num_predicted: int, sure: Sequence[Links]) -> float:
    total = num_predicted + sum(map(len, sure))
    if total == 0:
        raise ValueError("predicted or sure must have a link somewhere, got none")
    return 1 - hits / total


def _check_sentences(hypotheses: Sentences, references: Sentences) -> None:
    """Reject what cannot be compared sentence by sentence."""
    if len(hypotheses) != len(references) or len(references) == 0:
        raise ValueError(
            f"hypotheses and references must be equally many and at least one, "
            f"got {len(hypotheses)} and {len(references)}"
        )
    for name, sentences in (("hypotheses", hypotheses), ("references", references)):
        for tokens in sentences:
            if isinstance(tokens, str):
                raise ValueError(f"{name} must be sequences of tokens, got the string {tokens!r}")


def _check_sets(name: str, sentences: Sequence[Links]) -> None:
    for k, some in enumerate(sentences):
        if not isinstance(some, AbstractSet):
            raise ValueError(f"{name} must be sets of links (i, j), got {type(some).__name__} for sentence {k}")


def _check_gold(sure: Sequence[Links], possible: Sequence[Links]) -> None:
    """Reject gold links of which a sure one is not possible."""
    _check_sets("sure", sure)
    _check_sets("possible", possible)
    if len(sure) != len(possible):
        raise ValueError(f"sure and possible must have as many sentences, got {len(sure)} and {len(possible)}")
    for k, (S, P) in enumerate(zip(sure, possible, strict=True)):
        if not S <= P:
            raise ValueError(f"possible must contain the sure links, got sentence {k} without {sorted(S - P)[0]}")
