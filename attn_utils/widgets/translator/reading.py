"""From what somebody types to words that the translator knows, or to the reason why not."""

from __future__ import annotations

import re
from collections.abc import Collection

from attn_utils.data.vocabulary import SPECIAL

__all__ = ["LONGEST", "read_words"]

LONGEST = 24
"""Words of the longest sentence that the translator has seen in training."""


def read_words(text: str, known: Collection[str]) -> tuple[list[str], str]:
    """Cut a text into words as the corpus writes them: small letters, no points, ``'s`` and ``'`` apart.

    Args:
        text: What somebody has typed.
        known: The words that the translator knows.

    Returns:
        The words, and why they cannot be translated: ``"empty"``, ``"symbol"``, ``"unknown"``, ``"long"``, or ``""`` if
        they can.
    """
    small = re.sub(r"[’`´]", "'", text.lower())
    words = re.sub(r"('s?)(?=[\s.,;:!?]|$)", r" \1", re.sub(r"[.,;:!?]+(?=\s|$)", " ", small)).split()
    if not words:
        return words, "empty"
    if any(word in SPECIAL for word in words):
        return words, "symbol"
    if any(word not in known for word in words):
        return words, "unknown"
    return words, "long" if len(words) > LONGEST else ""
