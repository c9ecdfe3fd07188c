"""Tokens: the same rules for every language, and nothing that cannot be seen."""

import unicodedata

import pytest

from attn_utils.data.tokens import tokenize

TOKENS = {
    "L\u2019\u00e9t\u00e9, qu\u2019est-ce que c\u2019est\u202f?": "l' \u00e9t\u00e9 , qu' est-ce que c' est ?",
    "Jusqu'\u00e0, lorsqu'il puisqu'on \u00e7'a": "jusqu' \u00e0 , lorsqu' il puisqu' on \u00e7' a",
    "J'ai, j\u2019y, N\u2019en, T'as, s'il, m'a, d'ici": "j' ai , j' y , n' en , t' as , s' il , m' a , d' ici",
    "quelqu'un, aujourd\u2019hui, va-t'en": "quelqu'un , aujourd'hui , va-t'en",
    "I can\u2019t; we'll, Tom's, o'clock, O'Hara": "i can't ; we'll , tom's , o'clock , o'hara",
    "the cats' 'quoted' one": "the cats ' ' quoted ' one",
    "1,000 or 3.14 at 7:30, not 5...": "1,000 or 3.14 at 7:30 , not 5 ...",
    "Wait\u2026 What?! (50%)": "wait \u2026 what ? ! ( 50 % )",
    "cafe\u0301\u00adte\u0301ria\u200b\u2009x\u2028y\u0085z": "caf\u00e9t\u00e9ria x y z",
    "co\u2011op snake_case col\u00b7legi": "co-op snake _ case col\u00b7legi",
    "\u00bfQu\u00e9? \u00a1No!": "\u00bf qu\u00e9 ? \u00a1 no !",
    "Tom\u662f\u6211\u7684 friend\u3002": "tom \u662f \u6211 \u7684 friend \u3002",
    "\u30cb\u30e5\u30fc": "\u30cb \u30e5 \u30fc",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u092e\u0947\u0902\u0964": (
        "\u0939\u093f\u0928\u094d\u0926\u0940 \u092e\u0947\u0902 \u0964"
    ),
    "\u0e09\u0e31\u0e19\u0e23\u0e31\u0e01": "\u0e09\u0e31 \u0e19 \u0e23\u0e31 \u0e01",
    "\ud55c\uad6d\uc5b4\ub97c \ub9d0\ud574\uc694.": "\ud55c\uad6d\uc5b4\ub97c \ub9d0\ud574\uc694 .",
    " \u202f \t": "",
    # Lower case: a Turkish capital leaves no dot behind, a final sigma is one, what has no composed capital is composed
    "\u0130yi I\u0307yi I": "iyi iyi i",
    "\u039f\u0394\u039f\u03a3 J\u030cA \u1e9e": "\u03bf\u03b4\u03bf\u03c2 \u01f0a \u00df",
    # Emoji: without a variation selector; in one piece with color, joined ones and keycap; flags in pairs.
    "\u2764\ufe0f\u2764": "\u2764 \u2764",
    "\U0001f469\U0001f3fd\u200d\U0001f4bb!\U0001f600\U0001f600": (
        "\U0001f469\U0001f3fd\u200d\U0001f4bb ! \U0001f600 \U0001f600"
    ),
    "\U0001f3f3\ufe0f\u200d\U0001f308 1\ufe0f\u20e3": "\U0001f3f3\u200d\U0001f308 1\u20e3",
    "\U0001f1eb\U0001f1f7\U0001f1e9\U0001f1ea": "\U0001f1eb\U0001f1f7 \U0001f1e9\U0001f1ea",
    # Invisible marks go; control characters and halves of a surrogate pair separate.
    "\u2066a\u2069b\u061c\u034f\U000e0067 \u3164 \u200d": "ab",
    "a\0b\x7fc\ud800d\x9fe\u2800f": "a b c d e f",
    # The two joiners: in Persian and Hindi inside a word, nowhere else.
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645\u200c\u061f": (
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u061f"
    ),
    "\u0915\u094d\u200d\u0937 a\u200db": "\u0915\u094d\u200d\u0937 ab",
}


@pytest.mark.parametrize("text", TOKENS)
def test_tokens(text):
    assert " ".join(tokenize(text)) == TOKENS[text]


def test_case_is_kept_on_request():
    assert tokenize("L'Oise, D'où, Qu'il", lower=False) == ("L'", "Oise", ",", "D'", "où", ",", "Qu'", "il")
    assert tokenize("\u0130yi", lower=False) == ("\u0130yi",)


# What Unicode calls default ignorable and Python does not tell: marks and letters without a look.
BLANK = {0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10)}
BLANK |= set(range(0xE0000, 0xE1000))
DRAWN = ("SIGN", "MARK", "END OF AYAH", "HIEROGLYPH")  # in the names of format characters that have a look


def is_seen(character: str) -> bool:
    """Whether something is drawn."""
    category = unicodedata.category(character)
    if category == "Cf" and ord(character) not in BLANK:
        name = unicodedata.name(character, "")
        return any(word in name for word in DRAWN) and not name.endswith(("-LEFT MARK", "-RIGHT MARK", "LETTER MARK"))
    return category not in {"Cc", "Cf", "Cs", "Cn", "Zs", "Zl", "Zp"} and ord(character) not in BLANK


def test_no_token_is_invisible_and_each_character_that_is_seen_is_in_one():
    every = [
        chr(code) for code in (*range(0x20000), *range(0xE0000, 0xE1000)) if unicodedata.category(chr(code)) != "Cn"
    ]
    tokens = tokenize(" ".join(every), lower=False)
    assert [token for token in tokens if not all(map(is_seen, token))] == []
    composed = set("".join(tokens))
    kept = {c for c in every if is_seen(c) and unicodedata.normalize("NFC", c) == c}
    assert kept - composed == set("\u2018\u2019\u02bc\uff07\u201c\u201d\u201e\u201f\u2010\u2011")


def test_tokens_are_composed_small_and_stable():
    """Cut once more, a token stays what it is."""
    for token in {token for token in tokenize(" ".join(map(chr, range(0x20000)))) if len(token) == 1}:
        assert unicodedata.normalize("NFC", token) == token
        assert tokenize(token) == (token,)


def test_a_sentence_is_a_string():
    with pytest.raises(ValueError, match=r"text must be a string, got b'Go\.'"):
        tokenize(b"Go.")
