r"""Sequence to sequence with recurrent nets: an encoder, a decoder without attention, a decoder with it.

A model built of these has two ways in. ``model(source, target_in)`` gives the logits of all steps at once, for
training. ``model.start(source)`` and ``model.step(tokens, state)`` take one step at a time, for
:mod:`attn_utils.decoding`. Both run the same code.

Shapes: ``b`` sentences, ``s`` source words, ``t`` target words, padding included; token numbers are those of
:mod:`attn_utils.data.vocabulary`.
"""

import torch
from torch import Tensor, nn

from attn_utils._checks import check_size
from attn_utils.attention import padding_mask
from attn_utils.data.vocabulary import PADDING
from attn_utils.scoring import AdditiveScore, Attention, Score

__all__ = ["BahdanauDecoder", "Encoder", "PlainDecoder", "Seq2Seq", "State"]

State = dict[str, Tensor]
"""What a decoder carries from step to step. The first dimension of every tensor is the batch."""


class Encoder(nn.Module):
    r"""Read a sentence in both directions with two gated recurrent units.

    .. math:: h_i = [\overrightarrow{h}_i; \overleftarrow{h}_i], \qquad
        \text{summary} = [\overrightarrow{h}_s; \overleftarrow{h}_1]

    Padding has no say: a sentence gets the same states whatever stands beside it in the batch.

    Args:
        vocabulary_size: Number of source words.
        embedding_size: Features of an embedded word.
        hidden_size: Features of the state of each direction.
        dropout: Share of the embeddings' features set to 0 in training.

    Raises:
        ValueError: If a size is not a positive integer or ``dropout`` is out of range.

    Source:
        Schuster and Paliwal (1997); Bahdanau et al. (2015), section 3.2.
    """

    def __init__(
        self, vocabulary_size: int, embedding_size: int = 64, hidden_size: int = 128, dropout: float = 0.0
    ) -> None:
        super().__init__()
        _check_sizes(vocabulary_size=vocabulary_size, embedding_size=embedding_size, hidden_size=hidden_size)
        self.embedding = _embedding(vocabulary_size, embedding_size)
        self.dropout = _dropout(dropout)
        # Two modules, not one with bidirectional=True: that one would begin the way back at the padding.
        self.from_left = nn.GRU(embedding_size, hidden_size, batch_first=True)
        self.from_right = nn.GRU(embedding_size, hidden_size, batch_first=True)

    @property
    def output_size(self) -> int:
        """Features of a state: both directions together."""
        return 2 * self.from_left.hidden_size

    def forward(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Read the sentences.

        Args:
            source: Token numbers, shape ``(b, s)``, padded at the end.

        Returns:
            The states, shape ``(b, s, 2 * hidden_size)``, 0 at the padding, and the summary, shape
            ``(b, 2 * hidden_size)``: the last state of each direction.

        Raises:
            ValueError: If ``source`` has another shape or type, an empty sentence, or padding before a word.
        """
        _check_tokens("source", source)
        real = source != PADDING
        lengths = real.sum(dim=1)
        if not lengths.all() or not torch.equal(real, real.cummin(dim=1).values):
            raise ValueError("source must hold at least one word in every row, and padding only after the words")
        places = torch.arange(source.shape[1], device=source.device)
        # Where each word stands if its sentence is turned around and the padding stays behind it.
        turned = torch.where(real, lengths[:, None] - 1 - places, places)  # (b, s)
        e = self.dropout(self.embedding(source))  # (b, s, embedding)
        left, _ = self.from_left(e)  # (b, s, hidden)
        right, _ = self.from_right(_reorder(e, turned))  # (b, s, hidden), the last word first
        last = (lengths - 1)[:, None]
        summary = _reorder(torch.cat([left, right], dim=-1), last)[:, 0]
        states = torch.cat([left, _reorder(right, turned)], dim=-1)
        return states.masked_fill(~real[..., None], 0.0), summary


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
        _check_sizes(vocabulary_size=vocabulary_size, context_size=context_size)
        _check_sizes(embedding_size=embedding_size, hidden_size=hidden_size)
        self.embedding = _embedding(vocabulary_size, embedding_size)
        self.dropout = _dropout(dropout)
        self.first = nn.Linear(context_size, hidden_size)
        self.gru = nn.GRU(embedding_size + context_size, hidden_size, batch_first=True)
        self.readout = _Readout(hidden_size + context_size + embedding_size, hidden_size, vocabulary_size, dropout)

    def start(self, states: Tensor, summary: Tensor, mask: Tensor) -> State:
        """Return the state before the first word. Only the summary is used."""
        return {"hidden": torch.tanh(self.first(summary)), "context": summary}

    def forward(self, target_in: Tensor, state: State, *, need_weights: bool = False) -> tuple[Tensor, State]:
        """Take as many steps as there are words, shape ``(b, t)``.

        Returns:
            Logits, shape ``(b, t, vocabulary_size)``, and the state after the last step.

        Raises:
            ValueError: If weights are asked for: there are none.
        """
        if need_weights:
            raise ValueError("need_weights must be False: a decoder without attention has no weights")
        e = self.dropout(self.embedding(target_in))  # (b, t, embedding)
        c = state["context"][:, None].expand(-1, e.shape[1], -1)  # (b, t, context)
        s, last = self.gru(torch.cat([e, c], dim=-1), state["hidden"][None].contiguous())  # (b, t, hidden)
        return self.readout(torch.cat([s, c, e], dim=-1)), state | {"hidden": last[0]}


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
        input_feeding: Whether the context goes into the recurrence, as above. Without it the recurrence runs alone,
            :math:`s_j = \operatorname{GRU}(e_j, s_{j-1})`, and the query is the new state :math:`s_j`: the states of
            a known target, and then all contexts, are computed at once.

    Raises:
        ValueError: If a size is not a positive integer or ``dropout`` is out of range.

    Source:
        Bahdanau et al. (2015), section 3.1 and appendix A.2, with one tanh layer as readout instead of maxout;
        Luong et al. (2015), sections 3.1 and 3.3, for the query :math:`s_j` and for the term input feeding.
    """

    def __init__(
        self,
        vocabulary_size: int,
        context_size: int,
        embedding_size: int = 64,
        hidden_size: int = 128,
        score: Score | None = None,
        dropout: float = 0.0,
        input_feeding: bool = True,
    ) -> None:
        super().__init__()
        _check_sizes(vocabulary_size=vocabulary_size, context_size=context_size)
        _check_sizes(embedding_size=embedding_size, hidden_size=hidden_size)
        if score is None:
            score = AdditiveScore(hidden_size, context_size, hidden_size)
        self.input_feeding = input_feeding
        self.embedding = _embedding(vocabulary_size, embedding_size)
        self.dropout = _dropout(dropout)
        self.attention = Attention(score)
        self.first = nn.Linear(context_size, hidden_size)
        self.gru = nn.GRU(embedding_size + input_feeding * context_size, hidden_size, batch_first=True)
        self.readout = _Readout(hidden_size + context_size + embedding_size, hidden_size, vocabulary_size, dropout)

    def start(self, states: Tensor, summary: Tensor, mask: Tensor) -> State:
        """Return the state before the first word.

        Args:
            states: The encoder's states, shape ``(b, s, context_size)``.
            summary: Shape ``(b, context_size)``.
            mask: Boolean, shape ``(b, 1, s)``, True at words, False at padding.

        Returns:
            ``hidden``, the first query, shape ``(b, hidden_size)``; ``keys``, prepared once; ``values``; ``mask``; and
            ``weights``, all 0, shape ``(b, s)``: nothing has been looked at yet.
        """
        return {
            "hidden": torch.tanh(self.first(summary)),
            "keys": self.attention.prepare_keys(states),
            "values": states,
            "mask": mask,
            "weights": states.new_zeros(states.shape[:2]),
        }

    def forward(self, target_in: Tensor, state: State, *, need_weights: bool = False) -> tuple[Tensor, State]:
        """Take as many steps as there are words.

        Args:
            target_in: The word before each word to be written, shape ``(b, t)``.
            state: From :meth:`start` or from an earlier call.
            need_weights: Whether to return the weights.

        Returns:
            Logits, shape ``(b, t, vocabulary_size)``, and the state after the last step. If asked for, its
            ``weights``, shape ``(b, t, s)``, are those of all steps of this call.
        """
        e = self.dropout(self.embedding(target_in))  # (b, t, embedding)
        steps = self._with_feeding if self.input_feeding else self._without_feeding
        s, c, weights = steps(e, state, need_weights)
        state = state | {"hidden": s[:, -1]}
        if weights is not None:
            state["weights"] = weights
        return self.readout(torch.cat([s, c, e], dim=-1)), state

    def _with_feeding(self, e: Tensor, state: State, need_weights: bool) -> tuple[Tensor, Tensor, Tensor | None]:
        """Alternate between looking and stepping."""
        # What does not depend on the state is computed for all steps at once: here, the gates' share of the words.
        W_input, _, b_input, _ = self.gru.all_weights[0]
        W_e, W_c = W_input.split([e.shape[-1], state["values"].shape[-1]], dim=1)
        from_words = nn.functional.linear(e, W_e, b_input).unbind(dim=1)  # t of (b, 3 hidden)
        s = state["hidden"]
        hidden, contexts, weights = [], [], []
        for from_word in from_words:
            c, alpha = self._look(s[:, None], state, need_weights)
            s = self._step(from_word + nn.functional.linear(c[:, 0], W_c), s)
            hidden.append(s)
            contexts.append(c)
            weights.append(alpha)
        stacked = torch.cat([a for a in weights if a is not None], dim=1) if need_weights else None
        return torch.stack(hidden, dim=1), torch.cat(contexts, dim=1), stacked

    def _without_feeding(self, e: Tensor, state: State, need_weights: bool) -> tuple[Tensor, Tensor, Tensor | None]:
        """Take all steps, then look from all of them."""
        s, _ = self.gru(e, state["hidden"][None].contiguous())
        return s, *self._look(s, state, need_weights)

    def _look(self, queries: Tensor, state: State, need_weights: bool) -> tuple[Tensor, Tensor | None]:
        return self.attention(
            queries, state["keys"], state["values"], state["mask"], need_weights=need_weights, keys_prepared=True
        )

    def _step(self, from_input: Tensor, s: Tensor) -> Tensor:
        """Take one step of the GRU, whose share of the input, shape ``(b, 3 hidden)``, is there already."""
        _, W_state, _, b_state = self.gru.all_weights[0]
        from_state = nn.functional.linear(s, W_state, b_state)
        r_input, z_input, n_input = from_input.chunk(3, dim=-1)
        r_state, z_state, n_state = from_state.chunk(3, dim=-1)
        r = torch.sigmoid(r_input + r_state)  # reset: how much of the old state the proposal may use
        z = torch.sigmoid(z_input + z_state)  # update: how much of the old state stays
        n = torch.tanh(n_input + r * n_state)  # the proposal
        return n + z * (s - n)


class Seq2Seq(nn.Module):
    """An encoder and a decoder.

    Args:
        encoder: Gives the states and the summary of a source.
        decoder: Writes from them: :class:`PlainDecoder` or :class:`BahdanauDecoder`.

    Source:
        Sutskever et al. (2014) and Cho et al. (2014); with attention, Bahdanau et al. (2015).
    """

    def __init__(self, encoder: Encoder, decoder: PlainDecoder | BahdanauDecoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(
        self, source: Tensor, target_in: Tensor, *, need_weights: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Score every next word of known targets (teacher forcing).

        Args:
            source: Token numbers, shape ``(b, s)``.
            target_in: The right word before each word to be written, shape ``(b, t)``, the first the start symbol.
            need_weights: Whether to return the weights.

        Returns:
            Logits, shape ``(b, t, vocabulary_size)``; if asked for, also the weights, shape ``(b, t, s)``. Row ``j``
            holds the weights with which word ``j`` of the target was written.

        Raises:
            ValueError: If the token numbers have another shape or type, there are not as many targets as sources, the
                targets are empty, or weights are asked for and there are none.
        """
        _check_tokens("target_in", target_in)
        state = self.start(source)
        if target_in.shape[0] != source.shape[0] or target_in.shape[1] == 0:
            raise ValueError(
                f"target_in must hold as many sentences as source, {source.shape[0]}, and at least one word, "
                f"got shape {tuple(target_in.shape)}"
            )
        logits, state = self.decoder(target_in, state, need_weights=need_weights)
        return (logits, state["weights"]) if need_weights else logits

    def start(self, source: Tensor) -> State:
        """Read the source, shape ``(b, s)``, and return the state before the first word."""
        states, summary = self.encoder(source)
        return self.decoder.start(states, summary, padding_mask(source, PADDING))

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Score the next word.

        Args:
            tokens: The last word of each sentence so far, shape ``(b,)``.
            state: From :meth:`start` or the last step.

        Returns:
            Logits, shape ``(b, vocabulary_size)``, and the new state. With attention its ``weights``, shape
            ``(b, s)``, are those of this step.
        """
        attends = "weights" in state
        logits, state = self.decoder(tokens[:, None], state, need_weights=attends)
        if attends:
            state["weights"] = state["weights"][:, 0]
        return logits[:, 0], state


class _Readout(nn.Sequential):
    """One tanh layer, then a logit for each word."""

    def __init__(self, input_size: int, hidden_size: int, vocabulary_size: int, dropout: float) -> None:
        super().__init__(
            nn.Linear(input_size, hidden_size), nn.Tanh(), _dropout(dropout), nn.Linear(hidden_size, vocabulary_size)
        )


def _reorder(x: Tensor, places: Tensor) -> Tensor:
    """Take from each sentence of ``x``, shape ``(b, s, d)``, the vectors at ``places``, shape ``(b, n)``."""
    return x.gather(1, places[..., None].expand(-1, -1, x.shape[-1]))


def _embedding(vocabulary_size: int, embedding_size: int) -> nn.Embedding:
    return nn.Embedding(vocabulary_size, embedding_size, padding_idx=PADDING)


def _dropout(share: float) -> nn.Dropout:
    if not 0 <= share < 1:
        raise ValueError(f"dropout must be at least 0 and less than 1, got {share}")
    return nn.Dropout(share)


def _check_sizes(**sizes: int) -> None:
    for name, size in sizes.items():
        check_size(name, size)


def _check_tokens(name: str, tokens: Tensor) -> None:
    if tokens.ndim != 2 or tokens.is_floating_point() or tokens.dtype == torch.bool:
        raise ValueError(
            f"{name} must hold token numbers in shape (batch, length), "
            f"got {tokens.dtype} of shape {tuple(tokens.shape)}"
        )
