"""Models with frozen parts, with sparse gradients and in half precision are trained as they ask to be."""

import math

import pytest
import torch
from small_trainings import line, same, some_batches, squares, translator, weights
from torch import nn

from attn_utils.scoring import Attention, ScaledDotScore
from attn_utils.training import fit
from attn_utils.training.losses import evaluate


class Normalized(nn.Module):
    """A part to freeze, with numbers that move in training mode, and dropout that draws in it."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout(0.5))
        self.out = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 1))

    def forward(self, x):
        return self.out(self.encoder(x))


def modes(model):
    return {name: module.training for name, module in model.named_modules()}


def with_a_frozen_encoder():
    model = Normalized().train()
    model.encoder.eval()
    return model


def test_a_part_in_eval_mode_stays_so_while_it_is_trained():
    model, data, seen = with_a_frozen_encoder(), line(), []

    def loss(model, batch):
        seen.append(modes(model))
        return squares(model, batch)

    before, expected = weights(model), modes(model)
    fit(model, [data], steps=6, loss=loss, held_out=[data], every=2)
    asleep = dict.fromkeys(expected, False)
    assert seen == [expected, expected, asleep] * 3
    after = weights(model)
    assert torch.equal(after["encoder.0.running_mean"], before["encoder.0.running_mean"])
    assert after["encoder.0.num_batches_tracked"] == 0
    assert after["out.0.num_batches_tracked"] > 0
    assert not torch.equal(after["encoder.0.weight"], before["encoder.0.weight"])  # only the mode was frozen
    assert modes(model) == asleep


def test_a_model_in_eval_mode_is_trained_as_a_whole():
    """As fit leaves it: a second training is one."""
    model, data, seen = Normalized(), line(), []

    def loss(model, batch):
        seen.append(modes(model))
        return squares(model, batch)

    fit(model, [data], steps=1, loss=squares)
    assert not any(modes(model).values())
    fit(model, [data], steps=1, loss=loss)
    assert all(seen[0].values())
    assert model.encoder[0].num_batches_tracked == 2


def test_an_evaluation_gives_each_part_its_own_mode_back():
    model, data = with_a_frozen_encoder(), line()
    model.out[0].eval()
    before, state = modes(model), weights(model)
    evaluate(model, [data], squares)
    assert modes(model) == before
    with pytest.raises(ZeroDivisionError):
        evaluate(model, [data], lambda model, batch: 1 / 0)
    assert modes(model) == before
    assert same(weights(model), state)


# Sparse gradients


def lookup(sparse):
    torch.manual_seed(0)
    return nn.Sequential(nn.Embedding(20, 3, sparse=sparse), nn.Flatten(), nn.Linear(6, 1))


def words():
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(20, (64, 2), generator=generator)
    x[:, 1] = x[:, 0]  # a row twice: its gradients add up before the norm is taken
    return x, x.sum(dim=1, keepdim=True) / 10


@pytest.mark.parametrize("clip", [None, 0.01, 1e9])
def test_sparse_gradients_are_clipped_like_others(clip):
    results = []
    for sparse in (False, True):
        model = lookup(sparse)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        options = {"steps": 8, "every": 1, "loss": squares, "optimizer": optimizer, "clip": clip}
        results.append((fit(model, [words()], **options), weights(model)))
    (dense, dense_weights), (sparse, sparse_weights) = results
    assert sparse.gradient_norm == pytest.approx(dense.gradient_norm, rel=1e-5)
    assert sparse.train_loss == pytest.approx(dense.train_loss, rel=1e-5)
    torch.testing.assert_close(sparse_weights, dense_weights)
    assert max(sparse.gradient_norm) > 0.01


def test_an_optimizer_for_sparse_gradients_learns():
    model = nn.Sequential(lookup(True)[0], nn.Flatten(), nn.Linear(6, 1))
    frozen = model[2].requires_grad_(False)
    before = weights(frozen)
    optimizer = torch.optim.SparseAdam(model[0].parameters(), lr=0.1)
    history = fit(model, [words()], steps=100, every=20, loss=squares, optimizer=optimizer)
    assert history.train_loss[-1] < 0.1 * history.train_loss[0]
    assert same(weights(frozen), before)


@pytest.mark.parametrize("clip", [None, 1.0])
def test_an_optimizer_that_cannot_take_sparse_gradients_is_refused(clip):
    model = lookup(True)
    before = weights(model)
    with pytest.raises(ValueError, match=r"optimizer must take sparse gradients, as .*SparseAdam.* do, got AdamW"):
        fit(model, [words()], steps=3, loss=squares, clip=clip)
    assert same(weights(model), before)


# Half precision


class Looking(nn.Module):
    """One query of its own looks at a batch of points."""

    def __init__(self):
        super().__init__()
        self.attention = Attention(ScaledDotScore())
        self.query, self.keys, self.out = nn.Parameter(torch.randn(1, 8)), nn.Linear(2, 8), nn.Linear(8, 1)

    def forward(self, x):
        keys = self.keys(x)[:, None]
        return self.out(self.attention(self.query.expand(len(x), 1, 8), keys, keys)[0][:, 0])


def outside(train):
    """All in one autocast, which keeps copies of the weights in half precision for as long as it lasts."""
    with torch.autocast("cpu", torch.bfloat16):
        return train(squares)


def inside(train):
    """An autocast for each loss."""

    def loss(model, batch):
        with torch.autocast("cpu", torch.bfloat16):
            return squares(model, batch)

    loss.__qualname__ = squares.__qualname__
    return train(loss)


def dense_model():
    return nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))


@pytest.mark.parametrize("make", [dense_model, Looking])
def test_autocast_around_a_training_is_autocast_in_each_step(make, tmp_path):
    data, results = line(), []
    for where in (outside, inside):
        torch.manual_seed(0)
        model = make()

        def train(loss, model=model, name=where.__name__):
            evaluate(model, [data], loss)  # without gradients: a copy that stayed would never learn
            options = {"held_out": [data], "every": 5, "lr": 0.05, "checkpoint": tmp_path / name}
            history = fit(model, [data], steps=60, loss=loss, **options)
            assert evaluate(model, [data], loss) == history.best_loss
            assert squares(model, data)[0].item() / 64 == pytest.approx(history.best_loss, rel=0.1)
            return history

        results.append((where(train), weights(model)))
    assert results[0][0] == results[1][0]
    assert same(results[0][1], results[1][1])
    history = results[0][0]
    assert history.train_loss[-1] < 0.3 * history.train_loss[0]


def test_autocast_of_a_translator():
    with torch.autocast("cpu", torch.bfloat16):
        batches = some_batches()
        history = fit(translator(), batches, steps=60, every=20, held_out=some_batches(20, shuffle=False))
    assert history.train_loss[-1] < history.train_loss[0]
    assert all(map(math.isfinite, history.held_out_loss))
