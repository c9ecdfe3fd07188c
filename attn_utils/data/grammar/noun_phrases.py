"""Noun phrases: determiner, adjectives, noun, and what may follow it.

How "the old cat" becomes "le vieux chat": ``noun_phrase`` draws the noun, a determiner that goes with it
(``determiners.fit``), its number, and adjectives. Gender and number together are the *form* (0 masculine, 1 masculine
plural, 2 feminine, 3 feminine plural), by which determiner, adjective and, later, participle choose their French word.
English puts both adjectives in front of the noun, French one on each side.
"""

from collections.abc import Sequence

from attn_utils.data.grammar.determiners import OF_NOBODY_KNOWN, determiner, fit, is_plural
from attn_utils.data.grammar.engine import RULES, Draw, English, French, Phrase, rule
from attn_utils.data.grammar.lexicon import NAMES
from attn_utils.data.grammar.templates import Template, weighted
from attn_utils.data.grammar.words import Adjective, Noun, lemmas, tagged

__all__ = ["article_and_noun"]

# Both can stand beside one noun: "the big red car", la grosse voiture rouge.
SIZES = frozenset({"big", "small", "old", "new", "long", "beautiful", "young"})
AFTER_SIZE = frozenset({"black", "white", "red", "blue", "green", "wooden", "italian", "modern", "heavy"})

POSSESSOR = {
    "singular": Template("OWNER 's THING = THING~2 de/2 OWNER"),
    "plural in -s": Template("OWNER ' THING = THING~2 de/2 OWNER"),
}
OF = Template("PART of WHOLE = PART de WHOLE")

PERSONS = tagged("person", "kin")
WITH_DOORS = lemmas("house church castle museum hotel school kitchen car")
SETTLEMENTS = lemmas("village city")
WHOSE_DOOR = weighted("the:2 this own")
WHICH_TOWN = weighted("the:2 this")
KNOWN = weighted("the:2 own:3")
CONTAINED = weighted("one:3 two this the")
CONTAINERS = tuple(
    (noun, lemmas(drinks))
    for vessel, drinks in (("cup", "coffee tea"), ("glass", "water milk wine"), ("bottle", "water milk wine"))
    for noun in lemmas(vessel)
)


@rule
def noun_phrase(d: Draw, nouns: Sequence[Noun], kinds: Sequence[str], depth: int = 1, singular: bool = False) -> Phrase:
    """Build determiner, adjectives and noun; while ``depth`` > 0 also what may follow the noun.

    Args:
        d: The draw.
        nouns: What the noun is drawn from.
        kinds: What the determiner is drawn from.
        depth: How many relative clauses may be inside one another.
        singular: True where a plural would make no sense.
    """
    noun = d.one_of(nouns)
    kind = fit(d, noun, d.one_of(kinds))
    plural = not singular and is_plural(d, noun, kind)
    form = 2 * noun.gender + plural
    before, after = _adjectives(d, noun) if kind not in ("generic", "each") else (None, None)
    english, french = determiner(d, kind, form, before is not None)
    if before:
        word = _english_adjective(d, before, noun, "adjective before noun")
        english.append(word)
        french.append(French(before.french[form][0], (word,), (), "" if form else before.before_vowel))
    behind = []
    if after:
        word = _english_adjective(d, after, noun, "adjective after noun")
        english.append(word)
        behind = [French(text, (word,)) for text in after.french[form]]
    head_english, head_french = _head(d, noun, plural)
    if kind == "generic":
        french[0].possible = head_english[-1:]
    english += head_english
    french += head_french
    french += behind
    phrase = Phrase(english, french, 3 if plural else 1, form, noun.kind, noun, kind in OF_NOBODY_KNOWN)
    if kind == "genitive":
        phrase = _possessor(d, phrase)
    return _extended(d, phrase, noun, kind, depth) if depth else phrase


def _adjectives(d: Draw, noun: Noun) -> tuple[Adjective | None, Adjective | None]:
    """Draw an adjective for before the French noun, one for after it, both or none."""
    before = d.one_of(noun.before) if noun.before and d.chance(0.24) else None
    # A compound would have two right places for it, une tasse rouge à café and une tasse à café rouge: so none.
    after = d.one_of(noun.after) if noun.after and not noun.modifier and d.chance(0.33) else None
    if before and after and not (before.english in SIZES and after.english in AFTER_SIZE):
        after = None
    return before, after


def _english_adjective(d: Draw, adjective: Adjective, noun: Noun, phenomenon: str) -> English:
    d.note(phenomenon)
    d.modified.add((adjective.english, noun.lemma))
    return English(adjective.english, adjective.english)


def _head(d: Draw, noun: Noun, plural: bool) -> tuple[list[English], list[French]]:
    """Return the noun, or a compound: apple juice → jus de pomme."""
    head = English(noun.english[plural], noun.english[0])
    if not noun.modifier:
        return [head], [French(noun.french[plural], (head,))]
    d.note("compound noun")
    modifier = English(noun.modifier, noun.modifier)
    *between, last = noun.tail
    return [modifier, head], [
        French(noun.french[plural], (head,)),
        *[French(text, (), (modifier,)) for text in between],
        French(last, (modifier,)),
    ]


def _possessor(d: Draw, thing: Phrase) -> Phrase:
    """Add the possessor: "the neighbor 's cat", le chat du voisin."""
    d.note("possessive")
    d.antecedent = True
    owner = RULES["person"](d)
    plural_in_s = owner.slot == 3 and owner.english[-1].text.endswith("s")
    return POSSESSOR["plural in -s" if plural_in_s else "singular"].fill(owner, thing)


def _extended(d: Draw, phrase: Phrase, noun: Noun, kind: str, depth: int) -> Phrase:
    """Return a noun phrase with what follows its noun, or as it is."""
    tags = noun.tags
    if "opening" in tags and kind == "the" and d.chance(0.6):
        return OF.fill(phrase, noun_phrase(d, WITH_DOORS, WHOSE_DOOR, 0))
    if "public" in tags and kind == "the" and d.chance(0.15):
        return OF.fill(phrase, noun_phrase(d, SETTLEMENTS, WHICH_TOWN, 0))
    if (kind in ("the", "a", "this", "two", "all") and tags & {"person", "animal"} and d.chance(0.12)) or (
        kind in ("the", "all") and phrase.kind == "thing" and "mass" not in tags and d.chance(0.16)
    ):
        return RULES["relative_clause"](d, phrase, depth)
    if kind in ("the", "a", "two", "all") and tags & {"person", "animal"} and d.chance(0.08):
        return RULES["noun_and_place"](d, phrase)
    return phrase


@rule
def container(d: Draw, negation: str | None) -> Phrase:
    """Build "a glass of water", un verre d' eau."""
    noun, drinks = d.one_of(CONTAINERS)
    kind = "any" if negation else d.one_of(CONTAINED)
    plural = kind == "two"
    form = 2 * noun.gender + plural
    english, french = determiner(d, kind, form)
    head_english, head_french = _head(d, noun, plural)
    drink = Phrase(*_head(d, d.one_of(drinks), plural=False))
    vessel = Phrase([*english, *head_english], [*french, *head_french], 3 if plural else 1, form, "thing", noun)
    return OF.fill(vessel, drink)


@rule
def person(d: Draw) -> Phrase:
    """Build a person one knows, who owns, helps or comes along: marie, my aunt, the doctor."""
    if d.chance(0.3):
        return name(d)
    return noun_phrase(d, PERSONS, KNOWN, 0)


@rule
def name(d: Draw) -> Phrase:
    """Build a proper name."""
    text, gender = d.one_of(NAMES)
    word = English(text, text)
    return Phrase([word], [French(text, (word,))], 1, 2 * gender, "human")


def article_and_noun(d: Draw, noun: Noun, kind: str = "the") -> Phrase:
    """Return a noun in the singular with its determiner alone: à l' école, chez le boulanger."""
    form = 2 * noun.gender
    english, french = determiner(d, kind, form)
    head = English(noun.english[0], noun.english[0])
    return Phrase([*english, head], [*french, French(noun.french[0], (head,))], 1, form, noun.kind, noun)
