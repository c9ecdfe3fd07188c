"""Where and when: places, times, habits, and adverbs of frequency."""

from attn_utils.data.grammar.engine import RULES, Draw, Phrase, after, rule
from attn_utils.data.grammar.noun_phrases import article_and_noun
from attn_utils.data.grammar.templates import Template, templates, weighted
from attn_utils.data.grammar.words import lemmas

__all__ = ["HABIT", "TIMES"]

IN, AT, ON, UNDER = templates("""
in PLACE = dans PLACE
at PLACE = à PLACE
on PLACE = sur PLACE
under PLACE = sous PLACE
""")
AT_SOMEBODYS = Template("at WHO 's = chez/1~3 WHO")
AT_HOME = Template("at home = à/1 la~2 maison/2")

# Where something can happen.
PLACES = (
    (IN, lemmas("garden park kitchen house forest city village")),
    (AT, lemmas("market school hospital station museum hotel castle church")),
    (ON, lemmas("beach bridge island boat")),
)
WILD_PLACES = PLACES[:1]
NEAR_PLACES = (
    (
        Template("near PLACE = près/1 de~1 PLACE"),
        lemmas("house church castle museum school hospital station tree bridge hotel"),
    ),
    (
        Template("behind PLACE = derrière PLACE"),
        lemmas("house church castle museum school hospital station tree hotel"),
    ),
    (
        Template("in front of PLACE = devant~1/2~3 PLACE"),
        lemmas("house church castle museum school hospital station hotel"),
    ),
)
WHICH_PLACE = weighted("the:3 this own")
HOSTS = lemmas("doctor baker farmer neighbor uncle aunt brother sister")
FURNITURE = lemmas("table chair bed")
SETTLEMENTS = lemmas("village city")
INDOORS = lemmas("kitchen house castle")
OUTDOORS = lemmas("garden park forest")
EDIBLE = frozenset({"food", "drink", "dish", "fruit", "vegetable", "ingredient"})
SMALL = frozenset({"tool", "vessel", "bag", "text", "art", "shoe", "garment", "cat", "mouse"})

# When something can happen, by tense.
PAST = templates("""
yesterday = hier
last night = hier soir
last week = la~2 semaine/2 dernière/1
last year = l'~2 année/2 dernière/1
this morning = ce matin
two days ago = il/3 y/3 a/3 deux/1 jours/2
three weeks ago = il/3 y/3 a/3 trois/1 semaines/2
""")
FUTURE = templates("""
tomorrow = demain
tonight = ce/1 soir/1
next week = la~2 semaine/2 prochaine/1
next year = l'~2 année/2 prochaine/1
tomorrow morning = demain matin
in three days = dans trois jours
""")
NOW = templates("""
now = maintenant
today = aujourd'hui
""")
HABIT = templates("""
every day = chaque jour
every morning = chaque matin
every week = chaque semaine
in the evening = le~1/2 soir/3
""")
TIMES = {"past": PAST, "future": FUTURE, "progressive": NOW}


@rule
def time(d: Draw, tense: str) -> Phrase:
    """Build a time expression that fits the tense."""
    d.note("time expression")
    d.timed = True
    return d.one_of(TIMES[tense]).fill()


@rule
def habit(d: Draw) -> Phrase:
    """Build how often something is done: every day, chaque jour."""
    d.note("time expression")
    return d.one_of(HABIT).fill()


@rule
def place(d: Draw) -> Phrase:
    """Build a place: in the garden, at the market, behind the old church, at my aunt 's."""
    if d.chance(0.72):
        preposition, nouns = d.one_of(PLACES if d.kind == "human" else WILD_PLACES)
        if preposition is AT:  # à l' école, but dans la vieille école
            return AT.fill(article_and_noun(d, d.one_of(nouns)))
        return preposition.fill(RULES["noun_phrase"](d, nouns, WHICH_PLACE, 0, singular=True))
    if d.kind == "human" and d.chance(0.25):
        return AT_SOMEBODYS.fill(RULES["name"](d) if d.chance(0.4) else _host(d))
    if d.kind == "human" and d.chance(0.15):
        return AT_HOME.fill()
    return _nearby(d)


@rule
def noun_and_place(d: Draw, noun: Phrase) -> Phrase:
    """Add a place that can follow a noun in French, too: le professeur dans le jardin, but not à l' hôpital."""
    d.kind = noun.kind
    preposition, nouns = d.one_of(WILD_PLACES)
    return after(noun, preposition.fill(RULES["noun_phrase"](d, nouns, WHICH_PLACE, 0, singular=True)))


@rule
def somewhere(d: Draw, subject: Phrase) -> Phrase:
    """Build a place where the subject can be: bread on the table, birds near the house, a village nowhere else."""
    noun = subject.noun
    if noun is None or subject.kind == "human":
        return place(d)
    if noun.tags & EDIBLE and d.chance(0.7):
        return ON.fill(RULES["noun_phrase"](d, FURNITURE[:1], WHICH_PLACE, 0, singular=True))
    if noun.tags & SMALL and d.chance(0.7):
        preposition = ON if d.chance(0.6) else UNDER
        return preposition.fill(RULES["noun_phrase"](d, FURNITURE, WHICH_PLACE, 0, singular=True))
    if subject.kind == "animal" or noun.tags & {"vehicle", "transport"}:
        return _nearby(d)
    nouns = SETTLEMENTS if "building" in noun.tags else OUTDOORS if "plant" in noun.tags else INDOORS
    return IN.fill(RULES["noun_phrase"](d, nouns, WHICH_PLACE, 0, singular=True))


def _nearby(d: Draw) -> Phrase:
    preposition, nouns = d.one_of(NEAR_PLACES)
    return preposition.fill(RULES["noun_phrase"](d, nouns, WHICH_PLACE, 0, singular=True))


def _host(d: Draw) -> Phrase:
    """Return a person one visits, without an adjective: the baker, my aunt."""
    noun = d.one_of(HOSTS)
    return article_and_noun(d, noun, d.one_of(("my", "our", "her", "his")) if "kin" in noun.tags else "the")
