"""Sentences cut into tokens: words and punctuation marks, by the same simple rules for every language."""

import re
import sys
import unicodedata
from functools import cache

__all__ = ["tokenize"]

# One look for what has several: apostrophes, quotation marks, hyphens. What cannot be seen goes: the code points that
# Unicode calls default ignorable (among them soft hyphens, zero-width spaces, directional marks, variation selectors,
# fillers, tags), but for U+200C and U+200D, which join and part. A character of control separates, like a space.
_IGNORED = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_ALIKE = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u02bc\uff07", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f", '"'),
        **dict.fromkeys("\u2010\u2011", "-"),
        **dict.fromkeys(map(chr, [*range(0x20), *range(0x7F, 0xA0)]), " "),
        "\u2800": " ",  # Braille without a dot
    }
)
# Where the two joiners are part of the spelling: Arabic to Sinhala, Tibetan, Mongolian, emoji. Elsewhere they go.
_JOINED = "\u0600-\u0dff\u0f00-\u0fff\u1800-\u18af\u2190-\u2bff\U0001f000-\U0001faff"
_INVISIBLE = re.compile(rf"[{_IGNORED}]|[\u200c\u200d](?:(?<![{_JOINED}\ufe0f].)|(?![{_JOINED}]))")
# Scripts written without spaces: Chinese, Japanese, Thai, Lao, Burmese, Khmer.
_UNSPACED = (
    "\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
    "\U00020000-\U0003ffff\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u1000-\u103f\u1780-\u17d3"
)


def tokenize(text: str, lower: bool = True) -> tuple[str, ...]:
    """Cut a sentence into words and punctuation marks.

    - Unicode is composed (NFC). Every kind of space separates, also the narrow no-break space that French puts
      before ``!``, and so does a control character. Curly apostrophes and quotation marks become straight ones.
    - What cannot be seen is no token and no part of one: soft hyphens, zero-width spaces, directional marks, variation
      selectors. The two joiners of Persian and Hindi spelling stay between letters.
    - A French word that lost its vowel is a token of its own and keeps the apostrophe: ``l'ami`` is ``l'``, ``ami``;
      ``qu'il`` is ``qu'``, ``il``. Other apostrophes and hyphens inside a word stay: ``don't``, ``aujourd'hui``,
      ``est-ce`` are one token each.
    - A number keeps its points and commas: ``3.14``. Two or more full stops are one token, every other mark is its
      own. So is an emoji, with its skin color and all that is joined to it, and a flag.
    - A character of a script without spaces (Chinese, Japanese, Thai, Lao, Burmese, Khmer) is a token, with the
      vowel signs that stand on it.

    Lower case is that of the Unicode standard, the same for every language, but that ``İ`` becomes ``i`` without a
    second dot. So the capital ``I`` of Turkish becomes ``i`` as well, not ``ı``: where that matters, lower the text by
    the rules of its language and pass ``lower=False``.

    Args:
        text: A sentence.
        lower: Whether to write the tokens in lower case.

    Returns:
        The tokens. Each has something to see, and none holds a space.

    Raises:
        ValueError: If ``text`` is not a string.

    Example:
        >>> tokenize("Qu'est-ce que c'est ?")
        ("qu'", 'est-ce', 'que', "c'", 'est', '?')

    Source:
        Unicode Standard, section 3.13 (default case conversion) and Annex 15 (NFC); the property
        Default_Ignorable_Code_Point of its character database.
    """
    if not isinstance(text, str):
        raise ValueError(f"text must be a string, got {text!r}")
    if not text.isascii():
        text = _INVISIBLE.sub("", text)
    text = unicodedata.normalize("NFC", text.translate(_ALIKE))
    if lower:  # J̌ has no composed capital, but a composed small letter: hence once more
        text = unicodedata.normalize("NFC", text.replace("İ", "i").lower())
    # A word occurs thousands of times: interned, it is kept once.
    return tuple(map(sys.intern, _pattern().findall(text)))


@cache
def _pattern() -> re.Pattern[str]:
    # Python's \w leaves out the marks that stand on letters, which Hindi, Arabic and Thai cannot do without. Only those
    # of the basic plane: with the others, of scripts hardly in use, a search takes four times as long.
    marks = "".join(c for c in map(chr, range(0x10000)) if unicodedata.category(c).startswith("M"))
    letter = rf"[^\W_{_UNSPACED}]"
    letters = rf"{letter}+(?:[{marks}\u200c\u200d]+{letter}*)*(?<![\u200c\u200d])"
    elided = r"(?:[cçdjlmnst]|(?:jus|lors|puis|quoi)?qu)'(?=\w)"
    number = r"\d+(?:[.,:]\d+)+"
    flag = "[\U0001f1e6-\U0001f1ff]{2}"
    color = rf"[{marks}\U0001f3fb-\U0001f3ff]*"
    sign = rf"[^\s\u200c\u200d\ud800-\udfff]{color}(?:\u200d[^\w\s]{color})*"
    return re.compile(
        rf"{elided}|{number}|{letters}(?:['·-]{letters})*|[{_UNSPACED}][{marks}]*|\.\.+|{flag}|{sign}",
        re.IGNORECASE,
    )
