"""How the tables of rules are written: templates with marked links, and choices with their weights.

A template is a line with English on the left and French on the right. A word in capitals is a *part*, which is filled
in when the template is used; all other words are themselves::

    OWNER 's THING = THING~2 de/2 OWNER

The numbers say what a French word translates, by the place on the English side, parts counted: ``/2`` is a sure link
to the second place, ``~2`` a possible one. A number that points at a part means its last English word; a mark behind
a part belongs to its first French word. A template without any mark links its words one to one, in order
(``in PLACE = dans PLACE``). A form before a vowel stands behind a bar: ``ce|c'/1``.
"""

import re
from typing import NamedTuple

from attn_utils.data.grammar.engine import English, French, Phrase

__all__ = ["Template", "templates", "weighted"]

ITEM = re.compile(r"(?P<text>[^/~|]+)(?:\|(?P<before_vowel>[^/~|]+))?(?P<marks>(?:[/~][0-9]+)*)")


class Item(NamedTuple):
    """A word on the French side, or a part, whose number among the parts of the English side is then ``part``."""

    text: str
    before_vowel: str
    part: int | None
    sure: list[int]
    possible: list[int]


class Template:
    """A fixed expression, or a construction with parts to be filled in.

    The whole has the features of the part that comes first in French, which is where the head of a phrase stands.

    Args:
        line: "English = French", written as the module explains.

    Raises:
        ValueError: If the line is not written so: a part that stands on one side only, a link that leads nowhere, words
            without a link, no mark at all where the sides have different numbers of words.
    """

    def __init__(self, line: str) -> None:
        self.line = line
        english, equals, french = line.partition(" = ")
        if not equals:
            raise ValueError(f"line must be written 'English = French', got {line!r}")
        self.parts = [text for text in english.split() if text.isupper()]
        self.english = [(text, self.parts.index(text) if text.isupper() else None) for text in english.split()]
        self.french = [self._item(text) for text in french.split()]
        if not any(item.sure or item.possible for item in self.french):
            self._link_one_to_one()
        self._check()
        self.head = next((item.part for item in self.french if item.part is not None), None)

    def _item(self, text: str) -> Item:
        found = ITEM.fullmatch(text)
        if not found:
            raise ValueError(f"line must mark links as in de/2 or de~2, got {text!r} in {self.line!r}")
        word, before_vowel, marks = found.group("text", "before_vowel", "marks")
        if word.isupper() and word not in self.parts:
            raise ValueError(f"line must have the same parts on both sides, each once, got {self.line!r}")
        sure, possible = ([int(place) - 1 for place in re.findall(f"{mark}([0-9]+)", marks)] for mark in "/~")
        return Item(word, before_vowel or "", self.parts.index(word) if word.isupper() else None, sure, possible)

    def _link_one_to_one(self) -> None:
        places = [place for place, (_, part) in enumerate(self.english) if part is None]
        words = [item for item in self.french if item.part is None]
        if len(places) != len(words):
            raise ValueError(f"line without marks must have as many English as French words, got {self.line!r}")
        for place, item in zip(places, words, strict=True):
            item.sure.append(place)

    def _check(self) -> None:
        if sorted(self.parts) != sorted({item.text for item in self.french if item.part is not None}):
            raise ValueError(f"line must have the same parts on both sides, each once, got {self.line!r}")
        linked = {place for item in self.french for place in item.sure + item.possible}
        if not linked <= set(range(len(self.english))):
            raise ValueError(f"line must have links to places 1 to {len(self.english)}, got {self.line!r}")
        lonely = [text for place, (text, part) in enumerate(self.english) if part is None and place not in linked]
        lonely += [item.text for item in self.french if item.part is None and not item.sure + item.possible]
        if lonely:
            raise ValueError(f"line must link every word, got {self.line!r} without a link of {lonely[0]!r}")

    def fill(self, *parts: Phrase) -> Phrase:
        """Return fresh words, with ``parts`` in the order in which they stand on the English side."""
        if len(parts) != len(self.parts):
            raise ValueError(f"parts must be {', '.join(self.parts) or 'none'}, got {len(parts)} of them")
        english: list[English] = []
        last: list[English] = []  # of each place, its last English word
        for text, part in self.english:
            if part is None:
                english.append(English(text))
            else:
                english += parts[part].english
            last.append(english[-1])
        french: list[French] = []
        for text, before_vowel, part, sure, possible in self.french:
            if part is None:
                possibly = [last[i] for i in possible] if possible else ()
                french.append(French(text, [last[i] for i in sure] if sure else (), possibly, before_vowel))
                continue
            words = parts[part].french
            if sure or possible:
                words[0].sure = [*words[0].sure, *[last[i] for i in sure]]
                words[0].possible = [*words[0].possible, *[last[i] for i in possible]]
            french += words
        return Phrase(english, french) if self.head is None else parts[self.head].say(english, french)


def templates(table: str) -> tuple[Template, ...]:
    """Read templates, one a line."""
    return tuple(Template(line.strip()) for line in table.strip().splitlines())


def weighted(choices: str) -> tuple[str, ...]:
    """Read choices with their weights: "the:3 own" is "the" three times as often as "own"."""
    counted = [choice.partition(":") for choice in choices.split()]
    return tuple(word for word, _, count in counted for _ in range(int(count or 1)))
