"""Checks of arguments, each in one place: a wrong argument is refused in the same words wherever it comes in.

The names are public inside the package. Checks that must read data stand aside where there is no data to read:
while a function is compiled, exported or mapped (see :func:`holds`).
"""

import torch
from torch import Tensor


def holds(condition: Tensor, unknown: bool) -> bool:
    """Read a tensor of one boolean, or return ``unknown`` where it cannot be read.

    A graph that is being compiled or exported cannot branch on data, ``torch.vmap`` sees many data at once, and a
    tensor on the device "meta" has none. PyTorch names only the first of these in public; the others raise.
    """
    if torch.compiler.is_compiling():
        return unknown
    try:
        return bool(condition)
    except RuntimeError:
        return unknown


def types_fit(x: Tensor, other: Tensor) -> bool:
    """Say whether two tensors are of one type, or will be: ``torch.autocast`` makes one of all but float64."""
    if x.dtype == other.dtype:
        return True
    return torch.is_autocast_enabled(x.device.type) and torch.float64 not in {x.dtype, other.dtype}


def check_size(name: str, size: int) -> None:
    """Reject a number of features that is not a positive integer."""
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise ValueError(f"{name} must be a positive integer, got {size!r}")


def check_integers(name: str, x: Tensor, shapes: str, ndims: tuple[int, ...]) -> None:
    """Reject a tensor that does not hold integers, or has another number of dimensions than one of ``ndims``."""
    if x.ndim not in ndims or x.is_floating_point() or x.is_complex() or x.dtype == torch.bool:
        raise ValueError(f"{name} must be an integer tensor of shape {shapes}, got {x.dtype} of shape {tuple(x.shape)}")


def check_rows(name: str, x: Tensor) -> None:
    """Reject a tensor that is not floating point of shape ``(..., length, d)``."""
    if not x.is_floating_point() or x.ndim < 2 or x.shape[-1] == 0:
        raise ValueError(
            f"{name} must be floating point of shape (..., length, d) with d > 0, "
            f"got {x.dtype} of shape {tuple(x.shape)}"
        )


def check_features(name: str, x: Tensor, size: int) -> None:
    """Reject a tensor that is not floating point of shape ``(..., length, size)``."""
    if not x.is_floating_point() or x.ndim < 2 or x.shape[-1] != size:
        raise ValueError(
            f"{name} must be floating point of shape (..., length, {size}), got {x.dtype} of shape {tuple(x.shape)}"
        )


def check_map(name: str, x: Tensor, channels: int) -> None:
    """Reject a tensor that is not a floating-point feature map of shape ``(b, channels, H, W)`` with pixels."""
    if not x.is_floating_point() or x.ndim != 4 or x.shape[1] != channels or 0 in x.shape[2:]:
        raise ValueError(
            f"{name} must be floating point of shape (b, {channels}, H, W) with H, W > 0, "
            f"got {x.dtype} of shape {tuple(x.shape)}"
        )


def check_types(queries: Tensor, keys: Tensor) -> None:
    """Reject queries and keys of different types."""
    if not types_fit(queries, keys):
        raise ValueError(f"keys must have the type of queries, {queries.dtype}, got {keys.dtype}")


def check_batches(queries: Tensor, keys: Tensor) -> None:
    """Reject queries and keys of different types, or with batch dimensions that do not broadcast."""
    check_types(queries, keys)
    try:
        torch.broadcast_shapes(queries.shape[:-2], keys.shape[:-2])
    except RuntimeError:
        raise ValueError(
            f"keys {tuple(keys.shape)} must have batch dimensions that broadcast with those of "
            f"queries {tuple(queries.shape)}"
        ) from None


def check_groups(queries: Tensor, keys: Tensor, values: Tensor) -> None:
    """Reject queries, keys and values whose heads, dimension -3, cannot be grouped."""
    shapes = [tuple(x.shape) for x in (queries, keys, values)]
    heads = [shape[-3] if len(shape) > 2 else 0 for shape in shapes]
    if 0 in heads or heads[1] != heads[2] or heads[0] % heads[1]:
        raise ValueError(
            "grouped_heads must be False, or keys and values have as many heads as each other, dimension -3, "
            f"a number that divides the heads of queries: got queries {shapes[0]}, keys {shapes[1]}, "
            f"values {shapes[2]}"
        )
    # The heads fit. The dimensions before them broadcast, as always.
    check_batches(queries[..., :1, :, :], keys[..., :1, :, :])


def check_points(queries: Tensor, keys: Tensor) -> None:
    """Reject queries and keys that are not points of one space."""
    check_rows("queries", queries)
    check_features("keys", keys, queries.shape[-1])


def check_pair(queries: Tensor, keys: Tensor) -> None:
    """Reject queries and keys that are not points of one space, or do not fit together in type or batch."""
    check_points(queries, keys)
    check_batches(queries, keys)


def check_scores(scores: Tensor) -> None:
    """Reject scores that are not floating point or have no axis of keys."""
    if not scores.is_floating_point() or scores.ndim == 0:
        raise ValueError(
            f"scores must be a floating-point tensor of shape (..., q, k), "
            f"got {scores.dtype} of shape {tuple(scores.shape)}"
        )


def check_mask(mask: Tensor, shape: tuple[int, ...]) -> None:
    """Reject a mask that PyTorch would take, but in another meaning."""
    if mask.dtype != torch.bool:
        raise ValueError(f"mask must be boolean, True where a query may attend, got {mask.dtype}")
    try:
        fits = torch.broadcast_shapes(mask.shape, shape) == torch.Size(shape)
    except RuntimeError:
        fits = False
    if not fits:
        raise ValueError(f"mask of shape {tuple(mask.shape)} must broadcast to the scores of shape {tuple(shape)}")


def check_values(values: Tensor, scores: Tensor, shape: tuple[int, ...]) -> None:
    """Reject values that do not fit scores of this shape, and of the type of the tensor ``scores``."""
    if values.ndim < 2 or values.shape[-2] != shape[-1]:
        raise ValueError(
            f"values must have shape (..., k, v) with one row per key, k = {shape[-1]} as in scores "
            f"{tuple(shape)}, got {tuple(values.shape)}"
        )
    finer = scores.dtype == torch.float32 and values.dtype in {torch.float16, torch.bfloat16}
    if not finer and not types_fit(values, scores):
        raise ValueError(f"values must have the type of scores, {scores.dtype}, got {values.dtype}")
    try:
        torch.broadcast_shapes(shape[:-2], values.shape[:-2])
    except RuntimeError:
        raise ValueError(
            f"values {tuple(values.shape)} must have batch dimensions that broadcast with those of "
            f"scores {tuple(shape)}"
        ) from None


def check_dropout(dropout: float) -> None:
    """Reject a share that is not at least 0 and less than 1."""
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must be at least 0 and less than 1, got {dropout}")


def check_count(name: str, count: int) -> None:
    """Reject a number of things that is not an integer of at least 0."""
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise ValueError(f"{name} must be an integer of at least 0, got {count!r}")


def check_sizes(**sizes: int) -> None:
    """Reject the first of these sizes that is not a positive integer."""
    for name, size in sizes.items():
        check_size(name, size)


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


def position_rows(positions: Tensor | None, x: Tensor) -> Tensor:
    """Return the positions ``(..., length)`` of the rows of ``x``, with a dimension of heads where ``x`` has one.

    Their shape is then ``(..., 1, length, 1)``. None are made up: with a cache the first row is not at 0.
    """
    if positions is None:
        raise ValueError("positions must be given to a score that looks at them: query_positions and key_positions")
    if positions.is_complex() or positions.dtype == torch.bool:
        raise ValueError(f"positions must be numbers, got {positions.dtype}")
    if positions.ndim < 1 or positions.shape[-1] != x.shape[-2] or positions.ndim >= x.ndim:
        raise ValueError(
            f"positions must have shape (..., {x.shape[-2]}), one for each row and none for heads, "
            f"got {tuple(positions.shape)} for {tuple(x.shape)}"
        )
    heads = (1,) if positions.ndim == x.ndim - 2 else ()
    return positions.reshape(*positions.shape[:-1], *heads, positions.shape[-1], 1)
