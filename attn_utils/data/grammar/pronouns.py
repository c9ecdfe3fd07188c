"""Subjects and pronouns, and two noun phrases joined by "and"."""

from attn_utils.data.grammar.determiners import DEFINITE, SUBJECTS, THINGS_AS_SUBJECTS
from attn_utils.data.grammar.engine import RULES, Draw, English, French, Phrase, rule
from attn_utils.data.grammar.lexicon import rows
from attn_utils.data.grammar.templates import Template
from attn_utils.data.grammar.words import NOUNS, Verb, tagged

__all__ = ["CLITICS", "clitic", "object_pronoun", "owner_of", "pronoun_for"]

# English  French  slot of the verb: je il nous ils  form of the adjective: masculine, its plural, feminine, its plural
SUBJECT_PRONOUNS = """
i     je    0  0
he    il    1  0
she   elle  1  2
we    nous  2  1
they  ils   3  1
"""

# English  French as a direct object  as an indirect one  form of the participle that follows; -1 where it would depend
# on who is speaking
OBJECT_PRONOUNS = """
it    le    -     0
him   le    lui   0
her   la    lui   2
them  les   leur  1
me    me    me    -1
us    nous  nous  -1
"""

PRONOUNS = [
    (english, french, int(slot), int(form)) for english, french, slot, form in map(str.split, rows(SUBJECT_PRONOUNS))
]
CLITICS = [
    (english, direct, indirect, int(form)) for english, direct, indirect, form in map(str.split, rows(OBJECT_PRONOUNS))
]
AND = Template("ONE and OTHER = ONE et OTHER")

BY_KIND = {
    "human": tagged("human"),
    "animal": tagged("animal"),
    "thing": tuple(noun for noun in NOUNS if noun.kind == "thing"),
}


@rule
def subject(d: Draw, kind: str, depth: int = 1, definite: bool = False, pronoun: float = 0.3) -> Phrase:
    """Build a subject of the given kind, and note whom "his" or "their" may refer to."""
    if kind == "human" and d.chance(pronoun):
        phrase = _pronoun(d)
    elif kind == "human" and d.chance(0.12):
        phrase = RULES["name"](d)
    elif kind == "human" and not definite and d.chance(0.08):
        phrase = coordination(d, RULES["person"](d), RULES["person"](d))
    else:
        kinds = DEFINITE if definite else THINGS_AS_SUBJECTS if kind == "thing" else SUBJECTS
        phrase = RULES["noun_phrase"](d, BY_KIND[kind], kinds, depth)
    d.owner = owner_of(phrase)
    d.kind = kind
    return phrase


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


def owner_of(subject: Phrase) -> str:
    """Return the possessive determiner that means the subject: "the girl" reads *her* book."""
    if subject.kind != "human":
        return ""
    return ("my", "her" if subject.form >= 2 else "his", "our", "their")[subject.slot]


@rule
def coordination(d: Draw, one: Phrase, other: Phrase) -> Phrase:
    """Join two noun phrases by "and". Only where both are feminine is the whole feminine."""
    d.note("coordination")
    whole = AND.fill(one, other)
    return Phrase(whole.english, whole.french, 3, 3 if one.form >= 2 and other.form >= 2 else 1, one.kind)


def clitic(english: str, french: str) -> Phrase:
    """Return a pronoun object, which French puts before the verb."""
    word = English(english)
    return Phrase([word], [French(french, (word,))])


def object_pronoun(d: Draw, verb: Verb, tense: str, subject: Phrase) -> tuple[Phrase, int | None] | None:
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
        or (english in ("him", "her", "me", "us") and not verb.objects & {"human", "person"})
        or (form < 0 and (subject.slot in (0, 2) or (not indirectly and tense in ("past", "perfect"))))
    ):
        return None
    return clitic(english, indirect if indirectly else direct), None if indirectly else max(form, 0)
