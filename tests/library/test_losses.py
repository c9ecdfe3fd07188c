"""The loss of tokens, and its mean over batches."""

from functools import partial

import pytest
import torch
from small_trainings import batch_with_padding, same, some_batches, translator, weights
from torch import nn

from attn_utils.data.vocabulary import PADDING, Batch
from attn_utils.training import fit
from attn_utils.training.losses import evaluate, token_loss
from attn_utils.training.schedules import schedule_factor


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


def test_smoothing_is_for_training_only():
    model, batch = translator(), batch_with_padding()
    assert token_loss(model.eval(), batch, 0.5)[0] == token_loss(model, batch)[0]
    history = fit(model, [batch], steps=1, loss=partial(token_loss, smoothing=0.5), held_out=[batch])
    assert history.held_out_loss == [evaluate(model, [batch])]


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
