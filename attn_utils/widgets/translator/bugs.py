"""Famous bugs, put into a working Transformer on purpose.

Each bug is a few lines that change a copy of the model, whose weights stay as they are: what a reader may have written
by mistake. ``model.js`` has the same switches.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from attn_utils.multi_head import MultiHeadAttention, split_heads
from attn_utils.transformer import EncoderLayer, Transformer

__all__ = ["BUGS", "OTHERS", "broken"]


def _attentions(model: nn.Module) -> list[MultiHeadAttention]:
    return [module for module in model.modules() if isinstance(module, MultiHeadAttention)]


class Positions(nn.Module):
    """The positions of an embedding, told another offset, or given tokens of another size."""

    def __init__(self, positions: nn.Module, offset: Callable[[int], int] = lambda n: n, scale: float = 1.0) -> None:
        super().__init__()
        self.positions, self.offset, self.scale = positions, offset, scale

    def forward(self, x: Tensor, offset: int = 0) -> Tensor:
        """Add positions from another offset."""
        result: Tensor = self.positions(self.scale * x, self.offset(offset))
        return result


class OverQueries(nn.Module):
    """Scaled dot-product attention whose softmax runs over the wrong axis."""

    def prepare_keys(self, keys: Tensor, positions: Tensor | None = None) -> Tensor:
        """Return the keys."""
        return keys

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor, mask: Any = None, **_: Any) -> tuple[Any, ...]:
        """Average the values, with weights that sum to 1 over the queries."""
        weights = torch.softmax(queries @ keys.transpose(-2, -1) / math.sqrt(queries.shape[-1]), dim=-2)
        return weights @ values, weights


def _change_positions(embedding: Any, **change: Any) -> None:
    embedding.positions = Positions(embedding.positions, **change)


def position_0(model: Transformer) -> None:
    """Every step of the decoder believes that it is the first."""
    _change_positions(model.target_embedding, offset=lambda n: 0)


def positions_from_1(model: Transformer) -> None:
    """The decoder counts from 1 in decoding, as it did not in training."""
    _change_positions(model.target_embedding, offset=lambda n: n + 1)


def no_positions(model: Transformer) -> None:
    """Nothing tells a token where it stands."""
    model.source_embedding.positions = model.target_embedding.positions = None


def no_root_d(model: Transformer) -> None:
    """The embeddings are not multiplied by the root of d."""
    for embedding in (model.source_embedding, model.target_embedding):
        _change_positions(embedding, scale=embedding.embedding_dim**-0.5)


def split_by_view(x: Tensor, num_heads: int) -> Tensor:
    """Cut the rows into heads where :func:`~attn_utils.multi_head.split_heads` cuts the features."""
    length, d = x.shape[-2:]
    return x.reshape(*x.shape[:-2], num_heads, length, d // num_heads)


def split_heads_by_view(model: nn.Module) -> None:
    """A view to (h, n, d/h) without a transposition: a head gets a part of the positions."""

    def of(attention: MultiHeadAttention) -> None:
        def prepare(keys: Tensor, values: Any = None, positions: Any = None) -> tuple[Tensor, Tensor]:
            K, V = attention.W_k(keys), attention.W_v(keys)
            return split_by_view(K, attention.num_heads), split_by_view(V, attention.num_heads)

        def forward(x: Tensor, *_: Any, prepared: Any = None, need_weights: bool = False, **more: Any) -> Any:
            K, V = prepare(x) if prepared is None else prepared
            Q = split_by_view(attention.W_q(x), attention.num_heads)
            output, weights = attention.attention(Q, K, V, need_weights=need_weights, keys_prepared=True)
            return attention.W_o(output.transpose(-3, -2).flatten(-2)), weights

        attention.prepare, attention.forward = prepare, forward  # type: ignore[method-assign,assignment]

    for attention in _attentions(model):
        of(attention)


def over_queries(model: Transformer) -> None:
    """The softmax runs over the queries, so that the weights of a query do not sum to 1."""
    for attention in _attentions(model):
        attention.attention = OverQueries()  # type: ignore[assignment]


def no_residual(model: Transformer) -> None:
    """A layer gives what it found in place of the token."""
    for layer in model.modules():
        if isinstance(layer, EncoderLayer):
            layer.add = lambda x, found, norm: found  # type: ignore[method-assign]


def no_norm(model: Transformer) -> None:
    """Nothing is normalized."""
    for module in list(model.modules()):
        for name, part in list(module.named_children()):
            if isinstance(part, nn.LayerNorm):
                setattr(module, name, nn.Identity())


def reversed_heads(model: Transformer) -> None:
    """The heads' outputs stand side by side in reverse order."""
    for attention in _attentions(model):
        W_o = attention.W_o.weight
        W_o.data = split_heads(W_o.data, attention.num_heads).flip(-3).transpose(-3, -2).flatten(-2)


def only_now(model: Transformer) -> None:
    """The cache keeps the keys and values of the current word alone."""

    def of(attention: MultiHeadAttention) -> None:
        whole = attention.forward

        def forward(*given: Any, prepared: Any = None, **more: Any) -> Any:
            return whole(*given, prepared=tuple(x[..., -1:, :] for x in prepared), **more)

        attention.forward = forward  # type: ignore[method-assign]

    for layer in model.decoder.layers:
        of(layer.self_attention)


def swapped(model: Transformer) -> None:
    """Cross-attention compares with the values and averages the keys."""
    for layer in model.decoder.layers:
        cross = layer.cross_attention
        cross.W_k, cross.W_v = cross.W_v, cross.W_k


def not_scaled(model: Transformer) -> None:
    """Scores are not divided by the root of d/h."""
    for attention in _attentions(model):
        for parameter in attention.W_q.parameters():
            parameter.data = parameter.data * math.sqrt(attention.d_head)


def no_final_norm(model: Transformer) -> None:
    """The last norms of encoder and decoder are left out."""
    model.encoder.norm = model.decoder.norm = nn.Identity()


def nothing(model: Transformer) -> None:
    """The model is as it should be."""


BUGS: dict[str, Callable[[Transformer], None]] = {
    "position 0": position_0,
    "no positions": no_positions,
    "view": split_heads_by_view,
    "over queries": over_queries,
    "no residual": no_residual,
    "no norm": no_norm,
    "reversed heads": reversed_heads,
    "only now": only_now,
    "swapped": swapped,
    "no root d": no_root_d,
    "one row off": nothing,  # the translation is right: the map is read wrongly, as ``measure`` does
}
OTHERS: dict[str, Callable[[Transformer], None]] = {
    "not scaled": not_scaled,
    "view in the encoder": lambda model: split_heads_by_view(model.encoder),
    "positions from 1": positions_from_1,
    "no final norm": no_final_norm,
}


def broken(model: Transformer, bug: str) -> Transformer:
    """Return a copy of a model with a bug in it, one of ``BUGS`` or ``OTHERS``; the model itself for ``"none"``.

    Its ``start`` and ``step`` are broken; called with known targets it is not in all cases, as some bugs only are
    there where a cache is.
    """
    if bug == "none":
        return model
    model = copy.deepcopy(model)
    with torch.no_grad():
        (BUGS | OTHERS)[bug](model)
    return model.eval()
