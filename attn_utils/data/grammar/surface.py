"""From words to a sentence pair: an for a, elision, contraction, and the links read off. Always last.

The rules say *le ami* and *de le voisin*; what stands next to what is known only when all words are in place.
"""

from collections.abc import Iterable, Sequence

from attn_utils.data.grammar.engine import Draw, English, French, Phrase
from attn_utils.data.grammar.lexicon import ASPIRATED
from attn_utils.data.pairs import Pair

__all__ = ["CONTRACTION", "ELISION", "join", "repeats"]

ELISION = {
    "le": "l'",
    "la": "l'",
    "de": "d'",
    "ne": "n'",
    "je": "j'",
    "me": "m'",
    "que": "qu'",
    "ce": "cet",
    "ma": "mon",
    "sa": "son",
}
"""What a word becomes before a vowel."""

CONTRACTION = {("de", "le"): "du", ("de", "les"): "des", ("à", "le"): "au", ("à", "les"): "aux"}
CONTRACTED = frozenset({"le", "les"})
VOWELS = frozenset("aeiouyhàâéèêîôœ")
"""Letters that a word may begin with to be elided before. A mute h is one; ``ASPIRATED`` has the others."""

# The same tuples for all sentences: a corpus holds a million links.
LINKS = [[(i, j) for j in range(64)] for i in range(64)]


def join(d: Draw, phrase: Phrase) -> Pair:
    """Put the words of a sentence into their final form, and read off the links."""
    source = _english_words(phrase.english)
    words = elide(d, phrase.french)
    sure = [english.links[j] for j, word in enumerate(words) for english in word.sure]
    possible = [english.links[j] for j, word in enumerate(words) for english in word.possible]
    return Pair(
        source,
        tuple([word.text for word in words]),
        frozenset(sure),
        frozenset(sure + possible),
        frozenset(d.phenomena),
        frozenset(d.modified),
    )


def repeats(words: Iterable[English]) -> bool:
    """Return whether a noun, a name or an adjective occurs twice: "the doctor helps the doctors"."""
    lemmas = [word.lemma for word in words if word.lemma]
    return len(set(lemmas)) < len(lemmas)


def _english_words(words: Sequence[English]) -> tuple[str, ...]:
    """Number the words, and write "an" for "a" before a vowel."""
    texts = [word.text for word in words]
    for word, links in zip(words, LINKS, strict=False):
        word.links = links
    if "a" in texts:
        for place, following in enumerate(texts[1:]):
            if texts[place] == "a" and (following[0] in "aeiou" or following == "honest"):
                texts[place] = "an"
    return tuple(texts)


def elide(d: Draw, words: Sequence[French]) -> list[French]:
    """Elide and contract, from the last word to the first. A contraction has the links of both its parts."""
    done: list[French] = []
    following = ""
    for word in reversed(words):
        if following and following[0] in VOWELS and following not in ASPIRATED:
            short = word.before_vowel or ELISION.get(word.text)
            if short:
                word.text = short
                d.note("elision")
        elif following in CONTRACTED and (word.text, following) in CONTRACTION:
            article = done.pop()
            word.text = CONTRACTION[word.text, following]
            word.sure = [*word.sure, *article.sure]
            word.possible = [*word.possible, *article.possible]
            d.note("contraction")
        done.append(word)
        following = word.text
    done.reverse()
    return done
