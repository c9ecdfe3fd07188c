"""Predicates with a full verb: with one object, with two, with none, of coming and going; and what they are for.

Every predicate is a rule ``(d, subject, tense, negation, depth)``: what is said of a subject that stands already. It
changes the tense where its verb needs another.
"""

from collections.abc import Sequence

from attn_utils.data.grammar.circumstances import TIMES
from attn_utils.data.grammar.determiners import DEFINITE, HABITS, NEGATED, OBJECTS
from attn_utils.data.grammar.engine import RULES, Draw, English, French, Phrase, after, rule
from attn_utils.data.grammar.lexicon import rows
from attn_utils.data.grammar.noun_phrases import article_and_noun
from attn_utils.data.grammar.pronouns import CLITICS, clitic, object_pronoun
from attn_utils.data.grammar.templates import Template, templates, weighted
from attn_utils.data.grammar.verb_groups import MODALS, fit_tense, verb_group
from attn_utils.data.grammar.words import OBJECTS_OF, VERBS, Verb, lemmas, verbs

__all__ = ["COMING", "DEEDS", "REPORTING", "TRANSITIVE", "destination"]

# Which rule says something of whom.
PREDICATES = {
    "human": weighted("transitive:9 intransitive:3 motion:3 dative:3 quality:2 profession feeling whereabouts"),
    "animal": weighted("transitive:3 intransitive:3 quality:2 whereabouts"),
    "thing": weighted("quality:3 whereabouts"),
}
STATES = frozenset({"quality", "whereabouts", "profession", "feeling"})
DEEDS = weighted("deed:4 intransitive motion:2 dative")
"""Predicates that are done, and so can have a reason."""

# Classes of verbs.
REPORTING = tuple(verb for verb in VERBS if verb.french.infinitive in ("dire", "penser", "savoir", "espérer"))
DATIVE = verbs("give send bring")
MOVING = verbs("arrive come go leave return stay fall")
PLAIN = tuple(verb for verb in VERBS if verb not in (*REPORTING, *DATIVE, *MOVING))
TRANSITIVE = {
    kind: tuple(verb for verb in PLAIN if kind in verb.subjects and verb.objects) for kind in ("human", "animal")
}
TRANSITIVE["human"] += tuple(verb for verb in TRANSITIVE["human"] if verb.aspect == "s")  # states are fewer
INTRANSITIVE = {
    kind: tuple(verb for verb in PLAIN if kind in verb.subjects and not verb.objects) for kind in ("human", "animal")
}
DOINGS = tuple(verb for verb in TRANSITIVE["human"] if verb.aspect in "hda")
PURPOSES = verbs("buy see help visit look listen meet eat drink")
DONE_WELL = frozenset({"sleep", "work", "sing", "dance"})
TOGETHER = frozenset({"work", "sing", "dance", "play"})
FOR_SOMEBODY = frozenset({"buy", "prepare", "draw", "repair", "choose"})

# What introduces the object of a verb, where that is not determiners.OBJECTS. An asterisk: a negation leaves the
# article as it is, n' aime pas le lait, n' a pas besoin d' un couteau. With other verbs it is de: ne boit pas de lait.
OBJECT_TABLE = """
like*: the generic:4 own this
need*: one:3 the own
have: a:3 two three several many
buy: a:6 the:2 this two three several many genitive
choose: a:5 the:2 this two several
write: a:5 the this two several many
wear: one:2 the:2 own this genitive
wait* look*: one:2 the:2 own this genitive
lose* forget*: own:4 the genitive
know* meet* help* visit* talk* answer* listen* open* close* repair*: the:5 own:3 this genitive
"""
_OBJECT_ROWS = [
    (verb, weighted(choices))
    for names, _, choices in (row.partition(": ") for row in rows(OBJECT_TABLE))
    for verb in names.split()
]
OBJECT_DETERMINERS = {verb.rstrip("*"): choices for verb, choices in _OBJECT_ROWS}
ARTICLE_STAYS = frozenset(verb.rstrip("*") for verb, _ in _OBJECT_ROWS if verb.endswith("*"))

DESTINATIONS = {
    "to": Template("GO to PLACE = GO à PLACE"),
    "at": Template("GO at PLACE = GO à PLACE"),
    "from": Template("GO from PLACE = GO de PLACE"),
}
# Verbs of motion, all of which take être, each with where it goes; "anywhere" is any place. A row twice is drawn twice.
MOTION_TABLE = """
arrive
arrive at
come to
go to
go to
leave
return from
stay anywhere
fall
"""
MOTION = tuple(
    (verb, where) for base, _, where in (row.partition(" ") for row in rows(MOTION_TABLE)) for verb in verbs(base)
)
COMING = tuple(row for row in MOTION if row[0].english.base in ("arrive", "leave", "return"))
TO_PLACES = lemmas("market school hospital station museum hotel castle church park village beach")

OFTEN = (("often", "souvent"), ("always", "toujours"), ("sometimes", "parfois"))
ALREADY, WELL = ("already", "déjà"), ("well", "bien")
FOR_WHOM, WITH_WHOM, IT_TO_WHOM, THING_TO_WHOM, WHOM_A_THING = templates("""
DO for WHOM = DO pour WHOM
DO with WHOM = DO avec WHOM
GIVE to WHOM = GIVE à WHOM
GIVE THING to WHOM = GIVE THING à WHOM
GIVE WHOM THING = GIVE THING à~2 WHOM
""")


@rule
def predicate(d: Draw, subject: Phrase, tense: str, negation: str | None, depth: int = 1) -> Phrase:
    """Build what is said of the subject."""
    name = d.one_of(PREDICATES[subject.kind])
    if name in STATES and subject.indefinite:
        name = "intransitive"  # "a child is sad" would be said of all children
    return RULES[name](d, subject, tense, negation, depth)


@rule
def transitive(
    d: Draw, subject: Phrase, tense: str, negation: str | None, depth: int, among: Sequence[Verb] = ()
) -> Phrase:
    """Build a verb with an object: a noun phrase after it, or a pronoun."""
    verb = d.one_of(among or TRANSITIVE[subject.kind])
    if negation and verb.aspect == "s":
        negation = "not"
    tense = fit_tense(d, verb, tense, subject, negation)
    habit = _is_habit(verb, tense, negation)
    adverb = _adverb(d, verb, tense, negation)
    found = object_pronoun(d, verb, tense, subject) if d.chance(0.26) else None
    if found:
        pronoun, form = found
        group = verb_group(d, subject, verb, tense, negation, adverb, pronoun, form)
    else:
        group = verb_group(d, subject, verb, tense, negation, adverb)
        group = after(group, object_phrase(d, verb, negation, habit, depth))
    return _circumstances(d, group, verb, tense, negation, habit)


@rule
def deed(d: Draw, subject: Phrase, tense: str, negation: str | None, depth: int) -> Phrase:
    """Build a verb of doing with its object."""
    return transitive(d, subject, tense, negation, depth, DOINGS)


@rule
def object_phrase(d: Draw, verb: Verb, negation: str | None = None, habit: bool = False, depth: int = 0) -> Phrase:
    """Build the noun phrase after a verb."""
    base = verb.english.base
    # The article of a container turns into "pas de" under a negation, which these verbs do not have.
    if "drink" in verb.objects and base not in ARTICLE_STAYS and d.chance(0.3):
        return RULES["container"](d, negation)
    if negation and base == "have":
        kinds: Sequence[str] = ("any",)
    elif negation and base not in ARTICLE_STAYS:
        kinds = NEGATED
    elif negation and base in ("wait", "look"):
        kinds = DEFINITE
    else:
        kinds = OBJECT_DETERMINERS.get(base) or (HABITS if habit else OBJECTS)
    phrase = RULES["noun_phrase"](d, OBJECTS_OF[verb], kinds, depth)
    if kinds is OBJECTS and d.chance(0.07):
        phrase = RULES["coordination"](d, phrase, RULES["noun_phrase"](d, OBJECTS_OF[verb], OBJECTS, 0))
    return phrase


@rule
def dative(d: Draw, subject: Phrase, tense: str, negation: str | None, depth: int) -> Phrase:
    """Build a verb with two objects, in any of the orders that English has for them."""
    verb = d.one_of(DATIVE)
    tense = fit_tense(d, verb, tense, subject, negation)
    adverb = _adverb(d, verb, tense, negation)
    order = d.random()
    if order < 0.3:
        english, _, indirect, form = d.one_of(CLITICS[1:])
        if form >= 0 or subject.slot in (1, 3):
            group = verb_group(d, subject, verb, tense, negation, adverb, clitic(english, indirect))
            group = after(group, object_phrase(d, verb, negation))
            return _circumstances(d, group, verb, tense, negation)
    receiver = RULES["person"](d)
    if order > 0.85 and not d.antecedent:
        group = verb_group(d, subject, verb, tense, negation, adverb, clitic("it", "le"), preceding=0)
        group = IT_TO_WHOM.fill(group, receiver)
    else:
        group = verb_group(d, subject, verb, tense, negation, adverb)
        thing = object_phrase(d, verb, negation)
        thing_first = order > 0.6
        group = THING_TO_WHOM.fill(group, thing, receiver) if thing_first else WHOM_A_THING.fill(group, receiver, thing)
    return _circumstances(d, group, verb, tense, negation)


@rule
def intransitive(d: Draw, subject: Phrase, tense: str, negation: str | None, depth: int) -> Phrase:
    """Build a verb without an object."""
    verb = d.one_of(INTRANSITIVE[subject.kind])
    tense = fit_tense(d, verb, tense, subject, negation)
    adverb = _adverb(d, verb, tense, negation)
    if not adverb and verb.english.base in DONE_WELL and tense not in MODALS and d.chance(0.3):
        d.note("adverb")
        adverb = WELL
    group = verb_group(d, subject, verb, tense, negation, adverb)
    if verb.english.base in TOGETHER and d.chance(0.25):
        group = WITH_WHOM.fill(group, RULES["person"](d))
    return _circumstances(d, group, verb, tense, negation, _is_habit(verb, tense, negation))


@rule
def motion(d: Draw, subject: Phrase, tense: str, negation: str | None, depth: int) -> Phrase:
    """Build a verb of coming and going."""
    verb, where = d.one_of(MOTION)
    tense = fit_tense(d, verb, tense, subject, negation)
    group = verb_group(d, subject, verb, tense, negation, _adverb(d, verb, tense, negation))
    group = destination(d, group, where)
    if where == "to" and tense != "want" and not negation and d.chance(0.5):
        aim = RULES["purpose"](d)
        group = after(group, aim)
        group.verb = aim.verb
        return group
    return _circumstances(d, group, verb, tense, negation, _is_habit(verb, tense, negation))


def destination(d: Draw, group: Phrase, where: str) -> Phrase:
    """Return a verb of motion with where it goes."""
    if where == "anywhere":
        return after(group, RULES["place"](d))
    if where:
        return DESTINATIONS[where].fill(group, article_and_noun(d, d.one_of(TO_PLACES)))
    return group


@rule
def purpose(d: Draw) -> Phrase:
    """Build "to buy some bread", pour acheter du pain."""
    d.note("purpose clause")
    verb = d.one_of(PURPOSES)
    to, main = English("to"), English(verb.english.base)
    particle = [English(verb.particle)] if verb.particle else []
    infinitive = French(verb.french.infinitive, (main,), particle)
    group = Phrase([to, main, *particle], [French("pour", (to,)), infinitive], verb=verb)
    return after(group, object_phrase(d, verb))


def _is_habit(verb: Verb, tense: str, negation: str | None) -> bool:
    return tense == "present" and verb.aspect == "h" and not negation


def _adverb(d: Draw, verb: Verb, tense: str, negation: str | None) -> tuple[str, str] | None:
    if (
        tense == "present"
        and negation != "never"
        and (verb.aspect == "d" or (verb.aspect in ("h", "p") and d.chance(0.3)))
    ):
        d.note("adverb")
        d.timed = True
        return d.one_of(OFTEN[:2]) if negation else d.one_of(OFTEN)
    if tense == "perfect" and not negation and d.chance(0.6):
        d.note("adverb")
        return ALREADY
    return None


def _circumstances(d: Draw, group: Phrase, verb: Verb, tense: str, negation: str | None, habit: bool = False) -> Phrase:
    """Add to a verb and its objects for whom, where and when, or nothing."""
    if verb.english.base in FOR_SOMEBODY and d.chance(0.1):
        group = FOR_WHOM.fill(group, RULES["person"](d))
    if verb.placed and d.chance(0.2):
        group = after(group, RULES["place"](d))
    if not d.timed and d.chance(0.22):
        if habit:
            group = after(group, RULES["habit"](d))
        elif tense in TIMES and not (tense == "progressive" and negation):
            group = after(group, RULES["time"](d, tense))
    return group
