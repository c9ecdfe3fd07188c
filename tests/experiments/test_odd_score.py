"""The stored additive scores are those of the program, and no odd one is below what an odd score can reach."""

import pytest
import torch

from attn_utils.attention import masked_softmax
from attn_utils.results import load
from attn_utils.scoring import AdditiveScore
from experiments import odd_score
from experiments.runner import in_order


@pytest.fixture(scope="module")
def stored():
    return load("odd_score")


def bound(n):
    return n / (2 * (n - 1)) * (1 - 1 / (n * (n - 2)) ** 2)


def test_every_run_of_the_plan_is_stored_and_none_twice(stored):
    rows = stored["tuning"] + stored["runs"]
    assert stored["settings"] == odd_score.SETTINGS
    assert len(in_order(rows, odd_score.plan)) == len(odd_score.plan(rows)) == len(rows)
    assert len(stored["runs"]) == odd_score.SEEDS * len(odd_score.RUNS)


def test_no_odd_score_is_below_the_bound_and_the_bias_is(stored):
    for row in stored["tuning"] + stored["runs"]:
        assert (row["error"] > bound(odd_score.KEYS)) == (row["bias"] == "none"), row


@pytest.mark.parametrize("n", [3, 4, 8])
def test_the_bound_is_the_least_error_of_scores_and_their_negatives(n):
    ahead = torch.linspace(0, 12, 120_001, dtype=torch.float64)
    scores = torch.cat([ahead[:, None], torch.zeros(len(ahead), n - 1)], dim=-1)
    away = masked_softmax(torch.stack([scores, -scores])) - torch.eye(n)[0]
    assert away.square().sum(dim=-1).mean(dim=0).min().item() == pytest.approx(bound(n), abs=1e-8)


def test_error_is_that_of_the_output_in_the_mean_over_values():
    score, generator = AdditiveScore(8, 8, 4), torch.Generator().manual_seed(0)
    queries, keys, wanted = odd_score.match(torch.eye(8), generator, 3)
    weights = masked_softmax(score(queries, score.prepare_keys(keys)))
    values = torch.randn(200_000, 1, 8, 1, generator=generator)
    errors = (weights @ values)[..., 0, 0] - values[:, 0, :, 0][:, wanted[:, 0, 0]]
    expected = odd_score.error(score, queries, keys, wanted)
    assert errors.square().mean().item() == pytest.approx(expected.item(), rel=0.02)


def test_a_short_run_gives_the_same_row_again():
    job = odd_score.Job(4, "zero", 64, False, 3, 0, 0.03)
    assert odd_score.run(job) == odd_score.run(job)
    assert odd_score.AdditiveScoreWithBias(8, 8, 4).b.abs().sum() == 0


def test_a_mirrored_batch_holds_each_scene_and_its_mirror_image():
    generator = torch.Generator().manual_seed(0)
    queries, keys, wanted = odd_score.match(torch.eye(8), generator, 6, mirrored=True)
    assert len(queries) == len(keys) == len(wanted) == 6
    assert torch.equal(queries[:3], -queries[3:])
    assert torch.equal(keys[:3], -keys[3:])
    assert torch.equal(wanted[:3], wanted[3:])
    assert odd_score.error(AdditiveScore(8, 8, 4), queries, keys, wanted).item() > bound(8)
