"""The one idea of the course: turn scores into weights, then average the values.

Every model in the course ends in :func:`attend`. What changes from chapter to chapter is the score.

Shapes use one set of letters: ``q`` queries, ``k`` keys (and as many values), ``v`` features of a value,
and ``...`` for any number of batch dimensions. Masks are boolean, True where a query may attend.
"""

import torch
from torch import Tensor

__all__ = ["attend", "causal_mask", "length_mask", "masked_softmax", "padding_mask"]


def masked_softmax(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    r"""Turn scores into weights over the keys that each query may attend to.

    .. math:: w_{ij} = \frac{m_{ij}\, e^{s_{ij}}}{\sum_l m_{il}\, e^{s_{il}}}

    A row with nothing to attend to (every key masked, or every score :math:`-\infty`) gets weights 0, not NaN
    and not a uniform distribution. Its gradient is 0.

    Args:
        scores: Floating-point scores, shape ``(..., q, k)``. Not modified.
        mask: Boolean, True = may attend, broadcastable to ``scores``. ``None`` lets every query see every key.

    Returns:
        Weights, shape ``(..., q, k)``, in the type of ``scores``. Each row sums to 1, or to 0 if it is empty.

    Raises:
        ValueError: If ``scores`` is not floating point or has no key axis, or if ``mask`` is not boolean or cannot
            be broadcast to ``scores``.

    Source:
        Vaswani et al. (2017), section 3.2.3: illegal connections are set to :math:`-\infty` before the softmax.
    """
    if not scores.is_floating_point() or scores.ndim == 0:
        raise ValueError(
            f"scores must be a floating-point tensor of shape (..., q, k), "
            f"got {scores.dtype} of shape {tuple(scores.shape)}"
        )
    if mask is not None:
        _check_mask(mask, scores.shape)
        scores = scores.masked_fill(~mask, float("-inf"))
    # The softmax of a row of −∞ is NaN, and so is its gradient, even if the NaN is replaced afterwards.
    # Such a row is therefore filled with zeros before the softmax and emptied after it.
    empty = (scores == float("-inf")).all(dim=-1, keepdim=True)
    return torch.softmax(scores.masked_fill(empty, 0.0), dim=-1).masked_fill(empty, 0.0)


def attend(scores: Tensor, values: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    r"""Average the values with the weights that the scores give.

    .. math:: o_i = \sum_j w_{ij}\, v_j, \qquad w = \operatorname{masked\_softmax}(s, m)

    Args:
        scores: How well each query matches each key, shape ``(..., q, k)``.
        values: What the keys stand for, shape ``(..., k, v)``, in the type of ``scores``.
        mask: Boolean, True = may attend, broadcastable to ``scores``. ``None`` lets every query see every key.

    Returns:
        The output, shape ``(..., q, v)``, and the weights, shape ``(..., q, k)``. A query with nothing to attend to
        gets weights 0 and output 0.

    Raises:
        ValueError: If the shapes or types do not fit together.

    Source:
        Vaswani et al. (2017), equation 1, with the score left open; Nadaraya (1964) and Watson (1964) for
        log-kernel scores.
    """
    if scores.ndim < 2:
        raise ValueError(f"scores must have shape (..., q, k), got {tuple(scores.shape)}")
    _check_values(values, scores.shape, scores.dtype)
    weights = masked_softmax(scores, mask)
    return weights @ values, weights


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
            with entries from 0 to ``num_keys``.
    """
    if num_keys < 0:
        raise ValueError(f"num_keys must be at least 0, got {num_keys}")
    if lengths.ndim not in (1, 2) or lengths.is_floating_point() or lengths.dtype == torch.bool:
        raise ValueError(
            f"lengths must be an integer tensor of shape (batch,) or (batch, q), "
            f"got {lengths.dtype} of shape {tuple(lengths.shape)}"
        )
    if lengths.numel() and not (lengths.min() >= 0 and lengths.max() <= num_keys):
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
    if tokens.ndim != 2 or tokens.is_floating_point():
        raise ValueError(
            f"tokens must be an integer tensor of shape (batch, k), got {tokens.dtype} of shape {tuple(tokens.shape)}"
        )
    return (tokens != padding)[:, None, :]


def _check_mask(mask: Tensor, shape: torch.Size) -> None:
    """Reject a mask that PyTorch would take, but in another meaning."""
    if mask.dtype != torch.bool:
        raise ValueError(f"mask must be boolean, True where a query may attend, got {mask.dtype}")
    try:
        fits = torch.broadcast_shapes(mask.shape, shape) == shape
    except RuntimeError:
        fits = False
    if not fits:
        raise ValueError(f"mask of shape {tuple(mask.shape)} must broadcast to the scores of shape {tuple(shape)}")


def _check_values(values: Tensor, shape: torch.Size, dtype: torch.dtype) -> None:
    """Reject values that do not fit scores of this shape and type."""
    if values.ndim < 2 or values.shape[-2] != shape[-1]:
        raise ValueError(
            f"values must have shape (..., k, v) with one row per key, k = {shape[-1]} as in scores "
            f"{tuple(shape)}, got {tuple(values.shape)}"
        )
    if values.dtype != dtype:
        raise ValueError(f"values must have the type of scores, {dtype}, got {values.dtype}")
    try:
        torch.broadcast_shapes(shape[:-2], values.shape[:-2])
    except RuntimeError:
        raise ValueError(
            f"values {tuple(values.shape)} must have batch dimensions that broadcast with those of "
            f"scores {tuple(shape)}"
        ) from None
