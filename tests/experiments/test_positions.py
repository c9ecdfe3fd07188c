"""The stored runs of who bit whom are those of the program, and keep what can be proved about them."""

import pytest
import torch

from attn_utils.results import load
from experiments import positions
from experiments.runner import in_order


@pytest.fixture(scope="module")
def stored():
    return load("positions")


def shares(stored, kind, of="right"):
    return torch.tensor([row[of] for row in stored["runs"] if row["kind"] == kind])


def test_every_run_of_the_plan_is_stored_and_none_twice(stored):
    rows = stored["tuning"] + stored["runs"]
    assert stored["settings"] == positions.SETTINGS
    assert len(in_order(rows, positions.plan)) == len(positions.plan(rows)) == len(rows)
    assert len(stored["runs"]) == len(positions.KINDS) * len(positions.BUDGETS) * positions.SEEDS


def test_a_sentence_has_its_verb_between_two_names():
    x, verb, who = positions.sentences(50, 9, torch.Generator().manual_seed(0))
    for words, place, biter in zip(x.tolist(), verb.tolist(), who.tolist(), strict=True):
        assert words[place] == positions.VERB
        assert words.count(positions.VERB) == 1
        names = [i for i, word in enumerate(words) if word < positions.NAMES]
        assert len(names) == 2
        assert names[0] < place < names[1]
        assert words[names[0]] == biter != words[names[1]]


@pytest.mark.parametrize("kind", ["none", "ALiBi"])
def test_who_cannot_tell_left_from_right_is_right_in_half_of_the_cases(stored, kind):
    """Of 2,000 sentences: half of them, give or take three standard errors."""
    assert (shares(stored, kind)[:, 0] - 0.5).abs().max() < 3 * (0.25 / 2000) ** 0.5


@pytest.mark.parametrize("kind", ["learned", "sinusoidal", "rotary"])
def test_who_can_learns_it(stored, kind):
    assert shares(stored, kind)[:, 0].min() > 0.99


def test_slowing_the_first_pairs_is_what_interpolation_does(stored):
    assert shares(stored, "rotary", "first")[:, -1].min() > 0.97
    assert shares(stored, "rotary", "interpolation")[:, -1].min() > 0.97
    assert shares(stored, "rotary", "others")[:, -1].max() < shares(stored, "rotary")[:, -1].min() + 0.05
