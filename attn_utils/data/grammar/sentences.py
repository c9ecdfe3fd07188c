"""Sentences: nine ways to make one, from a single clause to "she will eat when the doctor arrives"."""

from attn_utils.data.grammar.determiners import INDEFINITE
from attn_utils.data.grammar.engine import RULES, DeadEndError, Draw, English, French, Phrase, after, rule
from attn_utils.data.grammar.predicates import COMING, DEEDS, REPORTING, destination
from attn_utils.data.grammar.pronouns import clitic, pronoun_for
from attn_utils.data.grammar.qualities import HUNGRY, MOODS, MOODS_OF_SPEAKERS, THIRSTY, adjective_phrase
from attn_utils.data.grammar.templates import templates, weighted
from attn_utils.data.grammar.verb_groups import TIME_OF, be, verb_group
from attn_utils.data.grammar.words import OBJECTS_OF, tagged, verbs

__all__ = ["SENTENCES"]

SENTENCES = weighted(
    "simple:22 existence identity reported:4 two_clauses:5 reason:3 meanwhile:2 when_it_happens:2 chain:2"
)
TENSES = weighted("present past:2 future")
REPORTED_TENSES = weighted("present past:2 future perfect")
DEEDS_IN_TIME = weighted("deed:2 motion dative")

AND, BUT, BECAUSE, WHEN, WHILE, THAT = templates("""
ONE and TWO = ONE et TWO
ONE but TWO = ONE mais TWO
ONE because TWO = ONE parce/2 que/2 TWO
ONE when TWO = ONE quand TWO
ONE while TWO = ONE pendant/2 que/2 TWO
ONE that TWO = ONE que TWO
""")
RAINS, RAINED = templates("""
it is raining = il/1 pleut~2/3
it was raining = il/1 pleuvait~2/3
""")
THERE_IS, THERE_IS_NO = templates("""
there IS THING WHERE = il/1 y/1 IS THING WHERE
there IS no THING WHERE = il/1 ne/3 y/1 IS pas/3 de/3 THING WHERE
""")
IT_IS, IT_IS_NOT = templates("""
it is THING = ce|c'/1 est/2 THING
it is not THING = ce/1 ne/3 est/2 pas/3 THING
""")
NEEDS = {"eat": HUNGRY, "drink": THIRSTY}
"""What one is who does it, and is not who does not."""

THINGS_THERE = tagged("animal", "person", "tool", "vessel", "bag", "text", "food", "drink", "fruit", "dish", "garment")
OWNED = tuple(noun for noun in tagged("own") if noun.kind != "human")
WHOSE = weighted("one genitive:2 own")
LASTING = verbs("sleep work sing dance play eat drink read write prepare wash")
# "bought an apple and ate it": the first verb, the second, and what can be the object of both.
CHAINS = tuple(
    (first, second, tuple(noun for noun in OBJECTS_OF[first] if noun in OBJECTS_OF[second]))
    for one, others in (("buy", "eat drink read"), ("choose", "buy"), ("write", "send"), ("prepare", "eat drink"))
    for other in others.split()
    for first in verbs(one)
    for second in verbs(other)
)
CHAINED = weighted("a:3 the this two")


@rule
def sentence(d: Draw) -> Phrase:
    """Build a sentence."""
    return RULES[d.one_of(SENTENCES)](d)


@rule
def simple(d: Draw) -> Phrase:
    """Build a sentence of one clause, sometimes with the time in front."""
    if d.chance(0.12):
        tense = d.one_of(("past", "future"))
        time = RULES["time"](d, tense)
        subject = RULES["subject"](d, "human")
        if subject.slot in (0, 2) and tense == "past":
            return RULES["clause"](d)
        rest = RULES[d.one_of(DEEDS_IN_TIME)](d, subject, tense, None, 1)
        if rest.tense != tense:
            raise DeadEndError
        return after(time, subject, rest)
    return RULES["clause"](d)


@rule
def existence(d: Draw) -> Phrase:
    """Build "there is a cat under the table", "there is no milk in the kitchen"."""
    d.note("existential")
    noun = d.one_of(THINGS_THERE)
    past = d.chance(0.3)
    negated = d.chance(0.3)
    thing = RULES["noun_phrase"](d, (noun,), ("none",) if negated else INDEFINITE, 0)
    plural = thing.slot == 3
    if past:
        d.note("imperfect")
        verb = clitic("were" if plural else "was", "avait")
    else:
        verb = clitic("are" if plural else "is", "a")
    if negated:
        d.note("negation")
    return (THERE_IS_NO if negated else THERE_IS).fill(verb, thing, RULES["somewhere"](d, thing))


@rule
def identity(d: Draw) -> Phrase:
    """Build "it is my brother 's dog", c' est le chien de mon frère."""
    negated = d.chance(0.25)
    if negated:
        d.note("negation")
    return (IT_IS_NOT if negated else IT_IS).fill(RULES["noun_phrase"](d, OWNED, WHOSE, 1, singular=True))


@rule
def reported(d: Draw) -> Phrase:
    """Build "thinks that …", pense que …: a clause as object."""
    d.note("that-clause")
    subject = RULES["subject"](d, "human", 0, definite=True)
    d.antecedent = True
    verb = d.one_of(REPORTING)
    # "does not think that" would want a subjunctive; "does not know that" does not.
    negation = "not" if verb.english.base == "know" and d.chance(0.3) else None
    tense = "future" if verb.english.base == "hope" else d.one_of(REPORTED_TENSES)
    group = verb_group(d, subject, verb, "present", negation)
    return THAT.fill(after(subject, group), RULES["clause"](d, tense))


@rule
def two_clauses(d: Draw) -> Phrase:
    """Join two clauses by "and" or "but". After "but" stands a denial, if none stands before."""
    d.note("coordination")
    tense = d.one_of(TENSES)
    d.antecedent = True
    but = d.chance(0.45)
    one = RULES["clause"](d, tense, d.one_of(("not", None)) if but else None)
    two = RULES["clause"](d, tense, "not" if but and not one.negated else None)
    if TIME_OF[one.tense] != TIME_OF[two.tense]:
        raise DeadEndError
    return (BUT if but else AND).fill(one, two)


@rule
def reason(d: Draw) -> Phrase:
    """Build "… because he was tired": the pronoun agrees with the subject in front."""
    d.note("subordinate clause")
    one = RULES["clause"](d, d.one_of(TENSES), kind="human", depth=0, predicates=DEEDS)
    past = one.tense in ("past", "perfect")
    if d.chance(0.2):
        return BECAUSE.fill(one, (RAINED if past else RAINS).fill())
    subject = pronoun_for(one)
    tense = "past" if past else "present"
    need = NEEDS.get(one.verb.english.base) if one.verb else None
    if need:
        d.note("idiom with avoir")
        rest = need.fill(be(d, subject, tense, "not" if one.negated else None, french="avoir"))
    else:
        d.note("predicate adjective")
        adjective = d.one_of(MOODS_OF_SPEAKERS if subject.slot in (0, 2) else MOODS)
        rest = after(be(d, subject, tense, "not" if d.chance(0.15) else None), adjective_phrase(adjective, subject))
    return BECAUSE.fill(one, after(subject, rest))


@rule
def meanwhile(d: Draw) -> Phrase:
    """Build "was sleeping when the doctor arrived", "was reading while …"."""
    d.note("subordinate clause")
    subject = RULES["subject"](d, "human")
    one = after(subject, _was_doing(d, subject))
    d.antecedent = True
    if d.chance(0.4):
        other = RULES["subject"](d, "human", 0, definite=True, pronoun=0.0)
        return WHILE.fill(one, after(other, _was_doing(d, other)))
    other = RULES["subject"](d, "human", 0, definite=True)
    while other.slot in (0, 2):
        other = RULES["subject"](d, "human", 0, definite=True)
    verb, where = d.one_of(COMING)
    return WHEN.fill(one, after(other, destination(d, verb_group(d, other, verb, "past"), where)))


def _was_doing(d: Draw, subject: Phrase) -> Phrase:
    verb = d.one_of(LASTING)
    group = verb_group(d, subject, verb, "imperfect")
    if verb.objects:
        return after(group, RULES["object_phrase"](d, verb))
    return after(group, RULES["place"](d)) if d.chance(0.3) else group


@rule
def when_it_happens(d: Draw) -> Phrase:
    """Build "will eat when the doctor arrives": the second clause has a future in French too."""
    d.note("subordinate clause")
    one = RULES["clause"](d, "future", None, "human", depth=0, predicates=DEEDS)
    other = RULES["subject"](d, "human", 0, definite=True)
    verb, where = d.one_of(COMING)
    d.note("future")
    main = English(verb.english.third if other.slot == 1 else verb.english.base)
    group = Phrase([main], [French(verb.french.future[other.slot], (main,))])
    return WHEN.fill(one, after(other, destination(d, group, where)))


@rule
def chain(d: Draw) -> Phrase:
    """Build "bought an apple and ate it": the pronoun agrees with the noun in front."""
    d.note("coordination")
    first, second, nouns = d.one_of(CHAINS)
    tense = d.one_of(("past", "past", "future"))
    subject = RULES["subject"](d, "human")
    group = verb_group(d, subject, first, tense)
    thing = RULES["noun_phrase"](d, nouns, CHAINED, 0)
    it = clitic("them", "les") if thing.slot == 3 else clitic("it", "la" if thing.form == 2 else "le")
    rest = verb_group(d, subject, second, tense, clitic=it, preceding=thing.form, shared=True)
    whole = AND.fill(after(subject, group, thing), rest)
    return after(whole, RULES["time"](d, tense)) if d.chance(0.4) else whole
