"""What the one function that answers promises: hidden keys have no say, masks are not expanded, blocks merge."""

import math

import pytest
import torch
from later_scores import SCORES, Alibi, B, D, H, masks, positions_of, problem
from torch import nn

from attn_utils.attention import attend, causal_mask, log_sum_exp
from attn_utils.kernels import Gaussian
from attn_utils.scoring import Attention, DotScore, ScaledDotScore


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


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.bfloat16, 1e-2), (torch.float16, 2e-3)])
def test_a_narrow_kernel_in_half_precision_does_not_become_a_dot_product(dtype, tolerance):
    """Fused, q·k/h² − ½‖k‖²/h² is a small difference of numbers of size 10⁴: the error is 1.2, and 0.05 in float16."""
    generator = torch.Generator().manual_seed(0)
    keys = torch.rand(1, 64, 2, generator=generator).mul(8).to(dtype)
    values = torch.randn(1, 64, 3, generator=generator).to(dtype)
    queries = keys[:, :16]
    attention = Attention(Gaussian(0.1))
    exact, _ = attention.double()(queries.double(), keys.double(), values.double(), need_weights=True)
    output, _ = attention.float()(queries, keys, values)
    torch.testing.assert_close(output.double(), exact, rtol=0, atol=tolerance)


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
