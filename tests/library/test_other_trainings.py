"""A checkpoint of another training is refused, and then nothing is changed."""

import random
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from small_trainings import (
    EXAMPLES,
    StoppedError,
    Translator,
    line,
    resumable,
    same,
    some_batches,
    squares,
    stopping,
    translator,
    weights,
)
from torch import nn
from torch.utils.data import DataLoader

from attn_utils.training import fit
from attn_utils.training.losses import token_loss


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 41}, "steps was 40, is 41"),
        ({"schedule": "cosine"}, "schedule was linear, is cosine"),
        ({"every": 7}, "every was 6, is 7"),
        ({"lr": 1e-3}, r"optimizer was lr: 0.003, is lr: 0.001"),
        ({"clip": None}, "clip was 1.0, is None"),
        ({"held_out": None}, "held_out was True, is False"),
        ({"model": Translator(size=11)}, r"model was \(embedding\): Embedding\(10, 8\), is .*\(11, 8\)"),
        ({"model": Translator(dropout=0.2)}, r"model was \(dropout\): Dropout\(p=0.3.*p=0.2"),
        ({"loss": partial(token_loss, smoothing=0.1)}, r"loss was token_loss\{\}, is token_loss\{'smoothing': 0.1\}"),
        ({"batches": some_batches(seed=1)}, "seed of the batches was 0, is 1"),
        ({"batches": some_batches(80)}, "batches was 8, is 10"),
        ({"model": translator(seed=4)}, "fingerprint of the weights was .*, is .*a model made after the same seed"),
        ({"held_out": some_batches(31, shuffle=False)}, "fingerprint of held_out was .*, is"),
        ({"batches": DataLoader(EXAMPLES, None, generator=torch.Generator())}, "generators was 0, is 1"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(tmp_path, options, message):
    with pytest.raises(StoppedError):
        resumable(tmp_path / "run.pt", stopping(9))
    model = options.get("model", translator())
    before = weights(model)
    with pytest.raises(ValueError, match=rf"checkpoint .*run.pt must be one of this training, got .*{message}"):
        resumable(tmp_path / "run.pt", **{"model": model} | options)
    assert same(weights(model), before)


def test_other_data_of_equal_length_is_refused(tmp_path):
    path, data, other = tmp_path / "run.pt", [line(8, seed) for seed in range(9)], [line(8, seed) for seed in range(9)]
    other[3] = line(8, 100)
    options = {"loss": squares, "steps": 40, "every": 6}

    def stopped(model, batch):
        if batch is data[7]:
            raise StoppedError
        return squares(model, batch)

    def linear():
        torch.manual_seed(0)
        return nn.Linear(2, 1)

    stopped.__qualname__ = squares.__qualname__
    with pytest.raises(StoppedError):
        fit(linear(), data, checkpoint=path, **options | {"loss": stopped})
    model = linear()
    before = weights(model)
    with pytest.raises(ValueError, match=r"batches must be the same in the same order, got others .* other data"):
        fit(model, other, checkpoint=path, **options)
    assert same(weights(model), before)
    fit(model, data, checkpoint=path, **options)


def test_batches_that_end_too_early_on_the_way_back_are_refused(tmp_path):
    def batches(n):  # of a length that cannot be known
        return SimpleNamespace(epoch=lambda number: iter([*some_batches()][:n]))

    with pytest.raises(StoppedError):
        resumable(tmp_path / "run.pt", stopping(7), batches=batches(8))
    with pytest.raises(ValueError, match="batches must be the same in the same order"):
        resumable(tmp_path / "run.pt", batches=batches(4))


def test_the_same_model_may_begin_anew_and_go_on_elsewhere(tmp_path):
    """Its weights are compared with those it had when the training of this checkpoint began."""
    model = translator()
    resumable(tmp_path / "one.pt", model=model, steps=6)
    with pytest.raises(StoppedError):
        resumable(tmp_path / "two.pt", stopping(9), model, steps=12)  # goes on from what it learned
    again = translator()
    resumable(tmp_path / "one.pt", model=again, steps=6)
    resumable(tmp_path / "two.pt", model=again, steps=12)
    (tmp_path / "one.pt").unlink()
    resumable(tmp_path / "one.pt", model=again, steps=6)
    with pytest.raises(ValueError, match="fingerprint of the weights"):
        resumable(tmp_path / "one.pt", steps=6)


def test_parts_that_sleep_are_compared(tmp_path):
    path, model = tmp_path / "run.pt", translator()
    model.dropout.eval()
    with pytest.raises(StoppedError):
        resumable(path, stopping(9), model)
    with pytest.raises(ValueError, match="parts in eval mode was dropout, is none"):
        resumable(path)
    again = translator()
    again.dropout.eval()
    resumable(path, model=again)


class Failing:
    """What fails when its state is loaded, after it has taken it."""

    def load_state_dict(self, *args, **kwargs):
        super().load_state_dict(*args, **kwargs)
        if self.fails:
            raise RuntimeError("of another kind")


class FailingModel(Failing, Translator):
    pass


class FailingOptimizer(Failing, torch.optim.SGD):
    fails = False


class FailingBatches:
    """Raises on the way back."""

    fails = False

    def __iter__(self):
        for batch in some_batches():
            yield batch
            random.random()
            torch.rand(())
            if self.fails:
                raise RuntimeError("of another kind")


@pytest.mark.parametrize("culprit", ["model", "optimizer", "batches"])
def test_what_fails_while_it_is_loaded_leaves_everything_as_it_was(tmp_path, culprit):
    def parts():
        torch.manual_seed(3)
        model = FailingModel()
        model.fails = False
        optimizer = FailingOptimizer(model.parameters(), lr=0.1, momentum=0.9)
        return {"model": model, "optimizer": optimizer, "batches": FailingBatches()}

    with pytest.raises(StoppedError):
        resumable(tmp_path / "run.pt", stopping(14), **parts())
    mine = parts()
    mine[culprit].fails = True
    model, optimizer = mine["model"], mine["optimizer"]
    before, chance = weights(model), (torch.get_rng_state(), random.getstate())
    with pytest.raises(RuntimeError, match="of another kind"):
        resumable(tmp_path / "run.pt", **mine)
    assert same(weights(model), before)
    assert optimizer.state_dict()["state"] == {}
    assert optimizer.param_groups[0]["lr"] == 0.1
    assert torch.equal(chance[0], torch.get_rng_state())
    assert chance[1] == random.getstate()
    assert model.training
    mine[culprit].fails = False
    resumed, history = resumable(tmp_path / "run.pt", **mine)
    whole, expected = resumable(None, **parts())
    assert history == expected
    assert same(weights(resumed), weights(whole))
