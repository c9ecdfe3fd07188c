"""One translation as the alignment explorer shows it: a record that checks itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import torch

__all__ = ["END_WORD", "Link", "Translation", "check_links", "check_words", "compare"]

END_WORD = "</s>"

Link = tuple[int, int]
Candidate = tuple[str, float]


@dataclass(frozen=True)
class Translation:
    """A sentence of ``s`` source words, its translation of ``t`` words, and what each step compared.

    Lists, arrays and tensors are taken and kept as tuples.

    Args:
        label: Its name in the menu.
        source: The source words.
        target: The words as the model wrote them, with its end symbol ``"</s>"`` unless it was cut off.
        reference: The words that it should have written, without an end symbol.
        queries: Projected, shape ``(t, a)``, with ``a`` hidden units.
        keys: Prepared, shape ``(s, a)``.
        candidates: For each step, pairs of a word and its probability.
        sure: Gold links, as pairs of a source index and a target index.
        possible: Gold links, the sure ones among them.

    Raises:
        ValueError: If a field is not as described.
    """

    label: str
    source: Sequence[str]
    target: Sequence[str]
    reference: Sequence[str]
    queries: Sequence[Sequence[float]]
    keys: Sequence[Sequence[float]]
    candidates: Sequence[Sequence[Candidate]]
    sure: Sequence[Link] = ()
    possible: Sequence[Link] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.label, str) or not self.label:
            raise ValueError(f"label must be a name, got {self.label!r}")
        checked: dict[str, Any] = {
            name: check_words(name, getattr(self, name)) for name in ("source", "target", "reference")
        }
        s, t = len(checked["source"]), len(checked["target"])
        checked |= {name: check_links(name, getattr(self, name), s, t) for name in ("sure", "possible")}
        lost = set(checked["sure"]) - set(checked["possible"])
        if lost:
            raise ValueError(f"possible must hold the sure links too, lacks {min(lost)}")
        checked["queries"] = _rows("queries", self.queries, t)
        checked["keys"] = _rows("keys", self.keys, s)
        widths = [len(checked[name][0]) for name in ("queries", "keys")]
        if widths[0] != widths[1]:
            raise ValueError(f"keys must have as many columns as queries, {widths[0]}, got {widths[1]}")
        checked["candidates"] = _candidates(self.candidates, t)
        for name, value in checked.items():
            object.__setattr__(self, name, value)  # frozen for everyone else

    @property
    def differences(self) -> tuple[tuple[int, int, tuple[str, ...]], ...]:
        """Where the translation departs from the reference.

        For each stretch its first word, the word after its last, and the words that the reference has there instead.
        """
        blocks = compare(self.reference, self.target).get_opcodes()
        return tuple((b1, b2, tuple(self.reference[a1:a2])) for kind, a1, a2, b1, b2 in blocks if kind != "equal")


def compare(reference: Sequence[str], target: Sequence[str]) -> SequenceMatcher[str]:
    """Match the words of a reference with those of a translation, leaving its end symbol out."""
    words = target[:-1] if target[-1] == END_WORD else target
    return SequenceMatcher(None, reference, words, autojunk=False)


def check_words(name: str, words: Any) -> tuple[str, ...]:
    """Return the words of a sentence, or say what is wanted."""
    if not isinstance(words, list | tuple) or not words or not all(isinstance(word, str) for word in words):
        raise ValueError(f"{name} must be a list of at least one word, got {words!r}")
    return tuple(words)


def check_links(name: str, links: Iterable[Any], s: int, t: int) -> tuple[Link, ...]:
    """Return the links of ``s`` source words with ``t`` target words, or say what is wanted."""
    try:
        pairs = tuple((int(j), int(i)) for j, i in links)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must hold pairs (source index, target index), got {links!r}") from None
    for j, i in pairs:
        if not (0 <= j < s and 0 <= i < t):
            raise ValueError(f"{name} must link {s} source words with {t} target words, got ({j}, {i})")
    return pairs


def _rows(name: str, rows: Any, length: int) -> tuple[tuple[float, ...], ...]:
    wanted = f"{name} must hold finite numbers of shape ({length}, any)"
    try:
        numbers = torch.as_tensor(rows, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"{wanted}, got {rows!r}") from None
    if numbers.ndim != 2 or len(numbers) != length or numbers.shape[1] == 0:
        raise ValueError(f"{wanted}, got shape {tuple(numbers.shape)}")
    if not torch.isfinite(numbers).all():
        raise ValueError(f"{wanted}, got some that are not finite")
    return tuple(map(tuple, numbers.tolist()))


def _candidates(candidates: Any, t: int) -> tuple[tuple[Candidate, ...], ...]:
    try:
        steps = tuple(tuple((str(word), float(p)) for word, p in step) for step in candidates)
    except (TypeError, ValueError):
        raise ValueError("candidates must hold (word, probability) pairs for each step") from None
    if len(steps) != t or not all(steps):
        raise ValueError(f"candidates must have words for each of {t} steps, got {len(steps)} steps")
    for word, probability in (candidate for step in steps for candidate in step):
        if not 0 <= probability <= 1:
            raise ValueError(f"candidates must have probabilities from 0 to 1, got {probability} for {word!r}")
    return steps
