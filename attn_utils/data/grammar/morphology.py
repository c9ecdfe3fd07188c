"""How words change: plurals, the forms of English verbs, the conjugation of French ones."""

from dataclasses import dataclass

from attn_utils.data.grammar.lexicon import IRREGULAR_VERBS, rows

__all__ = [
    "EnglishVerb",
    "FrenchVerb",
    "english_plural",
    "english_verb",
    "four_forms",
    "french_plural",
    "french_verb",
]

DOUBLED = {"run", "swim", "forget"}  # their last consonant is doubled before -ing


@dataclass(frozen=True, slots=True)
class EnglishVerb:
    """The forms of an English verb."""

    base: str
    third: str
    past: str
    participle: str
    gerund: str


@dataclass(frozen=True, slots=True)
class FrenchVerb:
    """The forms of a French verb.

    ``present``, ``future`` and ``imperfect`` hold the forms for je, il, nous, ils; ``participle`` the masculine,
    masculine plural, feminine and feminine plural; ``auxiliary`` is "avoir" or "être".
    """

    infinitive: str
    present: tuple[str, ...]
    future: tuple[str, ...]
    imperfect: tuple[str, ...]
    participle: tuple[str, ...]
    auxiliary: str


def english_plural(word: str) -> str:
    """Return the regular plural of an English noun, which is also the third person of an English verb."""
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "ch", "sh", "go")) else "s")


def english_verb(base: str, past: str = "-", participle: str = "") -> EnglishVerb:
    """Return the forms of an English verb. A ``past`` of "-" follows the rule; the participle is like the past."""
    if past == "-":
        past = base[:-1] + "ied" if base[-1] == "y" and base[-2] not in "aeou" else base.removesuffix("e") + "ed"
    stem = base + base[-1] if base in DOUBLED else base
    stem = stem[:-1] if len(stem) > 2 and stem.endswith("e") and not stem.endswith("ee") else stem
    third = "has" if base == "have" else english_plural(base)
    return EnglishVerb(base, third, past, participle or past, stem + "ing")


def french_plural(word: str) -> str:
    """Return the regular plural of a French noun or adjective."""
    if word.endswith(("s", "x", "z")):
        return word
    return word + ("x" if word.endswith("eau") else "s")


def four_forms(masculine: str, feminine: str) -> tuple[str, str, str, str]:
    """Return the forms that agreement chooses from: masculine, masculine plural, feminine, feminine plural."""
    return masculine, french_plural(masculine), feminine, french_plural(feminine)


def french_verb(infinitive: str, auxiliary: str = "avoir") -> FrenchVerb:
    """Conjugate a French verb: by the table of irregular verbs, else by the rule of the verbs in -er."""
    stem = infinitive[:-2]
    soft = stem + "e" if stem.endswith("g") else stem  # nous mangeons
    regular = [stem + "e", stem + "e", soft + "ons", stem + "ent", stem + "é", infinitive]
    *present, participle, future = IRREGULAR.get(infinitive, regular)
    imperfect = "ét" if infinitive == "être" else present[2].removesuffix("ons")
    plain = imperfect.removesuffix("e") if infinitive.endswith("ger") else imperfect  # nous mangions
    return FrenchVerb(
        infinitive,
        tuple(present),
        tuple(future + ending for ending in ("ai", "a", "ons", "ont")),
        (imperfect + "ais", imperfect + "ait", plain + "ions", imperfect + "aient"),
        four_forms(participle, participle + "e"),
        auxiliary,
    )


IRREGULAR = {row.split()[0]: row.split()[1:] for row in rows(IRREGULAR_VERBS)}
