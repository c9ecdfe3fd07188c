r"""Decoding: from a trained model to sentences, greedily or with a beam.

Both searches take any model with two methods (:class:`Decodable`): ``start`` reads the source once, ``step`` emits one
token. All that the model must remember from step to step is in its *state*, a dictionary of tensors whose first
dimension is the batch. So a search can copy, drop and reorder hypotheses by their row and need not know whether the
state is the hidden vector of a recurrent net or the cache of a Transformer, which grows by a position at each step.

Shapes: ``b`` sentences, ``s`` source tokens, ``t`` emitted tokens, ``V`` words of the target vocabulary, and inside
the beam search ``n`` sentences not yet settled.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from attn_utils._checks import check_size
from attn_utils.data.vocabulary import END, PADDING, START

__all__ = ["Decodable", "Decoded", "beam_search", "greedy"]


class Decodable(Protocol):
    """What a search asks of a model. A state is a dictionary of tensors with the batch as first dimension."""

    def start(self, source: Tensor) -> dict[str, Tensor]:
        """Read the source, integers of shape ``(b, s)``, and return the state before the first token."""

    def step(self, tokens: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Take the last tokens, shape ``(b,)``, and return logits of the next, shape ``(b, V)``, and a new state.

        A model with attention leaves the weights of this step, shape ``(b, s)``, in the new state as ``"weights"``.
        """


class Decoded(NamedTuple):
    """What a search found.

    Attributes:
        tokens: Emitted tokens, shape ``(b, t)``, END included, padding after it. ``t`` is the longest of the batch. A
            row without END ran into the maximal length.
        log_probs: Sum of the model's log-probabilities of the emitted tokens, END included, shape ``(b,)``, float32.
            Not normalized by length.
        weights: Attention weights of the step that emitted each token, shape ``(b, t, s)``, float32, 0 after the end;
            ``None`` if they were not asked for.
    """

    tokens: Tensor
    log_probs: Tensor
    weights: Tensor | None


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
        max_length: Most tokens to emit, END included. ``None`` is twice the number of source tokens that are not
            padding, plus 10: for each sentence its own, so that a result does not depend on the rest of the batch.
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
    _check_numbers(start, end, padding)
    limits = _limits(source, max_length, padding)
    b, s = source.shape
    columns, weights = [], []
    with _evaluating(model):
        state = _checked(model.start(source), b)
        tokens = torch.full((b,), start, device=source.device)
        log_probs = torch.zeros(b, device=source.device)
        done = torch.zeros(b, dtype=torch.bool, device=source.device)
        while not done.all():
            logits, state = model.step(tokens, state)
            best, tokens = _log_p(logits, b, start, end, padding).max(dim=1)
            _check_possible(best[~done])
            log_probs = log_probs + best.masked_fill(done, 0.0)
            tokens = tokens.masked_fill(done, padding)
            columns.append(tokens)
            if need_weights:
                weights.append(_weights(state, b, s).masked_fill(done[:, None], 0.0))
            done = done | (tokens == end) | (len(columns) >= limits)
    return _decoded(torch.stack(columns, dim=1), log_probs, torch.stack(weights, dim=1) if need_weights else None)


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
        max_length: Most tokens to emit, END included. ``None`` is twice the number of source tokens that are not
            padding, plus 10, for each sentence its own.
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
    _check_numbers(start, end, padding)
    check_size("beam", beam)
    if not 0 <= length_penalty < math.inf:
        raise ValueError(f"length_penalty must be at least 0 and finite, got {length_penalty}")
    limits = _limits(source, max_length, padding)
    b, s = source.shape[0], source.shape[1] if need_weights else 0
    best = _Best(limits, s, length_penalty, padding)
    with _evaluating(model):
        state = {name: x.repeat_interleave(beam, dim=0) for name, x in _checked(model.start(source), b).items()}
        live = _beginnings(b, beam, s, start, source.device)
        while len(live.tokens):
            logits, state = model.step(live.tokens[:, :, -1].flatten(), state)
            log_p = _log_p(logits, live.rows.numel(), start, end, padding)
            weights = _weights(state, len(log_p), s) if need_weights else log_p[:, :0]
            finished, live = _part(_extend(live, log_p, weights), beam, end)
            best.put(finished)
            live = live.pick(~best.settle(live))
            state = {name: x.index_select(0, live.rows.flatten()) for name, x in state.items()}
    return _decoded(best.tokens, best.log_probs, best.weights if need_weights else None)


class _Paths(NamedTuple):
    """Hypotheses. In the beam ``...`` is ``n, k``: sentences, and for each its hypotheses, the most probable first."""

    sentences: Tensor  # (...), row in the source
    rows: Tensor  # (...), row in the state that the last step returned
    log_probs: Tensor  # (...)
    tokens: Tensor  # (..., 1 + t), from START on
    weights: Tensor  # (..., t, s)

    def pick(self, *index: Tensor) -> "_Paths":
        """Return the hypotheses at these rows, or at these rows and columns."""
        return _Paths(*(x[index] for x in self))


def _beginnings(b: int, beam: int, s: int, start: int, device: torch.device) -> _Paths:
    """Return one hypothesis for each sentence. The rest of its beam is impossible, or all would stay copies of it."""
    log_probs = torch.full((b, beam), -math.inf, device=device)
    log_probs[:, 0] = 0.0
    return _Paths(
        torch.arange(b, device=device)[:, None].expand(b, beam),
        torch.arange(b * beam, device=device).view(b, beam),
        log_probs,
        torch.full((b, beam, 1), start, device=device),
        torch.zeros(b, beam, 0, s, device=device),
    )


def _extend(live: _Paths, log_p: Tensor, weights: Tensor) -> _Paths:
    """Return the ``2 * beam`` best continuations of each sentence by one token, the most probable first.

    Twice the beam, because each hypothesis has one continuation that ends: enough to live on is left without them.
    """
    n, beam = live.log_probs.shape
    # What is not among the best of its own hypothesis is not among the best of all: so first k of V, then of few.
    k = min(2 * beam, log_p.shape[1])
    log_p, tokens = log_p.topk(k, dim=1)
    log_probs = (live.log_probs[:, :, None] + log_p.view(n, beam, k)).flatten(1)
    # Stable: where adding a large number has made two tokens of a hypothesis equal, their order remains.
    log_probs, order = log_probs.sort(dim=1, descending=True, stable=True)
    log_probs, order = log_probs[:, : 2 * beam], order[:, : 2 * beam]
    _check_possible(log_probs[:, 0])
    tokens = tokens.view(n, beam * k).gather(1, order)
    n_rows = torch.arange(n, device=order.device)[:, None]
    parents = live.pick(n_rows, order // k)
    rows = n_rows * beam + order // k
    return _Paths(
        parents.sentences,
        rows,
        log_probs,
        torch.cat([parents.tokens, tokens[:, :, None]], dim=2),
        torch.cat([parents.weights, weights[rows][:, :, None]], dim=2),
    )


def _part(candidates: _Paths, beam: int, end: int) -> tuple[_Paths, _Paths]:
    """Return the best that ends now, one a sentence, impossible if there is none, and the ``beam`` best that do not."""
    ended = candidates.tokens[:, :, -1] == end
    n = torch.arange(len(ended), device=ended.device)
    # All that end now have the same length: the most probable has the best score.
    log_probs, first = candidates.log_probs[:, :beam].masked_fill(~ended[:, :beam], -math.inf).max(dim=1)
    finished = candidates.pick(n, first)._replace(log_probs=log_probs)
    alive = ended.int().argsort(dim=1, stable=True)[:, :beam]
    return finished, candidates.pick(n[:, None], alive)


class _Best:
    """The best hypothesis of each sentence so far."""

    def __init__(self, limits: Tensor, s: int, length_penalty: float, padding: int) -> None:
        b, device = len(limits), limits.device
        self.limits, self.length_penalty, self.padding = limits, length_penalty, padding
        self.scores = torch.full((b,), -math.inf, device=device)
        self.log_probs = torch.zeros(b, device=device)
        self.tokens = torch.zeros(b, 0, dtype=torch.long, device=device)
        self.weights = torch.zeros(b, 0, s, device=device)

    def lp(self, length: Tensor | int) -> Tensor | float:
        """Return the divisor of equation 14."""
        return ((5 + length) / 6) ** self.length_penalty

    def put(self, paths: _Paths) -> None:
        """Take hypotheses, at most one a sentence, where they score better than what is there."""
        scores = paths.log_probs / self.lp(paths.weights.shape[-2])
        better = scores > self.scores[paths.sentences]
        if better.any():
            paths, to = paths.pick(better), paths.sentences[better]
            # Later hypotheses are longer, so that each row is overwritten to its end.
            more = paths.weights.shape[1] - self.weights.shape[1]
            self.tokens = pad(self.tokens, (0, more), value=self.padding)
            self.weights = pad(self.weights, (0, 0, 0, more))
            self.scores[to], self.log_probs[to] = scores[better], paths.log_probs
            self.tokens[to], self.weights[to] = paths.tokens[:, 1:], paths.weights

    def settle(self, live: _Paths) -> Tensor:
        """Return which sentences need no further search, shape ``(n,)``; take the unfinished where nothing finished."""
        first = _Paths(*(x[:, 0] for x in live))
        limits = self.limits[first.sentences]
        out_of_reach = self.scores[first.sentences] >= first.log_probs / self.lp(limits)
        out_of_room = limits <= live.weights.shape[2]
        self.put(first.pick(out_of_room & (self.scores[first.sentences] == -math.inf)))
        return out_of_reach | out_of_room


@contextmanager
def _evaluating(model: Decodable) -> Iterator[None]:
    """Evaluate without dropout or gradients. Give each submodule back its own mode, which need not be the model's."""
    modules = list(model.modules()) if isinstance(model, nn.Module) else []
    modes = [module.training for module in modules]
    try:
        for module in modules:
            module.training = False
        with torch.inference_mode():
            yield
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode


def _decoded(tokens: Tensor, log_probs: Tensor, weights: Tensor | None) -> Decoded:
    """Return copies made outside of inference mode: whoever decodes in order to train may use them in a loss."""
    return Decoded(tokens.clone(), log_probs.clone(), None if weights is None else weights.clone())


def _log_p(logits: Tensor, rows: int, start: int, end: int, padding: int) -> Tensor:
    """Return the model's log-probabilities, float32, with those impossible that must not be emitted."""
    V = logits.shape[-1]
    if logits.shape != (rows, V) or max(start, end, padding) >= V:
        raise ValueError(
            f"model.step must return logits of shape ({rows}, V), V more than start, end and padding "
            f"({start}, {end}, {padding}), got {tuple(logits.shape)}"
        )
    log_p = torch.log_softmax(logits, dim=-1, dtype=torch.float32)
    # Not before the softmax: the sum is to be the model's own log-probability of the sentence.
    log_p[:, [start, padding]] = -math.inf
    return log_p


def _weights(state: dict[str, Tensor], rows: int, s: int) -> Tensor:
    """Return the weights of the last step, float32, shape ``(rows, s)``."""
    if "weights" not in state:
        raise ValueError(f"need_weights must be False for a model without attention: its state has {sorted(state)}")
    weights = state["weights"]
    if weights.shape != (rows, s):
        raise ValueError(f'state["weights"] must have shape (batch, s) = ({rows}, {s}), got {tuple(weights.shape)}')
    return weights.float()


def _limits(source: Tensor, max_length: int | None, padding: int) -> Tensor:
    """Return the most tokens each sentence may have, shape ``(b,)``."""
    if source.ndim != 2 or len(source) == 0 or source.is_floating_point() or source.dtype == torch.bool:
        raise ValueError(
            f"source must be an integer tensor of shape (b, s) with b > 0, "
            f"got {source.dtype} of shape {tuple(source.shape)}"
        )
    if max_length is None:
        return 2 * (source != padding).sum(dim=1) + 10
    check_size("max_length", max_length)
    return torch.full((len(source),), max_length, device=source.device)


def _checked(state: dict[str, Tensor], b: int) -> dict[str, Tensor]:
    """Return the state, unless its rows cannot be reordered."""
    for name, x in state.items():
        if not isinstance(x, Tensor) or x.shape[:1] != (b,):
            got = tuple(x.shape) if isinstance(x, Tensor) else x
            raise ValueError(f"state[{name!r}] must be a tensor with the batch, {b}, as first dimension, got {got}")
    return state


def _check_numbers(start: int, end: int, padding: int) -> None:
    """Reject special symbols that cannot be told apart."""
    numbers = {"start": start, "end": end, "padding": padding}
    if len({*numbers.values()}) < 3 or min(numbers.values()) < 0:
        raise ValueError(f"start, end and padding must be three different numbers of at least 0, got {numbers}")


def _check_possible(log_probs: Tensor) -> None:
    """Reject a step after which a sentence cannot go on."""
    if not (log_probs > -math.inf).all():
        raise ValueError("model.step must give a token a probability, got logits with NaN or with −∞ for every token")
