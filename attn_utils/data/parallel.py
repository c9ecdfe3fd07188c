"""An English–French corpus from a synchronous grammar, with gold word alignments.

The grammar builds both sentences at once, and a French word remembers which English words it translates: so the links
are right whatever the order of the words. It is the package ``attn_utils.data.grammar``, whose docstring says how to
read it; this module draws a corpus from it.

What a link means. *Sure*: words that carry the meaning, function words with a counterpart, ``not`` → {``ne``, ``pas``},
both parts of a contraction ({``of``, ``the``} → ``du``). *Possible*: helpers (``do``, ``will``, ``is`` of *is
singing*) → the French verb, the English past tense → the French auxiliary, ``'s`` → the article of what is possessed,
prepositions that only one of the languages has. Every word on both sides has a link.

One English sentence has exactly one French one. Conventions, where English says less than French:

- ``it`` as an object is ``le``, except where its antecedent stands in the same sentence ("bought an apple and ate it":
  ``l' a mangée``). ``they`` is ``ils``, with the same exception. ``them`` takes the masculine plural.
- A profession has the gender of its French noun: ``the doctor`` is ``le médecin``, ``the nurse`` is ``l' infirmière``.
- The English simple past and present perfect are both the *passé composé*; "was singing" and "was old" are the
  *imparfait*.
- There is no ``you``, and ``I`` and ``we`` never need an agreement that would show their gender.

Sentences are in lower case, without final punctuation. Elided forms and ``'s`` are words of their own.
"""

import gc
import random

from attn_utils.data.grammar.engine import RULES, DeadEndError, Draw
from attn_utils.data.grammar.surface import join, repeats
from attn_utils.data.pairs import Pair

__all__ = ["LONGEST", "PHENOMENA", "SHORTEST", "generate"]

SHORTEST = 3
"""Least number of English words in a sentence."""

LONGEST = 24
"""Greatest number of English words in a sentence."""

PHENOMENA = (
    "adjective after noun",
    "adjective before noun",
    "adverb",
    "auxiliary être",
    "clitic",
    "comparison",
    "compound noun",
    "compound tense",
    "contraction",
    "coordination",
    "elision",
    "existential",
    "future",
    "generic article",
    "idiom with avoir",
    "imperfect",
    "modal verb",
    "negation",
    "participle agreement",
    "partitive",
    "possessive",
    "possessive determiner",
    "predicate adjective",
    "prepositional verb",
    "purpose clause",
    "relative clause",
    "subordinate clause",
    "that-clause",
    "time expression",
)
"""What :attr:`~attn_utils.data.pairs.Pair.phenomena` may hold."""


def generate(num_pairs: int = 40_000, seed: int = 0) -> list[Pair]:
    """Generate sentence pairs, no two with the same English sentence.

    The same seed gives the same pairs on every machine; the first pairs are the same whatever ``num_pairs``.

    Args:
        num_pairs: How many.
        seed: Which corpus to draw.

    Returns:
        The pairs, in the order in which they were drawn.

    Raises:
        ValueError: If ``num_pairs`` is not a positive integer.
    """
    if not isinstance(num_pairs, int) or isinstance(num_pairs, bool) or num_pairs < 1:
        raise ValueError(f"num_pairs must be a positive integer, got {num_pairs!r}")
    collecting = gc.isenabled()
    gc.disable()  # a million small objects, none in a cycle: looking for cycles would take a fifth of the time
    try:
        return _draw_pairs(num_pairs, random.Random(seed))
    finally:
        if collecting:
            gc.enable()


def _draw_pairs(num_pairs: int, rng: random.Random) -> list[Pair]:
    pairs: dict[tuple[str, ...], Pair] = {}
    while len(pairs) < num_pairs:
        d = Draw(rng)
        try:
            phrase = RULES["sentence"](d)
        except DeadEndError:
            continue
        if SHORTEST <= len(phrase.english) <= LONGEST and not repeats(phrase.english):
            pair = join(d, phrase)
            pairs.setdefault(pair.source, pair)
    return list(pairs.values())
