r"""One stack alone: an encoder that reads (BERT), a decoder that writes on (GPT).

Shapes: ``b`` texts, ``t`` tokens, ``n`` hypotheses of each text, ``h`` heads, ``k`` tokens read so far, ``V`` words.
"""

import torch
from torch import Tensor, nn

from attn_utils._checks import check_padding, check_tokens
from attn_utils.attention import padding_mask
from attn_utils.data.vocabulary import PADDING
from attn_utils.transformer.embedding import (
    PositionScheme,
    TokenEmbedding,
    position_score,
    positions_of,
    step_tokens,
    xavier,
)
from attn_utils.transformer.stacks import EncoderStack, State, Weights, last_weights

__all__ = ["DecoderOnly", "EncoderOnly"]


class EncoderOnly(nn.Module):
    """Read a text in both directions: a vector, and a logit for each word, at each place.

    Arguments, errors and source as for :class:`Transformer`. GELU is the default, as in BERT.

    Source:
        Devlin et al. (2019).
    """

    def __init__(
        self,
        vocabulary_size: int,
        d_model: int = 128,
        num_heads: int = 4,
        num_layers: int = 2,
        d_ff: int | None = None,
        *,
        positions: PositionScheme = "learned",
        max_length: int = 512,
        dropout: float = 0.0,
        norm_first: bool = True,
        activation: str = "gelu",
        num_kv_heads: int | None = None,
    ) -> None:
        super().__init__()
        score = position_score(positions, d_model, num_heads, causal=self.causal)
        self.body = EncoderStack(
            num_layers,
            d_model,
            num_heads,
            d_ff,
            dropout=dropout,
            norm_first=norm_first,
            activation=activation,
            num_kv_heads=num_kv_heads,
            score=score,
        )
        xavier(self)
        self.embedding = TokenEmbedding(vocabulary_size, d_model, positions, max_length=max_length, dropout=dropout)
        self.scored_positions = score is not None

    causal = False

    def features(self, tokens: Tensor, *, need_weights: bool = False) -> tuple[Tensor, Weights]:
        """Return a vector for each token, shape ``(b, t)`` to ``(b, t, d_model)``, and the weights if asked for.

        Raises:
            ValueError: If the token numbers have another shape or type or are not in the vocabulary, or a sentence is
                empty or has padding before a word.
        """
        tokens = check_tokens("tokens", tokens, self.embedding.num_embeddings)
        mask = padding_mask(tokens, PADDING)
        check_padding("tokens", mask[:, 0])
        x = self.embedding(tokens)
        at = positions_of(x, 0, self.scored_positions)
        x, _, weights = self.body(x, mask, causal=self.causal, positions=at, need_weights=need_weights)
        return x, weights

    def forward(self, tokens: Tensor, *, need_weights: bool = False) -> Tensor | tuple[Tensor, Weights]:
        """Score the words at each place.

        Args:
            tokens: Token numbers, shape ``(b, t)``, padded at the end.
            need_weights: Whether to return the weights.

        Returns:
            Logits, shape ``(b, t, V)``; if asked for, also the weights by layer and kind ``"self"``, ``(b, h, t, t)``.

        Raises:
            ValueError: As :meth:`features`.
        """
        x, weights = self.features(tokens, need_weights=need_weights)
        logits = self.embedding.logits(x)
        return (logits, weights) if need_weights else logits


class DecoderOnly(EncoderOnly):
    """Write on: score the next word after each, seeing none of the later ones.

    Arguments, errors and source as for :class:`Transformer`. Called with token numbers it gives the logits of the word
    *after* each. For :mod:`attn_utils.decoding` the source is a beginning that it writes on from.

    Source:
        Radford et al. (2019), section 2.3.
    """

    causal = True

    def start(self, source: Tensor) -> tuple[State, State]:
        """Read a beginning, shape ``(b, s)``, padded at the end, and return an empty memory and the cache."""
        source = check_tokens("source", source, self.embedding.num_embeddings)
        real = source != PADDING
        check_padding("source", real)
        x = self.embedding(source)[:, None]  # (b, 1, s, d): one hypothesis
        at = positions_of(x, 0, self.scored_positions)
        cache = self.body.empty_cache(x, at)
        _, cache, _ = self.body(x, real[:, None, None], causal=True, positions=at, cache=cache)
        return {}, {**cache, "real": real[:, None]}

    def step(
        self, tokens: Tensor, memory: State, cache: State, *, need_weights: bool = False
    ) -> tuple[Tensor, State, Weights | None]:
        """Score the next word of each hypothesis, as :meth:`Transformer.step`; there is no memory.

        The cache also holds ``"real"``, shape ``(b, n, k)``, False where the beginning was padded. Positions count
        real tokens, so that padding has no say.
        """
        tokens = step_tokens(tokens, self.embedding.num_embeddings)
        real = cache["real"]
        read = real.sum(dim=-1)  # (b, n)
        x = self.embedding(tokens, read)
        at = positions_of(x, read, self.scored_positions)
        real = torch.cat([real, torch.ones_like(tokens, dtype=torch.bool)], dim=-1)
        x, cache, weights = self.body(
            x, real[..., None, :], causal=True, positions=at, cache=cache, need_weights=need_weights
        )
        logits = self.embedding.logits(x[..., -1, :])
        return logits, {**cache, "real": real}, last_weights(weights, tokens.shape) if need_weights else None
