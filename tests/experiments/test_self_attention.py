"""The stored studies of chapter 6 are those of the program, and keep the bounds that no training moves."""

import pytest
import torch

from attn_utils.results import load
from experiments import self_attention
from experiments.runner import in_order


@pytest.fixture(scope="module")
def stored():
    return load("self_attention")


def test_every_run_of_the_plan_is_stored_and_none_twice(stored):
    rows = stored["tuning"] + stored["rooms"] + stored["kernels"]
    assert stored["settings"] == self_attention.SETTINGS
    assert len(in_order(rows, self_attention.plan)) == len(self_attention.plan(rows)) == len(rows)


def test_convolutions_stay_below_their_bound_and_see_six_places(stored):
    n, options = self_attention.PEOPLE, self_attention.SECRETS
    within = sum(abs(i - j) <= 6 for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    for row in stored["rooms"]:
        if row["model"] == "convolutions":
            assert row["right"] < within + (1 - within) / options
            assert min(row["reach"][:7]) > 0
            assert max(row["reach"][7:]) == 0
        else:
            assert min(row["reach"]) > 0


def test_more_noise_is_answered_by_a_wider_kernel(stored):
    many = [row for row in stored["kernels"] if row["study"] == "many curves"]
    widths = [[w for row in many if row["noise"] == noise for w in row["widths"]] for noise in (0.25, 0.5, 1.0)]
    assert max(widths[0]) < min(widths[1])
    assert max(widths[1]) < min(widths[2])


def test_the_answer_is_the_secret_of_the_one_who_has_the_name_that_is_asked():
    names, secrets = self_attention.NAMES, self_attention.SECRETS
    x, answer, whom = self_attention.rooms(5, 9, torch.Generator().manual_seed(0))
    name, secret, asked = (part.argmax(dim=-1) for part in x.split([names, secrets, names], dim=-1))
    for b in range(5):
        for i in range(9):
            (j,) = (name[b] == asked[b, i]).nonzero().flatten().tolist()
            assert j == whom[b, i] != i
            assert secret[b, j] == answer[b, i]
