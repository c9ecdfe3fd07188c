"""The grammar."""

from attn_utils.data.grammar import (
    circumstances,
    clauses,
    determiners,
    noun_phrases,
    predicates,
    pronouns,
    qualities,
    sentences,
)

__all__ = [
    "circumstances",
    "clauses",
    "determiners",
    "noun_phrases",
    "predicates",
    "pronouns",
    "qualities",
    "sentences",
]
