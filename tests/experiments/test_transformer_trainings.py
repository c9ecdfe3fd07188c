"""The stored trainings of Transformers are those of the program, and say what chapter 9 says about them."""

import pytest
import torch
from torch import nn

from attn_utils.results import load
from attn_utils.transformer import EncoderLayer
from experiments import transformer
from experiments.runner import in_order


@pytest.fixture(scope="module")
def stored():
    return load("transformer")


def bleu(stored, kind, steps):
    return [r["test"]["BLEU"] for r in stored["runs"] if (r["kind"], r["steps"]) == (kind, steps)]


def test_every_run_of_the_plan_is_stored_and_none_twice(stored):
    rows = stored["tuning"] + stored["runs"]
    assert stored["settings"] == transformer.SETTINGS
    assert len(in_order(rows, transformer.plan)) == len(transformer.plan(rows)) == len(rows)


def test_a_kind_lacks_what_its_name_says():
    source, target = torch.randint(4, 50, (2, 6)), torch.randint(4, 60, (2, 7))
    for kind, (_, left_out, _, _) in transformer.KINDS.items():
        model = transformer.make(kind, 50, 60)
        layer = next(m for m in model.modules() if isinstance(m, EncoderLayer))
        x = torch.randn(1, 5, layer.self_attention.d_model)
        assert any(isinstance(m, nn.LayerNorm) for m in model.modules()) == ("norm" not in left_out), kind
        # A part that finds nothing leaves the token where there is a residual, and nothing where there is none.
        found = layer.add(x, torch.zeros_like(x), nn.Identity())
        assert (found == x).all() == ("residual" not in left_out), kind
        hidden = [m for m in layer.modules() if isinstance(m, nn.Linear) and m.out_features == 2 * x.shape[-1]]
        assert bool(hidden) == ("feed-forward" not in left_out), kind
        assert model(source, target).shape == (2, 7, 60)


def test_attention_alone_does_not_translate(stored):
    for steps in (1800, 3600):
        assert max(bleu(stored, "attention alone", steps)) < 1


def test_the_whole_translates_and_the_mean_of_the_heads_aligns(stored):
    assert min(bleu(stored, "whole", 3600)) > 98
    for row in stored["runs"]:
        if (row["kind"], row["steps"]) == ("whole", 3600):
            errors = row["test"]["AER"]
            assert errors["all"] < 0.07
            assert min(errors["layer 1"], errors["layer 2"]) < 0.1  # the one that the development part chooses
            assert max(error for name, error in errors.items() if "head" in name) > 0.2


def test_only_the_residual_cannot_go_and_post_norm_needs_its_warm_up(stored):
    assert max(bleu(stored, "no residual", 1800) + bleu(stored, "no residual", 3600)) < 1
    assert min(bleu(stored, "no norm", 1800) + bleu(stored, "no feed-forward", 1800)) > 95
    assert min(bleu(stored, "post-norm", 1800) + bleu(stored, "no warm-up", 1800)) > 95
    assert max(bleu(stored, "post-norm, no warm-up", 1800)) < 10
