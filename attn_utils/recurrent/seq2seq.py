"""Encoder and decoder, one after the other."""

from torch import Tensor, nn

from attn_utils._checks import check_tokens
from attn_utils.attention import padding_mask
from attn_utils.data.vocabulary import PADDING
from attn_utils.recurrent.decoders import BahdanauDecoder, PlainDecoder, State
from attn_utils.recurrent.encoder import Encoder

__all__ = ["Seq2Seq"]


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
            ValueError: If the token numbers have another shape or type or are not in the vocabulary, there are not as
                many targets as sources, the targets are empty, or weights are asked for and there are none.
        """
        target_in = check_tokens("target_in", target_in, self.decoder.embedding.num_embeddings)
        memory, cache = self.start(source)
        if target_in.shape[0] != source.shape[0] or target_in.shape[1] == 0:
            raise ValueError(
                f"target_in must hold as many sentences as source, {source.shape[0]}, and at least one word, "
                f"got shape {tuple(target_in.shape)}"
            )
        logits, weights = self.decoder(target_in, memory, cache, need_weights=need_weights)
        return (logits, weights) if need_weights else logits

    def start(self, source: Tensor) -> tuple[State, State]:
        """Read the source, shape ``(b, s)``, and return memory and cache before the first word."""
        states, summary = self.encoder(source)
        return self.decoder.start(states, summary, padding_mask(source, PADDING))

    def step(
        self, tokens: Tensor, memory: State, cache: State, *, need_weights: bool = False
    ) -> tuple[Tensor, State, dict[tuple[int, str], Tensor] | None]:
        """Score the next word of each hypothesis.

        Args:
            tokens: The last word of each hypothesis so far, shape ``(b, n)``.
            memory: From :meth:`start`. Its rows are sentences, whatever ``n``.
            cache: From :meth:`start` or the last step: ``hidden``, shape ``(b, n, hidden_size)``.
            need_weights: Whether to return the weights.

        Returns:
            Logits, shape ``(b, n, vocabulary_size)``; the new cache; and the weights of this step if they are asked
            for and there is attention, ``{(0, "cross"): …}``, shape ``(b, 1, n, s)``: one layer, one head.

        Raises:
            ValueError: If the token numbers have another shape or type or are not in the vocabulary.
        """
        tokens = check_tokens("tokens", tokens, self.decoder.embedding.num_embeddings)
        return self.decoder.step(tokens, memory, cache, need_weights=need_weights)
