r"""One layer of a Transformer: attention, then a small network for each token, each in a residual of its own.

Shapes: ``...`` batch dimensions, ``t`` tokens, ``k`` tokens of the source or of a cache, ``d`` features, ``h`` heads.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn

from attn_utils._checks import check_dropout, check_features, check_sizes
from attn_utils.attention import Score
from attn_utils.multi_head import MultiHeadAttention

__all__ = ["DecoderLayer", "EncoderLayer", "FeedForward", "KeysValues", "LayerOutput"]

KeysValues = tuple[Tensor, Tensor]
"""Prepared keys and values of a layer's attention, each of shape ``(..., h, k, d/h)``."""

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": torch.relu, "gelu": nn.functional.gelu}


class LayerOutput(NamedTuple):
    """What a layer gives.

    Attributes:
        x: The tokens, shape ``(..., t, d)``.
        keys_values: Those of its self-attention, with the past ones before them.
        weights: By kind, ``"self"`` and in a decoder ``"cross"``, shape ``(..., h, t, k)``; empty if not asked for.
    """

    x: Tensor
    keys_values: KeysValues | None
    weights: dict[str, Tensor]


class FeedForward(nn.Module):
    r"""A network of two layers, the same for every token: :math:`W_2\, \max(0, W_1 x + b_1) + b_2`.

    Args:
        d_model: Features of a token, :math:`d`.
        d_ff: Hidden units.
        activation: ``"relu"``, or ``"gelu"`` as in BERT and GPT.

    Raises:
        ValueError: If a size is not a positive integer, or there is no such activation.

    Source:
        Vaswani et al. (2017), equation 2; Hendrycks and Gimpel (2016) for the GELU.
    """

    def __init__(self, d_model: int, d_ff: int, activation: str = "relu") -> None:
        super().__init__()
        check_sizes(d_model=d_model, d_ff=d_ff)
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}")
        self.activation = activation
        self.W_1 = nn.Linear(d_model, d_ff)
        self.W_2 = nn.Linear(d_ff, d_model)

    def forward(self, x: Tensor) -> Tensor:
        """Map each token, shape ``(..., t, d_model)``, to as many features."""
        result: Tensor = self.W_2(ACTIVATIONS[self.activation](self.W_1(x)))
        return result


class EncoderLayer(nn.Module):
    r"""Self-attention, then the feed-forward network, each with a residual and a layer norm.

    .. math:: \text{post-norm:}\; x \leftarrow \operatorname{LN}(x + f(x)), \qquad
        \text{pre-norm:}\; x \leftarrow x + f(\operatorname{LN}(x))

    With ``causal=True`` in the call it is a layer of a decoder-only model.

    Args:
        d_model: Features of a token, :math:`d`.
        num_heads: Heads, a divisor of ``d_model``.
        d_ff: Hidden units of the feed-forward network, four times ``d_model`` if ``None``.
        dropout: Share of the features of each :math:`f(x)` that is set to 0 in training.
        norm_first: Whether the norm comes before :math:`f`, or after the sum as published.
        activation: Of the feed-forward network, ``"relu"`` or ``"gelu"``.
        num_kv_heads: Heads of keys and values of the self-attention, as in
            :class:`~attn_utils.multi_head.MultiHeadAttention`.
        score: How self-attention compares, such as a :class:`~attn_utils.rotary.RotaryScore`; scaled dot if ``None``.

    Raises:
        ValueError: If a size is not a positive integer or does not divide what it has to, or an option is unknown.

    Source:
        Vaswani et al. (2017), section 3.1; Xiong et al. (2020) for pre-norm.
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        d_ff: int | None = None,
        *,
        dropout: float = 0.0,
        norm_first: bool = False,
        activation: str = "relu",
        num_kv_heads: int | None = None,
        score: Score | None = None,
    ) -> None:
        super().__init__()
        check_dropout(dropout)
        self.self_attention = MultiHeadAttention(d_model, num_heads, num_kv_heads=num_kv_heads, score=score)
        self.self_norm = nn.LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, 4 * d_model if d_ff is None else d_ff, activation)
        self.feed_norm = nn.LayerNorm(d_model)
        self.dropout = nn.Dropout(dropout)
        self.norm_first = norm_first

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        *,
        causal: bool = False,
        positions: Tensor | None = None,
        past: KeysValues | None = None,
        need_weights: bool = False,
    ) -> LayerOutput:
        """Let the tokens look at each other, and at those before them in a cache.

        Args:
            x: Shape ``(..., t, d_model)``.
            mask: Boolean, True = may attend, as for :class:`~attn_utils.multi_head.MultiHeadAttention`: ``k`` counts
                the past and these tokens.
            causal: Whether a token sees no later one.
            positions: Where the tokens stand, shape ``(..., t)``, for a score that looks at positions.
            past: The ``keys_values`` of an earlier call, empty ones (0 tokens) to begin with. Without it none are
                returned.
            need_weights: Whether to return the weights.

        Returns:
            The tokens, keys and values, weights: see :class:`~attn_utils.transformer.layers.LayerOutput`.

        Raises:
            ValueError: If shapes do not fit.
        """
        check_features("x", x, self.self_attention.d_model)
        x, keys_values, weights = self._look_around(x, mask, causal, positions, past, need_weights)
        return LayerOutput(self._think(x), keys_values, weights)

    def _look_around(
        self,
        x: Tensor,
        mask: Tensor | None,
        causal: bool,
        positions: Tensor | None,
        past: KeysValues | None,
        need_weights: bool,
    ) -> LayerOutput:
        """Return the tokens after self-attention."""
        y = self.self_norm(x) if self.norm_first else x
        options = {"mask": mask, "causal": causal, "need_weights": need_weights, "query_positions": positions}
        now: KeysValues | None = None
        if past is None:
            found, weights = self.self_attention(y, key_positions=positions, **options)
        else:
            new = self.self_attention.prepare(y, positions=positions)
            now = (torch.cat([past[0], new[0]], dim=-2), torch.cat([past[1], new[1]], dim=-2))
            found, weights = self.self_attention(y, prepared=now, **options)
        return LayerOutput(self.add(x, found, self.self_norm), now, {} if weights is None else {"self": weights})

    def _think(self, x: Tensor) -> Tensor:
        """Return the tokens after the feed-forward network."""
        y = self.feed_norm(x) if self.norm_first else x
        return self.add(x, self.feed_forward(y), self.feed_norm)

    def add(self, x: Tensor, found: Tensor, norm: nn.LayerNorm) -> Tensor:
        """Close a residual: return tokens plus what was found for them, after ``norm`` if that comes last."""
        x = x + self.dropout(found)
        return x if self.norm_first else norm(x)

    @classmethod
    def from_torch(cls, module: nn.TransformerEncoderLayer | nn.TransformerDecoderLayer) -> Self:
        """Make a layer with the weights of PyTorch's: equal outputs and gradients where nothing is dropped.

        PyTorch's masks are True where ours are False, its dropout also acts on weights and hidden units, and in
        ``eval`` mode without gradients its encoder takes another path, which may return zeros at padding.

        Args:
            module: With ReLU or GELU (not its approximation by tanh) and with biases.

        Returns:
            A new layer with copies of the weights, in the type and mode of ``module``.

        Raises:
            ValueError: If the activation is another one, or there are no biases.
        """
        activation = _activation(module.activation)
        if activation is None or module.linear1.bias is None:
            raise ValueError(f"module must have biases, and ReLU or GELU as activation, got {module.activation!r}")
        ours = cls(
            module.self_attn.embed_dim,
            module.self_attn.num_heads,
            module.linear1.out_features,
            dropout=module.dropout.p,
            norm_first=module.norm_first,
            activation=activation,
        )
        ours.to(module.linear1.weight).train(module.training)
        ours._load(module)
        return ours

    def _load(self, module: nn.Module) -> None:
        """Copy the weights of PyTorch's layer."""
        self.self_attention = _attention(module.self_attn)
        _copy(self.self_norm, module.norm1)
        _copy(self.feed_forward.W_1, module.linear1)
        _copy(self.feed_forward.W_2, module.linear2)
        _copy(self.feed_norm, module.norm2)

    def extra_repr(self) -> str:
        """Name the place of the norms when the module is printed."""
        return "pre-norm" if self.norm_first else "post-norm"


class DecoderLayer(EncoderLayer):
    """Self-attention, then a look at the source (cross-attention), then the feed-forward network.

    Arguments, errors and source as for :class:`EncoderLayer`. Cross-attention's queries come from the decoder, its
    keys and values from the encoder.
    """

    def __init__(self, d_model: int, num_heads: int, d_ff: int | None = None, **options: Any) -> None:
        super().__init__(d_model, num_heads, d_ff, **options)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_norm = nn.LayerNorm(d_model)

    def forward(  # type: ignore[override]
        self,
        x: Tensor,
        memory: KeysValues,
        memory_mask: Tensor | None = None,
        mask: Tensor | None = None,
        *,
        causal: bool = True,
        positions: Tensor | None = None,
        past: KeysValues | None = None,
        need_weights: bool = False,
    ) -> LayerOutput:
        """Let the tokens look at each other, at those before them, and at the source.

        Args:
            x: Shape ``(b, t, d_model)``, or ``(b, n, t, d_model)`` for ``n`` beginnings that share a source.
            memory: What ``cross_attention.prepare`` made of the encoder's states, each ``(b, h, s, d/h)``.
            memory_mask: Boolean, True = may attend, shape ``(b, 1, s)``, or one that broadcasts to ``(b, t, s)``.
            mask: For the self-attention, as in :class:`EncoderLayer`, like all the others.
            causal: Whether a token sees no later one.
            positions: Where the tokens stand.
            past: The ``keys_values`` of an earlier call.
            need_weights: Whether to return the weights.

        Returns:
            As :class:`EncoderLayer`, with the weights ``"cross"``, shape ``(b, h, t, s)`` or ``(b, h, n t, s)``.

        Raises:
            ValueError: If shapes do not fit.
        """
        check_features("x", x, self.self_attention.d_model)
        x, keys_values, weights = self._look_around(x, mask, causal, positions, past, need_weights)
        y = self.cross_norm(x) if self.norm_first else x
        queries = y.flatten(1, -2)  # beginnings of a sentence are only more queries: its keys are never copied
        found, cross = self.cross_attention(queries, mask=memory_mask, prepared=memory, need_weights=need_weights)
        x = self.add(x, found.view(x.shape), self.cross_norm)
        if cross is not None:
            weights = {**weights, "cross": cross}
        return LayerOutput(self._think(x), keys_values, weights)

    def _load(self, module: nn.Module) -> None:
        super()._load(module)
        self.cross_attention = _attention(module.multihead_attn)
        _copy(self.cross_norm, module.norm2)
        _copy(self.feed_norm, module.norm3)


def _activation(theirs: Any) -> str | None:
    """Name the activation of PyTorch's layer, ``None`` for one that we do not have."""
    if isinstance(theirs, nn.ReLU) or theirs in (nn.functional.relu, torch.relu):
        return "relu"
    exact = not isinstance(theirs, nn.GELU) or theirs.approximate == "none"
    return "gelu" if exact and (isinstance(theirs, nn.GELU) or theirs is nn.functional.gelu) else None


def _attention(theirs: Any) -> MultiHeadAttention:
    """Copy PyTorch's attention. Ours drops nothing from the weights, which would need them all at once."""
    ours = MultiHeadAttention.from_torch(theirs)
    ours.attention.dropout = 0.0
    return ours


def _copy(mine: nn.Linear | nn.LayerNorm, theirs: Any) -> None:
    """Copy a linear layer, or a norm with its epsilon."""
    mine.load_state_dict(theirs.state_dict())
    if isinstance(mine, nn.LayerNorm):
        mine.eps = theirs.eps
