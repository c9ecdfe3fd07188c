"""Checks of arguments that kernels and scores share.

What concerns scores, values and masks is checked once, in :mod:`attn_utils.attention`.
"""

import torch
from torch import Tensor


def check_size(name: str, size: int) -> None:
    """Reject a number of features that is not a positive integer."""
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise ValueError(f"{name} must be a positive integer, got {size!r}")


def check_features(name: str, x: Tensor, size: int) -> None:
    """Reject a tensor that is not floating point of shape ``(..., length, size)``."""
    if not x.is_floating_point() or x.ndim < 2 or x.shape[-1] != size:
        raise ValueError(
            f"{name} must be floating point of shape (..., length, {size}), got {x.dtype} of shape {tuple(x.shape)}"
        )


def check_batches(queries: Tensor, keys: Tensor) -> None:
    """Reject queries and keys of different types, or with batch dimensions that do not broadcast."""
    if keys.dtype != queries.dtype:
        raise ValueError(f"keys must have the type of queries, {queries.dtype}, got {keys.dtype}")
    try:
        torch.broadcast_shapes(queries.shape[:-2], keys.shape[:-2])
    except RuntimeError:
        raise ValueError(
            f"keys {tuple(keys.shape)} must have batch dimensions that broadcast with those of "
            f"queries {tuple(queries.shape)}"
        ) from None


def check_pair(queries: Tensor, keys: Tensor) -> None:
    """Reject queries and keys that are not points of one space."""
    if not queries.is_floating_point() or queries.ndim < 2 or queries.shape[-1] == 0:
        raise ValueError(
            f"queries must be floating point of shape (..., q, d) with d > 0, "
            f"got {queries.dtype} of shape {tuple(queries.shape)}"
        )
    check_features("keys", keys, queries.shape[-1])
    check_batches(queries, keys)


def check_count(name: str, count: int) -> None:
    """Reject a number of things that is not an integer of at least 0."""
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise ValueError(f"{name} must be an integer of at least 0, got {count!r}")
