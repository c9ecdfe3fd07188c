"""The English of the corpus: articles, verb forms, and who does what."""

import itertools
import re
from collections import Counter

from attn_utils.data.grammar.words import NOUNS, VERBS


def test_english_articles_and_verbs_agree(pairs):
    plural = {noun.english[1] for noun in NOUNS if not noun.tags & {"mass", "single"}}
    seen = Counter()
    for pair in pairs:
        text = f" {' '.join(pair.source)} "
        assert not re.search(r" a ([aeiou]|honest)", text), text
        assert not re.search(r" an (?!honest)[^aeiou]", text), text
        assert not re.search(r" (he|she) (have|do|are|were|want|need|like|know) ", text), text
        assert not re.search(r" (i|we|they) (has|does|is|wants|needs|likes|knows) ", text), text
        assert not re.search(
            r" (does|do|did|will|cannot|must|can) (not )?(was|ate|saw|has|wants|needs|answered|played) ", text
        ), text
        for word, following in itertools.pairwise(pair.source):
            seen[word] += 1
            if word in ("a", "an", "each", "this"):
                assert following not in plural, text
            if word in ("two", "three", "several", "many", "these"):
                assert (
                    following in plural
                    or following not in {n.english[0] for n in NOUNS if not n.modifier}
                    or any(n.modifier == following for n in NOUNS)
                ), text
    assert min(seen[word] for word in ("a", "an", "each", "these", "several")) > 20


def test_who_does_what_makes_sense(pairs):
    """No thing acts, nobody drinks bread: the object of a verb, if it is a plain noun phrase, is one it can have."""
    drinks = {noun.english[0] for noun in NOUNS if "drink" in noun.tags} | {"cup", "cups", "glass", "glasses"}
    drinks |= {"bottle", "bottles", "it", "any", "this", "some", "the"}
    things = {form for noun in NOUNS if not noun.tags & {"human", "animal"} for form in noun.english}
    acting = {verb.english.past for verb in VERBS} - {"had", "needed"}
    seen = 0
    for pair in pairs:
        words = pair.source
        for i, word in enumerate(words[:-1]):
            if word in ("drank", "drinking", "drink", "drunk") and words[i + 1] in ("some", "the", "this", "any"):
                rest = [w for w in words[i + 2 : i + 6] if w in drinks]
                assert rest, words
                seen += 1
        if words[0] == "the" and words[1] in things and words[2] in acting:
            raise AssertionError(words)
    assert seen > 50
