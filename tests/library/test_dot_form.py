"""Scores with a dot form: explicit and fused are one, for the library's scores and for those of later chapters.

Every score is tried with cached keys, grouped heads and every mask.
"""

import math

import pytest
import torch
from later_scores import SCORES, B, D, H, masks, positions_of, problem
from torch import nn

from attn_utils.attention import answer, attend, causal_mask, length_mask
from attn_utils.kernels import Gaussian, NadarayaWatson, gaussian
from attn_utils.scoring import Attention, DotScore, ScaledDotScore


@pytest.mark.parametrize("groups", [H, 2])
@pytest.mark.parametrize(("q", "k"), [(5, 5), (2, 6), (1, 6)])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("name", SCORES)
def test_fused_and_explicit_agree_with_every_mask(name, causal, q, k, groups):
    attention = Attention(SCORES[name]()).double()
    grouped = groups < H
    for which, mask in masks(q, k).items():
        for v in (D, 3, 13):
            torch.manual_seed(v)
            tensors = problem(q, k, v, groups)
            results = []
            for need_weights in (False, True):
                output, weights = attention(
                    *tensors,
                    mask,
                    causal=causal,
                    need_weights=need_weights,
                    grouped_heads=grouped,
                    **positions_of(name, q, k),
                )
                assert output.shape == (B, H, q, v)
                gradients = torch.autograd.grad(output.square().sum(), (*tensors, *attention.parameters()))
                results.append((output, *gradients))
            assert weights.shape == (B, H, q, k)
            for fused, explicit in zip(*results, strict=True):
                torch.testing.assert_close(fused, explicit, rtol=1e-6, atol=1e-8, msg=lambda m, w=which: f"{w}: {m}")
            allowed = torch.ones(B, 1, q, k, dtype=torch.bool) if mask is None else mask
            allowed = (allowed & causal_mask(q, k) if causal else allowed).expand(B, H, q, k)
            assert not weights[~allowed].any()
            torch.testing.assert_close(weights.sum(-1), allowed.any(-1).double())


@pytest.mark.parametrize("need_weights", [False, True])
@pytest.mark.parametrize("groups", [H, 2])
@pytest.mark.parametrize("name", SCORES)
def test_one_query_at_a_time_with_cached_keys_is_the_whole(name, groups, need_weights):
    n = 6
    attention = Attention(SCORES[name]()).double()
    queries, keys, values = problem(n, n, groups=groups)
    mask = length_mask(torch.tensor([n, n]), n)[:, None].clone()
    mask[0, ..., :2] = False  # padded at the left
    options = {"need_weights": need_weights, "grouped_heads": groups < H}
    given = positions_of(name, n, n)
    whole, _ = attention(queries, keys, values, mask, causal=True, **options, **given)
    cache, steps = [], []
    for i in range(n):
        now = slice(i, i + 1)
        place = [given["key_positions"][:, now]] if given else []
        cache.append(attention.prepare_keys(keys[..., now, :], *place))  # never touched again
        steps.append(
            attention(
                queries[..., now, :],
                torch.cat(cache, dim=-2),
                values[..., : i + 1, :],
                mask[..., : i + 1],
                causal=True,
                keys_prepared=True,
                **options,
                **({"query_positions": place[0]} if place else {}),
            )[0]
        )
    torch.testing.assert_close(torch.cat(steps, dim=-2), whole, rtol=1e-6, atol=1e-8)


def test_grouped_heads_are_repeated_heads_and_pytorchs():
    queries, keys, values = problem(groups=2)
    repeated = (x.repeat_interleave(2, dim=1) for x in (keys, values))
    expected, _ = Attention(ScaledDotScore())(queries, *repeated, causal=True)
    theirs = nn.functional.scaled_dot_product_attention(queries, keys, values, is_causal=True, enable_gqa=True)
    for need_weights in (False, True):
        output, _ = Attention(ScaledDotScore())(
            queries, keys, values, causal=True, grouped_heads=True, need_weights=need_weights
        )
        torch.testing.assert_close(output, expected)
        torch.testing.assert_close(output, theirs)


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_hides_padding_and_stays_near_the_exact_answer(name, dtype):
    score = SCORES[name]()
    tensors = problem(dtype=torch.float32)
    mask = masks(5, 5)["padding at the left"]
    exact, _ = answer(score.double(), *(x.double() for x in tensors), mask, causal=True, **positions_of(name, 5, 5))
    score = score.to(dtype)
    for need_weights in (False, True):
        output, weights = answer(
            score, *(x.to(dtype) for x in tensors), mask, causal=True, need_weights=need_weights,
            **positions_of(name, 5, 5),
        )  # fmt: skip
        assert output.dtype == dtype
        assert weights is None or weights.dtype == dtype
        assert not output[0, :, :2].any()
        torch.testing.assert_close(output.double(), exact, rtol=0, atol=0.05 if dtype == torch.float16 else 0.25)


def test_padding_loses_against_the_lowest_scores_that_float16_can_hold():
    queries, keys, values = (x.detach().half() for x in problem(dtype=torch.float32))
    queries, keys = -60 * queries.abs(), 60 * keys.abs()
    assert (queries.double() @ keys.double().mT).min() < -3e4
    mask = masks(5, 5)["padding"]
    fused, _ = Attention(DotScore())(queries, keys, values, mask, causal=True)
    exact, _ = Attention(DotScore())(queries.double(), keys.double(), values.double(), mask, causal=True)
    torch.testing.assert_close(fused.double(), exact, rtol=0, atol=0.01)


@pytest.mark.parametrize(("h", "tolerance"), [(0.3, 1e-5), (0.1, 6e-5), (0.01, 2e-2)])
def test_gaussian_dot_form_rounds_as_its_docstring_says(h, tolerance):
    keys = torch.rand(400, 1)
    queries = torch.rand(100, 1)
    form = Gaussian(h).dot_form(queries, keys).scores()
    # Up to a constant for each row. What is far below the best score has no weight, so it is not looked at.
    exact = gaussian(queries.double(), keys.double(), h)
    difference = (form - exact)[:, :]
    near = exact > exact.amax(-1, keepdim=True) - 10
    low, high = (difference.masked_fill(~near, s * math.inf) for s in (1, -1))
    assert (high.amax(-1) - low.amin(-1)).max() < tolerance
    assert tolerance > torch.finfo(torch.float32).eps / h**2  # the order that the docstring gives


def test_kernel_regression_runs_through_the_fused_function(monkeypatch):
    calls = []
    original = nn.functional.scaled_dot_product_attention
    monkeypatch.setattr(
        nn.functional, "scaled_dot_product_attention", lambda *a, **k: (calls.append(k["scale"]), original(*a, **k))[1]
    )
    x, y, x_test = torch.rand(50, 1), torch.randn(50, 2), torch.rand(20, 1)
    explicit, _ = NadarayaWatson("gaussian", 0.2)(x_test, x, y)
    assert not calls  # explicit unless asked
    fused, _ = NadarayaWatson("gaussian", 0.2, fused=True)(x_test, x, y)
    assert len(calls) == 1
    torch.testing.assert_close(fused, explicit, rtol=1e-4, atol=1e-4)
    by_attention, _ = Attention(Gaussian(0.2))(x_test, x, y)
    torch.testing.assert_close(by_attention, explicit, rtol=1e-4, atol=1e-4)
    _, weights = NadarayaWatson("gaussian", 0.2, fused=True)(x_test, x, y, need_weights=True)
    assert weights.shape == (20, 50)
    assert len(calls) == 2


def test_far_keys_are_centered_even_beside_padding():
    keys = 1e4 + torch.rand(2, 60, 1)
    queries, values = keys[:, :20], torch.randn(2, 60, 1)
    mask = length_mask(torch.tensor([20, 60]), 60)
    explicit, _ = attend(gaussian(queries.double(), keys.double(), 0.1), values.double(), mask)
    fused, _ = Attention(Gaussian(0.1))(queries, keys, values, mask)
    torch.testing.assert_close(fused.double(), explicit, rtol=0, atol=1e-3)
