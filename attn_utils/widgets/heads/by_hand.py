"""A sentence and four heads made by hand, each of which looks at something that can be named."""

import math

import torch
from torch import Tensor

__all__ = ["WORDS", "heads_by_hand"]

WORDS = ["the", "dog", "bites", "the", "old", "man"]
# Noun, verb, article, adjective.
KINDS = [2, 0, 1, 2, 3, 0]
SHARP = 40.0


def heads_by_hand() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return queries, keys and values of four heads, and what each head writes into an output of two features.

    Head 1 looks at the word before, head 2 at words of its own kind, head 3 at the first word and head 4 at all words
    alike.

    Returns:
        Queries and keys of shape ``(4, 6, 6)``, values of shape ``(4, 6, 2)`` and the blocks of the output matrix of
        shape ``(4, 2, 2)``, float64.
    """
    n = len(WORDS)
    places = torch.eye(n, dtype=torch.float64)
    kinds = torch.zeros(n, n, dtype=torch.float64)
    kinds[torch.arange(n), torch.tensor(KINDS)] = 1.0
    scale = SHARP / math.sqrt(n)
    before = torch.cat([places[:1], places[:-1]])  # the first word looks at itself
    queries = torch.stack([scale * before, scale * kinds, scale * places[:1].expand(n, n), torch.zeros_like(places)])
    keys = torch.stack([places, kinds, places, places])
    # What a word passes on: its place on a circle, so that every word adds something else.
    angles = 2 * math.pi * torch.arange(n, dtype=torch.float64) / n
    values = torch.stack([angles.cos(), angles.sin()], dim=-1).expand(4, n, 2)
    turns = [0.0, 0.5, -0.5, 1.0]
    blocks = torch.stack(
        [torch.tensor([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]], dtype=torch.float64) for a in turns]
    )
    return queries, keys, values, blocks
