"""Scores with a dot form: explicit and fused are one, for the library's scores and for those of later chapters.

The scores with positions here are throwaway ones. They show that rotary positions, ALiBi, normalized queries and keys
and a width for each head need nothing more of the library: with cached keys, grouped heads and every mask.
"""

import math

import pytest
import torch
from torch import nn

from attn_utils.attention import DotForm, answer, attend, causal_mask, length_mask, log_sum_exp
from attn_utils.kernels import Gaussian, NadarayaWatson, gaussian
from attn_utils.scoring import Attention, DotScore, GeneralScore, ScaledDotScore

B, H, D = 2, 4, 8  # sentences, heads of queries, features


class Rotary(nn.Module):
    """Su et al. (2024): rotate pairs of features by an angle that grows with the position."""

    def rotate(self, x, positions):
        angle = positions[:, None, :, None] * 10.0 ** -torch.arange(0, x.shape[-1] // 2, dtype=x.dtype)
        a, b = x.chunk(2, dim=-1)
        return torch.cat([a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()], dim=-1)

    def prepare_keys(self, keys, positions):
        return self.rotate(keys, positions)

    def dot_form(self, queries, prepared_keys, positions):
        return DotForm(self.rotate(queries, positions), prepared_keys, queries.shape[-1] ** -0.5)

    def forward(self, queries, prepared_keys, positions):
        return self.dot_form(queries, prepared_keys, positions).scores()


class CausalAlibi(nn.Module):
    """Press et al. (2022): a penalty that grows with the distance to the past, with a slope for each head."""

    slopes = 0.5 ** torch.arange(1.0, H + 1).double()[:, None, None]

    def prepare_keys(self, keys, positions):
        j = positions[:, None, :, None].to(keys).expand(*keys.shape[:-1], 1)
        return torch.cat([keys, j], dim=-1)

    def dot_form(self, queries, prepared_keys, positions):
        slope = self.slopes.to(queries).expand(*queries.shape[:-1], 1)
        return DotForm(torch.cat([queries / D**0.5, slope], dim=-1), prepared_keys, wide=True)

    def forward(self, queries, prepared_keys, positions):
        k, j = prepared_keys.split([D, 1], dim=-1)
        return queries @ k.mT / D**0.5 - self.slopes.to(queries) * (positions[:, None, :, None] - j.mT)


class Alibi(nn.Module):
    """The same in both directions, a term of the pair. All sentences share it."""

    slopes = CausalAlibi.slopes

    def prepare_keys(self, keys):
        return keys

    def dot_form(self, queries, prepared_keys):
        q, k = queries.shape[-2], prepared_keys.shape[-2]
        distance = (torch.arange(k - q, k)[:, None] - torch.arange(k)).abs()  # the last query is at the last key
        return DotForm(queries, prepared_keys, D**-0.5, -self.slopes.to(queries) * distance, wide=True)

    def forward(self, queries, prepared_keys):
        return self.dot_form(queries, prepared_keys).scores()


class Normalized(DotScore):
    """Henry et al. (2020): queries and keys of length 1, and a learned scale for each head."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor([1.0, 3.0, 5.0, 9.0])[:, None, None])

    def scale(self, d):
        return self.gain

    def prepare_keys(self, keys):
        return nn.functional.normalize(keys, dim=-1, eps=1e-4)  # hidden keys are 0, and 1e-12 is 0 in float16

    def dot_form(self, queries, prepared_keys):
        return super().dot_form(nn.functional.normalize(queries, dim=-1), prepared_keys)


class LearnedScale(DotScore):
    """A factor to be learned, as one number."""

    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(1.7))

    def scale(self, d):
        return self.factor


SCORES = {
    "dot": DotScore,
    "scaled dot": ScaledDotScore,
    "general": lambda: GeneralScore(D, D),
    "learned scale": LearnedScale,
    "Gaussian": lambda: Gaussian(1.5, learn_width=True),
    "Gaussian, a width for each head": lambda: Gaussian([0.8, 1.0, 2.0, 5.0], learn_width=True),
    "rotary": Rotary,
    "ALiBi, causal": CausalAlibi,
    "ALiBi": Alibi,
    "QK-norm": Normalized,
}
WITH_POSITIONS = {"rotary", "ALiBi, causal"}


def problem(q=5, k=5, v=D, groups=H, dtype=torch.float64):
    sizes = ((H, q, D), (groups, k, D), (groups, k, v))
    return [torch.randn(B, *size, dtype=dtype, requires_grad=True) for size in sizes]


def positions_of(name, q, k):
    if name not in WITH_POSITIONS:
        return {}
    places = 3 + torch.arange(k).expand(B, k)
    return {"query_positions": places[:, k - q :], "key_positions": places}


def masks(q, k):
    padding = length_mask(torch.tensor([k - 2, k]), k)[:, None]  # (B, 1, 1, k)
    left = padding.flip(-1)  # the first queries of a causal sentence see padding alone
    random = torch.rand(B, 1, q, k) > 0.4
    random[0, 0, q // 2] = False
    each_head = torch.rand(B, H, 1, k) > 0.4
    return {"no mask": None, "padding": padding, "padding at the left": left, "random": random, "each head": each_head}


@pytest.mark.parametrize("groups", [H, 2])
@pytest.mark.parametrize(("q", "k"), [(5, 5), (3, 6), (1, 6)])
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


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("need_weights", [False, True])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("poison", [math.nan, math.inf, -math.inf])
def test_what_is_hidden_from_every_query_has_no_say_whatever_it_holds(name, need_weights, causal, poison):
    attention = Attention(SCORES[name]()).double()
    tensors = problem()
    for which in ("padding", "padding at the left", "hidden pairs"):
        mask = masks(5, 5)["padding" if which == "hidden pairs" else which]
        mask = mask.repeat(1, 1, 5, 1) if which == "hidden pairs" else mask
        hidden = ~mask.any(dim=-2).expand(B, H, 5)
        results = []
        for bad in (0.0, poison):
            queries, keys, values = (x.detach().clone() for x in tensors)
            keys[hidden], values[hidden] = bad, bad
            inputs = [x.requires_grad_() for x in (queries, keys, values)]
            output, _ = attention(*inputs, mask, causal=causal, need_weights=need_weights, **positions_of(name, 5, 5))
            gradients = torch.autograd.grad(output.square().sum(), (*inputs, *attention.parameters()))
            assert not gradients[1][hidden].any()
            assert not gradients[2][hidden].any()
            results.append((output, *gradients))
        for sound, poisoned in zip(*results, strict=True):
            assert sound.isfinite().all()
            assert torch.equal(sound, poisoned)


@pytest.mark.parametrize("need_weights", [False, True])
def test_a_nan_that_one_query_may_attend_to_stays(need_weights):
    queries, keys, values = problem()
    with torch.no_grad():
        values[0, 0, 2] = math.nan
    mask = torch.ones(5, 5, dtype=torch.bool)
    mask[1:, 2] = False
    output, _ = Attention(DotScore())(queries, keys, values, mask, need_weights=need_weights)
    assert output[0, 0, 0].isnan().all()
    assert output[0, 1:].isfinite().all()


def test_masks_and_heads_are_not_expanded(monkeypatch):
    seen = []
    original = nn.functional.scaled_dot_product_attention

    def look(q, k, v, attn_mask=None, is_causal=False, **options):
        assert attn_mask is None or not is_causal
        seen.append((tuple(k.shape), None if attn_mask is None else tuple(attn_mask.shape), is_causal))
        return original(q, k, v, attn_mask=attn_mask, is_causal=is_causal, **options)

    monkeypatch.setattr(nn.functional, "scaled_dot_product_attention", look)
    attention, padding = Attention(ScaledDotScore()), masks(5, 5)["padding"]
    attention(*problem(), padding)
    attention(*problem(), causal=True)
    attention(*problem(), padding, causal=True)
    attention(*problem(), causal_mask(5))
    attention(*problem(3, 5), padding, causal=True)
    attention(*problem(groups=2), padding, causal=True, grouped_heads=True)
    Attention(Alibi())(*problem(), padding)
    assert seen == [
        ((B, H, 5, D), (B, 1, 1, 5), False),
        ((B, H, 5, D), None, True),
        ((B, H, 5, D + 1), None, True),
        ((B, H, 5, D), (1, 1, 5, 5), False),
        ((B, H, 5, D + 1), (1, 1, 3, 5), False),
        ((B, 2, 5, D + 1), None, True),
        ((B, H, 5, D + 1), (1, H, 5, 5), False),
    ]


@pytest.mark.parametrize("v", [3, D, 13])
@pytest.mark.parametrize("name", ["scaled dot", "Gaussian", "ALiBi, causal", "QK-norm"])
def test_values_of_any_length_take_the_memory_saving_kernel(name, v):
    kernel = [torch.nn.attention.SDPBackend.FLASH_ATTENTION]
    with torch.nn.attention.sdpa_kernel(kernel):  # PyTorch raises if the inputs do not suit it
        for mask in (None, masks(5, 5)["padding"]):
            tensors = problem(v=v, dtype=torch.float32)
            Attention(SCORES[name]())(*tensors, mask, causal=True, **positions_of(name, 5, 5))


def test_blocks_of_keys_merge_into_the_whole():
    scores, values = torch.randn(B, 5, 7, dtype=torch.float64), torch.randn(B, 7, 3, dtype=torch.float64)
    mask = torch.rand(B, 5, 7) > 0.3
    mask[0, 0] = False  # nothing at all
    mask[1, 1, :4] = False  # nothing in the first block
    whole, _ = attend(scores, values, mask)
    blocks = [(scores[..., s], values[:, s], mask[..., s]) for s in (slice(0, 4), slice(4, 7))]
    outputs = torch.stack([attend(*block)[0] for block in blocks])
    logs = torch.stack([log_sum_exp(s, m) for s, _, m in blocks])
    torch.testing.assert_close(logs.logsumexp(0), log_sum_exp(scores, mask))
    assert log_sum_exp(scores, mask)[0, 0] == -math.inf
    shares = attend(logs.movedim(0, -1)[..., None, :], outputs.movedim(0, -2))[0]  # attention again, over blocks
    torch.testing.assert_close(shares[..., 0, :], whole)


def test_the_gradient_of_a_log_sum_is_the_weights_and_0_for_an_empty_row():
    scores = torch.randn(2, 4, requires_grad=True)
    mask = torch.tensor([[True, False, True, True], [False] * 4])
    log_sum_exp(scores, mask)[0].backward()
    torch.testing.assert_close(scores.grad, torch.stack([attend(scores, torch.ones(4, 1), mask)[1][0], torch.zeros(4)]))
