r"""Encoder and decoder together: the model of the paper.

Shapes: ``b`` sentences, ``s`` source tokens, ``t`` target tokens, ``n`` hypotheses of each sentence, ``h`` heads,
``d`` features, ``V`` words. Token numbers are integers of any type, those of :mod:`attn_utils.data.vocabulary`.
"""

from typing import Any, Self

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
from attn_utils.transformer.stacks import DecoderStack, EncoderStack, State, Weights, last_weights

__all__ = ["Transformer"]


class Transformer(nn.Module):
    """Encoder and decoder: read a sentence, write another.

    The decoder's embedding also gives the logits.

    Args:
        source_size: Words of the source's vocabulary.
        target_size: Words of the target's vocabulary.
        d_model: Features of a token.
        num_heads: Heads of each attention, a divisor of ``d_model``.
        num_layers: Layers of the encoder, and of the decoder.
        d_ff: Hidden units of each feed-forward network, four times ``d_model`` if ``None``.
        shared: Whether source and target have one vocabulary and one embedding.
        dropout: Share of the features set to 0 in training, of embeddings and of what is added to a residual.
        norm_first: Whether norms come first in each residual, or last as published.
        positions: ``"sinusoidal"``, ``"learned"``, ``"rotary"``, ``"ALiBi"`` or ``"none"``; the two scores act in
            self-attention.
        max_length: Positions that have a vector, if they are learned.
        activation: ``"relu"`` or ``"gelu"``.
        num_kv_heads: Heads of keys and values of self-attention, ``num_heads`` if ``None``.

    Raises:
        ValueError: If a size is not a positive integer or does not divide what it has to, an option is unknown, or
            vocabularies of different sizes are to be shared.

    Source:
        Vaswani et al. (2017), section 3.
    """

    def __init__(
        self,
        source_size: int,
        target_size: int,
        d_model: int = 128,
        num_heads: int = 4,
        num_layers: int = 2,
        d_ff: int | None = None,
        *,
        shared: bool = False,
        dropout: float = 0.0,
        norm_first: bool = True,
        positions: PositionScheme = "sinusoidal",
        max_length: int = 512,
        activation: str = "relu",
        num_kv_heads: int | None = None,
    ) -> None:
        super().__init__()
        if shared and source_size != target_size:
            raise ValueError(f"target_size must be source_size = {source_size} to be shared, got {target_size}")
        options: dict[str, Any] = {
            "dropout": dropout, "norm_first": norm_first, "activation": activation, "num_kv_heads": num_kv_heads
        }  # fmt: skip
        to_source, to_target = (position_score(positions, d_model, num_heads, causal=c) for c in (False, True))
        self.encoder = EncoderStack(num_layers, d_model, num_heads, d_ff, score=to_source, **options)
        self.decoder = DecoderStack(num_layers, d_model, num_heads, d_ff, score=to_target, **options)
        xavier(self)
        make = {"scheme": positions, "max_length": max_length, "dropout": dropout}
        self.target_embedding = TokenEmbedding(target_size, d_model, **make)  # type: ignore[arg-type]
        self.source_embedding = self.target_embedding
        if not shared:
            self.source_embedding = TokenEmbedding(source_size, d_model, **make)  # type: ignore[arg-type]
        self.scored_positions = to_source is not None

    @classmethod
    def base(cls, vocabulary_size: int, **options: Any) -> Self:
        """Make the published base model: 6 + 6 post-norm layers, d = 512, 8 heads, 2,048 hidden units, dropout 0.1.

        Args:
            vocabulary_size: Words that source and target share, about 37,000 in the paper's English–German model.
            options: To change any of it.

        Returns:
            A new model.

        Source:
            Vaswani et al. (2017), table 3, "base", and section 5.1.
        """
        published = {
            "d_model": 512, "num_heads": 8, "num_layers": 6, "d_ff": 2048, "dropout": 0.1,
            "norm_first": False, "shared": True,
        }  # fmt: skip
        return cls(vocabulary_size, vocabulary_size, **(published | options))

    def forward(
        self, source: Tensor, target_in: Tensor, *, need_weights: bool = False
    ) -> Tensor | tuple[Tensor, Weights]:
        """Score every next word of known targets (teacher forcing).

        Args:
            source: Token numbers, shape ``(b, s)``, padded at the end.
            target_in: The right word before each word to be written, shape ``(b, t)``, the first the start symbol.
            need_weights: Whether to return the weights.

        Returns:
            Logits, shape ``(b, t, V)``; if asked for, also the weights by layer and kind: ``"encoder"``, shape
            ``(b, h, s, s)``, ``"self"``, ``(b, h, t, t)``, and ``"cross"``, ``(b, h, t, s)``. Row ``j`` of the last
            two belongs to the step that writes word ``j`` of the target.

        Raises:
            ValueError: If the token numbers have another shape or type or are not in the vocabulary, there are not as
                many targets as sources, the targets are empty, or a source is empty or has padding before a word.
        """
        target_in = check_tokens("target_in", target_in, self.target_embedding.num_embeddings)
        memory, weights = self._read(source, need_weights)
        if target_in.shape[0] != source.shape[0] or target_in.shape[1] == 0:
            raise ValueError(
                f"target_in must hold as many sentences as source, {source.shape[0]}, and at least one word, "
                f"got shape {tuple(target_in.shape)}"
            )
        x = self.target_embedding(target_in)
        at = positions_of(x, 0, self.scored_positions)
        x, _, found = self.decoder(x, memory, positions=at, need_weights=need_weights)
        logits = self.target_embedding.logits(x)
        return (logits, weights | found) if need_weights else logits

    def _read(self, source: Tensor, need_weights: bool) -> tuple[State, Weights]:
        """Return the memory of a source, and the encoder's weights."""
        source = check_tokens("source", source, self.source_embedding.num_embeddings)
        mask = padding_mask(source, PADDING)
        check_padding("source", mask[:, 0])
        x = self.source_embedding(source)
        at = positions_of(x, 0, self.scored_positions)
        states, _, found = self.encoder(x, mask, positions=at, need_weights=need_weights)
        return self.decoder.prepare_memory(states, mask), {(i, "encoder"): w for (i, _), w in found.items()}

    def start(self, source: Tensor) -> tuple[State, State]:
        """Read the source, shape ``(b, s)``, and return memory and cache before the first word."""
        memory, _ = self._read(source, need_weights=False)
        x = memory["0.keys"].new_zeros(len(source), 1, 0, self.target_embedding.embedding_dim)
        return memory, self.decoder.empty_cache(x, positions_of(x, 0, self.scored_positions))

    def step(
        self, tokens: Tensor, memory: State, cache: State, *, need_weights: bool = False
    ) -> tuple[Tensor, State, Weights | None]:
        """Score the next word of each hypothesis.

        Args:
            tokens: The last word of each hypothesis so far, shape ``(b, n)``; or several at once, ``(b, n, t)``, as
                when a beginning is given.
            memory: From :meth:`start`. Its rows are sentences, whatever ``n``.
            cache: From :meth:`start` or the last step: keys and values of each layer, ``(b, n, h, k, d/h)``.
            need_weights: Whether to return the weights.

        Returns:
            Logits, shape ``(b, n, V)``, of the word after the last; the new cache; and if they are asked for the
            weights of the last word by layer and kind, ``"self"``, shape ``(b, h, n, k)``, and ``"cross"``,
            ``(b, h, n, s)``.

        Raises:
            ValueError: If the token numbers have another shape or type or are not in the vocabulary.
        """
        tokens = step_tokens(tokens, self.target_embedding.num_embeddings)
        read = cache["0.keys"].shape[-2]
        x = self.target_embedding(tokens, read)
        at = positions_of(x, read, self.scored_positions)
        x, cache, weights = self.decoder(x, memory, positions=at, cache=cache, need_weights=need_weights)
        logits = self.target_embedding.logits(x[..., -1, :])
        return logits, cache, last_weights(weights, tokens.shape) if need_weights else None
