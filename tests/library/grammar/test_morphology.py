"""Plurals and conjugation, against forms written by hand."""

import pytest

from attn_utils.data.grammar.morphology import english_plural, english_verb, french_plural, french_verb


@pytest.mark.parametrize(
    ("infinitive", "present", "future", "imperfect", "participle"),
    [
        ("manger", "mange mange mangeons mangent", "mangera", "mangeait mangions", "mangée"),
        ("choisir", "choisis choisit choisissons choisissent", "choisira", "choisissait choisissions", "choisie"),
        ("entendre", "entends entend entendons entendent", "entendra", "entendait entendions", "entendue"),
        ("écrire", "écris écrit écrivons écrivent", "écrira", "écrivait écrivions", "écrite"),
        ("voir", "vois voit voyons voient", "verra", "voyait voyions", "vue"),
        ("être", "suis est sommes sont", "sera", "était étions", "étée"),
        ("venir", "viens vient venons viennent", "viendra", "venait venions", "venue"),
        ("envoyer", "envoie envoie envoyons envoient", "enverra", "envoyait envoyions", "envoyée"),
        ("acheter", "achète achète achetons achètent", "achètera", "achetait achetions", "achetée"),
    ],
)
def test_conjugation(infinitive, present, future, imperfect, participle):
    verb = french_verb(infinitive)
    assert " ".join(verb.present) == present
    assert verb.future[1] == future
    assert " ".join(verb.imperfect[1:3]) == imperfect
    assert verb.participle[2] == participle


@pytest.mark.parametrize(
    ("word", "plural"),
    [("city", "cities"), ("boy", "boys"), ("glass", "glasses"), ("church", "churches"), ("go", "goes")],
)
def test_english_plural(word, plural):
    assert english_plural(word) == plural


@pytest.mark.parametrize(("word", "plural"), [("gâteau", "gâteaux"), ("souris", "souris"), ("clé", "clés")])
def test_french_plural(word, plural):
    assert french_plural(word) == plural


@pytest.mark.parametrize(
    ("forms", "third", "past", "gerund"),
    [
        (["carry"], "carries", "carried", "carrying"),
        (["close"], "closes", "closed", "closing"),
        (["run", "ran", "run"], "runs", "ran", "running"),
        (["see", "saw", "seen"], "sees", "saw", "seeing"),
        (["have", "had"], "has", "had", "having"),
    ],
)
def test_english_verb(forms, third, past, gerund):
    verb = english_verb(*forms)
    assert (verb.third, verb.past, verb.gerund) == (third, past, gerund)
