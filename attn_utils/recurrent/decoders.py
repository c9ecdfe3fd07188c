"""Write a sentence: from one vector, or looking at the source anew before each word."""

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from attn_utils._checks import check_dropout, check_sizes
from attn_utils.data.vocabulary import PADDING
from attn_utils.scoring import AdditiveScore, Attention, Score

__all__ = ["BahdanauDecoder", "Order", "PlainDecoder", "State"]

State = dict[str, Tensor]
"""A memory, whose rows are sentences, ``(b, …)``, or a cache, whose rows are their hypotheses, ``(b, n, …)``."""

Order = Literal["look first", "step first"]
"""Whether a decoder looks at the source before its own step or after it."""


class PlainDecoder(nn.Module):
    r"""Write a sentence from one vector, the summary of the source.

    .. math:: s_j = \operatorname{GRU}([e_j; c], s_{j-1}), \qquad
        \text{logits}_j = W \tanh(W_r [s_j; c; e_j])

    The same context :math:`c`, the summary, goes into every step: the decoder need not remember it.

    Args:
        vocabulary_size: Number of target words.
        context_size: Features of the encoder's summary.
        embedding_size: Features of an embedded word.
        hidden_size: Features of the state :math:`s_j`.
        dropout: Share of the features of embeddings and readout set to 0 in training.

    Raises:
        ValueError: If a size is not a positive integer or ``dropout`` is out of range.

    Source:
        Cho et al. (2014), section 2.2.
    """

    def __init__(
        self,
        vocabulary_size: int,
        context_size: int,
        embedding_size: int = 64,
        hidden_size: int = 256,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_dropout(dropout)
        check_sizes(vocabulary_size=vocabulary_size, context_size=context_size)
        check_sizes(embedding_size=embedding_size, hidden_size=hidden_size)
        self.embedding = nn.Embedding(vocabulary_size, embedding_size, padding_idx=PADDING)
        self.dropout = nn.Dropout(dropout)
        self.first = nn.Linear(context_size, hidden_size)
        self.gru = nn.GRU(embedding_size + context_size, hidden_size, batch_first=True)
        self.readout = _Readout(hidden_size + context_size + embedding_size, hidden_size, vocabulary_size, dropout)

    def start(self, states: Tensor, summary: Tensor, mask: Tensor) -> tuple[State, State]:
        """Return memory and cache before the first word. Only the summary is used: it is the memory's ``context``."""
        return {"context": summary}, {"hidden": torch.tanh(self.first(summary))[:, None]}

    def forward(
        self, target_in: Tensor, memory: State, cache: State, *, need_weights: bool = False
    ) -> tuple[Tensor, None]:
        """Take as many steps as there are words, shape ``(b, t)``.

        Returns:
            Logits, shape ``(b, t, vocabulary_size)``, and no weights.

        Raises:
            ValueError: If weights are asked for: there are none.
        """
        if need_weights:
            raise ValueError("need_weights must be False: a decoder without attention has no weights")
        e = self.dropout(self.embedding(target_in))  # (b, t, embedding)
        c = memory["context"][:, None].expand(-1, e.shape[1], -1)  # (b, t, context)
        s = _run(self.gru, torch.cat([e, c], dim=-1), cache["hidden"])  # (b, t, hidden)
        return self.readout(torch.cat([s, c, e], dim=-1)), None

    def step(
        self, tokens: Tensor, memory: State, cache: State, *, need_weights: bool = False
    ) -> tuple[Tensor, State, None]:
        """Take one step of each hypothesis: see :meth:`Seq2Seq.step`. There are no weights, asked for or not."""
        e = self.dropout(self.embedding(tokens))  # (b, n, embedding)
        c = memory["context"][:, None].expand(-1, e.shape[1], -1)  # (b, n, context)
        W_input, _, b_input, _ = self.gru.all_weights[0]
        s = _step(self.gru, nn.functional.linear(torch.cat([e, c], dim=-1), W_input, b_input), cache["hidden"])
        return self.readout(torch.cat([s, c, e], dim=-1)), {"hidden": s}, None


class BahdanauDecoder(nn.Module):
    r"""Write a sentence and look at the source anew before each word.

    .. math:: c_j = \sum_i \alpha_{ji} h_i, \qquad \alpha_j = \operatorname{softmax}_i\, a(s_{j-1}, h_i)

    .. math:: s_j = \operatorname{GRU}([e_j; c_j], s_{j-1}), \qquad
        \text{logits}_j = W \tanh(W_r [s_j; c_j; e_j])

    The query is the decoder's state, keys and values are the encoder's states. The first query is
    :math:`s_0 = \tanh(W_0\, \text{summary})`, so there is a context before the first word. Keys are projected once a
    sentence and padding is masked.

    Args:
        vocabulary_size: Number of target words.
        context_size: Features of an encoder state, which are those of a context :math:`c_j`.
        embedding_size: Features of an embedded word.
        hidden_size: Features of the state :math:`s_j`.
        score: How to compare a state with the encoder's states. ``None`` makes an
            :class:`~attn_utils.scoring.AdditiveScore` with ``hidden_size`` hidden units.
        dropout: Share of the features of embeddings and readout set to 0 in training.
        order: ``"look first"``, as above: the old state asks, and the context goes into the recurrence. In the order
            ``"step first"`` the recurrence runs alone, :math:`s_j = \operatorname{GRU}(e_j, s_{j-1})`, and the query is
            the new state :math:`s_j`: the states of a known target, and then all contexts, are computed at once.

    Raises:
        ValueError: If a size is not a positive integer, ``dropout`` is out of range or there is no such ``order``.

    Source:
        Bahdanau et al. (2015), section 3.1 and appendix A.2, with one tanh layer as readout instead of maxout;
        Luong et al. (2015), section 3.1, for the query :math:`s_j`.
    """

    def __init__(
        self,
        vocabulary_size: int,
        context_size: int,
        embedding_size: int = 64,
        hidden_size: int = 128,
        score: Score | None = None,
        dropout: float = 0.0,
        order: Order = "look first",
    ) -> None:
        super().__init__()
        check_dropout(dropout)
        check_sizes(vocabulary_size=vocabulary_size, context_size=context_size)
        check_sizes(embedding_size=embedding_size, hidden_size=hidden_size)
        if score is None:
            score = AdditiveScore(hidden_size, context_size, hidden_size)
        if order not in get_args(Order):
            raise ValueError(f"order must be one of {', '.join(get_args(Order))}, got {order!r}")
        self.order = order
        self.embedding = nn.Embedding(vocabulary_size, embedding_size, padding_idx=PADDING)
        self.dropout = nn.Dropout(dropout)
        self.attention = Attention(score)
        self.first = nn.Linear(context_size, hidden_size)
        input_size = embedding_size + (context_size if order == "look first" else 0)
        self.gru = nn.GRU(input_size, hidden_size, batch_first=True)
        self.readout = _Readout(hidden_size + context_size + embedding_size, hidden_size, vocabulary_size, dropout)

    def start(self, states: Tensor, summary: Tensor, mask: Tensor) -> tuple[State, State]:
        """Return memory and cache before the first word.

        Args:
            states: The encoder's states, shape ``(b, s, context_size)``.
            summary: Shape ``(b, context_size)``.
            mask: Boolean, shape ``(b, 1, s)``, True at words, False at padding.

        Returns:
            The memory: ``keys``, prepared once; ``values``; ``mask``. The cache: ``hidden``, the first query, shape
            ``(b, 1, hidden_size)``.
        """
        memory = {"keys": self.attention.prepare_keys(states), "values": states, "mask": mask}
        return memory, {"hidden": torch.tanh(self.first(summary))[:, None]}

    def forward(
        self, target_in: Tensor, memory: State, cache: State, *, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """Take as many steps as there are words.

        Args:
            target_in: The word before each word to be written, shape ``(b, t)``.
            memory: From :meth:`start`.
            cache: From :meth:`start` or an earlier step, of one hypothesis a sentence.
            need_weights: Whether to return the weights.

        Returns:
            Logits, shape ``(b, t, vocabulary_size)``, and the weights, shape ``(b, t, s)``, or ``None``.
        """
        e, s = self.dropout(self.embedding(target_in)), cache["hidden"]  # (b, t, embedding), (b, 1, hidden)
        weights: Tensor | None
        if self.order == "step first":
            s = _run(self.gru, e, s)  # (b, t, hidden): all steps, then a look from all of them
            c, weights = self._look(s, memory, need_weights)
        else:
            # What does not depend on the state is computed for all steps at once: here, the gates' share of the words.
            from_words, W_c = self._from_words(e)
            all_s, all_c, all_alpha = [], [], []
            for from_word in from_words.split(1, dim=1):  # t of (b, 1, 3 hidden)
                s, c, alpha = self._look_then_step(from_word, W_c, s, memory, need_weights)
                all_s.append(s)
                all_c.append(c)
                all_alpha.append(alpha)
            s, c = torch.cat(all_s, dim=1), torch.cat(all_c, dim=1)
            weights = torch.cat([alpha for alpha in all_alpha if alpha is not None], dim=1) if need_weights else None
        return self.readout(torch.cat([s, c, e], dim=-1)), weights

    def step(
        self, tokens: Tensor, memory: State, cache: State, *, need_weights: bool = False
    ) -> tuple[Tensor, State, dict[tuple[int, str], Tensor] | None]:
        """Take one step of each hypothesis: see :meth:`Seq2Seq.step`. All of a sentence ask the same keys."""
        e, s = self.dropout(self.embedding(tokens)), cache["hidden"]  # (b, n, embedding), (b, n, hidden)
        from_words, W_c = self._from_words(e)
        if self.order == "step first":
            s = _step(self.gru, from_words, s)
            c, weights = self._look(s, memory, need_weights)
        else:
            s, c, weights = self._look_then_step(from_words, W_c, s, memory, need_weights)
        logits = self.readout(torch.cat([s, c, e], dim=-1))
        return logits, {"hidden": s}, None if weights is None else {(0, "cross"): weights[:, None]}

    def _look_then_step(
        self, from_word: Tensor, W_c: Tensor, s: Tensor, memory: State, need_weights: bool
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Ask with the old state and put what comes back into the step, of any number of hypotheses."""
        c, weights = self._look(s, memory, need_weights)
        return _step(self.gru, from_word + nn.functional.linear(c, W_c), s), c, weights

    def _look(self, queries: Tensor, memory: State, need_weights: bool) -> tuple[Tensor, Tensor | None]:
        return self.attention(
            queries, memory["keys"], memory["values"], memory["mask"], need_weights=need_weights, keys_prepared=True
        )

    def _from_words(self, e: Tensor) -> tuple[Tensor, Tensor]:
        """Return the share of the embedded words in the gates of the GRU, and its weights that take a context.

        The share has shape ``(b, …, 3 hidden)``, the weights ``(3 hidden, context_size)``; none if it steps first.
        """
        W_input, _, b_input, _ = self.gru.all_weights[0]
        W_e, W_c = W_input[:, : e.shape[-1]], W_input[:, e.shape[-1] :]
        return nn.functional.linear(e, W_e, b_input), W_c


class _Readout(nn.Sequential):
    """One tanh layer, then a logit for each word."""

    def __init__(self, input_size: int, hidden_size: int, vocabulary_size: int, dropout: float) -> None:
        super().__init__(
            nn.Linear(input_size, hidden_size), nn.Tanh(), nn.Dropout(dropout), nn.Linear(hidden_size, vocabulary_size)
        )


def _run(gru: nn.GRU, x: Tensor, s: Tensor) -> Tensor:
    """Take all steps for ``x``, shape ``(b, t, input)``, from a state, shape ``(b, 1, hidden)``; return all states."""
    states: Tensor = gru(x, s.transpose(0, 1).contiguous())[0]
    return states


def _step(gru: nn.GRU, from_input: Tensor, s: Tensor) -> Tensor:
    """Take one step from states ``(…, hidden)``. The share of the input, shape ``(…, 3 hidden)``, is there already."""
    _, W_state, _, b_state = gru.all_weights[0]
    from_state = nn.functional.linear(s, W_state, b_state)
    r_input, z_input, n_input = from_input.chunk(3, dim=-1)
    r_state, z_state, n_state = from_state.chunk(3, dim=-1)
    r = torch.sigmoid(r_input + r_state)  # reset: how much of the old state the proposal may use
    z = torch.sigmoid(z_input + z_state)  # update: how much of the old state stays
    n = torch.tanh(n_input + r * n_state)  # the proposal
    return n + z * (s - n)
