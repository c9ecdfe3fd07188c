"""Who may attend to whom: masks of lengths, of order and of padding, and what a mask hides altogether.

Masks are boolean, True where a query may attend. None is ever expanded: what all heads or all queries share stays
one row.
"""

import torch
from torch import Tensor

from attn_utils._checks import check_integers, holds

__all__ = ["causal_mask", "length_mask", "padding_mask", "zero_hidden"]


def length_mask(lengths: Tensor, num_keys: int) -> Tensor:
    """Let queries see only the first ``lengths`` keys: the rest is padding.

    Args:
        lengths: Integers from 0 to ``num_keys``. Shape ``(batch,)`` for one length per sequence, or ``(batch, q)``
            for one length per query.
        num_keys: Number of keys, padding included.

    Returns:
        Boolean mask, True = may attend. Shape ``(batch, 1, num_keys)`` for one length per sequence,
        ``(batch, q, num_keys)`` for one per query.

    Raises:
        ValueError: If ``num_keys`` is negative, or ``lengths`` is not an integer tensor of one or two dimensions
            with entries from 0 to ``num_keys``. While compiled, exported or mapped by ``torch.vmap`` the entries
            cannot be looked at.
    """
    if num_keys < 0:
        raise ValueError(f"num_keys must be at least 0, got {num_keys}")
    check_integers("lengths", lengths, "(batch,) or (batch, q)", (1, 2))
    lengths = lengths.long()  # a narrow type could not hold num_keys, and would wrap when compared with it
    if lengths.numel() and not holds((lengths.min() >= 0) & (lengths.max() <= num_keys), unknown=True):
        raise ValueError(
            f"lengths must lie between 0 and num_keys = {num_keys}, "
            f"got values from {int(lengths.min())} to {int(lengths.max())}"
        )
    if lengths.ndim == 1:
        lengths = lengths[:, None]
    return torch.arange(num_keys, device=lengths.device) < lengths[..., None]


def causal_mask(num_queries: int, num_keys: int | None = None, device: torch.device | str | None = None) -> Tensor:
    """Let each query see the keys up to its own position, and none after it.

    With more keys than queries the *last* query sees the last key: the queries are then the newest positions of a
    longer sequence, as in decoding with a cache. (``is_causal=True`` of PyTorch's
    ``scaled_dot_product_attention`` aligns the *first* query with the first key instead. For as many queries as
    keys the two agree.)

    Args:
        num_queries: Number of queries.
        num_keys: Number of keys, at least ``num_queries``. As many as queries if ``None``.
        device: Where to make the mask.

    Returns:
        Boolean mask, True = may attend, shape ``(num_queries, num_keys)``.

    Raises:
        ValueError: If ``num_queries`` is negative or ``num_keys`` is smaller than ``num_queries``.

    Source:
        Vaswani et al. (2017), section 3.2.3.
    """
    if num_queries < 0:
        raise ValueError(f"num_queries must be at least 0, got {num_queries}")
    if num_keys is None:
        num_keys = num_queries
    if num_keys < num_queries:
        raise ValueError(f"num_keys must be at least num_queries = {num_queries}, got {num_keys}")
    everything = torch.ones(num_queries, num_keys, dtype=torch.bool, device=device)
    return everything.tril(diagonal=num_keys - num_queries)


def padding_mask(tokens: Tensor, padding: int) -> Tensor:
    """Let queries see every token but the padding.

    Args:
        tokens: Integer token numbers that serve as keys, shape ``(batch, k)``.
        padding: The number that stands for padding.

    Returns:
        Boolean mask, True = may attend, shape ``(batch, 1, k)``: the same for every query.

    Raises:
        ValueError: If ``tokens`` is not an integer tensor of shape ``(batch, k)``.
    """
    check_integers("tokens", tokens, "(batch, k)", (2,))
    return (tokens.long() != padding)[:, None, :]  # as in length_mask: ``padding`` need not fit a narrow type


def zero_hidden(x: Tensor, mask: Tensor) -> Tensor:
    """Set to 0 the rows, of keys or values, that no query may attend to: NaN or infinity there has no say.

    A weight of 0 alone does not silence them, because 0 times NaN is NaN, in the output and in gradients. A row that
    several heads or sequences share is set to 0 if it is hidden from all of them.

    Args:
        x: Keys or values, shape ``(..., k, d)``. Not modified.
        mask: Boolean, True = may attend, shape ``(..., q, k)`` or ``(..., 1, k)`` for all queries alike. It may have
            more heads, dimension -3, than ``x``, if they form groups that share a head of ``x``.

    Returns:
        A tensor of the shape of ``x``.
    """
    seen = (mask if mask.shape[-2] == 1 else mask.any(dim=-2, keepdim=True)).mT  # (..., k, 1)
    while seen.ndim > x.ndim:
        seen = seen.any(dim=0)
    for dim in range(-seen.ndim, -2):
        if seen.shape[dim] != 1 and x.shape[dim] == 1:
            seen = seen.any(dim=dim, keepdim=True)
        elif seen.shape[dim] not in (1, x.shape[dim]):
            seen = seen.unflatten(dim, (x.shape[dim], -1)).any(dim=dim)
    return x.masked_fill(~seen, 0.0)
