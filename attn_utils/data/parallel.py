"""An English–French corpus from a synchronous grammar, with gold word alignments.

The grammar builds both sentences at once. A ``Phrase`` is a list of English words and a list of French words, and
**a French word remembers which English words it translates**. So a rule may put its parts in any order on either side,
or wrap one around the other (``ne`` … ``pas``), and the links stay right: they are read off at the very end. The rules
are functions named after what they build: ``noun_phrase``, ``verb_group``, ``clause``. Agreement is carried
by the phrase: who is the subject of the verb, what gender and number it has. A last pass, ``join``, elides and
contracts (le + ami → l' ami, de + le → du).

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
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from attn_utils.data.lexicon import ADJECTIVES, ASPIRATED, NAMES, NOUNS, VERBS, Adjective, Noun, Verb, french_verb
from attn_utils.data.pairs import Pair

__all__ = ["LONGEST", "PHENOMENA", "SHORTEST", "generate"]

T = TypeVar("T")
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


# ---------------------------------------------------------------------------------------------------------------------
# Words, phrases and chance
# ---------------------------------------------------------------------------------------------------------------------


class English:
    """An English word. Its place in the sentence is known once the sentence is joined."""

    __slots__ = ("place", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = -1


class French:
    """A French word and the English words that it translates.

    ``before_vowel`` is the form it takes before a vowel, where that is not settled by :data:`ELISION`.
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
    """English and French words that mean the same, with the features that agreement needs.

    Attributes:
        english: The English words in order.
        french: The French words in order.
        slot: Which form of a verb it takes as a subject: 0 je, 1 il, 2 nous, 3 ils.
        form: Which form of an adjective it takes: 0 masculine, 1 masculine plural, 2 feminine, 3 feminine plural.
        kind: "human", "animal" or "thing".
        noun: Its head, or None for a pronoun, a name or a coordination.
        tense: Of a clause, the tense of its verb.
    """

    __slots__ = ("english", "form", "french", "kind", "noun", "slot", "tense")

    def __init__(
        self,
        english: list[English],
        french: list[French],
        slot: int = 1,
        form: int = 0,
        kind: str = "thing",
        noun: Noun | None = None,
        tense: str = "",
    ) -> None:
        self.english = english
        self.french = french
        self.slot = slot
        self.form = form
        self.kind = kind
        self.noun = noun
        self.tense = tense


class DeadEndError(Exception):
    """The choices so far leave nothing sensible to say. The sentence is thrown away."""


class Draw:
    """The random choices of one sentence, and notes of what they led to."""

    def __init__(self, rng: random.Random) -> None:
        self.random = rng.random
        self.phenomena: set[str] = set()
        self.modified: set[tuple[str, str]] = set()
        self.antecedent = False  # True once a noun has been named that "it" or "they" might be taken to mean
        self.timed = False  # True once the clause has a time expression
        self.kind = ""  # of the subject
        self.possessing = False  # True while the object of "have" is built
        self.owner = ""  # the possessive that refers to the subject: "my", "his", "her", "our", "their"

    def chance(self, p: float) -> bool:
        """Return True with probability ``p``."""
        return self.random() < p

    def one_of(self, options: Sequence[T]) -> T:
        """Return one of ``options``, each with the same probability."""
        return options[int(self.random() * len(options))]


class Expression:
    """A fixed expression: its words in both languages and the links between them.

    Args:
        english: English words.
        french: French words.
        links: ``"0-2"`` is a sure link from English word 0 to French word 2, ``"1~2"`` a possible one. Left out: one to
            one if there are as many words on either side, else all to all.
    """

    def __init__(self, english: str, french: str, links: str = "") -> None:
        self.english, self.french = english.split(), french.split()
        if not links:
            m, n = len(self.english), len(self.french)
            places = [(i, i) for i in range(m)] if m == n else [(i, j) for i in range(m) for j in range(n)]
            links = " ".join(f"{i}-{j}" for i, j in places)
        numbers = [(mark, link.split(mark)) for link in links.split() for mark in link if mark in "-~"]
        self.sure: list[list[int]] = [[] for _ in self.french]
        self.possible: list[list[int]] = [[] for _ in self.french]
        for mark, (i, j) in numbers:
            (self.sure if mark == "-" else self.possible)[int(j)].append(int(i))

    def phrase(self) -> Phrase:
        """Return fresh words."""
        english = [English(text) for text in self.english]
        french = [
            French(text, [english[i] for i in sure], [english[i] for i in possible])
            for text, sure, possible in zip(self.french, self.sure, self.possible, strict=True)
        ]
        return Phrase(english, french)


# ---------------------------------------------------------------------------------------------------------------------
# Noun phrases
# ---------------------------------------------------------------------------------------------------------------------

# English singular and plural; French masculine, masculine plural, feminine, feminine plural.
DETERMINERS = {
    "the": (("the", "the"), ("le", "les", "la", "les")),
    "a": (("a", "some"), ("un", "des", "une", "des")),
    "one": (("a", ""), ("un", "", "une", "")),
    "this": (("this", "these"), ("ce", "ces", "cette", "ces")),
    "my": (("my", "my"), ("mon", "mes", "ma", "mes")),
    "his": (("his", "his"), ("son", "ses", "sa", "ses")),
    "her": (("her", "her"), ("son", "ses", "sa", "ses")),
    "our": (("our", "our"), ("notre", "nos", "notre", "nos")),
    "their": (("their", "their"), ("leur", "leurs", "leur", "leurs")),
    "each": (("each", ""), ("chaque", "", "chaque", "")),
    "several": (("", "several"), ("", "plusieurs", "", "plusieurs")),
    "two": (("", "two"), ("", "deux", "", "deux")),
    "three": (("", "three"), ("", "trois", "", "trois")),
}
POSSESSIVES = frozenset({"my", "his", "her", "our", "their"})
MANY_ONES = frozenset({"two", "three", "several", "many", "all", "each"})
ONLY_PLURAL = frozenset({"several", "two", "three", "many", "all", "none", "generic"})

# What may introduce a noun phrase, by its role. A kind that stands there twice is drawn twice as often.
SUBJECTS = (
    ("the",) * 7
    + ("own",) * 4
    + ("a", "a", "this", "this", "genitive", "genitive", "genitive", "two", "many", "all", "each")
)
THINGS_AS_SUBJECTS = ("the",) * 6 + ("own",) * 3 + ("this", "this", "genitive", "genitive", "all")
DEFINITE = ("the",) * 5 + ("own",) * 3 + ("this", "genitive")
OBJECTS = ("the",) * 5 + ("a",) * 6 + ("own",) * 3 + ("this", "genitive", "two", "three", "several", "many")
NEGATED = ("the", "the", "the", "any", "any", "any", "any", "own", "own", "this")
HABITS = ("a",) * 6 + ("own", "two")
INDEFINITE = ("a",) * 4 + ("two", "several", "many")
AFTER_SIZE = frozenset({"black", "white", "red", "blue", "green", "wooden", "italian", "modern", "heavy"})
SIZES = frozenset({"big", "small", "old", "new", "long", "beautiful", "young"})


def noun_phrase(d: Draw, nouns: Sequence[Noun], kinds: Sequence[str], depth: int = 1, singular: bool = False) -> Phrase:
    """Build determiner, adjectives and noun; possessor, prepositional phrase or relative clause while ``depth`` > 0."""
    noun = d.one_of(nouns)
    kind = _fit(d, noun, d.one_of(kinds))
    plural = not singular and _number(d, noun, kind)
    form = 2 * noun.gender + plural
    before, after = _adjectives(d, noun) if kind not in ("generic", "each") else (None, None)
    english, french = determiner(d, kind, noun, form, before is not None)
    for adjective, name in ((before, "adjective before noun"), (after, "adjective after noun")):
        if adjective:
            d.phenomena.add(name)
            d.modified.add((adjective.english, noun.lemma))
    english_before = [English(adjective.english) for adjective in (before, after) if adjective]
    if before:
        french.append(French(before.french[form][0], english_before[:1], (), "" if form else before.before_vowel))
    head_english, head_french = _head(d, noun, plural)
    english += [*english_before, *head_english]
    french += head_french
    if after:
        french += [French(text, english_before[-1:]) for text in after.french[form]]
    if kind == "genitive":
        english, french = _possessive(d, english, french)
    elif kind == "generic":
        french[0].possible = head_english[-1:]
    phrase = Phrase(english, french, 3 if plural else 1, form, kind_of(noun), noun)
    if depth:
        _extend(d, phrase, kind, depth)
    return phrase


def kind_of(noun: Noun) -> str:
    """Return "human", "animal" or "thing"."""
    return "human" if "human" in noun.tags else "animal" if "animal" in noun.tags else "thing"


def _fit(d: Draw, noun: Noun, kind: str) -> str:
    """Replace a kind of determiner that does not go with the noun by one that does."""
    if "kin" in noun.tags and kind != "genitive":
        kind = "own"
    elif "mass" in noun.tags and kind in MANY_ONES:
        kind = "the" if kind == "all" else "a"
    elif kind in ("own", "genitive") and "own" not in noun.tags:
        kind = "the"
    elif (kind == "genitive" and noun.tags & {"land", "public"}) or (
        kind in ("the", "this", "all", "each") and noun.lemma == "friend"
    ):
        kind = "own"
    elif kind == "any" and noun.tags & {"human", "animal"} and not d.possessing:
        kind = "the"
    elif kind in ("one", "a") and "shoe" in noun.tags:
        kind = "own"
    if kind == "own":
        kind = d.owner if d.owner and d.chance(0.7) else d.one_of(("my", "our", "their", "his", "her"))
    return kind


def _number(d: Draw, noun: Noun, kind: str) -> bool:
    if "mass" in noun.tags or "single" in noun.tags or kind in ("each", "one"):
        return False
    if kind in POSSESSIVES and noun.tags & {"building", "room", "land"}:
        return False
    return kind in ONLY_PLURAL or "shoe" in noun.tags or d.chance(0.3)


def _adjectives(d: Draw, noun: Noun) -> tuple[Adjective | None, Adjective | None]:
    """Draw an adjective for before the noun, one for after it, both or none."""
    before = d.one_of(noun.before) if noun.before and d.chance(0.24) else None
    after = d.one_of(noun.after) if noun.after and d.chance(0.33) else None
    if before and after and not (before.english in SIZES and after.english in AFTER_SIZE):
        after = None
    return before, after


def _head(d: Draw, noun: Noun, plural: bool) -> tuple[list[English], list[French]]:
    """Build the noun, or a compound: apple juice → jus de pomme."""
    head = English(noun.english[plural])
    if not noun.modifier:
        return [head], [French(noun.french[plural], (head,))]
    d.phenomena.add("compound noun")
    modifier = English(noun.modifier)
    *between, last = noun.tail
    return [modifier, head], [
        French(noun.french[plural], (head,)),
        *[French(text, (), (modifier,)) for text in between],
        French(last, (modifier,)),
    ]


def determiner(
    d: Draw, kind: str, noun: Noun, form: int, adjective_follows: bool
) -> tuple[list[English], list[French]]:
    """Build a determiner. After a negation "a" and "any" are *de*; before an adjective *des* is *de*."""
    plural, mass = form % 2, "mass" in noun.tags
    article = DETERMINERS["the"][1][form]
    if kind in ("any", "none"):
        word = English("no" if kind == "none" else "any" if plural or mass else "a")
        return [word], [French("de", (word,))]
    if kind == "many":
        word = English("many")
        return [word], [French("beaucoup", (word,)), French("de", (word,))]
    if kind == "all":
        all_, the = English("all"), English("the")
        return [all_, the], [French("toutes" if form == 3 else "tous", (all_,)), French("les", (the,))]
    if kind == "a" and mass:
        d.phenomena.add("partitive")
        word = English("some")
        return [word], [French("de", (word,)), French(article, (word,))]
    if kind == "generic":
        d.phenomena.add("generic article")
        return [], [French(article)]
    if kind == "genitive":
        return [], [French(article)]
    if kind in POSSESSIVES:
        d.phenomena.add("possessive determiner")
    english, french = DETERMINERS[kind]
    word = English(english[plural])
    text = "de" if kind == "a" and plural and adjective_follows else french[form]
    return [word], [French(text, (word,))]


def _possessive(d: Draw, english: list[English], french: list[French]) -> tuple[list[English], list[French]]:
    """Add the possessor: [cat] and [le chat] become "the neighbor 's cat" and "le chat du voisin"."""
    d.phenomena.add("possessive")
    d.antecedent = True
    possessor = person(d)
    mark = English("'" if possessor.english[-1].text.endswith("s") and possessor.slot == 3 else "'s")
    french[0].possible = [mark]
    return [*possessor.english, mark, *english], [*french, French("de", (mark,)), *possessor.french]


def person(d: Draw) -> Phrase:
    """Build a definite person, for those who own, help or come along: marie, my aunt, the doctor."""
    if d.chance(0.3):
        return name(d)
    return noun_phrase(d, PERSONS, ("the", "the", "own", "own", "own"), 0)


def name(d: Draw) -> Phrase:
    """Build a proper name."""
    text, gender = d.one_of(NAMES)
    word = English(text)
    return Phrase([word], [French(text, (word,))], 1, 2 * gender, "human")


def _extend(d: Draw, phrase: Phrase, kind: str, depth: int) -> None:
    """Add to a noun phrase what follows its noun, or nothing."""
    noun = phrase.noun
    assert noun is not None
    if "opening" in noun.tags and kind == "the" and d.chance(0.6):
        _attach(phrase, "of", "de", noun_phrase(d, WITH_DOORS, ("the", "the", "this", "own"), 0))
    elif "public" in noun.tags and kind == "the" and d.chance(0.15):
        _attach(phrase, "of", "de", noun_phrase(d, SETTLEMENTS, ("the", "the", "this"), 0))
    elif (kind in ("the", "a", "this", "two", "all") and noun.tags & {"person", "animal"} and d.chance(0.12)) or (
        kind in ("the", "all") and phrase.kind == "thing" and "mass" not in noun.tags and d.chance(0.16)
    ):
        add_relative(d, phrase, depth)
    elif kind in ("the", "a", "two", "all") and noun.tags & {"person", "animal"} and d.chance(0.08):
        d.kind = phrase.kind
        where = place(d, inside=True)
        phrase.english += where.english
        phrase.french += where.french


def _attach(phrase: Phrase, english: str, french: str, other: Phrase) -> None:
    word = English(english)
    phrase.english += [word, *other.english]
    phrase.french += [French(french, (word,)), *other.french]


def add_relative(d: Draw, head: Phrase, depth: int) -> None:
    """Add a relative clause: "who sleeps" → qui dort, "that the boy has eaten" → que le garçon a mangée."""
    noun = head.noun
    assert noun is not None
    verbs = OBJECT_OF[noun.lemma]
    if head.kind == "thing" and not verbs:
        return
    d.phenomena.add("relative clause")
    d.antecedent = True
    if head.kind == "thing" or (verbs and d.chance(0.4)):
        relative = English("that")
        subject = subject_phrase(d, "human", depth - 1, definite=True)
        verb = d.one_of(verbs)
        tense = fit_tense(d, verb, d.one_of(("present", "past", "past", "past", "perfect", "future")), subject)
        if tense == "present" and verb.aspect == "d":
            tense = "progressive"
        group = verb_group(d, subject, verb, tense, preceding=head.form)
        head.english += [relative, *subject.english, *group.english]
        head.french += [French("que", (relative,)), *subject.french, *group.french]
        return
    relative = English("who" if head.kind == "human" else "that")
    d.owner = _owner(head)
    d.kind = head.kind
    rest = predicate(d, head, d.one_of(("present", "past", "past", "future")), None, depth - 1)
    head.english += [relative, *rest.english]
    head.french += [French("qui", (relative,)), *rest.french]


# ---------------------------------------------------------------------------------------------------------------------
# Subjects and pronouns
# ---------------------------------------------------------------------------------------------------------------------

# English, French, slot of the verb, form of the adjective.
PRONOUNS = (
    ("i", "je", 0, 0),
    ("he", "il", 1, 0),
    ("she", "elle", 1, 2),
    ("we", "nous", 2, 1),
    ("they", "ils", 3, 1),
)
# English; French as a direct and as an indirect object; form of the participle that follows, or -1 where it would
# depend on who is speaking.
CLITICS = (
    ("it", "le", "", 0),
    ("him", "le", "lui", 0),
    ("her", "la", "lui", 2),
    ("them", "les", "leur", 1),
    ("me", "me", "me", -1),
    ("us", "nous", "nous", -1),
)


def subject_phrase(d: Draw, kind: str, depth: int = 1, definite: bool = False, pronoun: float = 0.3) -> Phrase:
    """Build a subject of the given kind, and note whom "his" or "their" may refer to."""
    if kind == "human" and d.chance(pronoun):
        subject = _pronoun(d)
    elif kind == "human" and d.chance(0.12):
        subject = name(d)
    elif kind == "human" and not definite and d.chance(0.08):
        subject = coordinate(d, person(d), person(d))
    else:
        kinds = DEFINITE if definite else THINGS_AS_SUBJECTS if kind == "thing" else SUBJECTS
        subject = noun_phrase(d, BY_KIND[kind], kinds, depth)
    d.owner = _owner(subject)
    d.kind = kind
    return subject


def _pronoun(d: Draw) -> Phrase:
    # Once a noun has been named, "they" could mean it; its gender would then have to be kept.
    english, french, slot, form = PRONOUNS[int(d.random() * (4 if d.antecedent else 5))]
    word = English(english)
    return Phrase([word], [French(french, (word,))], slot, form, "human")


def pronoun_for(phrase: Phrase) -> Phrase:
    """Return the pronoun that stands for a phrase already named: elles for "the girls"."""
    if phrase.slot in (0, 2):
        english, french = ("i", "je") if phrase.slot == 0 else ("we", "nous")
    else:
        english = "they" if phrase.slot == 3 else "she" if phrase.form == 2 else "he"
        french = ("il", "ils", "elle", "elles")[phrase.form]
    word = English(english)
    return Phrase([word], [French(french, (word,))], phrase.slot, phrase.form, phrase.kind)


def _owner(subject: Phrase) -> str:
    if subject.kind != "human":
        return ""
    return ("my", "her" if subject.form >= 2 else "his", "our", "their")[subject.slot]


def coordinate(d: Draw, one: Phrase, other: Phrase) -> Phrase:
    """Join two noun phrases by "and"."""
    d.phenomena.add("coordination")
    word = English("and")
    form = 3 if one.form >= 2 and other.form >= 2 else 1
    english = [*one.english, word, *other.english]
    return Phrase(english, [*one.french, French("et", (word,)), *other.french], 3, form, one.kind)


# ---------------------------------------------------------------------------------------------------------------------
# Verb groups
# ---------------------------------------------------------------------------------------------------------------------

DO = ("do", "does", "do", "do")
HAVE = ("have", "has", "have", "have")
BE = {"present": ("am", "is", "are", "are"), "imperfect": ("was", "was", "were", "were")}
WANT = ("want", "wants", "want", "want")
AVOIR, ÊTRE = french_verb("avoir"), french_verb("être")
MODALS = {"can": french_verb("pouvoir"), "must": french_verb("devoir"), "want": french_verb("vouloir")}
SECOND_PART = {"not": "pas", "never": "jamais"}


def fit_tense(d: Draw, verb: Verb, tense: str, subject: Phrase, negation: str | None = None) -> str:
    """Replace a tense that the verb does not have, or that would need an agreement nobody can know."""
    if verb.aspect == "s":
        return "present"
    if verb.aspect == "x" and tense in MODALS:
        tense = "past"
    elif verb.aspect == "x" and tense == "future":
        raise DeadEndError  # nobody will lose a key tomorrow
    elif verb.aspect == "p" and tense in ("must", "want"):
        tense = "can"
    if tense == "present":
        if verb.aspect in "ax":
            tense = "past"
        elif verb.aspect == "d" and negation != "never" and d.chance(0.3):
            tense = "present"  # with an adverb: "always closes the door"
        elif verb.aspect == "d" or (verb.aspect == "h" and d.chance(0.5)):
            tense = "progressive"
    if tense == "past" and verb.english.past == verb.english.base:
        tense = "perfect"  # "they read" could be either tense
    if negation == "never":
        tense = {"past": "perfect", "progressive": "present"}.get(tense, tense)
    if verb.french.auxiliary == "être" and subject.slot in (0, 2) and tense in ("past", "perfect"):
        tense = "future"
    return tense


def verb_group(
    d: Draw,
    subject: Phrase,
    verb: Verb,
    tense: str,
    negation: str | None = None,
    adverb: tuple[str, str] | None = None,
    clitic: tuple[English, French] | None = None,
    preceding: int | None = None,
) -> Phrase:
    """Build a verb with its helpers, negation, adverb and pronoun object, each language in its own order.

    English: helper, not, adverb, verb, particle, pronoun. French: ne, pronoun, finite verb, pas, adverb, participle;
    after a modal verb the pronoun stands before the infinitive.

    Args:
        d: The draw.
        subject: What the finite verb agrees with.
        verb: The verb.
        tense: "present", "progressive", "past", "perfect", "future", "imperfect", "can", "must" or "want".
        negation: "not", "never" or None.
        adverb: A short adverb in both languages.
        clitic: A pronoun object.
        preceding: Form of a direct object that stands before the verb in French: the participle agrees with it.
    """
    no = English(negation) if negation else None
    helpers, main, finite, rest = _tensed(subject, verb, tense, no, preceding)
    _note_tense(d, verb, tense, preceding)
    middle = [English(adverb[0])] if adverb else []
    inner = [no] if no and no.text != "cannot" else []
    to = [helpers.pop()] if tense == "want" else []
    if tense == "want" and no:
        english = [helpers[0], *inner, *helpers[1:], *to, main]
    else:
        english = [*helpers, *inner, *middle, *to, main]
    if adverb and adverb[0] == "well":
        english.remove(middle[0])
        english.append(middle[0])
    link: list[French] = []
    if verb.particle or verb.link:
        d.phenomena.add("prepositional verb")
        link = _particle(verb, main, english, (rest or [finite])[-1], clitic[1] if clitic else None)
    french = [finite]
    pronoun = [clitic[1]] if clitic else []
    if clitic:
        english.append(clitic[0])
        d.phenomena.add("clitic")
        if tense in MODALS:
            rest = [*pronoun, *rest]
        else:
            french = [*pronoun, finite]
    if no:
        d.phenomena.add("negation")
        french = [French("ne", (no,)), *french, French(SECOND_PART[negation or ""], (no,))]
    if adverb:
        french.append(French(adverb[1], middle))
    return Phrase(english, [*french, *rest, *link], subject.slot, subject.form, tense=tense)


def _particle(
    verb: Verb, main: English, english: list[English], lexical: French, clitic: French | None
) -> list[French]:
    """Add the English particle, and return the French words between verb and object: needs → a [besoin de]."""
    particles = [English(verb.particle)] if verb.particle else []
    english += particles
    if not verb.link or clitic:  # the particle has no word of its own: it is part of the verb or of the pronoun
        word = clitic if clitic and verb.link else lexical
        word.possible = [*word.possible, *particles]
        return []
    *nouns, preposition = verb.link
    words = [French(noun, (main,)) for noun in nouns]
    return [*words, French(preposition, particles, () if particles else (main,))]


def _tensed(
    subject: Phrase, verb: Verb, tense: str, no: English | None, preceding: int | None
) -> tuple[list[English], English, French, list[French]]:
    """Return English helpers, English verb, French finite verb, French participle or infinitive."""
    e, f, slot = verb.english, verb.french, subject.slot
    do = not_never = no is not None and no.text == "not"
    if tense in ("past", "perfect"):
        past = tense == "past"
        helpers = [English("did")] * do if past else [English(HAVE[slot])]
        main = English(e.participle if not past else e.base if do else e.past)
        auxiliary = (ÊTRE if f.auxiliary == "être" else AVOIR).present[slot]
        links = ((), helpers or [main]) if past else (helpers, ())
        agreement = subject.form if f.auxiliary == "être" else preceding or 0
        return helpers, main, French(auxiliary, *links), [French(f.participle[agreement], (main,))]
    if tense in MODALS:
        return _modal(verb, tense, slot, no)
    if tense == "present":
        helpers = [English(DO[slot])] * not_never
        main = English(e.third if slot == 1 and not helpers else e.base)
    else:
        texts = {"progressive": BE["present"][slot], "imperfect": BE["imperfect"][slot], "future": "will"}
        helpers = [English(texts[tense])]
        main = English(e.base if tense == "future" else e.gerund)
    forms = {"future": f.future, "imperfect": f.imperfect}.get(tense, f.present)
    return helpers, main, French(forms[slot], (main,), helpers), []


def _modal(
    verb: Verb, tense: str, slot: int, no: English | None
) -> tuple[list[English], English, French, list[French]]:
    main = English(verb.english.base)
    infinitive = French(verb.french.infinitive, (main,))
    if tense != "want":
        if tense == "can" and no:
            no.text = "cannot"  # one English word for three French ones
            helpers = [no]
        else:
            helpers = [English(tense)]
        return helpers, main, French(MODALS[tense].present[slot], helpers), [infinitive]
    to = English("to")
    infinitive.possible = [to]
    want = English("want" if no else WANT[slot])
    do = [English(DO[slot])] * (no is not None)
    return [*do, want, to], main, French(MODALS[tense].present[slot], (want,), do), [infinitive]


def _note_tense(d: Draw, verb: Verb, tense: str, preceding: int | None) -> None:
    if tense in ("past", "perfect"):
        d.phenomena.add("compound tense")
        if verb.french.auxiliary == "être":
            d.phenomena.add("auxiliary être")
        elif preceding:
            d.phenomena.add("participle agreement")
    elif tense in ("future", "imperfect"):
        d.phenomena.add(tense)
    elif tense in MODALS:
        d.phenomena.add("modal verb")


# ---------------------------------------------------------------------------------------------------------------------
# Where, when and with whom
# ---------------------------------------------------------------------------------------------------------------------

# English preposition, French preposition, places. French "à" goes with the bare article only.
INSIDE = (
    ("in", "dans", "garden park kitchen house forest city village"),
    ("at", "à", "market school hospital station museum hotel castle church"),
    ("on", "sur", "beach bridge island boat"),
)
AROUND = (
    (Expression("near", "près de", "0-0 0~1"), "house church castle museum school hospital station tree bridge hotel"),
    (Expression("behind", "derrière"), "house church castle museum school hospital station tree hotel"),
    (Expression("in front of", "devant", "0~0 1-0 2~0"), "house church castle museum school hospital station hotel"),
)
DESTINATIONS = "market school hospital station museum hotel castle church park village beach"
AT_HOME = Expression("at home", "à la maison", "0-0 1~1 1-2")

PAST = (
    Expression("yesterday", "hier"),
    Expression("last night", "hier soir"),
    Expression("last week", "la semaine dernière", "0-2 1~0 1-1"),
    Expression("last year", "l' année dernière", "0-2 1~0 1-1"),
    Expression("this morning", "ce matin"),
    Expression("two days ago", "il y a deux jours", "0-3 1-4 2-0 2-1 2-2"),
    Expression("three weeks ago", "il y a trois semaines", "0-3 1-4 2-0 2-1 2-2"),
)
FUTURE = (
    Expression("tomorrow", "demain"),
    Expression("tonight", "ce soir"),
    Expression("next week", "la semaine prochaine", "0-2 1~0 1-1"),
    Expression("next year", "l' année prochaine", "0-2 1~0 1-1"),
    Expression("tomorrow morning", "demain matin"),
    Expression("in three days", "dans trois jours"),
)
HABIT = (
    Expression("every day", "chaque jour"),
    Expression("every morning", "chaque matin"),
    Expression("every week", "chaque semaine"),
    Expression("in the evening", "le soir", "0~0 1-0 2-1"),
)
NOW = (Expression("now", "maintenant"), Expression("today", "aujourd'hui"))
TIMES = {"past": PAST, "future": FUTURE, "progressive": NOW}
OFTEN = (("often", "souvent"), ("always", "toujours"), ("sometimes", "parfois"))
WITH = Expression("with", "avec")
FOR = Expression("for", "pour")
ON, UNDER = Expression("on", "sur"), Expression("under", "sous")


def when(d: Draw, tense: str) -> Phrase:
    """Build a time expression that fits the tense."""
    d.phenomena.add("time expression")
    d.timed = True
    return d.one_of(TIMES[tense]).phrase()


def place(d: Draw, inside: bool = False) -> Phrase:
    """Build a place: in the garden, at the market, behind the old church, at my aunt 's.

    With ``inside`` it is one that can follow a noun in French, too: le professeur dans le jardin, but not à l' hôpital.
    """
    if inside or d.chance(0.72):
        english, french, nouns = d.one_of(PLACES if d.kind == "human" and not inside else WILD_PLACES)
        if french == "à":  # à l' école, but dans la vieille école
            return _with(English(english), French("à"), plain(d.one_of(nouns)))
        return _with(English(english), French(french), noun_phrase(d, nouns, PLACE_KINDS, 0, singular=True))
    if d.kind == "human" and d.chance(0.25):
        owner = name(d) if d.chance(0.4) else _host(d)
        at, mark = English("at"), English("'s")
        return Phrase([at, *owner.english, mark], [French("chez", (at,), (mark,)), *owner.french])
    if d.kind == "human" and d.chance(0.15):
        return AT_HOME.phrase()
    expression, nouns = d.one_of(NEAR_PLACES)
    return after(expression.phrase(), noun_phrase(d, nouns, PLACE_KINDS, 0, singular=True))


def _host(d: Draw) -> Phrase:
    """Build a person one visits, without an adjective: the baker, my aunt."""
    noun = d.one_of(HOSTS)
    if "kin" not in noun.tags:
        return plain(noun)
    form = 2 * noun.gender
    english, french = determiner(d, d.one_of(("my", "our", "her", "his")), noun, form, False)
    head = English(noun.english[0])
    return Phrase([*english, head], [*french, French(noun.french[0], (head,))], 1, form, "human", noun)


PLACE_KINDS = ("the", "the", "the", "this", "own")


def plain(noun: Noun) -> Phrase:
    """Build a noun with "the" alone."""
    the, head = English("the"), English(noun.english[0])
    article = French(DETERMINERS["the"][1][2 * noun.gender], (the,))
    return Phrase([the, head], [article, French(noun.french[0], (head,))], 1, 2 * noun.gender, kind_of(noun), noun)


def _with(english: English, french: French, phrase: Phrase) -> Phrase:
    french.sure = (english,)
    return Phrase([english, *phrase.english], [french, *phrase.french])


def after(first: Phrase, *others: Phrase) -> Phrase:
    """Put phrases one after the other in both languages. The features are those of the first."""
    english, french = [*first.english], [*first.french]
    for other in others:
        english += other.english
        french += other.french
    return Phrase(english, french, first.slot, first.form, first.kind, first.noun, first.tense)


# ---------------------------------------------------------------------------------------------------------------------
# Predicates
# ---------------------------------------------------------------------------------------------------------------------


def predicate(d: Draw, subject: Phrase, tense: str, negation: str | None, depth: int = 1) -> Phrase:
    """Build what is said of the subject. The tense is changed where the verb needs another."""
    rule = d.one_of(PREDICATES[subject.kind])
    if rule in STATES and subject.french[0].text in ("un", "une", "des", "de", "beaucoup"):
        rule = intransitive  # "a child is sad" would be said of all children
    return rule(d, subject, tense, negation, depth)


def transitive(
    d: Draw, subject: Phrase, tense: str, negation: str | None, depth: int, verbs: Sequence[Verb] = ()
) -> Phrase:
    """Build a verb with an object: a noun phrase after it, or a pronoun."""
    verb = d.one_of(verbs or TRANSITIVE[subject.kind])
    if negation and verb.aspect == "s":
        negation = "not"
    tense = fit_tense(d, verb, tense, subject, negation)
    habit = tense == "present" and verb.aspect == "h" and not negation
    adverb = _adverb(d, verb, tense, negation)
    clitic = object_pronoun(d, verb, tense, subject) if d.chance(0.26) else None
    if clitic:
        pronoun, form = clitic
        group = verb_group(d, subject, verb, tense, negation, adverb, pronoun, form)
    else:
        group = verb_group(d, subject, verb, tense, negation, adverb)
        group = after(group, object_phrase(d, verb, negation, habit, depth))
    return _finish(d, group, verb, tense, negation, habit)


def deed(d: Draw, subject: Phrase, tense: str, negation: str | None, depth: int) -> Phrase:
    """Build a verb of doing with its object."""
    return transitive(d, subject, tense, negation, depth, DOINGS)


def object_pronoun(
    d: Draw, verb: Verb, tense: str, subject: Phrase
) -> tuple[tuple[English, French], int | None] | None:
    """Draw a pronoun object that goes with the verb, and the form of the participle after it; None if there is none."""
    person_only = verb.objects <= {"human", "person", "kin"}
    english, direct, indirect, form = d.one_of(CLITICS)
    indirectly = verb.link == ("à",)
    if (
        (verb.link and not indirectly)
        or verb.english.base in ("have", "like")
        or (d.antecedent and english in ("it", "them"))
        or (english == "it" and person_only)
        or (english == "them" and "drink" in verb.objects)
        or (english in ("him", "her", "me", "us") and "human" not in verb.objects and "person" not in verb.objects)
        or (form < 0 and (subject.slot in (0, 2) or (not indirectly and tense in ("past", "perfect"))))
    ):
        return None
    word = English(english)
    return (word, French(indirect if indirectly else direct, (word,))), None if indirectly else max(form, 0)


def object_phrase(d: Draw, verb: Verb, negation: str | None, habit: bool, depth: int) -> Phrase:
    """Build the noun phrase after a verb, with the preposition that French wants there."""
    nouns = OBJECTS_OF[verb]
    if "drink" in verb.objects and d.chance(0.3):
        return container(d, negation)
    base = verb.english.base
    d.possessing = base == "have"
    if negation and base not in NEVER_PARTITIVE:
        kinds: Sequence[str] = ("any",) if base == "have" else NEGATED
    elif negation and base in ("wait", "look"):
        kinds = DEFINITE
    else:
        kinds = KINDS_OF.get(base) or (HABITS if habit else OBJECTS)
    phrase = noun_phrase(d, nouns, kinds, depth)
    if kinds is OBJECTS and d.chance(0.07):
        phrase = coordinate(d, phrase, noun_phrase(d, nouns, OBJECTS, 0))
    return phrase


def container(d: Draw, negation: str | None) -> Phrase:
    """Build "a glass of water", un verre d' eau."""
    noun, drinks = d.one_of(CONTAINERS)
    kind = "any" if negation else d.one_of(("one", "one", "one", "two", "this", "the"))
    plural = kind == "two"
    form = 2 * noun.gender + plural
    english, french = determiner(d, kind, noun, form, False)
    head, of = English(noun.english[plural]), English("of")
    drink_english, drink_french = _head(d, d.one_of(drinks), False)
    english += [head, of, *drink_english]
    french += [French(noun.french[plural], (head,)), French("de", (of,)), *drink_french]
    return Phrase(english, french, 3 if plural else 1, form, "thing", noun)


def _adverb(d: Draw, verb: Verb, tense: str, negation: str | None) -> tuple[str, str] | None:
    if (
        tense == "present"
        and negation != "never"
        and (verb.aspect == "d" or (verb.aspect in ("h", "p") and d.chance(0.3)))
    ):
        d.phenomena.add("adverb")
        d.timed = True
        return d.one_of(OFTEN[:2]) if negation else d.one_of(OFTEN)
    if tense == "perfect" and not negation and d.chance(0.6):
        d.phenomena.add("adverb")
        return "already", "déjà"
    return None


def _finish(d: Draw, group: Phrase, verb: Verb, tense: str, negation: str | None, habit: bool) -> Phrase:
    """Add to a verb and its objects for whom, where and when, or nothing."""
    parts = []
    if verb.english.base in FOR_SOMEBODY and d.chance(0.1):
        parts += [FOR.phrase(), person(d)]
    if verb.placed and d.chance(0.2):
        parts.append(place(d))
    if not d.timed and d.chance(0.22):
        if habit:
            d.phenomena.add("time expression")
            parts.append(d.one_of(HABIT).phrase())
        elif tense in TIMES and not (tense == "progressive" and negation):
            parts.append(when(d, tense))
    group = after(group, *parts)
    group.tense = tense
    return group


def dative(d: Draw, subject: Phrase, tense: str, negation: str | None, depth: int) -> Phrase:
    """Build a verb with two objects, in any of the orders that English has for them."""
    verb = d.one_of(DATIVE)
    tense = fit_tense(d, verb, tense, subject, negation)
    adverb = _adverb(d, verb, tense, negation)
    order = d.random()
    if order < 0.3:
        english, _, indirect, form = d.one_of(CLITICS[1:])
        if form >= 0 or subject.slot in (1, 3):
            word = English(english)
            group = verb_group(d, subject, verb, tense, negation, adverb, (word, French(indirect, (word,))))
            return _finish(d, after(group, object_phrase(d, verb, negation, False, 0)), verb, tense, negation, False)
    receiver = person(d)
    if order > 0.85 and not d.antecedent:
        word = English("it")
        group = verb_group(d, subject, verb, tense, negation, adverb, (word, French("le", (word,))), 0)
        group = after(group, _with(English("to"), French("à"), receiver))
        return _finish(d, group, verb, tense, negation, False)
    group = verb_group(d, subject, verb, tense, negation, adverb)
    thing = object_phrase(d, verb, negation, False, 0)
    if order > 0.6:
        group = after(group, thing, _with(English("to"), French("à"), receiver))
    else:  # the boy a book → un livre au garçon
        to = French("à", (), receiver.english[-1:])
        group.english += [*receiver.english, *thing.english]
        group.french += [*thing.french, to, *receiver.french]
    return _finish(d, group, verb, tense, negation, False)


def intransitive(d: Draw, subject: Phrase, tense: str, negation: str | None, depth: int) -> Phrase:
    """Build a verb without an object."""
    verb = d.one_of(INTRANSITIVE[subject.kind])
    tense = fit_tense(d, verb, tense, subject, negation)
    adverb = _adverb(d, verb, tense, negation)
    if not adverb and verb.english.base in DONE_WELL and tense not in MODALS and d.chance(0.3):
        adverb = ("well", "bien")
        d.phenomena.add("adverb")
    group = verb_group(d, subject, verb, tense, negation, adverb)
    if verb.english.base in TOGETHER and d.chance(0.25):
        group = after(group, WITH.phrase(), person(d))
    return _finish(d, group, verb, tense, negation, tense == "present" and verb.aspect == "h" and not negation)


def motion(d: Draw, subject: Phrase, tense: str, negation: str | None, depth: int) -> Phrase:
    """Build a verb of coming and going, all of which take être."""
    verb, english, french = d.one_of(MOTION)
    tense = fit_tense(d, verb, tense, subject, negation)
    group = verb_group(d, subject, verb, tense, negation, _adverb(d, verb, tense, negation))
    habit = tense == "present" and verb.aspect == "h" and not negation
    if english == "in":
        group = after(group, place(d))
    elif english:
        group = after(group, _with(English(english), French(french), plain(d.one_of(TO_PLACES))))
        if english == "to" and tense != "want" and not negation and d.chance(0.5):
            return after(group, purpose(d, subject))
    return _finish(d, group, verb, tense, negation, habit)


def purpose(d: Draw, subject: Phrase) -> Phrase:
    """Build "to buy some bread", pour acheter du pain."""
    d.phenomena.add("purpose clause")
    verb = d.one_of(PURPOSES)
    to, main = English("to"), English(verb.english.base)
    group = Phrase([to, main], [French("pour", (to,)), French(verb.french.infinitive, (main,))])
    if verb.particle:
        particle = English(verb.particle)
        group.english.append(particle)
        group.french[-1].possible = (particle,)
    return after(group, object_phrase(d, verb, None, False, 0))


def be(d: Draw, subject: Phrase, tense: str, negation: str | None, verb: str = "be") -> Phrase:
    """Build "is" → est; with ``verb="have"`` French has avoir for it: is hungry → a faim."""
    french = ÊTRE if verb == "be" else AVOIR
    if tense == "future":
        will, main = English("will"), English("be")
        english, finite = [will, main], French(french.future[subject.slot], (main,), (will,))
        d.phenomena.add("future")
    else:
        past = tense in ("past", "perfect", "imperfect")
        main = English(BE["imperfect" if past else "present"][subject.slot])
        english = [main]
        finite = French((french.imperfect if past else french.present)[subject.slot], (main,))
        if past:
            d.phenomena.add("imperfect")
    if not negation:
        return Phrase(english, [finite], tense=tense)
    d.phenomena.add("negation")
    no = English(negation)
    english.insert(1, no)
    return Phrase(english, [French("ne", (no,)), finite, French(SECOND_PART[negation], (no,))], tense=tense)


def quality(d: Draw, subject: Phrase, tense: str, negation: str | None, depth: int) -> Phrase:
    """Build "is very old", est très vieille; or a comparison."""
    tense = tense if tense in ("past", "future") else "present"
    said = {word.text for word in subject.english}
    excluded = {word for group in OPPOSITES if said & group for word in group}
    adjectives = [adjective for adjective in qualities(subject) if adjective.english not in excluded]
    if not adjectives:
        return whereabouts(d, subject, tense, negation, depth)
    d.phenomena.add("predicate adjective")
    adjective = d.one_of(adjectives)
    if adjective.english not in PASSING:
        tense = "present" if tense == "future" else tense
        negation = negation and "not"
    word = English(adjective.english)
    verb = be(d, subject, tense, negation)
    group = Phrase([word], [French(text, (word,)) for text in adjective.french[subject.form]])
    how = d.random()
    if adjective.english in GRADABLE and how < 0.42:
        if how < 0.24:
            group = after((VERY[1] if adjective.english in TOO and d.chance(0.5) else VERY[0]).phrase(), group)
        else:
            group = _comparison(d, subject, group, adjective)
    group = after(verb, group)
    group.tense = tense
    return group


def qualities(subject: Phrase) -> Sequence[Adjective]:
    """Return the adjectives that may be said of a subject."""
    if subject.noun is not None:
        return QUALITIES[subject.noun.lemma]
    return OF_SPEAKERS if subject.slot in (0, 2) else OF_PEOPLE


def _comparison(d: Draw, subject: Phrase, group: Phrase, adjective: Adjective) -> Phrase:
    others = [name(d)] if subject.noun is None else []
    if subject.noun is not None:
        nouns = RIVALS[subject.noun.lemma][adjective.english]
        if not nouns:
            return group
        others = [noun_phrase(d, nouns, DEFINITE, 0)]
    d.phenomena.add("comparison")
    before, behind = AS_MUCH
    if adjective.english in COMPARED_BY_MORE and d.chance(0.6):
        before, behind = MORE
    return after(before.phrase(), group, behind.phrase(), *others)


def profession(d: Draw, subject: Phrase, tense: str, negation: str | None, depth: int) -> Phrase:
    """Build "is a doctor", est médecin: French has no article here."""
    if subject.slot != 1 or (subject.noun is not None and "kin" not in subject.noun.tags):
        return quality(d, subject, tense, negation, depth)
    tense = tense if tense in ("past", "future") else "present"
    noun = d.one_of(PROFESSIONS[subject.form // 2])
    a, head = English("a"), English(noun.english[0])
    verb = be(d, subject, tense, "not" if negation else None)
    return after(verb, Phrase([a, head], [French(noun.french[0], (head,), (a,))]))


def feeling(d: Draw, subject: Phrase, tense: str, negation: str | None, depth: int) -> Phrase:
    """Build "is hungry", a faim; "is afraid of the dog", a peur du chien."""
    d.phenomena.add("idiom with avoir")
    tense = tense if tense in ("past", "future") else "present"
    verb = be(d, subject, tense, negation, "have")
    choice = d.random()
    if choice < 0.6:
        return after(verb, d.one_of(HUNGER).phrase())
    feared = noun_phrase(d, FEARED, DEFINITE, 0)
    return after(verb, AFRAID.phrase(), _with(English("of"), French("de"), feared))


def whereabouts(d: Draw, subject: Phrase, tense: str, negation: str | None, depth: int) -> Phrase:
    """Build "is in the garden", "is under the table"."""
    tense = tense if tense in ("past", "future") else "present"
    if subject.noun is not None and subject.noun.tags & UNPLACED:
        raise DeadEndError
    group = after(be(d, subject, tense, "not" if negation else None), _somewhere(d, subject))
    group.tense = tense
    return group


def _somewhere(d: Draw, subject: Phrase) -> Phrase:
    """Build a place where the subject can be."""
    noun = subject.noun
    if noun is None or subject.kind == "human":
        return place(d)
    if noun.tags & {"food", "drink", "dish", "fruit", "vegetable", "ingredient"} and d.chance(0.7):
        return after(ON.phrase(), noun_phrase(d, FURNITURE[:1], PLACE_KINDS, 0, singular=True))
    if noun.tags & SMALL and d.chance(0.7):
        expression = ON if d.chance(0.6) else UNDER
        return after(expression.phrase(), noun_phrase(d, FURNITURE, PLACE_KINDS, 0, singular=True))
    if subject.kind == "animal" or noun.tags & {"vehicle", "transport"}:
        expression, nouns = d.one_of(NEAR_PLACES)
        return after(expression.phrase(), noun_phrase(d, nouns, PLACE_KINDS, 0, singular=True))
    nouns = SETTLEMENTS if "building" in noun.tags else OUTDOORS if "plant" in noun.tags else INDOORS
    return _with(English("in"), French("dans"), noun_phrase(d, nouns, PLACE_KINDS, 0, singular=True))


# ---------------------------------------------------------------------------------------------------------------------
# Clauses and sentences
# ---------------------------------------------------------------------------------------------------------------------

TENSES = ("present",) * 8 + ("past",) * 6 + ("future",) * 3 + ("perfect", "perfect", "can", "must", "want")


TIME_OF = {"past": "past", "perfect": "past", "imperfect": "past", "future": "future"}
TIME_OF |= dict.fromkeys(("present", "progressive", "can", "must", "want"), "present")


def clause(
    d: Draw,
    tense: str = "",
    negation: str | None = "?",
    kind: str = "",
    definite: bool = False,
    depth: int = 1,
    rules: "Sequence[Rule]" = (),
) -> Phrase:
    """Build subject and predicate. What is not given is drawn."""
    tense = tense or d.one_of(TENSES)
    if negation == "?":
        negation = ("never" if d.chance(0.2) else "not") if d.chance(0.25) else None
    if negation == "never" and tense in MODALS:
        negation = "not"
    kind = kind or d.one_of(KINDS)
    d.timed = False
    subject = subject_phrase(d, kind, depth, definite or negation is not None)
    rest = (
        d.one_of(rules)(d, subject, tense, negation, depth) if rules else predicate(d, subject, tense, negation, depth)
    )
    whole = Phrase(
        [*subject.english, *rest.english],
        [*subject.french, *rest.french],
        subject.slot,
        subject.form,
        kind,
        subject.noun,
        rest.tense or tense,
    )
    d.antecedent = True
    return whole


def simple(d: Draw) -> Phrase:
    """Build a sentence of one clause, sometimes with the time in front."""
    if d.chance(0.12):
        tense = d.one_of(("past", "future"))
        time = when(d, tense)
        subject = subject_phrase(d, "human")
        if subject.slot in (0, 2) and tense == "past":
            return clause(d)
        rest = d.one_of((deed, deed, motion, dative))(d, subject, tense, None, 1)
        if rest.tense != tense:
            raise DeadEndError
        return after(time, subject, rest)
    return clause(d)


def existence(d: Draw) -> Phrase:
    """Build "there is a cat under the table", "there is no milk in the kitchen"."""
    d.phenomena.add("existential")
    noun = d.one_of(THERE)
    past = d.chance(0.3)
    negated = d.chance(0.3)
    kinds = ("none",) if negated else INDEFINITE
    phrase = noun_phrase(d, (noun,), kinds, 0)
    verb = English(BE["imperfect" if past else "present"][phrase.slot])
    there = English("there")
    french = [French("il", (there,)), French("y", (there,)), French("avait" if past else "a", (verb,))]
    if negated:
        d.phenomena.add("negation")
        no = phrase.english[0]
        french = [french[0], French("ne", (no,)), *french[1:], French("pas", (no,))]
    if past:
        d.phenomena.add("imperfect")
    return after(Phrase([there, verb], french), phrase, _somewhere(d, phrase))


def identity(d: Draw) -> Phrase:
    """Build "it is my brother 's dog", c' est le chien de mon frère."""
    it, verb = English("it"), English("is")
    no = English("not") if d.chance(0.25) else None
    french = [French("ce", (it,), (), "c'"), French("est", (verb,))]
    english = [it, verb]
    if no:
        d.phenomena.add("negation")
        english.append(no)
        french = [French("ce", (it,), (), "ce"), French("ne", (no,)), French("est", (verb,)), French("pas", (no,))]
    noun = noun_phrase(d, OWNED_THINGS, ("one", "genitive", "genitive", "own"), 1, singular=True)
    return after(Phrase(english, french), noun)


def reported(d: Draw) -> Phrase:
    """Build "thinks that …", pense que …: a clause as object."""
    d.phenomena.add("that-clause")
    subject = subject_phrase(d, "human", 0, True)
    d.antecedent = True
    verb = d.one_of(REPORTING)
    # "does not think that" would want a subjunctive; "does not know that" does not.
    negation = "not" if verb.english.base == "know" and d.chance(0.3) else None
    tense = "future" if verb.english.base == "hope" else d.one_of(("present", "past", "past", "future", "perfect"))
    that = English("that")
    group = verb_group(d, subject, verb, "present", negation)
    inner = clause(d, tense, depth=1)
    return after(subject, group, Phrase([that], [French("que", (that,))]), inner)


def two_clauses(d: Draw) -> Phrase:
    """Join two clauses by "and" or "but"."""
    d.phenomena.add("coordination")
    tense = d.one_of(("present", "past", "past", "future"))
    d.antecedent = True
    but = d.chance(0.45)
    one = clause(d, tense, negation=d.one_of(("not", None)) if but else None, depth=1)
    word = BUT if but else AND
    negated = but and "ne" not in [french.text for french in one.french]
    two = clause(d, tense, negation="not" if negated else None, depth=1)
    if TIME_OF[one.tense] != TIME_OF[two.tense]:
        raise DeadEndError
    return after(one, word.phrase(), two)


def reason(d: Draw) -> Phrase:
    """Build "… because he was tired": the pronoun agrees with the subject in front."""
    d.phenomena.add("subordinate clause")
    tense = d.one_of(("present", "past", "past", "future"))
    one = clause(d, tense, kind="human", depth=0, rules=DEEDS)
    past = one.tense in ("past", "perfect")
    if d.chance(0.2):
        rain = (RAINED if past else RAINS).phrase()
        return after(one, BECAUSE.phrase(), rain)
    subject = pronoun_for(one)
    moods = MOODS_OF_SPEAKERS if subject.slot in (0, 2) else MOODS
    state = "past" if past else "present"
    needs = [HUNGER[i] for i in (0, 1) if any(word.text in CONSUMING[i] for word in one.english)]
    if needs:
        refusing = any(word.text == "ne" for word in one.french)
        d.phenomena.add("idiom with avoir")
        rest = after(be(d, subject, state, "not" if refusing else None, "have"), needs[0].phrase())
    else:
        d.phenomena.add("predicate adjective")
        adjective = d.one_of(moods)
        word = English(adjective.english)
        verb = be(d, subject, state, "not" if d.chance(0.15) else None)
        rest = after(verb, Phrase([word], [French(adjective.french[subject.form][0], (word,))]))
    return after(one, BECAUSE.phrase(), subject, rest)


def meanwhile(d: Draw) -> Phrase:
    """Build "was sleeping when the doctor arrived", "was reading while …"."""
    d.phenomena.add("subordinate clause")
    subject = subject_phrase(d, "human")
    one = after(subject, _was_doing(d, subject))
    d.antecedent = True
    if d.chance(0.4):
        other = subject_phrase(d, "human", 0, True, pronoun=0.0)
        return after(one, WHILE.phrase(), other, _was_doing(d, other))
    other = subject_phrase(d, "human", 0, True)
    while other.slot in (0, 2):
        other = subject_phrase(d, "human", 0, True)
    verb, english, french = d.one_of(COMING)
    group = verb_group(d, other, verb, "past")
    if english:
        group = after(group, _with(English(english), French(french), plain(d.one_of(TO_PLACES))))
    return after(one, WHEN.phrase(), other, group)


def _was_doing(d: Draw, subject: Phrase) -> Phrase:
    verb = d.one_of(LASTING)
    group = verb_group(d, subject, verb, "imperfect")
    if verb.objects:
        return after(group, object_phrase(d, verb, None, False, 0))
    return after(group, place(d)) if d.chance(0.3) else group


def when_it_happens(d: Draw) -> Phrase:
    """Build "will eat when the doctor arrives": the second clause has a future in French too."""
    d.phenomena.add("subordinate clause")
    one = clause(d, "future", None, "human", depth=0, rules=DEEDS)
    other = subject_phrase(d, "human", 0, True)
    verb, english, french = d.one_of(COMING)
    main = English(verb.english.third if other.slot == 1 else verb.english.base)
    group = Phrase([main], [French(verb.french.future[other.slot], (main,))])
    d.phenomena.add("future")
    if english:
        group = after(group, _with(English(english), French(french), plain(d.one_of(TO_PLACES))))
    return after(one, WHEN.phrase(), other, group)


def chain(d: Draw) -> Phrase:
    """Build "bought an apple and ate it": the pronoun agrees with the noun in front."""
    d.phenomena.add("coordination")
    first, second = d.one_of(CHAINS)
    nouns = CHAIN_NOUNS[first, second]
    tense = d.one_of(("past", "past", "future"))
    subject = subject_phrase(d, "human")
    group = verb_group(d, subject, first, tense)
    thing = noun_phrase(d, nouns, ("a", "a", "a", "the", "this", "two"), 0)
    it = English("them" if thing.slot == 3 else "it")
    clitic = French("les" if thing.slot == 3 else "la" if thing.form == 2 else "le", (it,))
    word = AND.phrase()
    rest = verb_group(d, subject, second, tense, clitic=(it, clitic), preceding=thing.form)
    if tense == "future":
        rest.english.pop(0)  # "will buy … and eat it"
        rest.french[-1].possible = ()
    result = after(subject, group, thing, word, rest)
    return after(result, when(d, tense)) if d.chance(0.4) else result


# ---------------------------------------------------------------------------------------------------------------------
# Which words go into which rule
# ---------------------------------------------------------------------------------------------------------------------

Rule = Callable[[Draw, Phrase, str, str | None, int], Phrase]


def _tagged(*tags: str) -> tuple[Noun, ...]:
    wanted = set(tags)
    return tuple(noun for noun in NOUNS if noun.tags & wanted)


def _lemmas(words: str) -> tuple[Noun, ...]:
    return tuple(noun for word in words.split() for noun in NOUNS if noun.lemma == word)


def _verbs(*bases: str) -> tuple[Verb, ...]:
    return tuple(verb for verb in VERBS if verb.english.base in bases and verb.french.infinitive != "savoir")


BY_KIND = {
    "human": _tagged("human"),
    "animal": _tagged("animal"),
    "thing": tuple(noun for noun in NOUNS if kind_of(noun) == "thing"),
}
KINDS = ("human",) * 7 + ("animal", "animal", "thing")
PERSONS = _tagged("person", "kin")
HOSTS = _lemmas("doctor baker farmer neighbor uncle aunt brother sister")
WITH_DOORS = _lemmas("house church castle museum hotel school kitchen car")
SETTLEMENTS = _lemmas("village city")
FURNITURE = _lemmas("table chair bed")
FEARED = _tagged("animal")
SMALL = frozenset(["tool", "vessel", "bag", "text", "art", "shoe", "garment", "cat", "mouse"])
UNPLACED = frozenset({"opening", "room", "land", "structure", "tree"})
INDOORS = _lemmas("kitchen house castle")
OUTDOORS = _lemmas("garden park forest")
PLACES = [(english, french, _lemmas(words)) for english, french, words in INSIDE]
WILD_PLACES = [place for place in PLACES if place[1] == "dans"]
NEAR_PLACES = [(expression, _lemmas(words)) for expression, words in AROUND]
TO_PLACES = _lemmas(DESTINATIONS)
OWNED_THINGS = tuple(noun for noun in NOUNS if "own" in noun.tags and kind_of(noun) != "human")
THERE = _tagged("animal", "person", "tool", "vessel", "bag", "text", "food", "drink", "fruit", "dish", "garment")

REPORTING = tuple(verb for verb in VERBS if verb.french.infinitive in ("dire", "penser", "savoir", "espérer"))
DATIVE = _verbs("give", "send", "bring")
_MOVING = _verbs("arrive", "come", "go", "leave", "return", "stay", "fall")
_PLAIN = tuple(verb for verb in VERBS if verb not in (*REPORTING, *DATIVE, *_MOVING))
TRANSITIVE = {
    kind: tuple(verb for verb in _PLAIN if kind in verb.subjects and verb.objects) for kind in ("human", "animal")
}
TRANSITIVE["human"] += tuple(verb for verb in TRANSITIVE["human"] if verb.aspect == "s")  # states are fewer
DOINGS = tuple(verb for verb in TRANSITIVE["human"] if verb.aspect in "hda")
INTRANSITIVE = {
    kind: tuple(verb for verb in _PLAIN if kind in verb.subjects and not verb.objects) for kind in ("human", "animal")
}
MOTION = [
    (verb, *places)
    for verb in _MOVING
    for places in {
        "arrive": [("", ""), ("at", "à")],
        "come": [("to", "à")],
        "go": [("to", "à"), ("to", "à")],
        "leave": [("", "")],
        "return": [("from", "de")],
        "stay": [("in", "in")],
        "fall": [("", "")],
    }[verb.english.base]
]
COMING = [row for row in MOTION if row[0].english.base in ("arrive", "leave", "return")]
PURPOSES = _verbs("buy", "see", "help", "visit", "look", "listen", "meet", "eat", "drink")
LASTING = _verbs("sleep", "work", "sing", "dance", "play", "eat", "drink", "read", "write", "prepare", "wash")
DONE_WELL = frozenset({"sleep", "work", "sing", "dance"})
TOGETHER = frozenset({"work", "sing", "dance", "play"})
FOR_SOMEBODY = frozenset({"buy", "prepare", "draw", "repair", "choose"})
_ONE_OR_KNOWN = ("one", "one", "the", "the", "own", "this", "genitive")
KINDS_OF = {
    "like": ("the", "generic", "generic", "generic", "generic", "own", "this"),
    "need": ("one", "one", "one", "the", "own"),
    "have": ("a", "a", "a", "two", "three", "several", "many"),
    "buy": ("a",) * 6 + ("the", "the", "this", "two", "three", "several", "many", "genitive"),
    "choose": ("a",) * 5 + ("the", "the", "this", "two", "several"),
    "write": ("a",) * 5 + ("the", "this", "two", "several", "many"),
    "wear": _ONE_OR_KNOWN,
    "wait": _ONE_OR_KNOWN,
    "look": _ONE_OR_KNOWN,
    "lose": ("own",) * 4 + ("the", "genitive"),
    "forget": ("own",) * 4 + ("the", "genitive"),
    **dict.fromkeys(("know", "meet", "help", "visit", "talk", "answer", "listen", "open", "close", "repair"), DEFINITE),
}
"""What introduces the object of a verb, where that is not :data:`OBJECTS`."""
NEVER_PARTITIVE = frozenset(KINDS_OF) - {"have", "buy", "choose", "write", "wear"}
"""Verbs whose negation leaves the article as it is: n' aime pas le lait, n' a pas besoin d' un couteau."""
OBJECTS_OF = {verb: _tagged(*verb.objects) for verb in VERBS if verb.objects}
OBJECT_OF = {
    noun.lemma: tuple(verb for verb in TRANSITIVE["human"] if noun in OBJECTS_OF[verb] and not verb.link)
    for noun in NOUNS
}
CHAINS = [
    (first, second)
    for one, others in {"buy": "eat drink read", "choose": "buy", "write": "send", "prepare": "eat drink"}.items()
    for other in others.split()
    for first in _verbs(one)
    for second in _verbs(other)
]
CHAIN_NOUNS = {
    (first, second): tuple(noun for noun in OBJECTS_OF[first] if noun in OBJECTS_OF[second]) for first, second in CHAINS
}
CONTAINERS = [
    (noun, _lemmas(drinks))
    for word, drinks in {"cup": "coffee tea", "glass": "water milk wine juice", "bottle": "water milk wine"}.items()
    for noun in _lemmas(word)
]

QUALITIES = {
    noun.lemma: tuple(adjective for adjective in (*noun.before, *noun.after) if not adjective.attributive)
    for noun in NOUNS
}
_PEOPLE = {adjective.english: adjective for noun in PERSONS for adjective in QUALITIES[noun.lemma]}
OF_PEOPLE = [
    _PEOPLE[word] for word in ("tired", "sick", "sad", "happy", "rich", "intelligent", "honest", "young", "old")
]
OF_SPEAKERS = [_PEOPLE[word] for word in ("sick", "sad", "rich", "young", "honest")]
MOODS = [_PEOPLE[word] for word in ("tired", "sick", "sad", "happy")]
MOODS_OF_SPEAKERS = [_PEOPLE[word] for word in ("sick", "sad")]
PASSING = frozenset(["tired", "sick", "sad", "happy", "clean", "dirty", "empty", "hot", "cold"])
"""Adjectives that go with "never" and "will be"."""
TOO = frozenset(
    ["big", "small", "old", "young", "long", "heavy", "expensive", "tired", "sad", "dangerous", "hot", "cold"]
)
GRADABLE = frozenset(
    [
        "big",
        "small",
        "old",
        "young",
        "beautiful",
        "long",
        "heavy",
        "expensive",
        "tired",
        "sad",
        "happy",
        "rich",
        "famous",
        "intelligent",
        "honest",
        "dangerous",
        "interesting",
        "cold",
        "hot",
    ]
)
COMPARED_BY_MORE = frozenset(["beautiful", "expensive", "famous", "intelligent", "dangerous", "interesting", "tired"])
_CLASSES = frozenset(
    {"human", "animal", "fruit", "dish", "garment", "text", "tool", "furniture", "vehicle", "building", "land"}
)
RIVALS = {
    noun.lemma: {
        word: tuple(
            other
            for other in NOUNS
            if other.english != noun.english
            and other.tags & noun.tags & _CLASSES
            and any(adjective.english == word for adjective in QUALITIES[other.lemma])
        )
        for word in GRADABLE
    }
    for noun in NOUNS
}
"""What a noun can be compared with, by adjective."""
OPPOSITES = [
    frozenset(group.split())
    for group in (
        "big small long",
        "old young new",
        "good bad delicious",
        "black white red blue green",
        "clean dirty",
        "hot cold",
        "tired sick sad happy",
        "famous interesting",
    )
]
"""Of what one of a group has been said, no other is said: not "the old hat is new"."""
VERY = (Expression("very", "très"), Expression("too", "trop"))
HUNGER = (Expression("hungry", "faim"), Expression("thirsty", "soif"))
CONSUMING = (
    frozenset(("eat", "ate", "eaten", "eating", "eats")),
    frozenset(("drink", "drank", "drunk", "drinking", "drinks")),
)
PROFESSIONS = [[noun for noun in NOUNS if "job" in noun.tags and noun.gender == gender] for gender in (0, 1)]
AND, BUT = Expression("and", "et"), Expression("but", "mais")
AFRAID = Expression("afraid", "peur")
AS_MUCH = Expression("as", "aussi"), Expression("as", "que")
MORE = Expression("more", "plus"), Expression("than", "que")
BECAUSE = Expression("because", "parce que")
WHEN = Expression("when", "quand")
WHILE = Expression("while", "pendant que")
RAINS = Expression("it is raining", "il pleut", "0-0 1~1 2-1")
RAINED = Expression("it was raining", "il pleuvait", "0-0 1~1 2-1")

_ALWAYS: dict[str, tuple[Rule, ...]] = {
    "human": (transitive,) * 9 + (intransitive,) * 3 + (motion,) * 3 + (dative,) * 3,
    "animal": (transitive,) * 3 + (intransitive,) * 3 + (quality, quality, whereabouts),
    "thing": (quality, quality, quality, whereabouts),
}
DEEDS: tuple[Rule, ...] = (deed,) * 4 + (intransitive, motion, motion, dative)
STATES = frozenset({quality, whereabouts, profession, feeling})
PREDICATES = {**_ALWAYS, "human": (*_ALWAYS["human"], quality, quality, profession, feeling, whereabouts)}
SENTENCES = (
    (simple,) * 22
    + (existence,)
    + (identity,)
    + (reported,) * 4
    + (two_clauses,) * 5
    + (reason,) * 3
    + (meanwhile,) * 2
    + (when_it_happens,) * 2
    + (chain,) * 2
)


# ---------------------------------------------------------------------------------------------------------------------
# From words to pairs
# ---------------------------------------------------------------------------------------------------------------------

CONTENT = {
    **{form: noun.english[0] for noun in NOUNS for form in noun.english},
    **{text: text for text, _ in NAMES},
    **{adjective.english: adjective.english for adjective in ADJECTIVES},
}
ELISION = {
    "le": "l'",
    "la": "l'",
    "de": "d'",
    "ne": "n'",
    "je": "j'",
    "me": "m'",
    "que": "qu'",
    "ce": "cet",
    "ma": "mon",
    "sa": "son",
}
CONTRACTION = {("de", "le"): "du", ("de", "les"): "des", ("à", "le"): "au", ("à", "les"): "aux"}
LINKS = [[(i, j) for j in range(64)] for i in range(LONGEST)]
VOWELS = frozenset("aeiouyhàâéèêîôœ")


def join(d: Draw, phrase: Phrase) -> Pair:
    """Put the words of a sentence into their final form, and read off the links."""
    source = _english_words(phrase.english)
    words = elide(d, phrase.french)
    # The same tuples for all sentences: a corpus holds a million links.
    sure = [LINKS[english.place][j] for j, word in enumerate(words) for english in word.sure]
    possible = [LINKS[english.place][j] for j, word in enumerate(words) for english in word.possible]
    return Pair(
        source,
        tuple([word.text for word in words]),
        frozenset(sure),
        frozenset(sure + possible),
        frozenset(d.phenomena),
        frozenset(d.modified),
    )


def _english_words(words: Iterable[English]) -> tuple[str, ...]:
    """Number the words, and write "an" for "a" before a vowel."""
    texts: list[str] = []
    for place, word in enumerate(words):
        word.place = place
        if texts and texts[-1] == "a" and (word.text[0] in "aeiou" or word.text == "honest"):
            texts[-1] = "an"
        texts.append(word.text)
    return tuple(texts)


def elide(d: Draw, words: Sequence[French]) -> list[French]:
    """Elide and contract, from the last word to the first. A contraction has the links of both its parts."""
    done: list[French] = []
    following = ""
    for word in reversed(words):
        if following and following[0] in VOWELS and following not in ASPIRATED:
            short = word.before_vowel or ELISION.get(word.text)
            if short:
                word.text = short
                d.phenomena.add("elision")
        elif (word.text, following) in CONTRACTION:
            article = done.pop()
            word.text = CONTRACTION[word.text, following]
            word.sure = [*word.sure, *article.sure]
            word.possible = [*word.possible, *article.possible]
            d.phenomena.add("contraction")
        done.append(word)
        following = word.text
    done.reverse()
    return done


def _repeats(words: Sequence[English]) -> bool:
    """Return whether a noun, a name or an adjective occurs twice: "the doctor helps the doctors"."""
    lemmas = [CONTENT[word.text] for word in words if word.text in CONTENT]
    return len(set(lemmas)) < len(lemmas)


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
            phrase = d.one_of(SENTENCES)(d)
        except DeadEndError:
            continue
        if SHORTEST <= len(phrase.english) <= LONGEST and not _repeats(phrase.english):
            pair = join(d, phrase)
            pairs.setdefault(pair.source, pair)
    return list(pairs.values())
