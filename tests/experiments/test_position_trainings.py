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


def test_slowing_the_second_and_third_pair_is_what_interpolation_does(stored):
    for name in ("interpolation", "second_and_third"):
        assert shares(stored, "rotary", name)[:, -1].min() > 0.97
    for name in ("second", "third", "last_five"):
        assert shares(stored, "rotary", name)[:, -1].max() < 0.97


def test_a_moved_sentence_is_the_same_for_rotary_positions_and_another_for_added_ones(stored):
    moved = shares(stored, "rotary", "moved")
    assert (moved - moved[:, :1]).abs().max() <= 0.001
    assert shares(stored, "sinusoidal", "moved")[:, 3].max() < 0.7


def test_the_sinusoidal_layer_names_one_of_the_two_at_every_length(stored):
    assert (shares(stored, "sinusoidal") + shares(stored, "sinusoidal", "bitten")).min() > 0.97


@pytest.mark.parametrize(("kind", "sees_the_place"), [("sinusoidal", True), ("rotary", False), ("ALiBi", False)])
def test_only_added_positions_tell_a_model_where_the_sentence_begins(kind, sees_the_place):
    model = positions.Reader(kind)
    x, _, _ = positions.sentences(8, 16, torch.Generator().manual_seed(1))
    here, later = model(x), model(x, 16)
    assert torch.allclose(here, later, atol=1e-4) is not sees_the_place


def test_the_cliff_depends_on_a_rate_that_the_lengths_of_training_do_not_choose(stored):
    tuning = [row["right"] for row in stored["tuning"] if row["kind"] == "rotary"]
    assert min(shares[0] for shares in tuning) > 0.999
    assert max(shares[-1] for shares in tuning) - min(shares[-1] for shares in tuning) > 0.03


def test_neither_a_quiet_position_nor_a_long_vector_costs_what_the_two_together_cost(stored):
    together = shares(stored, "sinusoidal, loud")[:, 0].max()
    for kind in ("sinusoidal, quiet positions", "sinusoidal, both loud"):
        assert shares(stored, kind)[:, 0].min() > together
