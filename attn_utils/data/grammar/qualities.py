"""Predicates with "to be": what somebody is like, is, feels, and where. French has avoir for some of them."""

from collections.abc import Sequence

from attn_utils.data.grammar.determiners import DEFINITE
from attn_utils.data.grammar.engine import RULES, DeadEndError, Draw, English, French, Phrase, after, rule
from attn_utils.data.grammar.templates import Template, templates
from attn_utils.data.grammar.verb_groups import be
from attn_utils.data.grammar.words import NOUNS, QUALITIES_OF, Adjective, Noun, tagged

__all__ = ["HUNGRY", "MOODS", "MOODS_OF_SPEAKERS", "THIRSTY", "adjective_phrase"]

HUNGRY = Template("BE hungry = BE faim")
THIRSTY = Template("BE thirsty = BE soif")
AFRAID = Template("BE afraid of WHAT = BE peur de WHAT")
VERY, TOO = templates("""
very QUALITY = très QUALITY
too QUALITY = trop QUALITY
""")
AS_MUCH, MORE = templates("""
as QUALITY as OTHER = aussi QUALITY que OTHER
more QUALITY than OTHER = plus QUALITY que OTHER
""")
A_JOB = Template("BE a JOB = BE JOB~2")  # French has no article here


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Which adjectives go where.
PASSING = _words("tired sick sad happy clean dirty empty hot cold")
"""They go with "never" and "will be"."""
CAN_BE_TOO_MUCH = _words("big small old young long heavy expensive tired sad dangerous hot cold")
GRADABLE = CAN_BE_TOO_MUCH | _words("beautiful happy rich famous intelligent honest interesting")
COMPARED_BY_MORE = _words("beautiful expensive famous intelligent dangerous interesting tired")
OPPOSITES = tuple(
    map(
        _words,
        (
            "big small long",
            "old young new",
            "good bad delicious",
            "black white red blue green",
            "clean dirty",
            "hot cold",
            "tired sick sad happy",
            "famous interesting",
        ),
    )
)
"""Of what one of a group has been said, no other is said: not "the old hat is new"."""

_PEOPLE = {adjective.english: adjective for noun in tagged("person", "kin") for adjective in QUALITIES_OF[noun]}


def _of_people(text: str) -> list[Adjective]:
    return [_PEOPLE[word] for word in text.split()]


OF_PEOPLE = _of_people("tired sick sad happy rich intelligent honest young old")
OF_SPEAKERS = _of_people("sick sad rich young honest")
"""Of "I" and "we" only what is written alike in both genders: *je suis malade*."""
MOODS = _of_people("tired sick sad happy")
MOODS_OF_SPEAKERS = _of_people("sick sad")

COMPARABLE = _words("human animal fruit dish garment text tool furniture vehicle building land")
RIVALS = {
    noun: {
        word: tuple(
            other
            for other in NOUNS
            if other.english != noun.english
            and other.tags & noun.tags & COMPARABLE
            and any(adjective.english == word for adjective in QUALITIES_OF[other])
        )
        for word in GRADABLE
    }
    for noun in NOUNS
}
"""What a noun can be compared with, by adjective."""

PROFESSIONS = [[noun for noun in tagged("job") if noun.gender == gender] for gender in (0, 1)]
FEARED = tagged("animal")
UNPLACED = _words("opening room land structure tree")
"""Things that are where they are: nobody says where the forest is."""


def _tense_of_be(tense: str) -> str:
    return tense if tense in ("past", "future") else "present"


def adjective_phrase(adjective: Adjective, subject: Phrase) -> Phrase:
    """Return an adjective that agrees with the subject: les filles sont *intelligentes*."""
    word = English(adjective.english, adjective.english)
    return Phrase([word], [French(text, (word,)) for text in adjective.french[subject.form]])


@rule
def quality(d: Draw, subject: Phrase, tense: str, negation: str | None, depth: int) -> Phrase:
    """Build "is very old", est très vieille; or a comparison."""
    tense = _tense_of_be(tense)
    said = {word.lemma for word in subject.english}
    excluded = {word for group in OPPOSITES if said & group for word in group}
    adjectives = [adjective for adjective in _said_of(subject) if adjective.english not in excluded]
    if not adjectives:
        return whereabouts(d, subject, tense, negation, depth)
    d.note("predicate adjective")
    adjective = d.one_of(adjectives)
    if adjective.english not in PASSING:
        tense = "present" if tense == "future" else tense
        negation = negation and "not"
    verb = be(d, subject, tense, negation)
    phrase = adjective_phrase(adjective, subject)
    how = d.random()
    if adjective.english in GRADABLE and how < 0.42:
        if how < 0.24:
            too = adjective.english in CAN_BE_TOO_MUCH and d.chance(0.5)
            phrase = (TOO if too else VERY).fill(phrase)
        else:
            phrase = _comparison(d, subject, phrase, adjective)
    return after(verb, phrase)


def _said_of(subject: Phrase) -> Sequence[Adjective]:
    """Return the adjectives that may be said of a subject."""
    if subject.noun is not None:
        return QUALITIES_OF[subject.noun]
    return OF_SPEAKERS if subject.slot in (0, 2) else OF_PEOPLE


def _comparison(d: Draw, subject: Phrase, phrase: Phrase, adjective: Adjective) -> Phrase:
    """Return "as old as the village", aussi vieille que le village; the adjective alone if it has no rival."""
    if subject.noun is None:
        other = RULES["name"](d)
    else:
        nouns: Sequence[Noun] = RIVALS[subject.noun][adjective.english]
        if not nouns:
            return phrase
        other = RULES["noun_phrase"](d, nouns, DEFINITE, 0)
    d.note("comparison")
    more = adjective.english in COMPARED_BY_MORE and d.chance(0.6)
    return (MORE if more else AS_MUCH).fill(phrase, other)


@rule
def profession(d: Draw, subject: Phrase, tense: str, negation: str | None, depth: int) -> Phrase:
    """Build "is a doctor", est médecin."""
    if subject.slot != 1 or (subject.noun is not None and "kin" not in subject.noun.tags):
        return quality(d, subject, tense, negation, depth)
    noun = d.one_of(PROFESSIONS[subject.form // 2])
    head = English(noun.english[0], noun.english[0])
    verb = be(d, subject, _tense_of_be(tense), negation and "not")
    return A_JOB.fill(verb, Phrase([head], [French(noun.french[0], (head,))]))


@rule
def feeling(d: Draw, subject: Phrase, tense: str, negation: str | None, depth: int) -> Phrase:
    """Build "is hungry", a faim; "is afraid of the dog", a peur du chien."""
    d.note("idiom with avoir")
    verb = be(d, subject, _tense_of_be(tense), negation, french="avoir")
    if d.chance(0.6):
        return d.one_of((HUNGRY, THIRSTY)).fill(verb)
    return AFRAID.fill(verb, RULES["noun_phrase"](d, FEARED, DEFINITE, 0))


@rule
def whereabouts(d: Draw, subject: Phrase, tense: str, negation: str | None, depth: int) -> Phrase:
    """Build "is in the garden", "is under the table"."""
    if subject.noun is not None and subject.noun.tags & UNPLACED:
        raise DeadEndError
    return after(be(d, subject, _tense_of_be(tense), negation and "not"), RULES["somewhere"](d, subject))
