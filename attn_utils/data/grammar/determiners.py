"""Determiners: the, a, some, my, each, many … Which of them goes with which noun, and how it is said.

A determiner is drawn by its row's name in ``TABLE``, from the choices of the rule that asks: a subject has *the* seven
times where it has *a* twice. Some names are wishes, which ``fit`` turns into a row: "own" (somebody's: my, his …),
"any-thing" (under a negation, of things only), and "a" where the noun is not counted (some water).
"""

from attn_utils.data.grammar.engine import Draw, English, French
from attn_utils.data.grammar.lexicon import rows
from attn_utils.data.grammar.templates import weighted
from attn_utils.data.grammar.words import Noun

__all__ = ["DEFINITE", "INDEFINITE", "OBJECTS", "POSSESSIVES", "SUBJECTS", "determiner", "fit", "is_plural"]

TABLE = """
#          English            French
#          one    many       masculine  plural       feminine  plural
the        the    the        le         les          la        les
a          a      some       un         des          une       des
one        a      -          un         -            une       -
this       this   these      ce         ces          cette     ces
my         my     my         mon        mes          ma        mes
his        his    his        son        ses          sa        ses
her        her    her        son        ses          sa        ses
our        our    our        notre      nos          notre     nos
their      their  their      leur       leurs        leur      leurs
each       each   -          chaque     -            chaque    -
several    -      several    -          plusieurs    -         plusieurs
two        -      two        -          deux         -         deux
three      -      three      -          trois        -         trois
many       -      many       -          beaucoup+de  -         beaucoup+de
all        -      all+the    -          tous+les     -         toutes+les
some       some   -          de+le      -            de+la     -
any        a      any        de         de           de        de
any-mass   any    -          de         -            de        -
generic    0      0          le         les          la        les
genitive   0      0          le         les          la        les
none       0      0          0          0            0         0
"""
"""A minus says that there is no such form, a zero that there is no word: "likes poems" is aime *les* poèmes, "alice 's
cat" is *le* chat d' alice, and "there is no" brings its own words. "some" is for what is not counted (de + le becomes
*du*), "any" stands under a negation (n' a *pas de* chat)."""

NOTED = {"some": "partitive", "generic": "generic article"}
"""The phenomenon that a determiner shows."""
POSSESSIVES = frozenset({"my", "his", "her", "our", "their"})
NOTED |= dict.fromkeys(POSSESSIVES, "possessive determiner")

# What may introduce a noun phrase, by its role.
SUBJECTS = weighted("the:7 own:4 a:2 this:2 genitive:3 two many all each")
THINGS_AS_SUBJECTS = weighted("the:6 own:3 this:2 genitive:2 all")
DEFINITE = weighted("the:5 own:3 this genitive")
OBJECTS = weighted("the:5 a:6 own:3 this genitive two three several many")
NEGATED = weighted("the:3 any-thing:4 own:2 this")
HABITS = weighted("a:6 own two")
INDEFINITE = weighted("a:4 two several many")

OF_MANY = frozenset({"two", "three", "several", "many", "all", "each"})
ONLY_PLURAL = frozenset({"two", "three", "several", "many", "all", "none", "generic"})
OF_NOBODY_KNOWN = frozenset({"a", "one", "some", "any", "any-mass", "many"})


def _words(cell: str) -> list[str]:
    return [] if cell == "0" else cell.split("+")


def _read(table: str) -> dict[str, list[tuple[list[str], list[str]]]]:
    """Return, by row and form, the English and the French words."""
    read = {}
    for row in rows(table):
        name, one, many, *french = row.split()
        english = (one, many, one, many)
        read[name] = [(_words(english[form]), _words(french[form])) for form in range(4)]
    return read


DETERMINERS = _read(TABLE)


def fit(d: Draw, noun: Noun, kind: str) -> str:
    """Replace a determiner that does not go with the noun by one that does."""
    tags = noun.tags
    mass = "mass" in tags
    if "kin" in tags and kind != "genitive":
        kind = "own"
    elif mass and kind in OF_MANY:
        kind = "the" if kind == "all" else "a"
    elif kind in ("own", "genitive") and "own" not in tags:
        kind = "the"
    elif (kind == "genitive" and tags & {"land", "public"}) or (
        kind in ("the", "this", "all", "each") and noun.lemma == "friend"
    ):
        kind = "own"
    elif kind == "any-thing":
        kind = "any" if noun.kind == "thing" else "the"
    elif kind in ("one", "a") and "shoe" in tags:
        kind = "own"
    if kind == "own":
        return d.owner if d.owner and d.chance(0.7) else d.one_of(("my", "our", "their", "his", "her"))
    if mass:
        return {"a": "some", "any": "any-mass"}.get(kind, kind)
    return kind


def is_plural(d: Draw, noun: Noun, kind: str) -> bool:
    """Draw whether the noun is in the plural, where its determiner leaves the choice."""
    if "mass" in noun.tags or "single" in noun.tags or kind in ("each", "one"):
        return False
    if kind in POSSESSIVES and noun.tags & {"building", "room", "land"}:
        return False
    return kind in ONLY_PLURAL or "shoe" in noun.tags or d.chance(0.3)


def determiner(d: Draw, kind: str, form: int, adjective_follows: bool = False) -> tuple[list[English], list[French]]:
    """Return the words of a determiner in one of the four forms. Before an adjective, *des* is *de*."""
    if kind in NOTED:
        d.note(NOTED[kind])
    texts, words = DETERMINERS[kind][form]
    if kind == "a" and adjective_follows and form % 2:
        words = ["de"]
    if len(texts) == 1:
        word = English(texts[0])
        return [word], [French(text, (word,)) for text in words]
    english = [English(text) for text in texts]  # "all the", or nothing
    return english, [French(text, english[place : place + 1]) for place, text in enumerate(words)]
