"""Scores and Attention: against plain loops, PyTorch's own function, and with weights against without."""

import math

import pytest
import torch
from scores import DOTS, SCORES, inputs
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from attn_utils import attend, causal_mask, length_mask, masked_softmax
from attn_utils.scoring import AdditiveScore, Attention, DotScore, GeneralScore, ScaledDotScore


def some_masks(batch, q, k):
    random = torch.rand(batch, q, k) > 0.5
    random[0, 0] = False  # a query with nothing to attend to
    return {
        "none": None,
        "causal": causal_mask(q, k),
        "lengths": length_mask(torch.arange(batch) % (k + 1), k),
        "lengths & causal": length_mask(torch.arange(batch) % (k + 1), k) & causal_mask(q, k),
        "random": random,
        "one row": random[0, 1],
    }


def score_by_hand(name, score, query, key):
    """One pair, in Python numbers."""

    def dot(a, b):
        return sum(x * y for x, y in zip(a, b, strict=True))

    def times(W, x):
        return [dot(row, x) for row in W.weight.tolist()]

    if name == "dot":
        return dot(query, key)
    if name == "scaled dot":
        return dot(query, key) / len(query) ** 0.5
    if name == "general":
        return dot(query, times(score.W, key))
    hidden = [math.tanh(a + b) for a, b in zip(times(score.W_q, query), times(score.W_k, key), strict=True)]
    return dot(score.v.tolist(), hidden)


@pytest.mark.parametrize("name", SCORES)
def test_scores_are_the_textbook_formulas(name):
    score = SCORES[name]().double()
    queries, keys, _ = inputs(dtype=torch.float64)
    scores = score(queries, score.prepare_keys(keys))
    expected = [[score_by_hand(name, score, q, k) for k in keys.tolist()] for q in queries.tolist()]
    torch.testing.assert_close(scores, torch.tensor(expected, dtype=torch.float64))


def test_queries_and_keys_may_differ_in_size():
    queries, keys, values = torch.randn(2, 3, 7), torch.randn(2, 5, 4), torch.randn(2, 5, 9)
    for score in (GeneralScore(7, 4), AdditiveScore(7, 4, 8)):
        output, weights = Attention(score)(queries, keys, values, need_weights=True)
        assert output.shape == (2, 3, 9)
        assert weights.shape == (2, 3, 5)


def test_additive_score_has_no_bias():
    assert {n: tuple(p.shape) for n, p in AdditiveScore(7, 4, 8).named_parameters()} == {
        "v": (8,),
        "W_q.weight": (8, 7),
        "W_k.weight": (8, 4),
    }


@pytest.mark.parametrize("query_size", [20, 2])
def test_worked_example_of_the_source_additive(query_size):
    # Equal keys make every allowed value count the same, whatever the parameters are.
    attention = Attention(AdditiveScore(query_size, 2, 8), dropout=0.1).eval()
    values = torch.arange(40.0).reshape(1, 10, 4).expand(2, -1, -1)
    mask = length_mask(torch.tensor([2, 6]), 10)
    output, weights = attention(torch.randn(2, 1, query_size), torch.ones(2, 10, 2), values, mask, need_weights=True)
    torch.testing.assert_close(output, torch.tensor([[[2.0, 3.0, 4.0, 5.0]], [[10.0, 11.0, 12.0, 13.0]]]))
    torch.testing.assert_close(weights[0, 0], torch.tensor([0.5] * 2 + [0.0] * 8))
    torch.testing.assert_close(weights[1, 0], torch.tensor([1 / 6] * 6 + [0.0] * 4))


@pytest.mark.parametrize("need_weights", [True, False])
def test_worked_example_of_the_source_scaled_dot(need_weights):
    attention = Attention(ScaledDotScore(), dropout=0.5).eval()
    values = torch.arange(40.0).reshape(1, 10, 4).expand(2, -1, -1)
    mask = length_mask(torch.tensor([2, 6]), 10)
    output, _ = attention(torch.randn(2, 1, 2), torch.ones(2, 10, 2), values, mask, need_weights=need_weights)
    torch.testing.assert_close(output, torch.tensor([[[2.0, 3.0, 4.0, 5.0]], [[10.0, 11.0, 12.0, 13.0]]]))


def test_the_scaled_score_keeps_variance_one():
    for d in (4, 64, 1024):
        queries, keys = torch.randn(2000, d), torch.randn(2000, d)
        assert ScaledDotScore()(queries, keys).var().item() == pytest.approx(1, rel=0.1)
        assert DotScore()(queries, keys).var().item() == pytest.approx(d, rel=0.1)


@pytest.mark.parametrize("name", DOTS)
@pytest.mark.parametrize("mask", some_masks(3, 4, 5))
def test_fused_and_explicit_agree_forward_and_backward(name, mask):
    mask = some_masks(3, 4, 5)[mask]
    attention = Attention(SCORES[name]())
    results = []
    for need_weights in (False, True):
        torch.manual_seed(1)
        tensors = inputs(3, q=4)
        output, weights = attention(*tensors, mask, need_weights=need_weights)
        assert (weights is not None) == need_weights
        gradients = torch.autograd.grad(output.square().sum(), (*tensors, *attention.parameters()))
        results.append((output, *gradients))
    for fused, explicit in zip(*results, strict=True):
        torch.testing.assert_close(fused, explicit, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mask", ["none", "causal", "lengths", "random"])
@pytest.mark.parametrize("need_weights", [True, False])
def test_scaled_dot_is_pytorchs_function(mask, need_weights):
    mask = some_masks(3, 5, 5)[mask]
    queries, keys, values = inputs(3, q=5)
    ours, _ = Attention(ScaledDotScore())(queries, keys, values, mask, need_weights=need_weights)
    theirs = nn.functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
    has_keys = torch.ones(3, 5, 1, dtype=torch.bool) if mask is None else mask.any(-1, keepdim=True)
    torch.testing.assert_close(ours, theirs.masked_fill(~has_keys, 0.0))


def test_causal_mask_is_pytorchs_for_as_many_queries_as_keys():
    queries, keys, values = inputs(3, q=5)
    ours, _ = Attention(ScaledDotScore())(queries, keys, values, causal_mask(5))
    torch.testing.assert_close(ours, nn.functional.scaled_dot_product_attention(queries, keys, values, is_causal=True))


@pytest.mark.parametrize("mask", [None, causal_mask(3, 5)])
@pytest.mark.parametrize("batch", [(), (2,), (2, 4), (2, 3, 4)])
def test_dots_without_weights_take_the_memory_saving_kernel(batch, mask):
    # PyTorch raises a RuntimeError here if the inputs do not suit this kernel.
    with sdpa_kernel([SDPBackend.FLASH_ATTENTION]):
        for name in DOTS:
            Attention(SCORES[name]())(*inputs(*batch), mask)


@pytest.mark.parametrize("nan_row", [True, False])
def test_fused_empty_rows_are_zero_whatever_pytorch_returns_for_them(monkeypatch, nan_row):
    def older(q, k, v, attn_mask, dropout_p, is_causal, scale):
        # As in versions before 2.5: a row of −∞ goes into a plain softmax.
        s = (q * scale) @ k.mT
        return torch.softmax(s.masked_fill(~attn_mask, -math.inf), -1) @ v

    if nan_row:
        monkeypatch.setattr(nn.functional, "scaled_dot_product_attention", older)
    queries, keys, values = inputs(2)
    mask = torch.ones(2, 3, 5, dtype=torch.bool)
    mask[0, 1] = mask[1] = False
    output, _ = Attention(DotScore())(queries, keys, values, mask)
    assert not output[0, 1].any()
    assert not output[1].any()
    output.sum().backward()
    for x in (queries, keys, values):
        assert x.grad.isfinite().all()
        assert not x.grad[1].any()


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("need_weights", [True, False])
def test_a_masked_key_has_no_influence(name, need_weights):
    attention = Attention(SCORES[name]())
    queries, keys, values = inputs(2)
    mask = length_mask(torch.tensor([3, 4]), 5)
    output, _ = attention(queries, keys, values, mask, need_weights=need_weights)
    output.square().sum().backward()
    for x in (keys, values):
        assert not x.grad[0, 3:].any()
        assert not x.grad[1, 4:].any()
        assert x.grad[0, :3].any()
    with torch.no_grad():
        keys[0, 3:], values[0, 3:] = 77.0, -55.0
    again, _ = attention(queries, keys, values, mask, need_weights=need_weights)
    assert torch.equal(again[0], output[0])


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_no_position_sees_a_later_one_in_training_or_after(name, need_weights, training):
    attention = Attention(SCORES[name]()).train(training)
    x = torch.randn(2, 5, 6)
    changed = x.clone()
    changed[:, 3:] += 1
    before, _ = attention(x, x, x, causal_mask(5), need_weights=need_weights)
    after, _ = attention(changed, changed, changed, causal_mask(5), need_weights=need_weights)
    torch.testing.assert_close(before[:, :3], after[:, :3], rtol=0, atol=1e-6)
    assert not torch.allclose(before[:, 3:], after[:, 3:])


@pytest.mark.parametrize("name", ["general", "additive"])
def test_keys_are_projected_once(name):
    attention = Attention(SCORES[name]())
    queries, keys, values = inputs(2)
    calls = []
    projection = attention.score.W if name == "general" else attention.score.W_k
    projection.register_forward_hook(lambda *_: calls.append(1))
    prepared = attention.prepare_keys(keys)
    steps = [attention(queries[:, i : i + 1], prepared, values, keys_prepared=True)[0] for i in range(3)]
    assert len(calls) == 1
    torch.testing.assert_close(torch.cat(steps, dim=1), attention(queries, keys, values)[0])


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("name", SCORES)
def test_dropout_acts_in_training_only_and_keeps_the_mean(name, need_weights):
    attention = Attention(SCORES[name](), dropout=0.5)
    queries, keys, values = inputs(2)
    plain, _ = Attention(attention.score)(queries, keys, values)
    outputs = torch.stack([attention(queries, keys, values, need_weights=need_weights)[0] for _ in range(2000)])
    assert outputs.std(0).min() > 0.01
    torch.testing.assert_close(outputs.mean(0), plain, rtol=0, atol=0.25)
    attention.eval()
    torch.testing.assert_close(attention(queries, keys, values, need_weights=need_weights)[0], plain)


def test_the_weights_returned_are_those_that_made_the_output():
    attention = Attention(ScaledDotScore(), dropout=0.5)
    queries, keys, values = inputs(2)
    output, weights = attention(queries, keys, values, need_weights=True)
    torch.testing.assert_close(output, weights @ values)
    assert (weights == 0).any()
    explicit = masked_softmax(ScaledDotScore()(queries, keys))
    torch.testing.assert_close(weights[weights > 0], 2 * explicit[weights > 0])


class NegativeDistance(DotScore):
    """A score of the reader's own, which happens to build on the dot product."""

    def forward(self, queries, prepared_keys):
        return -torch.cdist(queries, prepared_keys)


def test_a_score_of_your_own_is_not_replaced_by_a_dot_product():
    queries, keys, values = inputs(2)
    output, _ = Attention(NegativeDistance())(queries, keys, values)
    torch.testing.assert_close(output, attend(-torch.cdist(queries, keys), values)[0])
