"""The training loop: what it counts, what it does in a step, what it keeps, and that it can stop and go on exactly."""

import copy
import itertools
import math
import re
import signal
import sys
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from attn_utils.data.vocabulary import END, PADDING, START, Batch, Batches, Vocabulary
from attn_utils.training import SCHEDULES, History, evaluate, fit, schedule_factor, token_loss

LETTERS = "abcdef"


class Translator(nn.Module):
    """Small, with dropout: what it draws from the global seed shows in its weights."""

    def __init__(self, size=10, dropout=0.3):
        super().__init__()
        self.embedding = nn.Embedding(size, 8)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(16, size)

    def forward(self, source, target_in):
        summary = self.embedding(source).mean(dim=1, keepdim=True)
        words = self.dropout(self.embedding(target_in))
        return self.out(torch.cat([words, summary.expand_as(words)], dim=-1))


def corpus(n=60, seed=0):
    generator = torch.Generator().manual_seed(seed)
    sentences = []
    for _ in range(n):
        length = int(torch.randint(1, 8, (), generator=generator))
        sentences.append(tuple(LETTERS[i] for i in torch.randint(6, (length,), generator=generator)))
    return [SimpleNamespace(source=sentence, target=tuple(sorted(sentence))) for sentence in sentences]


def some_batches(n=60, **options):
    vocabulary = Vocabulary([tuple(LETTERS)])
    return Batches(corpus(n), vocabulary, vocabulary, **{"batch_size": 8, "pool": 2} | options)


def translator(seed=3, **options):
    torch.manual_seed(seed)
    return Translator(**options)


def squares(model, batch):
    """A loss that has nothing to do with words."""
    x, y = batch
    return ((model(x) - y) ** 2).sum(), y.numel()


def line(n=64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 2, generator=generator)
    return x, x @ torch.tensor([[2.0], [-1.0]]) + 0.5


def weights(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


# The loss of tokens


def batch_with_padding():
    target_out = torch.tensor([[4, 5, END, PADDING, PADDING], [6, 4, 7, 5, END]])
    target_in = torch.tensor([[START, 4, 5, PADDING, PADDING], [START, 6, 4, 7, 5]])
    return Batch(torch.tensor([[4, PADDING], [5, 6]]), target_in, target_out)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
def test_token_loss_is_the_formula_over_real_tokens(smoothing):
    model, batch = translator(dropout=0.0).double(), batch_with_padding()
    total, count = token_loss(model, batch, smoothing)
    log_p = model(batch.source, batch.target_in).log_softmax(dim=-1).tolist()
    expected = 0.0
    for i, j in [(0, 0), (0, 1), (0, 2), *((1, j) for j in range(5))]:
        row, word = log_p[i][j], batch.target_out[i, j]
        expected -= (1 - smoothing) * row[word] + smoothing * sum(row) / len(row)
    assert (count, total.shape) == (8, ())
    assert total.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_token_loss_does_not_count_padding(smoothing):
    model, batch = translator(dropout=0.0), batch_with_padding()
    longer = Batch(batch.source, *(nn.functional.pad(x, (0, 4), value=PADDING) for x in batch[1:]))
    total, count = token_loss(model, batch, smoothing)
    total_longer, count_longer = token_loss(model, longer, smoothing)
    assert count == count_longer == 8
    torch.testing.assert_close(total, total_longer)
    gradients = [torch.autograd.grad(t, model.out.weight)[0] for t in (total, total_longer)]
    torch.testing.assert_close(*gradients)


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


def test_smoothing_is_for_training_only():
    model, batch = translator(), batch_with_padding()
    assert token_loss(model.eval(), batch, 0.5)[0] == token_loss(model, batch)[0]
    history = fit(model, [batch], steps=1, loss=partial(token_loss, smoothing=0.5), held_out=[batch])
    assert history.held_out_loss == [evaluate(model, [batch])]


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


def test_schedules():
    def values(schedule, warmup=0.2):
        return [schedule_factor(schedule, s, 10, warmup) for s in range(1, 11)]

    assert values("linear") == pytest.approx([1 / 2, 1, *(i / 9 for i in range(8, 0, -1))])
    assert values("linear", 0) == pytest.approx([(11 - s) / 10 for s in range(1, 11)])
    assert values("constant") == [0.5, *[1] * 9]
    assert values("constant", 0) == [1] * 10
    half = [(1 + math.cos(math.pi * i / 9)) / 2 for i in range(9)]
    assert values("cosine") == pytest.approx([0.5, *half])
    assert values("inverse sqrt") == pytest.approx([0.5, *(math.sqrt(2 / s) for s in range(2, 11))])
    assert values("inverse sqrt", 0) == pytest.approx([1 / math.sqrt(s) for s in range(1, 11)])
    for schedule in SCHEDULES:
        for warmup in (0, 0.05, 0.5, 0.99):
            assert all(0 < factor <= 1 for factor in values(schedule, warmup))


def test_inverse_sqrt_is_the_schedule_of_the_transformer():
    d, w, n = 512, 4000, 100_000
    peak = 1 / math.sqrt(d * w)
    for s in (1, 100, 3999, 4000, 4001, 50_000, n):
        expected = d**-0.5 * min(s**-0.5, s * w**-1.5)
        assert peak * schedule_factor("inverse sqrt", s, n, w / n) == pytest.approx(expected, rel=1e-12)


def test_the_optimizer_given_is_used_and_gets_its_learning_rates_back():
    model = translator()
    groups = [{"params": model.embedding.parameters(), "lr": 0.5}, {"params": model.out.parameters(), "lr": 0.1}]
    optimizer = torch.optim.SGD(groups)
    seen = []
    optimizer.register_step_pre_hook(lambda o, *_: seen.append([group["lr"] for group in o.param_groups]))
    fit(model, some_batches(), steps=4, optimizer=optimizer, warmup=0.5)
    assert seen == [pytest.approx([0.5 * f, 0.1 * f]) for f in (1 / 2, 1, 2 / 3, 1 / 3)]
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.1]


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


def test_held_out_loss_is_per_token_in_eval_mode_and_changes_nothing():
    model, held_out = translator(), some_batches(30, shuffle=False)
    model.train()
    before, state = weights(model), torch.get_rng_state()
    loader = torch.utils.data.DataLoader(list(held_out), batch_size=None)  # draws from the global seed
    loss = evaluate(model, loader)
    assert model.training
    assert torch.equal(state, torch.get_rng_state())
    assert same(before, weights(model))
    model.eval()
    sums = [token_loss(model, batch) for batch in held_out]
    assert loss == pytest.approx(sum(t.item() for t, _ in sums) / sum(c for _, c in sums))
    assert loss == evaluate(model, held_out)
    assert not model.training


def test_measuring_does_not_change_what_is_learned():
    """Dropout must draw the same numbers whether or not there are evaluations."""
    loader = torch.utils.data.DataLoader(list(some_batches(30)), batch_size=None)
    a, b = translator(), translator()
    fit(a, some_batches(), steps=20)
    torch.manual_seed(3)
    b = Translator()
    fit(b, some_batches(), steps=20, held_out=loader, every=3, restore_best=False)
    assert same(weights(a), weights(b))


def falling_then_rising(number_best):
    """A loss whose held-out value falls until evaluation ``number_best`` and rises after it."""
    evaluations = 0

    def loss(model, batch):
        nonlocal evaluations
        if model.training:
            return squares(model, batch)
        evaluations += 1
        return torch.tensor(1.0 + abs(evaluations - number_best)), 1

    return loss


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


# Stopping and going on


class StoppedError(Exception):
    """What ends a training from outside."""


def stopping(at, error=StoppedError):
    """The loss of tokens that raises at its ``at``-th call in training."""
    calls = 0

    def loss(model, batch):
        nonlocal calls
        calls += model.training
        if calls == at:
            raise error
        return token_loss(model, batch)

    loss.__qualname__ = token_loss.__qualname__  # to fit it is the same loss
    return loss


def resumable(path, loss=token_loss, model=None, batches=None, **options):
    model = translator() if model is None else model
    options = {"steps": 40, "every": 6, "held_out": some_batches(30, shuffle=False), "checkpoint": path} | options
    return model, fit(model, some_batches() if batches is None else batches, loss=loss, **options)


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


def test_a_shuffling_loader_goes_on_exactly_too(tmp_path):
    """It draws its order from the global seed at the start of an epoch, long before the checkpoint."""
    examples = list(some_batches(60, batch_size=1))

    def loader():
        return torch.utils.data.DataLoader(examples, batch_size=None, shuffle=True)

    whole, history = resumable(None, batches=loader(), steps=90, every=7)
    with pytest.raises(StoppedError):
        resumable(tmp_path / "run.pt", stopping(80), batches=loader(), steps=90, every=7)
    model, resumed = resumable(tmp_path / "run.pt", batches=loader(), steps=90, every=7)
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
    assert torch.load(tmp_path / "run.pt", weights_only=True)["steps_done"] == 15


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


def test_a_checkpoint_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    with pytest.raises(StoppedError):
        resumable(path, stopping(20))
    before = path.read_bytes()

    def disk_full(state, file):
        file.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", disk_full)
    with pytest.raises(OSError, match="No space left"):
        resumable(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


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


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", "half", "a list", "code"])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "run.pt"
    resumable(path, steps=3)
    if content == "half":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif content == "a list":
        torch.save([1, 2], path)
    elif content == "code":
        torch.save({"settings": copy.copy}, path)  # what could run code is not loaded
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"checkpoint .*run.pt cannot be read: delete it to train anew"):
        resumable(path, steps=3)


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
        ({"model": nn.Identity()}, r"model must have parameters, got Identity\(\)"),
        ({"loss": lambda m, b: (squares(m, b)[0], 0)}, "loss must return .* a count of at least 1, got a count of 0"),
    ],
)
def test_wrong_argument(options, message):
    options = {"model": nn.Linear(2, 1), "batches": [line()], "steps": 5, "loss": squares} | options
    with pytest.raises(ValueError, match=message):
        fit(options.pop("model"), options.pop("batches"), **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: schedule_factor("linear", 0, 5), "step must lie between 1 and steps = 5, got 0"),
        (lambda: schedule_factor("linear", 6, 5), "step must lie between 1 and steps = 5, got 6"),
        (lambda: token_loss(translator(), batch_with_padding(), 1.0), "smoothing must be .* less than 1, got 1.0"),
        (
            lambda: token_loss(lambda s, t: torch.zeros(2, 4, 10), batch_with_padding()),
            r"model must return logits of shape \(2, 5, V\), got \(2, 4, 10\)",
        ),
    ],
)
def test_wrong_argument_of_the_parts(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# The progress bar


class Terminal:
    """A stream that says whether it is a terminal, and keeps what is written to it."""

    def __init__(self, terminal):
        self.terminal, self.text, self.encoding = terminal, "", "utf-8"

    def isatty(self):
        return self.terminal

    def write(self, text):
        self.text += text

    def flush(self):
        pass


@pytest.mark.parametrize(
    ("terminal", "progress", "shown"), [(True, None, 1), (False, None, 0), (True, False, 0), (False, True, 1)]
)
def test_the_progress_bar_is_for_a_terminal(monkeypatch, capsys, terminal, progress, shown):
    stream, data = Terminal(terminal), line()
    monkeypatch.setattr(sys, "stderr", stream)
    fit(nn.Linear(2, 1), [data], steps=30, loss=squares, held_out=[data], every=10, progress=progress)
    assert bool(stream.text) == shown
    if shown:
        assert re.search(r"30/30 .*loss=\S+, held-out loss=\S+", stream.text.splitlines()[-1])
    assert capsys.readouterr().out == ""


CELL = """
import torch
from attn_utils.training import fit
x = torch.ones(4, 1)
_ = fit(torch.nn.Linear(1, 1), [x], steps=30, loss=lambda model, batch: ((model(batch) ** 2).sum(), 4))
"""


OUTPUTS = "stream", "display_data", "execute_result", "error"


def test_the_progress_bar_is_for_a_notebook_that_a_person_runs():
    """A program that runs a notebook would store it, different each time."""
    manager = pytest.importorskip("jupyter_client.manager")
    kernel, client = manager.start_new_kernel(kernel_name="python3", extra_arguments=["--log-level=ERROR"])
    try:
        shown = []
        for person in (True, False):
            messages = []
            reply = client.execute_interactive(
                CELL, allow_stdin=person, stdin_hook=print, output_hook=messages.append, timeout=60
            )
            assert reply["content"]["status"] == "ok"
            shown.append([m["msg_type"] for m in messages if m["msg_type"] in OUTPUTS])
        assert shown == [["display_data"], []]
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)
