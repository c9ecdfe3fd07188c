"""Clauses: a subject with its predicate, and the relative clause that hangs on a noun."""

from collections.abc import Sequence

from attn_utils.data.grammar.engine import RULES, Draw, Phrase, rule
from attn_utils.data.grammar.predicates import TRANSITIVE
from attn_utils.data.grammar.pronouns import owner_of
from attn_utils.data.grammar.templates import templates, weighted
from attn_utils.data.grammar.verb_groups import MODALS, fit_tense, verb_group
from attn_utils.data.grammar.words import NOUNS, OBJECTS_OF

__all__ = ["TENSES"]

TENSES = weighted("present:8 past:6 future:3 perfect:2 can must want")
KINDS = weighted("human:7 animal:2 thing")
TENSES_OF_RELATIVES = weighted("present past:2 future")
TENSES_WITH_OBJECT_IN_FRONT = weighted("present past:3 perfect future")

WHO, THAT, THAT_ONE_DID = templates("""
HEAD who DOES = HEAD qui DOES
HEAD that DOES = HEAD qui DOES
HEAD that ONE DID = HEAD que ONE DID
""")

DONE_TO = {
    noun: tuple(verb for verb in TRANSITIVE["human"] if noun in OBJECTS_OF[verb] and not verb.link) for noun in NOUNS
}
"""The verbs that a noun can be the object of."""


@rule
def clause(
    d: Draw,
    tense: str = "",
    negation: str | None = "?",
    kind: str = "",
    depth: int = 1,
    predicates: Sequence[str] = (),
) -> Phrase:
    """Build subject and predicate.

    Args:
        d: The draw.
        tense: Drawn if left out.
        negation: "not", "never" or None. Drawn if left out.
        kind: Of the subject, "human", "animal" or "thing". Drawn if left out.
        depth: How many relative clauses may be inside one another.
        predicates: Names of the rules that the predicate is drawn from, if not any.
    """
    tense = tense or d.one_of(TENSES)
    if negation == "?":
        negation = ("never" if d.chance(0.2) else "not") if d.chance(0.25) else None
    if negation == "never" and tense in MODALS:
        negation = "not"
    kind = kind or d.one_of(KINDS)
    d.timed = False
    subject = RULES["subject"](d, kind, depth, negation is not None)
    name = d.one_of(predicates) if predicates else "predicate"
    rest = RULES[name](d, subject, tense, negation, depth)
    d.antecedent = True
    return Phrase(
        [*subject.english, *rest.english],
        [*subject.french, *rest.french],
        subject.slot,
        subject.form,
        kind,
        subject.noun,
        subject.indefinite,
        rest.tense,
        rest.negated,
        rest.verb,
    )


@rule
def relative_clause(d: Draw, head: Phrase, depth: int) -> Phrase:
    """Add a relative clause: "who sleeps" qui dort, "that the boy has eaten" que le garçon a mangée.

    In the second the head is the object, which French participles agree with. A thing is always the object.
    """
    assert head.noun is not None
    verbs = DONE_TO[head.noun]
    if head.kind == "thing" and not verbs:
        return head
    d.note("relative clause")
    d.antecedent = True
    if head.kind == "thing" or (verbs and d.chance(0.4)):
        subject = RULES["subject"](d, "human", depth - 1, definite=True)
        verb = d.one_of(verbs)
        tense = fit_tense(d, verb, d.one_of(TENSES_WITH_OBJECT_IN_FRONT), subject)
        if tense == "present" and verb.aspect == "d":
            tense = "progressive"
        group = verb_group(d, subject, verb, tense, preceding=head.form)
        return THAT_ONE_DID.fill(head, subject, group)
    d.owner = owner_of(head)
    d.kind = head.kind
    rest = RULES["predicate"](d, head, d.one_of(TENSES_OF_RELATIVES), None, depth - 1)
    return (WHO if head.kind == "human" else THAT).fill(head, rest)
