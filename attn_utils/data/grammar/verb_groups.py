"""Verb groups: tense, negation, adverbs and pronoun objects, each language in its own order.

======= =======================================================================================
English helper, not, adverb, (want to), verb, well, preposition, pronoun
French  ne, pronoun, finite verb, pas, adverb, participle or infinitive, preposition
======= =======================================================================================

"she has already eaten it" is *elle l' a déjà mangé*, "i cannot see her" is *je ne peux pas la voir*: after a modal verb
the pronoun stands before the infinitive.
"""

from typing import NamedTuple

from attn_utils.data.grammar.engine import DeadEndError, Draw, English, French, Phrase
from attn_utils.data.grammar.morphology import french_verb
from attn_utils.data.grammar.words import Verb

__all__ = ["MODALS", "TIME_OF", "be", "fit_tense", "verb_group"]

# English forms for i, he, we, they.
DO = ("do", "does", "do", "do")
HAVE = ("have", "has", "have", "have")
AM = ("am", "is", "are", "are")
WAS = ("was", "was", "were", "were")
WILL = ("will", "will", "will", "will")
WANT = ("want", "wants", "want", "want")

# Tenses that are one word in French: the English helper, the form of the English verb, the French tense.
ONE_WORD = {
    "present": (None, "base", "present"),
    "progressive": (AM, "gerund", "present"),
    "imperfect": (WAS, "gerund", "imperfect"),
    "future": (WILL, "base", "future"),
}
# Tenses that have avoir or être and the participle in French: "past" (ate) and "perfect" (has eaten). And modal verbs:
MODALS = {"can": french_verb("pouvoir"), "must": french_verb("devoir"), "want": french_verb("vouloir")}

AVOIR, ÊTRE = french_verb("avoir"), french_verb("être")
SECOND_PART = {"not": "pas", "never": "jamais"}

TIME_OF = {"past": "past", "perfect": "past", "imperfect": "past", "future": "future"}
TIME_OF |= dict.fromkeys(("present", "progressive", *MODALS), "present")
"""The time that a tense speaks of. Clauses joined by "and" speak of the same."""


class Core(NamedTuple):
    """A verb in its tense, before anything is put between its parts."""

    helper: list[English]
    wanting: list[English]
    verb: English
    finite: French
    rest: list[French]


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
    clitic: Phrase | None = None,
    preceding: int | None = None,
    shared: bool = False,
) -> Phrase:
    """Build a verb with its helpers, negation, adverb and pronoun object.

    Args:
        d: The draw.
        subject: What the finite verb agrees with.
        verb: The verb.
        tense: "present", "progressive", "past", "perfect", "future", "imperfect", "can", "must" or "want".
        negation: "not", "never" or None.
        adverb: A short adverb in both languages.
        clitic: A pronoun object.
        preceding: Form of a direct object that stands before the verb in French: the participle agrees with it.
        shared: True where the verb in front has the English helper for both: "will buy and eat".
    """
    no = English("cannot" if tense == "can" else negation) if negation else None
    core = _core(subject, verb, tense, no, preceding, shared)
    _note_tense(d, verb, tense, preceding)
    pronoun_english, pronoun_french = (clitic.english, clitic.french) if clitic else ([], [])
    particle, link = _link(d, verb, core, pronoun_french)
    adverb_english = [English(adverb[0])] if adverb else []
    adverb_french = [French(adverb[1], adverb_english)] if adverb else []
    not_ = [no] if no and tense != "can" else []
    if adverb and adverb[0] == "well":
        english = [*core.helper, *not_, core.verb, *adverb_english, *particle, *pronoun_english]
    else:
        english = [*core.helper, *not_, *adverb_english, *core.wanting, core.verb, *particle, *pronoun_english]
    ne = [French("ne", (no,))] if no else []
    pas = [French(SECOND_PART[negation or ""], (no,))] if no else []
    if tense in MODALS:
        french = [*ne, core.finite, *pas, *adverb_french, *pronoun_french, *core.rest, *link]
    else:
        french = [*ne, *pronoun_french, core.finite, *pas, *adverb_french, *core.rest, *link]
    if no:
        d.note("negation")
    if clitic:
        d.note("clitic")
    return Phrase(english, french, subject.slot, subject.form, tense=tense, negated=no is not None, verb=verb)


def _core(subject: Phrase, verb: Verb, tense: str, no: English | None, preceding: int | None, shared: bool) -> Core:
    """Return the verb in its tense. Only "not" needs "do": "does not eat", but "never eats"."""
    if tense in MODALS:
        return _modal(verb, tense, subject.slot, no)
    e, f, slot = verb.english, verb.french, subject.slot
    needs_do = no is not None and no.text == "not"
    if tense in ("past", "perfect"):
        auxiliary = (ÊTRE if f.auxiliary == "être" else AVOIR).present[slot]
        agreement = subject.form if f.auxiliary == "être" else preceding or 0
        if tense == "perfect":
            helper = [English(HAVE[slot])]
            main = English(e.participle)
            finite = French(auxiliary, helper)
        else:
            helper = [English("did")] if needs_do else []
            main = English(e.base if needs_do else e.past)
            finite = French(auxiliary, (), helper or [main])
        return Core(helper, [], main, finite, [French(f.participle[agreement], (main,))])
    helpers, english_form, french_tense = ONE_WORD[tense]
    if helpers:
        helper = [] if shared else [English(helpers[slot])]
    else:
        helper = [English(DO[slot])] if needs_do else []
        english_form = "base" if helper or slot != 1 else "third"
    main = English(getattr(e, english_form))
    return Core(helper, [], main, French(getattr(f, french_tense)[slot], (main,), helper), [])


def _modal(verb: Verb, tense: str, slot: int, no: English | None) -> Core:
    main = English(verb.english.base)
    if tense == "want":
        to = English("to")
        want = English("want" if no else WANT[slot])
        do = [English(DO[slot])] if no else []
        finite = French(MODALS[tense].present[slot], (want,), do)
        return Core(do, [want, to], main, finite, [French(verb.french.infinitive, (main,), (to,))])
    helper = [no] if no and tense == "can" else [English(tense)]  # "cannot": one English word for three French ones
    return Core(
        helper, [], main, French(MODALS[tense].present[slot], helper), [French(verb.french.infinitive, (main,))]
    )


def _link(d: Draw, verb: Verb, core: Core, pronoun: list[French]) -> tuple[list[English], list[French]]:
    """Return the words between verb and object: "looks for", cherche; "needs", a besoin de; "talks to", parle à."""
    if not verb.particle and not verb.link:
        return [], []
    d.note("prepositional verb")
    particle = [English(verb.particle)] if verb.particle else []
    if not verb.link or pronoun:  # the particle has no word of its own: it is part of the verb or of the pronoun
        word = pronoun[0] if pronoun and verb.link else core.rest[0] if core.rest else core.finite
        word.possible = [*word.possible, *particle]
        return particle, []
    *nouns, preposition = verb.link
    words = [French(noun, (core.verb,)) for noun in nouns]
    return particle, [*words, French(preposition, particle, () if particle else (core.verb,))]


def _note_tense(d: Draw, verb: Verb, tense: str, preceding: int | None) -> None:
    if tense in ("past", "perfect"):
        d.note("compound tense")
        if verb.french.auxiliary == "être":
            d.note("auxiliary être")
        elif preceding:
            d.note("participle agreement")
    elif tense in ("future", "imperfect"):
        d.note(tense)
    elif tense in MODALS:
        d.note("modal verb")


def be(d: Draw, subject: Phrase, tense: str, negation: str | None, french: str = "être") -> Phrase:
    """Build "is", est; with avoir where French *has* what English *is*: is hungry, a faim."""
    slot = subject.slot
    forms = ÊTRE if french == "être" else AVOIR
    no = English(negation) if negation else None
    not_ = [no] if no else []
    if tense == "future":
        d.note("future")
        helper, main = English("will"), English("be")
        english = [helper, *not_, main]
        finite = French(forms.future[slot], (main,), (helper,))
    elif tense == "past":
        d.note("imperfect")
        main = English(WAS[slot])
        english = [main, *not_]
        finite = French(forms.imperfect[slot], (main,))
    else:
        main = English(AM[slot])
        english = [main, *not_]
        finite = French(forms.present[slot], (main,))
    if no is None:
        return Phrase(english, [finite], tense=tense)
    d.note("negation")
    pas = French(SECOND_PART[no.text], (no,))
    return Phrase(english, [French("ne", (no,)), finite, pas], tense=tense, negated=True)
