"""A training that was stopped goes on exactly, or says why it cannot."""

import itertools
import random
import signal

import numpy as np
import pytest
import torch
from small_trainings import (
    EXAMPLES,
    StoppedError,
    falling_then_rising,
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
from torch.utils.data import DataLoader, RandomSampler

from attn_utils.training import checkpoints, fit
from attn_utils.training.losses import token_loss


@pytest.mark.parametrize("stops", [[8], [31], [4], [14, 9, 3]])
@pytest.mark.parametrize("error", [StoppedError, KeyboardInterrupt])
def test_a_training_that_was_stopped_ends_like_one_that_was_not(tmp_path, stops, error):
    whole, history = resumable(None)
    for at in stops:
        try:
            _, partly = resumable(tmp_path / "run.pt", stopping(at, error))
            assert partly.interrupted
        except StoppedError:
            pass
        torch.manual_seed(999)  # what comes between must not matter
        torch.rand(7)
    model, resumed = resumable(tmp_path / "run.pt")
    assert same(weights(model), weights(whole))
    assert resumed == history
    assert len(resumed.steps) == 7
    assert not resumed.interrupted


def test_the_last_weights_are_the_same_too(tmp_path):
    """Not only the best ones, which a checkpoint holds ready."""
    whole, _ = resumable(None, restore_best=False)
    with pytest.raises(StoppedError):
        resumable(tmp_path / "run.pt", stopping(29), restore_best=False)
    model, history = resumable(tmp_path / "run.pt", restore_best=False)
    assert same(weights(model), weights(whole))
    assert history.steps[-1] == 40


def shuffling_loader():
    """Draws its order from the global seed at the start of an epoch, long before the checkpoint."""
    return DataLoader(EXAMPLES, batch_size=None, shuffle=True)


def loader_with_a_generator():
    return DataLoader(EXAMPLES, batch_size=None, shuffle=True, generator=torch.Generator().manual_seed(5))


def sampler_with_a_generator():
    """The loader itself has none."""
    sampler = RandomSampler(EXAMPLES, generator=torch.Generator().manual_seed(5))
    return DataLoader(EXAMPLES, batch_size=None, sampler=sampler)


class Shuffled:
    """A new order each time, by whatever shuffles a list."""

    def __init__(self, shuffle):
        self.shuffle = shuffle

    def __iter__(self):
        order = list(range(len(EXAMPLES)))
        self.shuffle(order)
        return (EXAMPLES[i] for i in order)


def order_of_python():
    random.seed(5)
    return Shuffled(random.shuffle)


def order_of_numpy():
    np.random.seed(5)
    return Shuffled(np.random.shuffle)


@pytest.mark.parametrize(
    "loader",
    [shuffling_loader, loader_with_a_generator, sampler_with_a_generator, order_of_python, order_of_numpy],
)
@pytest.mark.parametrize("stop", [80, 30])
def test_an_order_that_is_drawn_goes_on_exactly_too(tmp_path, loader, stop):
    options = {"steps": 90, "every": 7}
    whole, history = resumable(None, batches=loader(), **options)
    with pytest.raises(StoppedError):
        resumable(tmp_path / "run.pt", stopping(stop), batches=loader(), **options)
    model, resumed = resumable(tmp_path / "run.pt", batches=loader(), **options)
    assert same(weights(model), weights(whole))
    assert resumed == history


def test_a_generator_that_the_held_out_batches_share_goes_on_exactly_too(tmp_path):
    """Each evaluation moves it on."""

    def run(path, loss=token_loss):
        generator = torch.Generator().manual_seed(5)
        loader, held_out = (DataLoader(EXAMPLES, None, shuffle=True, generator=generator) for _ in range(2))
        return resumable(path, loss, batches=loader, held_out=held_out, steps=90, every=7)

    whole, history = run(None)
    with pytest.raises(StoppedError):
        run(tmp_path / "run.pt", stopping(50))
    model, resumed = run(tmp_path / "run.pt")
    assert same(weights(model), weights(whole))
    assert resumed == history


def test_an_order_from_somewhere_else_is_refused(tmp_path):
    def loader(seed):
        return Shuffled(random.Random(seed).shuffle)

    with pytest.raises(StoppedError):
        resumable(tmp_path / "run.pt", stopping(80), batches=loader(5), steps=90)  # in the second epoch
    with pytest.raises(ValueError, match="batches must be the same in the same order, got others"):
        resumable(tmp_path / "run.pt", batches=loader(5), steps=90)


def test_chance_of_python_and_numpy_in_the_loss_goes_on_exactly_too(tmp_path):
    def noisy(at):
        tokens = stopping(at)

        def loss(model, batch):
            total, count = tokens(model, batch)
            return total * (1 + random.random() + np.random.rand()), count

        loss.__qualname__ = token_loss.__qualname__
        return loss

    def run(path, at):
        random.seed(1)
        np.random.seed(1)
        return resumable(path, noisy(at))

    whole, history = run(None, None)
    with pytest.raises(StoppedError):
        run(tmp_path / "run.pt", 21)
    model, resumed = run(tmp_path / "run.pt", None)
    assert same(weights(model), weights(whole))
    assert resumed == history


def test_going_on_with_the_same_objects(tmp_path):
    """As in a notebook: interrupt the cell, run the cell again."""
    whole, history = resumable(None)
    model = translator()
    # The default's twin, kept here to be used twice.
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    _, partly = resumable(tmp_path / "run.pt", stopping(20, KeyboardInterrupt), model, optimizer=optimizer)
    assert partly.interrupted
    _, resumed = resumable(tmp_path / "run.pt", model=model, optimizer=optimizer)
    assert same(weights(model), weights(whole))
    assert resumed == history


def test_a_complete_training_is_loaded_not_repeated(tmp_path):
    whole, history = resumable(tmp_path / "run.pt")
    model, loaded = resumable(tmp_path / "run.pt", stopping(1))  # would raise at its first step
    assert same(weights(model), weights(whole))
    assert loaded == history
    assert loaded.seconds == history.seconds


def test_patience_goes_on_where_it_was(tmp_path):
    """Evaluations before the checkpoint count, the best weights may be older than it, and an end stays an end."""
    data = line()

    def run(path, loss):
        torch.manual_seed(0)
        model = nn.Linear(2, 1)
        options = {"every": 5, "patience": 3, "checkpoint": path}
        history = fit(model, [data], steps=60, loss=loss, held_out=[data], **options)
        return history, weights(model)

    def measured(values):
        values = iter(values)

        def loss(model, batch):
            if model.training:
                return squares(model, batch)
            return torch.tensor(next(values)), 1

        return loss

    history, best = run(None, measured([3.0, 1.0, 2.0, 2.0, 2.0]))
    assert (history.steps[-1], history.stopped_early, history.best_step) == (25, True, 10)
    with pytest.raises(StopIteration):
        run(tmp_path / "run.pt", measured([3.0, 1.0, 2.0]))
    for values in ([2.0, 2.0], []):
        resumed, resumed_best = run(tmp_path / "run.pt", measured(values))
        assert resumed == history
        assert same(resumed_best, best)


@pytest.fixture
def ctrl_c():
    """Heed the signal. A shell tells what it starts in the background to ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_returns_the_best_so_far(tmp_path):
    kept, measured, calls = [], falling_then_rising(2), itertools.count(1)

    def loss(model, batch):
        if model.training and next(calls) == 18:
            signal.raise_signal(signal.SIGINT)
        if not model.training:
            kept.append(weights(model))
        return measured(model, batch)

    data, model = line(), nn.Linear(2, 1)
    history = fit(model, [data], steps=60, loss=loss, held_out=[data], every=5, checkpoint=tmp_path / "run.pt")
    assert history.interrupted
    assert (history.steps, history.best_step) == ([5, 10, 15], 10)
    assert same(weights(model), kept[1])
    assert not model.training
    assert checkpoints.load(tmp_path / "run.pt")["steps_done"] == 15


def test_ctrl_c_before_the_first_evaluation_keeps_the_weights_there_are():
    model, last = translator(), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    optimizer.register_step_post_hook(lambda *_: last.append(weights(model)))
    history = fit(model, some_batches(), steps=50, loss=stopping(4, KeyboardInterrupt), optimizer=optimizer)
    assert history.interrupted
    assert (history.steps, history.best_step) == ([], None)
    assert len(last) == 3
    assert same(weights(model), last[-1])
    assert optimizer.param_groups[0]["lr"] == 0.1
    assert repr(history) == "History(0 steps, interrupted)"
