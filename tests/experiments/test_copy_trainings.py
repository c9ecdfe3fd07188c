"""The stored runs of the copy task are those of the program, and its models are what they are called."""

import pytest
import torch

from attn_utils.data.copy_task import copies, letters
from attn_utils.results import load
from experiments import copying
from experiments.runner import in_order


@pytest.fixture(scope="module")
def stored():
    return load("copying")


def exact(stored, kind, steps, length):
    at = copying.TESTED.index(length)
    return [row["exact"][at] for row in stored["runs"] if row["kind"] == kind and row["steps"] == steps]


def test_every_run_of_the_plan_is_stored_and_none_twice(stored):
    rows = stored["tuning"] + stored["runs"]
    assert stored["settings"] == copying.SETTINGS
    assert len(in_order(rows, copying.plan)) == len(copying.plan(rows)) == len(rows)
    assert len(stored["runs"]) == len(copying.KINDS) * sum(copying.SEEDS.values())


@pytest.mark.parametrize("kind", copying.KINDS)
def test_the_rate_is_the_best_within_the_lengths_of_training(stored, kind):
    within = copying.TESTED.index(copying.LONGEST) + 1
    tuning = [row for row in stored["tuning"] if row["kind"] == kind]
    best = max(tuning, key=lambda row: (sum(row["exact"][:within]), sum(row["symbols"][:within])))
    assert {row["rate"] for row in stored["runs"] if row["kind"] == kind} == {best["rate"]}


def test_where_it_has_been_only_the_location_aware_decoder_can_tell_at_any_length(stored):
    longer = max(copying.SEEDS)
    assert min(exact(stored, "GRU + location-aware", longer, 50)) > 0.9
    assert max(exact(stored, "GRU + attention", longer, 50)) < 0.1


@pytest.mark.parametrize("kind", ["learned", "sinusoidal"])
def test_positions_that_were_never_seen_are_a_cliff(stored, kind):
    assert max(exact(stored, kind, max(copying.SEEDS), 25)) < 0.05


@pytest.mark.parametrize("kind", copying.KINDS)
def test_a_symbol_of_the_copy_has_no_say_in_what_is_expected_at_its_place(kind):
    """The label must be shifted: a model that reads what it is to write copies any string, and learns nothing."""
    torch.manual_seed(0)
    model = copying.make(kind).eval()
    source, target = copies(2, 6, torch.Generator().manual_seed(0))
    other = target.clone()
    other[:, 3] = 4 + (other[:, 3] - 4 + 1) % 16
    before, after = (copying.logits_of(model, source, y) for y in (target, other))
    assert torch.allclose(before[:, :4], after[:, :4], atol=1e-6)
    assert not torch.allclose(before[:, 4:], after[:, 4:], atol=1e-6)


def test_a_model_that_is_always_right_copies_every_string(monkeypatch):
    def right(model, source, target):
        wanted = torch.cat([source, source.new_full((len(source), 1), 3)], dim=1)[:, : target.shape[1]]
        return torch.nn.functional.one_hot(wanted, 20).float()

    monkeypatch.setattr(copying, "logits_of", right)
    assert copying.tried(torch.nn.Identity(), 12) == (1.0, 1.0)
    source, _ = copies(1, max(copying.TESTED), torch.Generator().manual_seed(7))
    assert copying.written(torch.nn.Identity(), 12) == letters(source[0, :12])


def test_one_wrong_symbol_is_a_wrong_string(monkeypatch):
    def nearly(model, source, target):
        found = target.clone()
        found[: len(found) // 2, 0] = 3
        return torch.nn.functional.one_hot(found, 20).float()

    monkeypatch.setattr(copying, "logits_of", nearly)
    share, symbols = copying.tried(torch.nn.Identity(), 9)
    assert share == 0.5
    assert symbols == pytest.approx(1 - 0.5 / 10)
