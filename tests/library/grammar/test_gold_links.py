"""The links of the corpus: every word has one, and hand-written sentences have exactly theirs."""

from collections import Counter

import pytest

from attn_utils.data.grammar.lexicon import NAMES
from attn_utils.data.grammar.words import NOUNS


def test_every_word_is_linked_and_sure_links_are_possible(pairs):
    for pair in pairs:
        assert pair.sure <= pair.possible
        assert {i for i, _ in pair.possible} == set(range(len(pair.source))), pair
        assert {j for _, j in pair.possible} == set(range(len(pair.target))), pair


def test_not_is_linked_to_ne_and_pas(pairs):
    seen = Counter()
    for pair in pairs:
        for i, word in enumerate(pair.source):
            if word in ("not", "never", "cannot"):
                linked = {pair.target[j] for k, j in pair.sure if k == i}
                first, second = linked & {"ne", "n'"}, linked & {"pas", "jamais"}
                assert first, pair
                assert second == {"jamais" if word == "never" else "pas"}, pair
                assert len(linked) == (3 if word == "cannot" else 2), pair
                seen[word] += 1
    assert min(seen[word] for word in ("not", "never", "cannot")) > 20


def test_names_and_nouns_are_linked_to_their_translation(pairs):
    french = {form: {noun.french[k]} for noun in NOUNS if not noun.modifier for k, form in enumerate(noun.english)}
    french |= {name: {name} for name, _ in NAMES}
    modifiers = {noun.modifier for noun in NOUNS}
    seen = 0
    for pair in pairs:
        for i, word in enumerate(pair.source):
            if word in french and word not in modifiers:
                assert {pair.target[j] for k, j in pair.sure if k == i} == french[word], pair
                seen += 1
    assert seen > 20_000


# English, French, sure links, other possible links: written by hand.
BY_HAND = [
    ("i did not break it", "je ne l' ai pas cassé", "0-0 2-1 2-4 3-5 4-2", "1-3"),
    (
        "he did not answer her last week",
        "il ne lui a pas répondu la semaine dernière",
        "0-0 2-1 2-4 3-5 4-2 5-8 6-7",
        "1-3 6-6",
    ),
    ("she fell two days ago", "elle est tombée il y a deux jours", "0-0 1-2 2-6 3-7 4-3 4-4 4-5", "1-1"),
    ("she drank some orange juice", "elle a bu du jus d' orange", "0-0 1-2 2-3 3-6 4-4", "1-1 3-5"),
    ("i cannot work", "je ne peux pas travailler", "0-0 1-1 1-2 1-3 2-4", ""),
    ("it is alice 's dog", "c' est le chien d' alice", "0-0 1-1 2-5 3-4 4-3", "3-2"),
    ("he prepared the onion soup", "il a préparé la soupe à l' oignon", "0-0 1-2 2-3 3-7 4-4", "1-1 3-5 3-6"),
    ("the apple tart is delicious", "la tarte aux pommes est délicieuse", "0-0 1-3 2-1 3-4 4-5", "1-2"),
    (
        "they broke the window of the good hotel",
        "ils ont cassé la fenêtre du bon hôtel",
        "0-0 1-2 2-3 3-4 4-5 5-5 6-6 7-7",
        "1-1",
    ),
    (
        "there is no soup in the house",
        "il n' y a pas de soupe dans la maison",
        "0-0 0-2 1-3 2-1 2-4 2-5 3-6 4-7 5-8 6-9",
        "",
    ),
    (
        "julie prepared the cakes and ate them",
        "julie a préparé les gâteaux et les a mangés",
        "0-0 1-2 2-3 3-4 4-5 5-8 6-6",
        "1-1 5-7",
    ),
    (
        "they gave the boy several letters",
        "ils ont donné plusieurs lettres au garçon",
        "0-0 1-2 2-5 3-6 4-3 5-4",
        "1-1 3-5",
    ),
    ("she needs a dress", "elle a besoin d' une robe", "0-0 1-1 1-2 2-4 3-5", "1-3"),
    ("alice is at thomas 's", "alice est chez thomas", "0-0 1-1 2-2 3-3", "4-2"),
    ("his brother likes beans", "son frère aime les haricots", "0-0 1-1 2-2 3-4", "3-3"),
    (
        "their brother says that she has not sent the flower to the good bakers",
        "leur frère dit qu' elle n' a pas envoyé la fleur aux bons boulangers",
        "0-0 1-1 2-2 3-3 4-4 5-6 6-5 6-7 7-8 8-9 9-10 10-11 11-11 12-12 13-13",
        "",
    ),
]


@pytest.mark.parametrize(("english", "french", "sure", "possible"), BY_HAND)
def test_links_as_written_by_hand(english, french, sure, possible, corpus):
    pair = next(pair for pair in corpus if " ".join(pair.source) == english)

    def read(text):
        return {tuple(map(int, link.split("-"))) for link in text.split()}

    assert " ".join(pair.target) == french
    assert pair.sure == read(sure)
    assert pair.possible == read(sure) | read(possible)
