"""The small machine under the rules: words that know what they translate, phrases, chance, and rules called by name.

A rule is a function that takes the draw of a sentence, builds something in both languages at once, and returns it as a
``Phrase``. It calls other rules by name, ``RULES["noun_phrase"](d, …)``, because they call each other in circles (a
noun phrase can hold a relative clause, which holds a noun phrase), and files that imported each other in circles could
not be read one after the other.
"""

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

from attn_utils.data.grammar.words import Noun, Verb

__all__ = ["RULES", "DeadEndError", "Draw", "English", "French", "Phrase", "after", "rule"]

T = TypeVar("T")


class English:
    """An English word.

    ``lemma`` is that of a noun, a name or an adjective, else "": a sentence must not say one of them twice. ``links``
    holds its links to each place of the French sentence, (its own place, that place), once the sentence is joined.
    """

    __slots__ = ("lemma", "links", "text")

    def __init__(self, text: str, lemma: str = "") -> None:
        self.text = text
        self.lemma = lemma
        self.links: Sequence[tuple[int, int]] = ()


class French:
    """A French word and the English words that it translates.

    ``before_vowel`` is the form it takes before a vowel, where that is not settled by ``surface.ELISION``.
    """

    __slots__ = ("before_vowel", "possible", "sure", "text")

    def __init__(
        self, text: str, sure: Sequence[English] = (), possible: Sequence[English] = (), before_vowel: str = ""
    ) -> None:
        self.text = text
        self.sure = sure
        self.possible = possible
        self.before_vowel = before_vowel


class Phrase:
    """English and French words that mean the same, with the features that other rules ask for.

    Attributes:
        english: The English words in order.
        french: The French words in order.
        slot: Which form of a verb it takes as a subject: 0 je, 1 il, 2 nous, 3 ils.
        form: Which form of an adjective it takes: 0 masculine, 1 masculine plural, 2 feminine, 3 feminine plural.
        kind: "human", "animal" or "thing".
        noun: Its head, or None for a pronoun, a name or a coordination.
        indefinite: True for "a man", "many men": for nobody whom one knows.
        tense: Of a clause or a predicate, the tense of its verb.
        negated: Of a clause or a predicate, whether it is denied.
        verb: Of a clause or a predicate, its verb; that of the purpose, if it has one.
    """

    __slots__ = ("english", "form", "french", "indefinite", "kind", "negated", "noun", "slot", "tense", "verb")

    def __init__(
        self,
        english: list[English],
        french: list[French],
        slot: int = 1,
        form: int = 0,
        kind: str = "thing",
        noun: Noun | None = None,
        indefinite: bool = False,
        tense: str = "",
        negated: bool = False,
        verb: Verb | None = None,
    ) -> None:
        self.english = english
        self.french = french
        self.slot = slot
        self.form = form
        self.kind = kind
        self.noun = noun
        self.indefinite = indefinite
        self.tense = tense
        self.negated = negated
        self.verb = verb

    def say(self, english: list[English], french: list[French]) -> "Phrase":
        """Return a phrase of other words with the features of this one."""
        return Phrase(
            english,
            french,
            self.slot,
            self.form,
            self.kind,
            self.noun,
            self.indefinite,
            self.tense,
            self.negated,
            self.verb,
        )


def after(first: Phrase, *others: Phrase) -> Phrase:
    """Put phrases one after the other in both languages. The features are those of the first."""
    english, french = [*first.english], [*first.french]
    for other in others:
        english += other.english
        french += other.french
    return first.say(english, french)


class DeadEndError(Exception):
    """The choices so far leave nothing sensible to say. The sentence is thrown away."""


RULES: dict[str, Callable[..., Phrase]] = {}
"""All rules by name: ``RULES["person"](d)`` builds a person. Each file of the grammar enters its own."""


def rule(function: Callable[..., Phrase]) -> Callable[..., Phrase]:
    """Enter a function among the rules, under its own name."""
    RULES[function.__name__] = function
    return function


class Draw:
    """The random choices of one sentence, and what has been said so far.

    Attributes:
        random: Returns the next number in [0, 1).
        phenomena: What of grammar the sentence has shown.
        note: Adds a name to ``phenomena``.
        modified: (adjective, noun) of each adjective beside its noun.
        antecedent: True once a noun has been named that "it" or "they" might be taken to mean.
        timed: True once the clause has a time expression.
        kind: What was spoken of last, "human", "animal" or "thing": people are in other places than owls.
        owner: The possessive that means the subject named last: "my", "his", "her", "our", "their", or "".
    """

    def __init__(self, rng: random.Random) -> None:
        self.random = rng.random
        self.phenomena: set[str] = set()
        self.note = self.phenomena.add
        self.modified: set[tuple[str, str]] = set()
        self.antecedent = False
        self.timed = False
        self.kind = ""
        self.owner = ""

    def chance(self, p: float) -> bool:
        """Return True with probability ``p``."""
        return self.random() < p

    def one_of(self, options: Sequence[T]) -> T:
        """Return one of ``options``, each with the same probability."""
        return options[int(self.random() * len(options))]
