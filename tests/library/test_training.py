"""The training loop: what it does in a step, what it measures and keeps, and what it refuses."""

import math
import re

import pytest
import torch
from small_trainings import (
    Translator,
    batch_with_padding,
    falling_then_rising,
    line,
    same,
    some_batches,
    squares,
    translator,
    weights,
)
from torch import nn

from attn_utils.data.vocabulary import PADDING, Batch, Batches
from attn_utils.training import fit
from attn_utils.training.losses import token_loss
from attn_utils.training.run import History

# A step


def reference(model, batches, steps, factor, clip):
    """The same training by hand, in the plainest way."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.98), weight_decay=0.01)
    losses, norms, step = [], [], 0
    model.train()
    for epoch in range(100):
        for batch in batches.epoch(epoch):
            if step == steps:
                return losses, norms
            step += 1
            optimizer.param_groups[0]["lr"] = 3e-3 * factor(step)
            total, count = token_loss(model, batch)
            optimizer.zero_grad()
            (total / count).backward()
            norm = torch.cat([p.grad.flatten() for p in model.parameters()]).norm().item()
            for p in model.parameters():
                p.grad *= min(1.0, clip / norm)
            optimizer.step()
            losses.append((total.item(), count))
            norms.append(norm)
    raise AssertionError


@pytest.mark.parametrize("clip", [0.2, 1e9])
def test_fit_is_the_plain_loop(clip):
    steps, every = 21, 6
    model = translator()
    losses, norms = reference(model, some_batches(), steps, lambda s: s / 2 if s < 2 else (22 - s) / 20, clip)
    fitted = translator()
    history = fit(fitted, some_batches(), steps=steps, every=every, clip=clip)
    torch.testing.assert_close(dict(fitted.state_dict()), dict(model.state_dict()), rtol=1e-4, atol=1e-6)
    intervals = [slice(0, 6), slice(6, 12), slice(12, 18), slice(18, 21)]
    assert history.steps == [6, 12, 18, 21]
    expected = [sum(t for t, _ in losses[i]) / sum(c for _, c in losses[i]) for i in intervals]
    assert history.train_loss == pytest.approx(expected, rel=1e-4)
    assert history.gradient_norm == pytest.approx([sum(norms[i]) / len(norms[i]) for i in intervals], rel=1e-4)
    assert history.learning_rate == pytest.approx([3e-3 * (22 - s) / 20 for s in (6, 12, 18, 21)])
    assert max(norms) > 0.2  # or clipping would not have been tried


def test_clipping_bounds_the_step_and_the_history_shows_the_norm_before():
    x, y = line()
    for clip, moved in ((0.25, 0.25), (None, None)):
        model = nn.Linear(2, 1)
        before = torch.cat([p.detach().flatten().clone() for p in model.parameters()])
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        history = fit(model, [(x, 9 * y)], steps=1, loss=squares, optimizer=optimizer, warmup=0, clip=clip)
        step = (torch.cat([p.detach().flatten() for p in model.parameters()]) - before).norm().item()
        assert history.gradient_norm[0] > 5
        assert step == pytest.approx(moved or history.gradient_norm[0], rel=1e-4)


def test_the_optimizer_given_is_used_and_gets_its_learning_rates_back():
    model = translator()
    groups = [{"params": model.embedding.parameters(), "lr": 0.5}, {"params": model.out.parameters(), "lr": 0.1}]
    optimizer = torch.optim.SGD(groups)
    seen = []
    optimizer.register_step_pre_hook(lambda o, *_: seen.append([group["lr"] for group in o.param_groups]))
    fit(model, some_batches(), steps=4, optimizer=optimizer, warmup=0.5)
    assert seen == [pytest.approx([0.5 * f, 0.1 * f]) for f in (1 / 2, 1, 2 / 3, 1 / 3)]
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.1]
    optimizer.param_groups[0]["lr"] = 0.7  # a second training begins with what it is given, not with what was
    fit(model, some_batches(), steps=1, optimizer=optimizer, warmup=0)
    assert seen[4] == [0.7, 0.1]


def test_a_step_is_on_the_mean_of_the_real_tokens():
    """More padding must not change what is learned, nor must the number of sentences."""
    batch = batch_with_padding()
    longer = Batch(batch.source, *(nn.functional.pad(x, (0, 9), value=PADDING) for x in batch[1:]))
    twice = Batch(*(torch.cat([x, x]) for x in batch))
    results = []
    for batches in ([batch], [longer], [twice]):
        model = translator(dropout=0.0)
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        history = fit(model, batches, steps=3, optimizer=optimizer, schedule="constant", warmup=0, clip=None, every=1)
        results.append((history.train_loss, history.gradient_norm, list(model.parameters())))
    for other in results[1:]:
        torch.testing.assert_close(other, results[0])


# Any task


def test_fit_is_general():
    """Linear regression, a classifier on a DataLoader, and batches drawn without end: the loop knows none of them."""
    x, y = line()
    model = nn.Linear(2, 1)
    history = fit(model, [(x[:32], y[:32]), (x[32:], y[32:])], steps=600, loss=squares, lr=0.05, clip=None)
    torch.testing.assert_close(model.weight, torch.tensor([[2.0, -1.0]]), atol=0.02, rtol=0)
    assert history.train_loss[-1] < 1e-3
    assert history.held_out_loss == []
    assert (history.best_step, history.best_loss) == (None, None)

    def classes(model, batch):
        points, labels = batch
        return nn.functional.cross_entropy(model(points), labels, reduction="sum"), len(labels)

    data = torch.utils.data.TensorDataset(x, (y[:, 0] > 0).long())
    loader = torch.utils.data.DataLoader(data, batch_size=10, shuffle=True)
    classifier = nn.Linear(2, 2)
    fit(classifier, loader, steps=200, loss=classes, lr=0.1, held_out=loader)
    assert (classifier(x).argmax(dim=1) == (y[:, 0] > 0)).float().mean() > 0.9

    def forever():
        generator = torch.Generator().manual_seed(0)
        while True:
            points = torch.randn(16, 2, generator=generator)
            yield points, points.sum(dim=1, keepdim=True)

    model = nn.Linear(2, 1)
    assert fit(model, forever(), steps=300, loss=squares, lr=0.05).train_loss[-1] < 0.1


def test_every_epoch_has_its_own_order():
    batches, asked = some_batches(20), []
    batches.epoch = lambda number: asked.append(number) or Batches.epoch(batches, number)
    fit(translator(), batches, steps=7)  # three batches an epoch
    assert asked == [0, 1, 2]


# Held-out loss, patience, the best weights


def test_measuring_does_not_change_what_is_learned():
    """Dropout must draw the same numbers whether or not there are evaluations."""
    loader = torch.utils.data.DataLoader(list(some_batches(30)), batch_size=None)
    a, b = translator(), translator()
    fit(a, some_batches(), steps=20)
    torch.manual_seed(3)
    b = Translator()
    fit(b, some_batches(), steps=20, held_out=loader, every=3, restore_best=False)
    assert same(weights(a), weights(b))


@pytest.mark.parametrize(("patience", "last"), [(1, 20), (3, 30), (None, 60)])
def test_patience_ends_the_training_and_the_best_weights_come_back(patience, last):
    data, model, kept = line(), nn.Linear(2, 1), {}

    measured = falling_then_rising(3)

    def loss(model, batch):
        if not model.training:
            kept[len(kept) + 1] = weights(model)
        return measured(model, batch)

    history = fit(model, [data], steps=60, loss=loss, held_out=[data], every=5, patience=patience)
    assert history.steps[-1] == last
    assert history.stopped_early == (patience is not None)
    assert (history.best_step, history.best_loss) == (15, 1.0)
    assert history.held_out_loss[:4] == [3, 2, 1, 2]
    assert same(weights(model), kept[3])
    assert not same(weights(model), kept[4])
    assert not model.training


def test_of_equal_held_out_losses_the_first_counts():
    """Later weights that are no better are not taken, and do not reset the patience."""
    data, model, kept, values = line(), nn.Linear(2, 1), [], iter([3.0, 2.0, 2.0, 2.0, 2.0])

    def loss(model, batch):
        if model.training:
            return squares(model, batch)
        kept.append(weights(model))
        return torch.tensor(next(values)), 1

    history = fit(model, [data], steps=60, loss=loss, held_out=[data], every=5, patience=3)
    assert (history.best_step, history.best_loss, history.steps[-1]) == (10, 2.0, 25)
    assert same(weights(model), kept[1])
    assert not same(kept[1], kept[2])


def test_the_last_weights_stay_when_asked_for():
    data, model = line(), nn.Linear(2, 1)
    last = []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    optimizer.register_step_post_hook(lambda *_: last.append(weights(model)))
    options = {"loss": falling_then_rising(1), "optimizer": optimizer, "every": 5, "restore_best": False}
    history = fit(model, [data], steps=20, held_out=[data], **options)
    assert history.best_step == 5
    assert same(weights(model), last[-1])


def test_history_prints_what_matters():
    assert repr(History()) == "History(0 steps)"
    assert repr(History(steps=[5], train_loss=[0.12345])) == "History(5 steps, train loss 0.123)"
    data = line()
    options = {"loss": falling_then_rising(2), "held_out": [data], "every": 5, "patience": 2}
    history = fit(nn.Linear(2, 1), [data], steps=60, **options)
    assert re.fullmatch(
        r"History\(20 steps, train loss \S+, best held-out loss 1 at step 10, stopped early\)", repr(history)
    )
    assert history.seconds > 0
    history.interrupted = True
    assert repr(history).endswith("stopped early, interrupted)")


# What goes wrong


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_an_error_at_its_step(bad):
    model, data = nn.Linear(2, 1), line()
    kept = []

    def loss(model, batch):
        kept.append(weights(model))
        total, count = squares(model, batch)
        return (total * bad if len(kept) == 4 else total), count

    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with pytest.raises(FloatingPointError, match=rf"the loss is {bad} at step 4: try a lower learning rate \(lr\)"):
        fit(model, [data], steps=9, loss=loss, optimizer=optimizer)
    assert same(weights(model), kept[3])
    assert optimizer.param_groups[0]["lr"] == 0.01


def test_a_gradient_that_is_not_finite_is_an_error():
    model, data = nn.Linear(2, 1), line()

    def loss(model, batch):
        return model(batch[0]).mul(0).abs().sqrt().sum(), 1  # 0, with an infinite slope

    before = weights(model)
    with pytest.raises(FloatingPointError, match="the norm of the gradient is nan at step 1"):
        fit(model, [data], steps=9, loss=loss)
    assert same(weights(model), before)


def test_a_held_out_loss_that_is_not_finite_is_an_error():
    model, data = nn.Linear(2, 1), line()
    with pytest.raises(FloatingPointError, match="the held-out loss is nan at step 2"):
        fit(model, [data], steps=9, loss=squares, held_out=[(data[0], data[1] * math.nan)], every=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps must be a positive integer, got 0"),
        ({"every": 0}, "every must be a positive integer, got 0"),
        ({"lr": 0}, "lr must be positive and finite, got 0"),
        ({"lr": math.nan}, "lr must be positive and finite, got nan"),
        ({"schedule": "step"}, "schedule must be one of linear, cosine, inverse sqrt, constant, got 'step'"),
        ({"warmup": 1}, "warmup must be a share of the steps, .*, got 1"),
        ({"warmup": -0.1}, "warmup must be .*, got -0.1"),
        ({"clip": 0}, "clip must be positive, or None for no clipping, got 0"),
        ({"patience": 2}, "patience must be None without held_out, which it watches, got 2"),
        ({"patience": 0, "held_out": [1]}, "patience must be a positive integer, got 0"),
        ({"held_out": iter([line()])}, "held_out must be something to go through again and again, got an iterator"),
        ({"held_out": []}, r"batches must hold something to count, got 0"),
        ({"batches": []}, "batches must not be empty, got none in epoch 0"),
        ({"batches": iter([line()] * 3)}, "batches must not be empty, got none in epoch 1"),
        ({"batches": [line(), None]}, "batches must not yield None, got it after 1 in epoch 0"),
        ({"held_out": [None]}, "batches must not yield None, got it in an evaluation"),
        ({"model": nn.Identity()}, r"model must have parameters, got Identity\(\)"),
        ({"loss": lambda m, b: (squares(m, b)[0], 0)}, "loss must return .* a count of at least 1, got a count of 0"),
    ],
)
def test_wrong_argument(options, message):
    options = {"model": nn.Linear(2, 1), "batches": [line()], "steps": 5, "loss": squares} | options
    with pytest.raises(ValueError, match=message):
        fit(options.pop("model"), options.pop("batches"), **options)
