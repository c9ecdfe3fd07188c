"""Several layers on top of each other: an encoder, a decoder, and a decoder's cache.

Shapes: as in :mod:`attn_utils.transformer.layers`; ``b`` sentences, ``n`` beginnings of each, ``s`` source tokens.
"""

from typing import Any, Self

import torch
from torch import Tensor, nn

from attn_utils._checks import check_size
from attn_utils.transformer.layers import DecoderLayer, EncoderLayer, KeysValues

__all__ = ["DecoderStack", "EncoderStack", "State", "Weights", "last_weights"]

State = dict[str, Tensor]
"""A memory, whose rows are sentences, ``(b, …)``, or a cache, whose rows are their hypotheses, ``(b, n, …)``."""

Weights = dict[tuple[int, str], Tensor]
"""Attention weights by layer, from 0, and kind: ``"encoder"``, ``"self"`` or ``"cross"``."""


class EncoderStack(nn.Module):
    """Layers of self-attention. With ``causal=True`` in its calls it is the body of a decoder-only model.

    Args:
        num_layers: Number of layers.
        d_model: Features of a token.
        num_heads: Heads of each attention.
        d_ff: Hidden units of each feed-forward network, four times ``d_model`` if ``None``.
        final_norm: Whether a last layer norm follows. ``None`` adds it to pre-norm layers, whose sums nothing has
            normalized.
        options: Of :class:`~attn_utils.transformer.layers.EncoderLayer`. A score is shared by all layers.

    Raises:
        ValueError: As the layer, or if ``num_layers`` is not a positive integer.

    Source:
        Vaswani et al. (2017), section 3.1.
    """

    layer_type: type[EncoderLayer] = EncoderLayer

    def __init__(
        self,
        num_layers: int,
        d_model: int,
        num_heads: int,
        d_ff: int | None = None,
        *,
        final_norm: bool | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        check_size("num_layers", num_layers)
        self.layers: Any = nn.ModuleList(
            self.layer_type(d_model, num_heads, d_ff, **options) for _ in range(num_layers)
        )
        wanted = options.get("norm_first", False) if final_norm is None else final_norm
        self.norm = nn.LayerNorm(d_model) if wanted else nn.Identity()

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        *,
        causal: bool = False,
        positions: Tensor | None = None,
        cache: State | None = None,
        need_weights: bool = False,
    ) -> tuple[Tensor, State, Weights]:
        """Send the tokens through all layers; arguments as for the layer.

        Args:
            x: Shape ``(..., t, d_model)``.
            mask: Boolean, True = may attend.
            causal: Whether a token sees no later one.
            positions: Where the tokens stand, for a score that looks at positions.
            cache: From :meth:`EncoderStack.empty_cache` or an earlier call.
            need_weights: Whether to return the weights.

        Returns:
            The tokens, shape ``(..., t, d_model)``; the cache with them, empty if none was given; the weights by layer
            and kind ``"self"``.

        Raises:
            ValueError: As the layer.
        """
        kept: State = {}
        weights: Weights = {}
        for i, layer in enumerate(self.layers):
            x, now, found = layer(
                x, mask, causal=causal, positions=positions, past=_past(cache, i), need_weights=need_weights
            )
            _keep(kept, weights, i, now, found)
        return self.norm(x), kept, weights

    def empty_cache(self, x: Tensor, positions: Tensor | None = None) -> State:
        """Return a cache of 0 tokens, for batches like ``x``, shape ``(..., t, d_model)``."""
        none, places = x[..., :0, :], None if positions is None else positions[..., :0]
        cache: State = {}
        for i, layer in enumerate(self.layers):
            cache[f"{i}.keys"], cache[f"{i}.values"] = layer.self_attention.prepare(none, positions=places)
        return cache

    @classmethod
    def from_torch(cls, module: nn.TransformerEncoder | nn.TransformerDecoder) -> Self:
        """Make a stack with the weights of PyTorch's. What may differ stands at the layer's ``from_torch``.

        Args:
            module: ``nn.TransformerEncoder`` for an encoder, ``nn.TransformerDecoder`` for a decoder; those inside
                ``nn.Transformer`` are its ``encoder`` and ``decoder``.

        Returns:
            A new stack with copies of the weights, in the type and mode of ``module``.

        Raises:
            ValueError: As the layer's.
        """
        layers = [cls.layer_type.from_torch(layer) for layer in module.layers]
        first = layers[0]
        ours = cls(len(layers), first.self_attention.d_model, first.self_attention.num_heads)
        ours.layers = nn.ModuleList(layers)
        ours.norm = nn.Identity()
        if isinstance(module.norm, nn.LayerNorm):
            ours.norm = nn.LayerNorm(first.self_attention.d_model, eps=module.norm.eps)
            ours.norm.to(first.self_norm.weight)
            ours.norm.load_state_dict(module.norm.state_dict())
        return ours.train(module.training)


class DecoderStack(EncoderStack):
    """Layers that look at a source, too. Arguments, errors and source as for :class:`EncoderStack`."""

    layer_type = DecoderLayer

    def prepare_memory(self, states: Tensor, mask: Tensor) -> State:
        """Project the encoder's states to keys and values of each layer, once for all steps and hypotheses.

        Args:
            states: Shape ``(b, s, d_model)``.
            mask: Boolean, True at tokens, shape ``(b, 1, s)``.

        Returns:
            ``"mask"``, and for layer ``i`` ``"i.keys"`` and ``"i.values"``, each ``(b, h, s, d/h)``.
        """
        memory: State = {"mask": mask}
        for i, layer in enumerate(self.layers):
            memory[f"{i}.keys"], memory[f"{i}.values"] = layer.cross_attention.prepare(states)
        return memory

    def forward(  # type: ignore[override]
        self,
        x: Tensor,
        memory: State,
        mask: Tensor | None = None,
        *,
        causal: bool = True,
        positions: Tensor | None = None,
        cache: State | None = None,
        need_weights: bool = False,
    ) -> tuple[Tensor, State, Weights]:
        """Send the tokens through all layers.

        Args:
            x: Shape ``(b, t, d_model)``, or ``(b, n, t, d_model)`` for ``n`` beginnings of each sentence.
            memory: From :meth:`prepare_memory`.
            mask: For the self-attention. Like the rest as in :class:`EncoderStack`.
            causal: Whether a token sees no later one.
            positions: Where the tokens stand, for a score that looks at positions.
            cache: From :meth:`EncoderStack.empty_cache` or an earlier call.
            need_weights: Whether to return the weights.

        Returns:
            As :class:`EncoderStack`, with the weights of kind ``"cross"``.

        Raises:
            ValueError: As the layer.
        """
        kept: State = {}
        weights: Weights = {}
        for i, layer in enumerate(self.layers):
            x, now, found = layer(
                x,
                (memory[f"{i}.keys"], memory[f"{i}.values"]),
                memory["mask"],
                mask,
                causal=causal,
                positions=positions,
                past=_past(cache, i),
                need_weights=need_weights,
            )
            _keep(kept, weights, i, now, found)
        return self.norm(x), kept, weights


def last_weights(weights: Weights, shape: torch.Size) -> Weights:
    """Return the weights of the last of ``t`` tokens of each hypothesis, as a step of decoding gives them.

    Args:
        weights: Of a decoder or a stack: ``"self"``, shape ``(b, n, h, t, k)``, ``"cross"``, ``(b, h, n t, s)``.
        shape: Of the step's tokens, ``(b, n, t)``.

    Returns:
        Each of shape ``(b, h, n, k)``.
    """
    return {
        (i, kind): w.unflatten(-2, shape[1:])[..., -1, :] if kind == "cross" else w[..., -1, :].transpose(1, 2)
        for (i, kind), w in weights.items()
    }


def _past(cache: State | None, i: int) -> KeysValues | None:
    return None if cache is None else (cache[f"{i}.keys"], cache[f"{i}.values"])


def _keep(cache: State, weights: Weights, i: int, now: KeysValues | None, found: dict[str, Tensor]) -> None:
    """Put down what layer ``i`` gave."""
    if now is not None:
        cache[f"{i}.keys"], cache[f"{i}.values"] = now
    weights.update({(i, kind): w for kind, w in found.items()})
