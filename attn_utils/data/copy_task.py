"""The copy task: read a string of random symbols, write it again.

There are :math:`16^n` strings of length :math:`n`, so that a long one is never seen twice: there is no training set to
learn by heart.

Source:
    Graves et al. (2014), section 4.1, with symbols in place of bit vectors.
"""

import torch
from torch import Tensor

from attn_utils._checks import check_size
from attn_utils.data.vocabulary import END, SPECIAL, START

__all__ = ["SYMBOLS", "VOCABULARY_SIZE", "copies", "letters", "one_text"]

SYMBOLS = "abcdefghijklmnop"
"""The symbols that strings are made of."""

VOCABULARY_SIZE = len(SPECIAL) + len(SYMBOLS)
"""Numbers in use: the special ones of :mod:`attn_utils.data.vocabulary`, then the symbols."""


def copies(batch: int, length: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    """Draw strings to be copied.

    Args:
        batch: Number of strings, ``b``.
        length: Symbols of each, ``n``.
        generator: Where the draws come from; PyTorch's own if ``None``.

    Returns:
        The strings as token numbers, shape ``(b, n)``, and what is to be written, the same and then ``END``, shape
        ``(b, n + 1)``.

    Raises:
        ValueError: If ``batch`` or ``length`` is not a positive integer.

    Example:
        >>> source, target = copies(2, 5)
        >>> source.shape, target.shape
        (torch.Size([2, 5]), torch.Size([2, 6]))
    """
    check_size("batch", batch)
    check_size("length", length)
    source = torch.randint(len(SPECIAL), VOCABULARY_SIZE, (batch, length), generator=generator)
    return source, torch.cat([source, source.new_full((batch, 1), END)], dim=1)


def one_text(source: Tensor, target: Tensor) -> Tensor:
    """Put string, ``START`` and copy into one text, as a decoder-only model reads it.

    Args:
        source: Shape ``(b, n)``.
        target: Shape ``(b, m)``.

    Returns:
        Shape ``(b, n + 1 + m)``. The logits at the places from ``n`` on, but for the last, are those of ``target``.
    """
    return torch.cat([source, source.new_full((len(source), 1), START), target], dim=1)


def letters(tokens: Tensor) -> str:
    """Write token numbers, shape ``(n,)``, as letters up to the first ``END``; other special ones become ``·``."""
    written = tokens.tolist()
    written = written[: written.index(END)] if END in written else written
    return "".join("·" if token < len(SPECIAL) else SYMBOLS[token - len(SPECIAL)] for token in written)
