r"""Multi-head attention: several attentions side by side, each in a projection of its own.

One module serves self-attention (a sequence asks itself), cross-attention (one sequence asks another) and attention
over a cache (the newest positions ask all before them). A head is :func:`attn_utils.attention.answer` for any score.

Shapes: ``b`` sequences (or any number of batch dimensions, or none), ``h`` heads of queries, ``g`` heads of keys and
values (``g = h`` unless grouped), ``q`` queries, ``k`` keys, ``d`` features of the model, ``d/h`` of a head.
"""

import torch
from torch import Tensor, nn

from attn_utils._checks import check_features, check_mask, check_size, check_sizes
from attn_utils.attention import Score
from attn_utils.masks import zero_hidden
from attn_utils.scoring import Attention, ScaledDotScore

__all__ = ["MultiHeadAttention", "merge_heads", "split_heads"]


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    """Give each head its share of the features: ``(..., length, d)`` to ``(..., h, length, d/h)``.

    A ``view`` to the same shape would cut the length instead, and mix positions.

    Args:
        x: Shape ``(..., length, d)``.
        num_heads: Number of heads, a divisor of ``d``.

    Returns:
        Shape ``(..., num_heads, length, d/num_heads)``. Head 0 has the first ``d/num_heads`` features.

    Raises:
        ValueError: If ``num_heads`` is not a positive integer that divides ``d``.

    Source:
        Vaswani et al. (2017), section 3.2.2.
    """
    check_size("num_heads", num_heads)
    if x.ndim < 2 or x.shape[-1] % num_heads:
        raise ValueError(f"num_heads must divide the features of x, got {num_heads} and shape {tuple(x.shape)}")
    return x.unflatten(-1, (num_heads, -1)).transpose(-3, -2)


def merge_heads(x: Tensor) -> Tensor:
    """Put the features of all heads side by side again: ``(..., h, length, d/h)`` to ``(..., length, d)``.

    Args:
        x: Shape ``(..., h, length, d/h)``.

    Returns:
        Shape ``(..., length, d)``, head 0 first: what :func:`split_heads` cut.

    Raises:
        ValueError: If ``x`` has fewer than three dimensions.

    Source:
        Vaswani et al. (2017), section 3.2.2, "Concat".
    """
    if x.ndim < 3:
        raise ValueError(f"x must have shape (..., h, length, d/h), got {tuple(x.shape)}")
    return x.transpose(-3, -2).flatten(-2)


class MultiHeadAttention(nn.Module):
    r"""Several attentions at once, each over its own projection of queries, keys and values.

    .. math:: \text{head}_i = \operatorname{attend}(Q W^Q_i,\, K W^K_i,\, V W^V_i), \qquad
        \operatorname{output} = [\text{head}_1; \dots; \text{head}_h]\, W^O

    Args:
        d_model: Features of a query and of the output, :math:`d`.
        num_heads: Heads, :math:`h`, a divisor of ``d_model``. Each works with :math:`d/h` features.
        key_size: Features of a key, ``d_model`` if ``None``.
        value_size: Features of a value, ``key_size`` if ``None``.
        num_kv_heads: Heads of keys and values, a divisor of ``num_heads`` and equal to it if ``None``. With 1 all
            heads of queries share them (multi-query attention), between the two in groups (grouped-query attention):
            head :math:`i` of the queries meets head :math:`\lfloor i g / h \rfloor` of the keys.
        bias: Whether the four projections have one.
        dropout: Share of the weights set to 0 in training.
        score: How a head compares, :class:`~attn_utils.scoring.ScaledDotScore` if ``None``. It gets queries
            ``(..., h, q, d/h)`` and keys ``(..., g, k, d/h)``, and may differ from head to head, as a Gaussian kernel
            with ``h`` widths does.

    Raises:
        ValueError: If a size is not a positive integer, or does not divide what it has to.

    Source:
        Vaswani et al. (2017), section 3.2.2; Shazeer (2019) for one head of keys and values, Ainslie et al. (2023)
        for groups.
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        *,
        key_size: int | None = None,
        value_size: int | None = None,
        num_kv_heads: int | None = None,
        bias: bool = True,
        dropout: float = 0.0,
        score: Score | None = None,
    ) -> None:
        super().__init__()
        key_size = d_model if key_size is None else key_size
        value_size = key_size if value_size is None else value_size
        num_kv_heads = num_heads if num_kv_heads is None else num_kv_heads
        check_sizes(d_model=d_model, num_heads=num_heads, key_size=key_size, value_size=value_size)
        check_size("num_kv_heads", num_kv_heads)
        if d_model % num_heads:
            raise ValueError(f"num_heads must divide d_model = {d_model}, got {num_heads}")
        if num_heads % num_kv_heads:
            raise ValueError(f"num_kv_heads must divide num_heads = {num_heads}, got {num_kv_heads}")
        self.d_model, self.num_heads, self.num_kv_heads = d_model, num_heads, num_kv_heads
        self.d_head = d_model // num_heads
        self.W_q = nn.Linear(d_model, d_model, bias)
        self.W_k = nn.Linear(key_size, num_kv_heads * self.d_head, bias)
        self.W_v = nn.Linear(value_size, num_kv_heads * self.d_head, bias)
        self.W_o = nn.Linear(d_model, d_model, bias)
        self.attention = Attention(ScaledDotScore() if score is None else score, dropout)

    @classmethod
    def from_torch(cls, module: nn.MultiheadAttention) -> "MultiHeadAttention":
        """Make one with the weights of PyTorch's module: equal outputs and gradients, in its type and mode.

        Its masks are True where ours are False, and ``batch_first=False`` puts the length first.

        Args:
            module: Without ``add_bias_kv`` and ``add_zero_attn``, which add keys of their own.

        Returns:
            A new module with copies of the weights.

        Raises:
            ValueError: If ``module`` adds keys of its own.
        """
        if module.bias_k is not None or module.add_zero_attn:
            raise ValueError("module must be made without add_bias_kv and add_zero_attn")
        ours = cls(
            module.embed_dim,
            module.num_heads,
            key_size=module.kdim,
            value_size=module.vdim,
            bias=module.in_proj_bias is not None,
            dropout=module.dropout,
        )
        ours.to(module.out_proj.weight).train(module.training)
        with torch.no_grad():
            for mine, theirs in _pairs(ours, module):
                mine.copy_(theirs)
        return ours

    def to_torch(self) -> nn.MultiheadAttention:
        """Make PyTorch's module with copies of these weights, ``batch_first=True``, masks True where ours are False.

        Raises:
            ValueError: If the score is another than the scaled dot product, or keys and values have fewer heads.
        """
        if type(self.attention.score) is not ScaledDotScore:
            raise ValueError(f"score must be ScaledDotScore, got {type(self.attention.score).__name__}")
        if self.num_kv_heads != self.num_heads:
            raise ValueError(f"num_kv_heads must be num_heads = {self.num_heads}, got {self.num_kv_heads}")
        theirs = nn.MultiheadAttention(
            self.d_model,
            self.num_heads,
            dropout=self.attention.dropout,
            bias=self.W_q.bias is not None,
            kdim=self.W_k.in_features,
            vdim=self.W_v.in_features,
            batch_first=True,
        )
        theirs.to(self.W_o.weight).train(self.training)
        with torch.no_grad():
            for mine, their in _pairs(self, theirs):
                their.copy_(mine)
        return theirs

    def prepare(
        self, keys: Tensor, values: Tensor | None = None, positions: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Project keys and values once, for many calls with ``prepared``. A cache grows along dimension -2.

        Args:
            keys: Shape ``(..., k, key_size)``.
            values: Shape ``(..., k, value_size)``; the keys themselves if ``None``.
            positions: Where the keys stand, shape ``(..., k)``, for a score that looks at positions.

        Returns:
            Prepared keys and values, each of shape ``(..., g, k, d/h)``. (Some scores give keys more features.)

        Raises:
            ValueError: If shapes do not fit.
        """
        values = keys if values is None else values
        check_features("keys", keys, self.W_k.in_features)
        check_features("values", values, self.W_v.in_features)
        K, V = (split_heads(W(x), self.num_kv_heads) for W, x in ((self.W_k, keys), (self.W_v, values)))
        return self.attention.prepare_keys(K, positions), V

    def forward(
        self,
        queries: Tensor,
        keys: Tensor | None = None,
        values: Tensor | None = None,
        mask: Tensor | None = None,
        *,
        causal: bool = False,
        need_weights: bool = False,
        prepared: tuple[Tensor, Tensor] | None = None,
        query_positions: Tensor | None = None,
        key_positions: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Answer the queries in every head, and mix the heads.

        Without weights, memory is linear in the length where the score has a dot form, as in
        :func:`attn_utils.attention.answer`.

        Args:
            queries: Shape ``(..., q, d_model)``.
            keys: Shape ``(..., k, key_size)``; the queries themselves if ``None``.
            values: Shape ``(..., k, value_size)``; the keys themselves if ``None``.
            mask: Boolean, True = may attend. With as many dimensions as ``queries`` or fewer it is the same for all
                heads and broadcasts to ``(..., q, k)``, as :func:`~attn_utils.masks.padding_mask` gives it; with one
                more it is for each head and broadcasts to ``(..., h, q, k)``.
            causal: Whether a query sees no later key, the last query aligned with the last key.
            need_weights: Whether to return the weights.
            prepared: What :meth:`prepare` returned, in place of keys and values.
            query_positions: Where the queries stand, shape ``(..., q)``, for a score that looks at positions.
            key_positions: Where the keys stand, shape ``(..., k)``, unless they are prepared.

        Returns:
            The output, shape ``(..., q, d_model)``, and the weights of each head, shape ``(..., h, q, k)``, or
            ``None``. A query with nothing to attend to gets weights 0, and the bias of ``W_o`` as its output.

        Raises:
            ValueError: If shapes do not fit, or keys or values are given beside prepared ones.
        """
        check_features("queries", queries, self.d_model)
        if prepared is None:
            keys = queries if keys is None else keys
            values = keys if values is None else values
            check_features("keys", keys, self.W_k.in_features)
            check_features("values", values, self.W_v.in_features)
            keys_shape = keys.shape
        else:
            if keys is not None or values is not None or key_positions is not None:
                raise ValueError("keys, values and key_positions must be None beside prepared ones")
            keys_shape = prepared[0][..., 0, :, :].shape
        shared = None if mask is None else self._mask_of_all_heads(mask, queries, keys_shape)
        if prepared is None:
            if shared is not None:
                # What no query may see is set to 0 before it is projected, so that it has no say in the gradients of
                # the projections either.
                keys, values = (zero_hidden(x, shared) for x in (keys, values))  # type: ignore[arg-type]
            prepared = self.prepare(keys, values, key_positions)  # type: ignore[arg-type]
        if mask is not None and mask.ndim <= queries.ndim:
            mask = mask.unsqueeze(-3) if mask.ndim > 2 else mask
        output, weights = self.attention(
            split_heads(self.W_q(queries), self.num_heads),
            *prepared,
            mask,
            causal=causal,
            need_weights=need_weights,
            keys_prepared=True,
            grouped_heads=self.num_kv_heads != self.num_heads,
            query_positions=query_positions,
        )
        return self.W_o(merge_heads(output)), weights

    def _mask_of_all_heads(self, mask: Tensor, queries: Tensor, keys_shape: torch.Size) -> Tensor:
        """Check a mask, and return who may attend to whom in any head, shape ``(..., q or 1, k)``."""
        batch, q, k = torch.broadcast_shapes(queries.shape[:-2], keys_shape[:-2]), queries.shape[-2], keys_shape[-2]
        if mask.ndim <= queries.ndim:
            check_mask(mask, (*batch, q, k))
        else:
            check_mask(mask, (*batch, self.num_heads, q, k))
            mask = mask.any(dim=-3)
        return mask.expand(torch.broadcast_shapes(mask.shape, (1, k)))

    def extra_repr(self) -> str:
        """Name the heads when the module is printed."""
        groups = "" if self.num_kv_heads == self.num_heads else f", num_kv_heads={self.num_kv_heads}"
        return f"d_model={self.d_model}, num_heads={self.num_heads}{groups}"


def _pairs(ours: MultiHeadAttention, theirs: nn.MultiheadAttention) -> list[tuple[Tensor, Tensor]]:
    """Return which parameter is which: PyTorch keeps the three projections in one where their sizes allow it."""
    projections = (ours.W_q, ours.W_k, ours.W_v)
    if theirs.in_proj_weight is None:
        weights: tuple[Tensor, ...] = (theirs.q_proj_weight, theirs.k_proj_weight, theirs.v_proj_weight)
    else:
        weights = theirs.in_proj_weight.chunk(3)
    pairs = [(W.weight, weight) for W, weight in zip(projections, weights, strict=True)]
    pairs.append((ours.W_o.weight, theirs.out_proj.weight))
    if theirs.in_proj_bias is not None:
        pairs += [(W.bias, bias) for W, bias in zip(projections, theirs.in_proj_bias.chunk(3), strict=True)]
        pairs.append((ours.W_o.bias, theirs.out_proj.bias))
    return pairs
