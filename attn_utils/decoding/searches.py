"""Greedy search and beam search: two choices, and what they keep of the way."""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from attn_utils._checks import check_possible, check_size
from attn_utils.data.vocabulary import END, PADDING, START
from attn_utils.decoding.stepping import Decodable, Weights, emission_limits, evaluation, most_probable, steps

__all__ = ["Decoded", "beam_search", "greedy"]


class Decoded(NamedTuple):
    """What a search found.

    Attributes:
        tokens: Emitted tokens, shape ``(b, t)``, END included, padding after it. ``t`` is the longest of the batch. A
            row without END ran into the maximal length.
        log_probs: Sum of the model's log-probabilities of the emitted tokens, END included, shape ``(b,)``, float32.
            Not normalized by length.
        weights: By layer and kind, the weights of the step that emitted each token, shape ``(b, h, t, k)``, float32, 0
            after the end and where there was no key yet; ``None`` if they were not asked for.
    """

    tokens: Tensor
    log_probs: Tensor
    weights: Weights | None


def greedy(
    model: Decodable,
    source: Tensor,
    *,
    max_length: int | None = None,
    need_weights: bool = False,
    start: int = START,
    end: int = END,
    padding: int = PADDING,
) -> Decoded:
    """Emit the most probable token at each step.

    PADDING and START are never emitted. A sentence ends with its END and is not touched afterwards; the search ends
    with the last sentence. The model is in evaluation mode meanwhile, and no gradients are recorded.

    Args:
        model: Any :class:`Decodable`.
        source: Integers, shape ``(b, s)``, padded.
        max_length: Most tokens to emit, END included, as in :func:`steps`.
        need_weights: Whether to return the attention weights.
        start: Number of the token that is fed first.
        end: Number of the token that ends a sentence.
        padding: Number that fills up sentences.

    Returns:
        What was found.

    Raises:
        ValueError: If an argument is out of range, the model's state or logits are not as :class:`Decodable` says,
            no token has a probability (a model with NaN in its weights), or weights are asked of a model without.
    """
    special = {"start": start, "end": end, "padding": padding}
    through_time = steps(model, source, most_probable, max_length=max_length, need_weights=need_weights, **special)
    log_probs = torch.zeros(len(source), device=source.device)
    tokens: list[Tensor] = []
    asked: list[Tensor] = []
    weights: list[Weights] = []
    with evaluation(model):  # all the way: to change modes at each step would take longer
        for step in through_time:
            here, chosen = step.sentences, step.tokens[:, 0]
            log_probs[here] += step.log_probs[:, 0].gather(1, step.tokens)[:, 0]
            tokens.append(chosen.new_full((len(source),), padding).index_copy(0, here, chosen))
            places = torch.arange(len(here), device=here.device)
            asked.append(chosen.new_full((len(source),), -1).index_copy(0, here, places))
            weights.append(step.weights or {})
    along = _along(weights, torch.stack(asked, dim=1)) if need_weights else None
    return Decoded(torch.stack(tokens, dim=1), log_probs, along)


def beam_search(
    model: Decodable,
    source: Tensor,
    *,
    beam: int = 4,
    length_penalty: float = 0.6,
    max_length: int | None = None,
    need_weights: bool = False,
    start: int = START,
    end: int = END,
    padding: int = PADDING,
) -> Decoded:
    r"""Follow the ``beam`` best beginnings of each sentence, and return the best sentence that came to an end.

    Sentences of different lengths are compared by their log-probability over a power of their length:

    .. math:: s(Y) = \frac{\log p(Y \mid X)}{lp(Y)}, \qquad lp(Y) = \left(\frac{5 + |Y|}{6}\right)^{\alpha}

    :math:`|Y|` counts the emitted tokens, END included: as many as there are log-probabilities in the sum. There is no
    coverage penalty.

    At each step all ``beam`` times ``V`` continuations are ranked by log-probability. Those with END among the first
    ``beam`` are finished: they leave the beam, and the best of all finished ones is kept. The first ``beam`` without
    END live on. The search of a sentence stops when no living hypothesis can beat the best finished one any more. As
    log-probabilities only fall and :math:`lp` only grows, the most that one can still reach is its present
    log-probability over :math:`lp` of the maximal length. So stopping early never changes the result; a generous
    maximal length only costs time. If the maximal length comes before anything has finished, the most probable living
    hypothesis is returned, without END.

    With ``beam=1`` and ``length_penalty=0`` this is :func:`greedy`, if no two tokens are equally probable.

    Args:
        model: Any :class:`Decodable`.
        source: Integers, shape ``(b, s)``, padded.
        beam: Hypotheses that live at a time, for each sentence.
        length_penalty: The exponent :math:`\alpha`, at least 0. 0 compares bare log-probabilities, which favors short
            sentences; the larger, the longer the result.
        max_length: Most tokens to emit, END included, as in :func:`steps`.
        need_weights: Whether to return the attention weights.
        start: Number of the token that is fed first. Never emitted.
        end: Number of the token that ends a sentence.
        padding: Number that fills up sentences. Never emitted.

    Returns:
        What was found.

    Raises:
        ValueError: As for :func:`greedy`, and if ``beam`` is not a positive integer or ``length_penalty`` is negative
            or not finite.

    Source:
        Wu et al. (2016), section 7 and equation 14, with :math:`\beta = 0`.
    """
    check_size("beam", beam)
    if not 0 <= length_penalty < math.inf:
        raise ValueError(f"length_penalty must be at least 0 and finite, got {length_penalty}")
    special = {"start": start, "end": end, "padding": padding}
    search = _Beam(emission_limits(source, max_length, padding), beam, length_penalty, end, padding)
    through_time = steps(model, source, search.choose, max_length=max_length, need_weights=need_weights, **special)
    with evaluation(model):
        weights = [step.weights or {} for step in through_time]
    best = search.best
    return Decoded(best.tokens, best.log_probs, _along(weights, best.asked) if need_weights else None)


def _along(weights: list[Weights], asked: Tensor) -> Weights:
    """Collect the weights along the way of each sentence.

    Args:
        weights: Of each step, shape ``(b, h, n, k)``.
        asked: Which of the b times n hypotheses of each step was on the way, shape ``(b, t)``; −1 after the end.

    Returns:
        Shape ``(b, h, t, k)``, with the most keys that there have been.
    """
    collected = {}
    for name, first in weights[0].items():
        most = max(step[name].shape[-1] for step in weights)
        w = first.new_zeros(*asked.shape, first.shape[1], most)  # (b, t, h, k)
        for j, step in enumerate(weights[: asked.shape[1]]):
            on_the_way = asked[:, j] >= 0
            by_hypothesis = step[name].transpose(1, 2).flatten(0, 1)  # (b n, h, k)
            w[on_the_way, j, :, : by_hypothesis.shape[-1]] = by_hypothesis[asked[on_the_way, j]]
        collected[name] = w.transpose(1, 2)
    return collected


class _Paths(NamedTuple):
    """Hypotheses. In the beam ``...`` is ``b, n``: sentences, and for each its hypotheses, the most probable first."""

    sentences: Tensor  # (...), row in the source
    log_probs: Tensor  # (...)
    tokens: Tensor  # (..., t), emitted so far
    asked: Tensor  # (..., t), place of the hypothesis that was asked for each token, among all b times n of its step

    def pick(self, *index: Tensor) -> "_Paths":
        """Return the hypotheses at these rows, or at these rows and columns."""
        return _Paths(*(x[index] for x in self))


class _Beam:
    """The living hypotheses of each sentence, and the best one that has come to an end."""

    def __init__(self, limits: Tensor, beam: int, length_penalty: float, end: int, padding: int) -> None:
        b, device = len(limits), limits.device
        self.beam, self.end = beam, end
        none = torch.zeros(b, 1, 0, dtype=torch.long, device=device)
        self.live = _Paths(torch.arange(b, device=device)[:, None], torch.zeros(b, 1, device=device), none, none)
        self.best = _Best(limits, length_penalty, padding)

    def choose(self, log_p: Tensor) -> tuple[Tensor, Tensor]:
        """Choose what lives on, for :func:`~attn_utils.decoding.steps`: END for a sentence that is settled."""
        finished, live = self._part(self._extend(log_p))
        self.best.put(finished)
        settled = self.best.settle(live)
        self.live = live.pick(~settled)
        parents = live.asked[:, :, -1] % log_p.shape[1]  # their places among those of their own sentence
        return parents, live.tokens[:, :, -1].masked_fill(settled[:, None], self.end)

    def _extend(self, log_p: Tensor) -> _Paths:
        """Return the ``2 * beam`` best continuations of each sentence by one token, the most probable first.

        Twice the beam, because each hypothesis has one continuation that ends: enough to live on is left without them.
        """
        b, n, V = log_p.shape
        # What is not among the best of its own hypothesis is not among the best of all: so first k of V, then of few.
        k = min(2 * self.beam, V)
        log_p, tokens = log_p.topk(k, dim=2)
        log_probs = (self.live.log_probs[:, :, None] + log_p).flatten(1)
        # Stable: where adding a large number has made two tokens of a hypothesis equal, their order remains.
        log_probs, order = log_probs.sort(dim=1, descending=True, stable=True)
        log_probs, order = log_probs[:, : 2 * self.beam], order[:, : 2 * self.beam]
        check_possible(log_probs[:, 0])
        b_rows = torch.arange(b, device=order.device)[:, None]
        parents = self.live.pick(b_rows, order // k)
        return _Paths(
            parents.sentences,
            log_probs,
            torch.cat([parents.tokens, tokens.flatten(1).gather(1, order)[:, :, None]], dim=2),
            torch.cat([parents.asked, (b_rows * n + order // k)[:, :, None]], dim=2),
        )

    def _part(self, candidates: _Paths) -> tuple[_Paths, _Paths]:
        """Return the best that ends now, one a sentence, impossible if there is none, and the best that do not."""
        ended = candidates.tokens[:, :, -1] == self.end  # (b, 2 beam)
        b_rows = torch.arange(len(ended), device=ended.device)
        # All that end now have the same length: the most probable has the best score.
        log_probs, first = (
            candidates.log_probs[:, : self.beam].masked_fill(~ended[:, : self.beam], -math.inf).max(dim=1)
        )
        finished = candidates.pick(b_rows, first)._replace(log_probs=log_probs)
        # Less than twice the beam is all that there is, with one end for each hypothesis.
        alive = min(self.beam, ended.shape[1] - self.live.log_probs.shape[1])
        return finished, candidates.pick(b_rows[:, None], ended.int().argsort(dim=1, stable=True)[:, :alive])


class _Best:
    """The best hypothesis of each sentence so far."""

    def __init__(self, limits: Tensor, length_penalty: float, padding: int) -> None:
        b, device = len(limits), limits.device
        self.limits, self.length_penalty, self.padding = limits, length_penalty, padding
        self.scores = torch.full((b,), -math.inf, device=device)
        self.log_probs = torch.zeros(b, device=device)
        self.tokens = self.asked = torch.zeros(b, 0, dtype=torch.long, device=device)

    def lp(self, length: Tensor | int) -> Tensor | float:
        """Return the divisor of equation 14."""
        return ((5 + length) / 6) ** self.length_penalty

    def put(self, paths: _Paths) -> None:
        """Take hypotheses, at most one a sentence, where they score better than what is there."""
        scores = paths.log_probs / self.lp(paths.tokens.shape[-1])
        better = scores > self.scores[paths.sentences]
        if better.any():
            paths, to = paths.pick(better), paths.sentences[better]
            # Later hypotheses are longer, so that each row is overwritten to its end.
            more = paths.tokens.shape[1] - self.tokens.shape[1]
            self.tokens = pad(self.tokens, (0, more), value=self.padding)
            self.asked = pad(self.asked, (0, more), value=-1)
            self.scores[to], self.log_probs[to] = scores[better], paths.log_probs
            self.tokens[to], self.asked[to] = paths.tokens, paths.asked

    def settle(self, live: _Paths) -> Tensor:
        """Return which sentences need no further search, shape ``(b,)``; take the unfinished where nothing finished."""
        first = _Paths(*(x[:, 0] for x in live))
        limits = self.limits[first.sentences]
        out_of_reach = self.scores[first.sentences] >= first.log_probs / self.lp(limits)
        out_of_room = limits <= live.tokens.shape[2]
        self.put(first.pick(out_of_room & (self.scores[first.sentences] == -math.inf)))
        return out_of_reach | out_of_room
