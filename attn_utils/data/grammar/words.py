"""The lexicon, read: nouns, adjectives and verbs as objects, and ways to pick out a class of them."""

from dataclasses import dataclass, field

from attn_utils.data.grammar import lexicon
from attn_utils.data.grammar.morphology import (
    EnglishVerb,
    FrenchVerb,
    english_plural,
    english_verb,
    four_forms,
    french_plural,
    french_verb,
)

__all__ = [
    "ADJECTIVES",
    "NOUNS",
    "OBJECTS_OF",
    "QUALITIES_OF",
    "VERBS",
    "Adjective",
    "Noun",
    "Verb",
    "lemmas",
    "tagged",
    "verbs",
]


@dataclass(frozen=True, slots=True, eq=False)
class Noun:
    """A noun, or a compound of two nouns.

    Attributes:
        lemma: The English singular, with its modifier: "juice", "apple juice".
        english: Singular and plural of the English head.
        french: Singular and plural of the French head.
        gender: 0 masculine, 1 feminine.
        tags: Semantic classes, and the words of the lemma's head.
        kind: "human", "animal" or "thing".
        modifier: English noun before the head, or "".
        tail: French words after the head, before contraction: ``("à", "le", "fromage")``.
        before: Adjectives that may stand before the French noun.
        after: Adjectives that may stand after it.
    """

    lemma: str
    english: tuple[str, str]
    french: tuple[str, str]
    gender: int
    tags: frozenset[str]
    kind: str
    modifier: str = ""
    tail: tuple[str, ...] = ()
    before: list["Adjective"] = field(default_factory=list, repr=False)
    after: list["Adjective"] = field(default_factory=list, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Adjective:
    """An adjective in one of its French senses.

    Attributes:
        english: The English word.
        french: Masculine, masculine plural, feminine, feminine plural. A form is one word or more.
        before_vowel: The masculine singular before a noun that begins with a vowel (bel, vieil, nouvel), or "".
        attributive: True if it never follows "to be".
        tags: What it may be said of.
    """

    english: str
    french: tuple[tuple[str, ...], ...]
    before_vowel: str
    attributive: bool
    tags: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class Verb:
    """A verb in one of its senses, with what may be its subject and its object.

    Attributes:
        english: Its English forms.
        french: Its French forms.
        particle: English preposition before the object, or "".
        link: French words between verb and object: ``("à",)``, ``("besoin", "de")``.
        aspect: "s" state, "p" perception, "h" habit or action, "d" action, "a" over in an instant, "x" accident.
        placed: True if one may say where it is done.
        subjects: Tags of its subjects.
        objects: Tags of its objects. Empty for an intransitive verb.
    """

    english: EnglishVerb
    french: FrenchVerb
    particle: str
    link: tuple[str, ...]
    aspect: str
    placed: bool
    subjects: frozenset[str]
    objects: frozenset[str]


def _noun(row: str, *, compound: bool = False) -> Noun:
    columns = row.split()
    modifier = columns.pop(0) if compound else ""
    english, _, english_many = columns[0].partition("/")
    french, _, french_many = columns[1].partition("/")
    tags = frozenset([*columns[5 if compound else 3 :], english])
    return Noun(
        lemma=f"{modifier} {english}".strip(),
        english=(english, english_many or english_plural(english)),
        french=(french, french_many or french_plural(french)),
        gender="mf".index(columns[2]),
        tags=tags,
        kind="human" if "human" in tags else "animal" if "animal" in tags else "thing",
        modifier=modifier,
        tail=(*columns[3].split("+"), columns[4]) if compound else (),
    )


def _adjective(row: str) -> tuple[Adjective, str]:
    english, french, place, *tags = row.split()
    masculine, feminine, before_vowel = (*french.split("/"), "", "")[:3]
    feminine = feminine or masculine + ("" if masculine.endswith("e") else "e")
    four = (masculine,) * 4 if "+" in masculine else four_forms(masculine, feminine)  # "en bois" has one form
    forms = tuple(tuple(form.split("+")) for form in four)
    return Adjective(english, forms, before_vowel, place.endswith("!"), frozenset(tags)), place.rstrip("!")


def _verb(row: str) -> Verb:
    left, _, right = row.partition(" = ")
    english = left.split()
    particle = english.pop().lstrip("+") if english[-1].startswith("+") else ""
    french, aspect, *tags = right.split()
    infinitive, *link = french.rstrip("*").split("+")
    middle = tags.index(">")
    return Verb(
        english_verb(*english),
        french_verb(infinitive, "être" if french.endswith("*") else "avoir"),
        particle,
        tuple(link),
        aspect[0],
        aspect.endswith("@"),
        frozenset(tags[:middle]),
        frozenset(tags[middle + 1 :]),
    )


def _read_adjectives(nouns: tuple[Noun, ...]) -> tuple[Adjective, ...]:
    """Read the adjectives, and enter each at the nouns that it may be said of."""
    adjectives = []
    for row in lexicon.rows(lexicon.ADJECTIVES):
        adjective, place = _adjective(row)
        adjectives.append(adjective)
        for noun in nouns:
            if noun.tags & adjective.tags:
                (noun.before if place == "before" else noun.after).append(adjective)
    return tuple(adjectives)


NOUNS = tuple(
    [_noun(row) for row in lexicon.rows(lexicon.NOUNS)]
    + [_noun(row, compound=True) for row in lexicon.rows(lexicon.COMPOUNDS)]
)
ADJECTIVES = _read_adjectives(NOUNS)
VERBS = tuple(_verb(row) for row in lexicon.rows(lexicon.VERBS))


def tagged(*tags: str) -> tuple[Noun, ...]:
    """Return the nouns that have at least one of the tags, in the order of the lexicon."""
    return tuple(noun for noun in NOUNS if noun.tags & set(tags))


def lemmas(words: str) -> tuple[Noun, ...]:
    """Return the nouns named, in the order in which they are named: ``lemmas("garden park")``."""
    by_lemma = {noun.lemma: noun for noun in NOUNS}
    return tuple(by_lemma[word] for word in words.split())


def verbs(bases: str) -> tuple[Verb, ...]:
    """Return the verbs named, in every sense but "know that", in the order of the lexicon."""
    named = bases.split()
    return tuple(verb for verb in VERBS if verb.english.base in named and verb.french.infinitive != "savoir")


OBJECTS_OF = {verb: tagged(*verb.objects) for verb in VERBS if verb.objects}
"""The nouns that can be the object of a verb."""

QUALITIES_OF = {
    noun: tuple(adjective for adjective in (*noun.before, *noun.after) if not adjective.attributive) for noun in NOUNS
}
"""The adjectives that can follow "is", by the noun of the subject."""
