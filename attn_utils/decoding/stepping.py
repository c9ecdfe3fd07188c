"""Through time, step by step: ask the model, let a choice decide, move the caches, drop what is settled."""

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from attn_utils._checks import check_possible, check_size, check_special_tokens
from attn_utils.data.vocabulary import END, PADDING, START
from attn_utils.modes import evaluating

__all__ = [
    "Choice",
    "Decodable",
    "State",
    "Step",
    "Weights",
    "emission_limits",
    "evaluation",
    "most_probable",
    "steps",
]

State = dict[str, Tensor]
"""A memory, whose rows are sentences, ``(b, …)``, or a cache, whose rows are their hypotheses, ``(b, n, …)``."""

Weights = dict[tuple[int, str], Tensor]
"""Attention weights by layer, from 0, and kind, ``"cross"`` or ``"self"``: each of shape ``(b, h, n, k)``.

The queries of a step are the hypotheses. In cross-attention they share the keys, one a source token; in self-attention
each has its own, one for each token that it has read.
"""

Choice = Callable[[Tensor], tuple[Tensor, Tensor]]
"""From log-probabilities ``(b, n, V)`` to hypotheses: which one each goes on from, and with which token, ``(b, m)``."""


class Decodable(Protocol):
    """What decoding asks of a model."""

    def start(self, source: Tensor) -> tuple[State, State]:
        """Read the source, integers of shape ``(b, s)``, and return the memory, and the cache of one hypothesis each.

        The rows of a memory are sentences, ``(b, …)``; it may be empty. Those of a cache are hypotheses,
        ``(b, 1, …)``.
        """

    def step(
        self, tokens: Tensor, memory: State, cache: State, *, need_weights: bool = False
    ) -> tuple[Tensor, State, Weights | None]:
        """Take the last token of each hypothesis, shape ``(b, n)``.

        Return the logits of the next, shape ``(b, n, V)``; the cache after this step; and the weights of this step, or
        ``None`` if they are not asked for or there is no attention.
        """


class Step(NamedTuple):
    r"""One step of all sentences that are not settled, ``b`` of them.

    Attributes:
        sentences: Their rows in the source, shape ``(b,)``.
        log_probs: The model's log-probabilities of the next token of each hypothesis, shape ``(b, n, V)``, float32,
            :math:`-\infty` for tokens that are never emitted.
        weights: The weights of this step, or ``None``.
        parents: The choice: which hypothesis, from 0 to n − 1, each goes on from, shape ``(b, m)``.
        tokens: The choice: with which token, shape ``(b, m)``.
        memory: What the model knows of the sentences, rows ``(b, …)``.
        before: The cache of the hypotheses that were asked, rows ``(b, n, …)``.
        after: Their cache after the model's step.
    """

    sentences: Tensor
    log_probs: Tensor
    weights: Weights | None
    parents: Tensor
    tokens: Tensor
    memory: State
    before: State
    after: State


def most_probable(log_probs: Tensor) -> tuple[Tensor, Tensor]:
    """Choose for each hypothesis its most probable token: the choice of greedy search.

    Args:
        log_probs: Shape ``(b, n, V)``.

    Returns:
        Parents, each hypothesis its own, and tokens, both of shape ``(b, n)``.
    """
    b, n, _ = log_probs.shape
    return torch.arange(n, device=log_probs.device).expand(b, n), log_probs.max(dim=-1).indices


def steps(
    model: Decodable,
    source: Tensor,
    choose: Choice,
    *,
    max_length: int | None = None,
    need_weights: bool = False,
    start: int = START,
    end: int = END,
    padding: int = PADDING,
) -> Iterator[Step]:
    """Go through time, one step of the model after the other.

    Each sentence begins with one hypothesis that has read START. At each step the model scores the next tokens,
    ``choose`` says which hypotheses go on and with which token, and their caches follow; the memory stays where it is.
    A sentence is settled when all its chosen tokens are END or when it has its maximal length: its rows are dropped and
    cost no more. PADDING and START are never emitted.

    The model is in evaluation mode while it works, and no gradients are recorded; between two steps it is as it was.

    Args:
        model: Any :class:`Decodable`.
        source: Integers, shape ``(b, s)``, padded.
        choose: From log-probabilities of shape ``(b, n, V)`` to parents, from 0 to n − 1, and tokens, both of shape
            ``(b, m)``. The rows are the sentences that are not settled; ``m`` may differ from step to step.
        max_length: Most tokens to emit, END included. ``None`` is twice the number of source tokens that are not
            padding, plus 10: for each sentence its own, so that a result does not depend on the rest of the batch.
        need_weights: Whether to ask for the weights.
        start: Number of the token that is fed first.
        end: Number of the token that ends a sentence.
        padding: Number that fills up sentences.

    Returns:
        An iterator over the steps.

    Raises:
        ValueError: If an argument is out of range, the model's state, logits or weights are not as
            :class:`Decodable` says, no token has a probability (a model with NaN in its weights), weights are asked
            of a model without, or the choice is no choice.

    Example:
        >>> for step in steps(model, source, most_probable):
        ...     print(step.tokens)
    """
    check_special_tokens(start, end, padding)
    limits = emission_limits(source, max_length, padding)
    return _through_time(model, source, choose, limits, need_weights, start, end, padding)


@torch.no_grad()  # on a generator it holds while the generator works, not while its caller does
def _through_time(
    model: Decodable,
    source: Tensor,
    choose: Choice,
    limits: Tensor,
    need_weights: bool,
    start: int,
    end: int,
    padding: int,
) -> Iterator[Step]:
    sentences = torch.arange(len(source), device=source.device)
    tokens = torch.full((len(source), 1), start, device=source.device)
    with evaluation(model):
        memory, cache = model.start(source)
    _check_state(memory, cache, len(source))
    emitted = 0
    while len(sentences):
        with evaluation(model):
            logits, after, weights = model.step(tokens, memory, cache, need_weights=need_weights)
        log_probs = _log_probs(logits, tokens.shape, start, end, padding)
        weights = _checked_weights(weights, tokens.shape) if need_weights else None
        parents, chosen = choose(log_probs)
        _check_choice(parents, chosen, log_probs.shape)
        yield Step(sentences, log_probs, weights, parents, chosen, memory, cache, after)
        emitted += 1
        live = (chosen != end).any(dim=1) & (emitted < limits)
        n, m = tokens.shape[1], chosen.shape[1]
        if not live.all():
            sentences, limits, parents, chosen = sentences[live], limits[live], parents[live], chosen[live]
            memory, after = ({name: x[live] for name, x in state.items()} for state in (memory, after))
        if not n == m == 1:  # one hypothesis has nowhere to go
            after = {name: _follow(x, parents) for name, x in after.items()}
        tokens, cache = chosen, after


def _follow(x: Tensor, parents: Tensor) -> Tensor:
    """Return for each hypothesis the cache of its parent: from ``(b, n, …)`` to ``(b, m, …)``."""
    b, n = x.shape[:2]
    rows = torch.arange(b, device=x.device)[:, None] * n + parents
    # Of the flat cache, as index_select copies a whole row at once.
    return x.flatten(0, 1).index_select(0, rows.flatten()).unflatten(0, rows.shape)


def evaluation(model: Decodable) -> AbstractContextManager[None]:
    """Put a model in evaluation mode for a while, if it is a module."""
    return evaluating(model) if isinstance(model, nn.Module) else nullcontext()


def _log_probs(logits: Tensor, shape: torch.Size, start: int, end: int, padding: int) -> Tensor:
    """Return the model's log-probabilities, float32, with those impossible that must not be emitted."""
    V = logits.shape[-1]
    if logits.shape != (*shape, V) or max(start, end, padding) >= V:
        raise ValueError(
            f"model.step must return logits of shape ({shape[0]}, {shape[1]}, V), V more than start, end and padding "
            f"({start}, {end}, {padding}), got {tuple(logits.shape)}"
        )
    log_probs = torch.log_softmax(logits, dim=-1, dtype=torch.float32)
    # Not before the softmax: the sum is to be the model's own log-probability of the sentence.
    log_probs[..., start] = log_probs[..., padding] = -math.inf
    check_possible(log_probs.amax(dim=(1, 2)))
    return log_probs


def _checked_weights(weights: Weights | None, shape: torch.Size) -> Weights:
    """Return the weights of a step in float32."""
    if weights is None:
        raise ValueError("need_weights must be False for a model without attention: model.step returned no weights")
    for name, x in weights.items():
        if x.ndim != 4 or (x.shape[0], x.shape[2]) != shape:
            raise ValueError(
                f"weights[{name}] of model.step must have shape (b, h, n, k) = ({shape[0]}, h, {shape[1]}, k), "
                f"got {tuple(x.shape)}"
            )
    return {name: x.float() for name, x in weights.items()}


def _check_state(memory: State, cache: State, b: int) -> None:
    """Reject a state whose rows cannot be dropped and reordered."""
    for part, state, shape in [("memory", memory, (b,)), ("cache", cache, (b, 1))]:
        for name, x in state.items():
            if not isinstance(x, Tensor) or x.shape[: len(shape)] != shape:
                got = tuple(x.shape) if isinstance(x, Tensor) else x
                raise ValueError(
                    f"{part}[{name!r}] of model.start must be a tensor of shape "
                    f"({', '.join(map(str, shape))}, …), a row for each sentence, got {got}"
                )


def _check_choice(parents: Tensor, tokens: Tensor, shape: torch.Size) -> None:
    """Reject a choice of hypotheses or tokens that do not exist."""
    b, n, V = shape
    for name, x in [("parents", parents), ("tokens", tokens)]:
        if x.dtype != torch.long or x.ndim != 2 or x.shape[0] != b or x.shape[1] != parents.shape[-1] or not x.numel():
            raise ValueError(
                f"choose must return {name}, int64 of shape (b, m) = ({b}, m) with m > 0, the same for both, "
                f"got {x.dtype} of shape {tuple(x.shape)}"
            )
    for name, x, size in [("parents", parents, n), ("tokens", tokens, V)]:
        low, high = x.aminmax()
        if not 0 <= int(low) <= int(high) < size:
            raise ValueError(f"choose must return {name} from 0 to {size - 1}, got {int(low)} to {int(high)}")


def emission_limits(source: Tensor, max_length: int | None, padding: int) -> Tensor:
    """Return the most tokens that each sentence may emit, shape ``(b,)``."""
    if source.ndim != 2 or len(source) == 0 or source.is_floating_point() or source.dtype == torch.bool:
        raise ValueError(
            f"source must be an integer tensor of shape (b, s) with b > 0, "
            f"got {source.dtype} of shape {tuple(source.shape)}"
        )
    if max_length is None:
        return 2 * (source.long() != padding).sum(dim=1) + 10  # long: a padding of 256 is no uint8
    check_size("max_length", max_length)
    return torch.full((len(source),), max_length, device=source.device)
