r"""Scores that are dot products of something, and their way through PyTorch's fused attention.

Many scores are one formula, :math:`s_{ij} = \text{scale} \cdot \varphi(q_i) \cdot \psi(k_j) + b_{ij}`: dot and
scaled dot products, projected or rotated or normalized ones, and the Gaussian kernel. What depends on the key alone,
such as :math:`-\tfrac{1}{2}\|k\|^2 / h^2` or the slope of a causal ALiBi, is one more feature of :math:`\psi(k)`, met
by a feature of :math:`\varphi(q)`. So is padding beside ``is_causal``. The fused function keeps its memory linear in
the length this way, which it does not with a mask of all pairs or with a bias that needs gradients.

This is the machinery below :func:`attn_utils.attention.answer`, in a file of its own: the one idea reads better
without the shapes that a particular function of PyTorch wants.
"""

import math
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from attn_utils._checks import check_batches, check_points, check_types
from attn_utils.masks import causal_mask, zero_hidden

__all__ = ["DotForm", "fused", "has_dot_form", "multiplied_type"]


class DotForm(NamedTuple):
    r"""A score as a dot product, up to a constant for each query, which the softmax drops.

    .. math:: s_{ij} = \text{scale} \cdot \varphi(q_i) \cdot \psi(k_j) + b_{ij} + \text{const}_i

    Source:
        Vaswani et al. (2017), equation 1, for the dot product; Press et al. (2022) for a bias of the pair.
    """

    queries: Tensor
    r""":math:`\varphi(q)`, shape ``(..., q, f)``."""
    keys: Tensor
    r""":math:`\psi(k)`, shape ``(..., k, f)``. With grouped heads, one for each group."""
    scale: float | Tensor = 1.0
    """A number, or a tensor that broadcasts with the queries, such as one for each head, ``(heads, 1, 1)``."""
    pair_bias: Tensor | None = None
    """What depends on query *and* key, finite, in its own shape: ``(q, k)`` if all heads share it."""
    wide: bool = False
    """Whether the features differ in size so much that half precision would lose the score between them."""

    def scores(self) -> Tensor:
        """Return the scores, shape ``(..., q, k)``.

        Raises:
            ValueError: If queries and keys do not fit together.
        """
        check_batches(self.queries, self.keys)
        # The queries are scaled, not the scores: there are fewer of them, and float16 overflows later.
        scores = (self.queries * self.scale) @ self.keys.mT
        return scores if self.pair_bias is None else scores + self.pair_bias


def has_dot_form(score: object) -> bool:
    """Say whether a score has a method ``dot_form`` that still tells what its ``forward`` computes.

    A subclass that compares in another way, by a ``forward`` of its own, must not be replaced by a dot product.
    """
    for kind in type(score).__mro__:
        if "dot_form" in kind.__dict__ or "forward" in kind.__dict__:
            return "dot_form" in kind.__dict__
    return False


def multiplied_type(x: Tensor) -> torch.dtype:
    """Return the type in which a matrix product of ``x`` is computed, which ``torch.autocast`` may lower."""
    device = x.device.type
    if x.dtype != torch.float64 and torch.is_autocast_enabled(device):
        return torch.get_autocast_dtype(device)
    return x.dtype


def fused(
    form: DotForm,
    values: Tensor,
    mask: Tensor | None = None,
    *,
    causal: bool = False,
    dropout: float = 0.0,
    grouped_heads: bool = False,
) -> Tensor:
    """Return the output of attention with a dot form, without holding all weights at once.

    Args:
        form: The score, with ``q`` queries and ``k`` keys.
        values: Shape ``(..., k, v)``. What the mask hides has no say. Padded with zeros, or the keys are, to be as
            long as each other: for different lengths PyTorch would hold all weights.
        mask: Boolean, True = may attend. Shape ``(..., 1, k)`` for all queries alike, or ``(..., q, k)``, which may
            not go together with ``causal``.
        causal: Whether a query sees no later key, the last query aligned with the last key.
        dropout: Share of the weights set to 0. PyTorch then holds all weights.
        grouped_heads: Whether each head of keys and values, dimension -3, serves several heads of queries.

    Returns:
        Shape ``(..., q, v)``, 0 for a query with nothing to attend to.

    Raises:
        ValueError: If queries and keys of the form do not fit together.
    """
    check_points(form.queries, form.keys)
    check_types(form.queries, form.keys)
    dtype = multiplied_type(form.queries)
    queries, keys, values = form.queries.to(dtype), form.keys.to(dtype), values.to(dtype)
    num_queries, num_keys, v = queries.shape[-2], keys.shape[-2], values.shape[-1]

    scale, pair_bias = form.scale, form.pair_bias
    del form  # its tensors are freed as soon as they are copied
    if isinstance(scale, Tensor) or not 1e-3 < scale <= 1:  # others would push the feature of padding out of range
        queries, scale = queries * scale, 1.0

    # A mask of pairs is built only where PyTorch has no other way. It is never given together with is_causal.
    is_causal = causal and num_queries == num_keys and pair_bias is None
    pairs = causal_mask(num_queries, num_keys, queries.device) if causal and not is_causal else None
    own_keys = mask is not None and mask.shape[-2] == 1 and not (grouped_heads and mask.ndim > 2 and mask.shape[-3] > 1)
    if mask is not None and own_keys and (causal or pair_bias is not None):
        queries, keys = _pad_by_a_feature(queries, keys, mask)
    elif mask is not None:
        # A row of False is NaN in some versions and on some devices. Open it here, empty it below.
        pairs = mask | ~mask.any(dim=-1, keepdim=True)
    if pair_bias is not None:
        bias = pair_bias.to(dtype)
        pairs = bias if pairs is None else torch.where(pairs, bias, -math.inf)

    missing = queries.shape[-1] - v
    if missing > 0:
        values = nn.functional.pad(values, (0, missing))
    elif missing < 0:
        queries, keys = (nn.functional.pad(x, (0, -missing)) for x in (queries, keys))
    empty = None
    if mask is not None and own_keys:  # a query that sees masked keys alone averages zeros
        values = torch.where(mask.mT, values, 0.0)
    elif mask is not None:
        values, empty = zero_hidden(values, mask), ~mask.any(dim=-1, keepdim=True)

    # The fast kernels want exactly two batch dimensions, equal for all. Other shapes are accepted, but slow.
    shapes = [x.shape[:-3] if grouped_heads else x.shape[:-2] for x in (queries, keys, values)]
    batch = torch.broadcast_shapes(*shapes)
    leading, heads = (batch, ()) if grouped_heads else (batch[:-1], batch[-1:] or (1,))

    def two_batch_dimensions(x: Tensor) -> Tensor:
        own = heads or (x.shape[-3],)
        return x.expand(*leading, *own, *x.shape[-2:]).reshape(math.prod(leading), *own, *x.shape[-2:])

    def without_expanding(x: Tensor) -> Tensor:
        x = x[(None,) * (len(leading) + 3 - x.ndim)]
        if math.prod(x.shape[:-3]) != 1:
            x = x.expand(*leading, *x.shape[-3:])
        return x.reshape(-1 if x.numel() else math.prod(x.shape[:-3]), *x.shape[-3:])

    attention = nn.functional.scaled_dot_product_attention
    if grouped_heads:  # named only where it is needed, because it keeps PyTorch from some kernels
        attention = partial(attention, enable_gqa=True)
    queries, keys, values = (two_batch_dimensions(x) for x in (queries, keys, values))
    pairs = None if pairs is None else without_expanding(pairs)
    output = attention(queries, keys, values, attn_mask=pairs, dropout_p=dropout, is_causal=is_causal, scale=scale)[
        ..., :v
    ]
    if empty is not None:
        output = output.masked_fill(without_expanding(empty), 0.0)
    return output.reshape(*leading, *(output.shape[1:2] if grouped_heads else batch[-1:]), num_queries, v)


def _pad_by_a_feature(queries: Tensor, keys: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Give masked keys a feature that drives their score below all others; every query asks for it."""
    # Finite, because infinity times a gradient of 0 is NaN. Where float16 holds no number as low as its largest
    # scores, two factors do: products are summed in float32.
    asked = 2.0**15 if queries.dtype == torch.float16 else 1.0
    low = torch.finfo(queries.dtype).min / 4
    feature = keys.new_zeros(()).masked_fill(~mask.mT, low)  # (..., k, 1)
    batch = torch.broadcast_shapes(keys.shape[:-2], feature.shape[:-2])
    keys = torch.cat([keys.expand(*batch, *keys.shape[-2:]), feature.expand(*batch, -1, -1)], dim=-1)
    return torch.cat([queries, torch.full_like(queries[..., :1], asked)], dim=-1), keys
