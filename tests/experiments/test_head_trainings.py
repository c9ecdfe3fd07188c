"""The stored layers of chapter 5 are those of the program, and none is below what can be proved of it."""

import pytest
import torch

from attn_utils.multi_head import MultiHeadAttention
from attn_utils.results import load
from experiments import heads
from experiments.runner import in_order

SAMPLING = 0.03  # of a mean squared error over the held-out numbers: three standard errors


@pytest.fixture(scope="module")
def stored():
    return load("heads")


@pytest.fixture(autouse=True)
def default_type():
    """A run trains in double precision, in a process of its own."""
    yield
    torch.set_default_dtype(torch.float32)


def test_every_run_of_the_plan_is_stored_and_none_twice(stored):
    rows = stored["before"] + stored["subtract"]
    assert stored["settings"] == heads.SETTINGS
    assert len(in_order(rows, heads.plan)) == len(heads.plan(rows)) == len(rows)


def test_no_head_with_weights_by_place_is_below_the_bound(stored):
    one = [row for row in stored["subtract"] if row["heads"] == 1 and row["variant"] == "places"]
    assert len(one) >= heads.SEEDS
    assert all(row["error"] > 1 - SAMPLING for row in one)
    assert sum(row["error"] < 1 + SAMPLING for row in one) >= len(one) - 1  # one wide run jumped away


def test_of_equal_matrices_no_sequence_is_right_at_every_place(stored):
    for row in stored["before"]:
        if row["variant"] in {"W_Q = W_K", "neither"}:
            assert row["most"] < heads.LENGTH, row
        else:
            assert row["most"] == heads.LENGTH, row


def test_a_run_of_two_heads_is_stuck_unless_its_gains_end_near_1_and_minus_1(stored):
    for row in stored["subtract"]:
        if row["heads"] == 2:
            low, high = sorted(row["gains"])
            assert (row["error"] < 0.1) == (low < -0.9 and high > 0.9), row


@pytest.mark.parametrize(
    "job",
    [
        heads.Job("subtract", "places", 16, 2, 3, 0),
        heads.Job("subtract", "content", 16, 1, 3, 0),
        heads.Job("before", "W_Q = W_K", 32, 1, 3, 0),
    ],
)
def test_a_short_run_gives_the_same_row_again(job):
    assert heads.run(job) == heads.run(job)


def test_the_layer_is_the_librarys():
    torch.manual_seed(0)
    ours, library = heads.MultiHead(8, 4, 1), MultiHeadAttention(8, 4, value_size=1)
    library.load_state_dict(ours.state_dict())
    queries, keys, values = torch.randn(2, 3, 8), torch.randn(2, 5, 8), torch.randn(2, 5, 1)
    torch.testing.assert_close(ours(queries, keys, values), library(queries, keys, values)[0])


def test_gains_are_what_a_head_multiplies_by():
    torch.manual_seed(0)
    layer = heads.MultiHead(8, 2, 1)
    places, x = torch.randn(5, 8), torch.randn(5, 1)
    _, weights = layer.heads(places, places, x)
    constant = layer(places, places, torch.zeros_like(x))[:, 0]
    expected = (layer.gains()[:, None] * (weights @ x)[..., 0]).sum(dim=0) + constant
    torch.testing.assert_close(layer(places, places, x)[:, 0], expected)


def test_differences_and_symbols_before_are_what_the_text_says():
    x, y = heads.numbers(2, torch.Generator().manual_seed(0))
    assert torch.equal(y[1, 0], x[1, 1, 0] - x[1, 0, 0])
    assert torch.tensor([3, 1, 2]).roll(1).tolist() == [2, 3, 1]  # the first copies the last


def test_a_fit_without_a_head_finds_what_the_others_can_say():
    torch.manual_seed(0)
    features = torch.randn(200, 3, 4)
    y = features[..., 0] - 2 * features[..., 1] + 0.5
    assert heads.fitted_error(features, y) < 1e-8
    features[..., 1] = 0
    assert heads.fitted_error(features, y) == pytest.approx(4, rel=0.3)
