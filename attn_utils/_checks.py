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


def check_sizes(**sizes: int) -> None:
    """Reject the first of these sizes that is not a positive integer."""
    for name, size in sizes.items():
        check_size(name, size)


def check_dropout(dropout: float) -> None:
    """Reject a share of features that cannot be set to 0, or all of them."""
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must be at least 0 and less than 1, got {dropout}")


def check_tokens(name: str, tokens: Tensor, vocabulary_size: int) -> Tensor:
    """Return token numbers, shape ``(b, length)``, of any integer type as the int64 that an embedding takes."""
    if tokens.ndim != 2 or tokens.is_floating_point() or tokens.is_complex() or tokens.dtype == torch.bool:
        raise ValueError(
            f"{name} must hold token numbers in shape (batch, length), "
            f"got {tokens.dtype} of shape {tuple(tokens.shape)}"
        )
    tokens = tokens.long()
    # A compiled graph cannot branch on data.
    if not torch.compiler.is_compiling() and tokens.numel():
        low, high = (int(number) for number in tokens.aminmax())
        if not 0 <= low <= high < vocabulary_size:
            raise ValueError(
                f"{name} must hold token numbers from 0 to {vocabulary_size - 1}, as the vocabulary has "
                f"{vocabulary_size} words, got numbers from {low} to {high}"
            )
    return tokens


def check_padding(name: str, real: Tensor) -> None:
    """Reject sentences that are empty or have padding before a word; ``real``, shape ``(b, s)``, is True at words."""
    if not torch.compiler.is_compiling() and not (
        real.any(dim=1).all() and torch.equal(real, real.cummin(dim=1).values)
    ):
        raise ValueError(f"{name} must hold at least one word in every row, and padding only after the words")


def check_special_tokens(start: int, end: int, padding: int) -> None:
    """Reject special symbols that cannot be told apart."""
    numbers = {"start": start, "end": end, "padding": padding}
    if len({*numbers.values()}) < 3 or min(numbers.values()) < 0:
        raise ValueError(f"start, end and padding must be three different numbers of at least 0, got {numbers}")


def check_possible(log_probs: Tensor) -> None:
    """Reject a step of a model after which a sentence cannot go on: its best log-probabilities, any shape."""
    if not (log_probs > -torch.inf).all():
        raise ValueError("model.step must give a token a probability, got logits with NaN or with −∞ for every token")
