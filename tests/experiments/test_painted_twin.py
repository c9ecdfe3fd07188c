"""The stored runs of the painted twin are those of the program, and say what the chapter says about them."""

import pytest
import torch

from attn_utils.data.twin_digits import BACKGROUND, NO_TARGET, make_twins
from attn_utils.results import load
from experiments import painted_twin
from experiments.runner import in_order


@pytest.fixture(scope="module")
def stored():
    return load("painted_twin")


def shares(stored, kind, of="right"):
    return torch.tensor([row[of] for row in stored["runs"] if row["kind"] == kind])


def test_every_run_of_the_plan_is_stored_and_none_twice(stored):
    rows = stored["tuning"] + stored["runs"]
    assert stored["settings"] == painted_twin.SETTINGS
    assert len(in_order(rows, painted_twin.plan)) == len(painted_twin.plan(rows)) == len(rows)


@pytest.mark.parametrize("kind", ["attention", "full keys"])
def test_attention_finds_the_twin_and_looks_at_it(stored, kind):
    assert shares(stored, kind).min() > 0.95
    assert shares(stored, kind, "mass")[:, 0].min() > 0.8


def test_a_local_net_guesses_among_all_colors(stored):
    assert shares(stored, "local").max() < 0.25


@pytest.mark.parametrize("kind", ["dilated", "average"])
def test_who_sees_everything_without_asking_begins_with_a_guess_among_the_colors_of_the_scene(stored, kind):
    assert shares(stored, kind, "present").min() > 0.9
    right = [
        share for _, share in sorted((row["steps"], row["right"]) for row in stored["runs"] if row["kind"] == kind)
    ]
    assert max(right[:3]) < 0.36  # after 600 steps, three seeds
    assert right[2] + 0.05 < right[3] < right[4] < shares(stored, "attention").min()  # later it climbs


@pytest.mark.parametrize("kind", ["local", "dilated"])
def test_the_field_of_a_net_is_what_its_name_promises(kind):
    """From the pixel of the map in the middle of the canvas, through all layers in evaluation mode."""
    net = painted_twin.Painter(kind).eval()
    x = torch.rand(1, 3, 100, 100, requires_grad=True)
    net(x)[0][0, :, 50, 50].sum().backward()
    rows = (x.grad[0].abs().sum(dim=(0, 2)) > 0).sum().item()
    assert rows == {"local": 21, "dilated": 57}[kind]


def test_pairs_are_asked_for_without_any_color_that_tells():
    scenes = make_twins(50, seed=3)
    shown = painted_twin.without_color(scenes)
    assert (shown == shown[:, :1]).all()
    for digit in range(4):
        inside = scenes.regions()[:, digit] > 0
        brightest = torch.stack([picture[mask].max() for picture, mask in zip(shown[:, 0], inside, strict=True)])
        assert 0.53 < brightest.median() < 0.601  # not darker because it was the grey one
    net = painted_twin.Painter("pairs, average")
    target = painted_twin.asked(net, scenes)
    assert ((target == NO_TARGET) == (scenes.labels == BACKGROUND)).all()
    assert (target[scenes.grey] == 1).all()
    assert set(target[scenes.labels == scenes.digits[:, 3, None, None]].tolist()) == {1}
    assert 0.4 < (target[target != NO_TARGET] == 1).float().mean() < 0.6
