r"""A vector for each token, and a logit for each word of the vocabulary.

Shapes: ``...`` batch dimensions, ``t`` tokens, ``d`` features, ``V`` words.
"""

import math
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from attn_utils._checks import check_dropout, check_sizes, check_tokens
from attn_utils.alibi import AlibiScore
from attn_utils.attention import Score
from attn_utils.data.vocabulary import PADDING
from attn_utils.positions import LearnedPositions, SinusoidalPositions
from attn_utils.rotary import RotaryScore

__all__ = ["PositionScheme", "TokenEmbedding", "position_score", "positions_of", "step_tokens", "xavier"]

PositionScheme = Literal["sinusoidal", "learned", "rotary", "ALiBi", "none"]
"""How a model knows where a token stands: added to its vector, looked at by the score, or not at all."""


def position_score(scheme: PositionScheme, d_model: int, num_heads: int, *, causal: bool) -> Score | None:
    """Return the score of a self-attention that looks at positions, or ``None`` where they are in the tokens."""
    if scheme not in get_args(PositionScheme):
        raise ValueError(f"positions must be one of {', '.join(get_args(PositionScheme))}, got {scheme!r}")
    if scheme == "rotary":
        return RotaryScore(d_model // num_heads)
    return AlibiScore(num_heads, causal=causal) if scheme == "ALiBi" else None


def xavier(model: nn.Module) -> None:
    """Start all matrices but embeddings as the ones of ``nn.Transformer``, and all biases at 0.

    Source:
        Glorot and Bengio (2010), equation 16.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class TokenEmbedding(nn.Embedding):
    r"""A vector for each word, times :math:`\sqrt d`, plus that of its position.

    The vectors start with variance :math:`1/d`, so that times :math:`\sqrt d` a feature has variance 1, the size of the
    sines and cosines (which have 1/2). The same matrix can give the logits: see :meth:`logits`.

    Args:
        vocabulary_size: Number of words, :math:`V`.
        d_model: Features, :math:`d`.
        scheme: ``"sinusoidal"`` or ``"learned"`` add a vector of the position; the others add nothing.
        max_length: Positions that have a vector, if they are learned.
        dropout: Share of the features of the sum that is set to 0 in training.

    Raises:
        ValueError: If a size is not a positive integer or ``dropout`` is out of range.

    Source:
        Vaswani et al. (2017), sections 3.4, 3.5 and 5.4.
    """

    def __init__(
        self,
        vocabulary_size: int,
        d_model: int,
        scheme: PositionScheme = "sinusoidal",
        *,
        max_length: int = 512,
        dropout: float = 0.0,
    ) -> None:
        check_sizes(vocabulary_size=vocabulary_size, d_model=d_model)
        check_dropout(dropout)
        super().__init__(vocabulary_size, d_model, padding_idx=PADDING)
        self.dropout = nn.Dropout(dropout)
        self.positions = (
            SinusoidalPositions(d_model)
            if scheme == "sinusoidal"
            else LearnedPositions(max_length, d_model)
            if scheme == "learned"
            else None
        )

    def reset_parameters(self) -> None:
        """Draw the vectors anew. That of the padding is 0."""
        nn.init.normal_(self.weight, std=self.embedding_dim**-0.5)
        with torch.no_grad():
            self.weight[PADDING] = 0.0

    def forward(self, tokens: Tensor, offset: int | Tensor = 0) -> Tensor:
        """Return a vector for each token.

        Args:
            tokens: Token numbers, shape ``(..., t)``.
            offset: The position of the first token; a tensor of shape ``(...,)`` gives each row its own.

        Returns:
            Shape ``(..., t, d)``.

        Raises:
            ValueError: If a position has no vector.
        """
        x = math.sqrt(self.embedding_dim) * super().forward(tokens)
        if self.positions is not None:
            x = self.positions(x, offset)
        result: Tensor = self.dropout(x)
        return result

    def logits(self, x: Tensor) -> Tensor:
        """Compare features with the vector of each word: shape ``(..., t, d)`` to ``(..., t, V)``."""
        return nn.functional.linear(x, self.weight)


def positions_of(x: Tensor, first: int | Tensor, wanted: bool) -> Tensor | None:
    """Return where the tokens of ``x``, shape ``(..., t, d)``, stand, shape ``(..., t)``, if a score wants to know."""
    if not wanted:
        return None
    offset = first[..., None] if isinstance(first, Tensor) else first
    return (torch.arange(x.shape[-2], device=x.device) + offset).expand(x.shape[:-1])


def step_tokens(tokens: Tensor, vocabulary_size: int) -> Tensor:
    """Return the tokens of a step, shape ``(b, n)`` or ``(b, n, t)``, as ``(b, n, t)``."""
    if tokens.ndim != 3:
        return check_tokens("tokens", tokens, vocabulary_size)[..., None]
    return check_tokens("tokens", tokens.flatten(1), vocabulary_size).view(tokens.shape)
