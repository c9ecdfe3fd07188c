"""Multi-head attention: PyTorch's module number by number, no look ahead, caches, groups, any score."""

import pytest
import torch
from torch import nn

from attn_utils import attend, causal_mask, padding_mask
from attn_utils.alibi import AlibiScore
from attn_utils.kernels import Gaussian
from attn_utils.multi_head import MultiHeadAttention, merge_heads, split_heads
from attn_utils.rotary import RotaryScore

B, N, D, H = 3, 7, 16, 4
X, MEMORY = torch.randn(B, N, D), torch.randn(B, 5, D)
REAL = padding_mask(torch.tensor([[1] * 7, [1] * 4 + [0] * 3, [1] + [0] * 6]), 0)  # (b, 1, n)
AT = torch.arange(N).expand(B, N)


def pytorch(**options):
    module = nn.MultiheadAttention(D, H, batch_first=True, **options)
    if module.in_proj_bias is not None:
        nn.init.normal_(module.in_proj_bias)  # PyTorch starts at 0, where a lost bias is not seen
        nn.init.normal_(module.out_proj.bias)
    return module


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("need_weights", [True, False], ids=["weights", "fused"])
@pytest.mark.parametrize("masks", ["none", "padding", "causal", "both"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
def test_outputs_weights_and_gradients_are_pytorchs(bias, masks, need_weights, training):
    theirs = pytorch(bias=bias).train(training)
    ours = MultiHeadAttention.from_torch(theirs)
    assert ours.training == training
    padding, causal = masks in ("padding", "both"), masks in ("causal", "both")
    found = []
    for module, options in (
        (ours, {"mask": REAL if padding else None, "causal": causal}),
        (theirs, {
            "key_padding_mask": ~REAL[:, 0] if padding else None,
            "attn_mask": ~causal_mask(N) if causal else None,
            "average_attn_weights": False,
        }),
    ):  # fmt: skip
        x = X.clone().requires_grad_()
        output, weights = module(x, x, x, need_weights=need_weights, **options)
        (output * torch.arange(1.0, D + 1)).sum().backward()
        found.append((output, weights, x.grad, module))
    (output, weights, grad, _), (their_output, their_weights, their_grad, _) = found
    torch.testing.assert_close(output, their_output, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(grad, their_grad, atol=2e-4, rtol=1e-3)
    assert (weights is None) == (not need_weights)
    if need_weights:
        assert weights.shape == (B, H, N, N)
        torch.testing.assert_close(weights, their_weights, atol=1e-6, rtol=1e-4)
    gathered = torch.cat([W.weight.grad for W in (ours.W_q, ours.W_k, ours.W_v)])
    torch.testing.assert_close(gathered, theirs.in_proj_weight.grad, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(ours.W_o.weight.grad, theirs.out_proj.weight.grad, atol=1e-3, rtol=1e-3)


def test_there_and_back_with_other_widths():
    theirs = pytorch(kdim=6, vdim=10)
    ours = MultiHeadAttention.from_torch(theirs)
    keys, values = torch.randn(B, 5, 6), torch.randn(B, 5, 10)
    wanted, _ = theirs(X, keys, values)
    torch.testing.assert_close(ours(X, keys, values)[0], wanted, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(ours.to_torch()(X, keys, values)[0], wanted)
    assert ours.to_torch().state_dict().keys() == theirs.state_dict().keys()


def by_hand(module, queries, keys, mask=None):
    """A loop over heads, each with its own columns of the projections, and the output as a sum over heads."""
    d, groups, output = D // H, H // module.num_kv_heads, torch.zeros(*queries.shape[:-1], D)
    for i in range(H):
        own, shared = slice(i * d, (i + 1) * d), slice(i // groups * d, (i // groups + 1) * d)
        q = queries @ module.W_q.weight[own].T + module.W_q.bias[own]
        k, v = (keys @ W.weight[shared].T + W.bias[shared] for W in (module.W_k, module.W_v))
        head, _ = attend(q @ k.mT / d**0.5, v, mask)
        output = output + head @ module.W_o.weight[:, own].T
    return output + module.W_o.bias


@pytest.mark.parametrize("num_kv_heads", [1, 2, 4])
@pytest.mark.parametrize("need_weights", [True, False], ids=["weights", "fused"])
def test_heads_are_a_loop_and_groups_share(num_kv_heads, need_weights):
    module = MultiHeadAttention(D, H, num_kv_heads=num_kv_heads)
    output, _ = module(X, MEMORY, need_weights=need_weights)
    torch.testing.assert_close(output, by_hand(module, X, MEMORY), atol=1e-5, rtol=1e-4)
    output, _ = module(X, mask=REAL, causal=True, need_weights=need_weights)
    wanted = by_hand(module, X, X, REAL & causal_mask(N))
    torch.testing.assert_close(output, wanted, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("need_weights", [True, False], ids=["weights", "fused"])
def test_a_change_of_the_future_changes_nothing(training, need_weights):
    module = MultiHeadAttention(D, H).train(training)
    changed = X.clone()
    changed[:, 4] += 100.0
    before, after = (module(x, causal=True, need_weights=need_weights)[0] for x in (X, changed))
    assert torch.equal(before[:, :4], after[:, :4])
    assert (before[:, 4:] != after[:, 4:]).any(dim=-1).all()


def test_every_token_reaches_every_place():
    """What a split by ``view`` gets wrong: there a token reaches the first few rows and no others."""
    module, x = MultiHeadAttention(D, H), X.clone().requires_grad_()
    for row in range(N):
        (grad,) = torch.autograd.grad(module(x)[0][:, row].sum(), x)
        assert (grad.abs().sum(-1) > 0).all(), f"row {row} does not depend on all tokens"


def test_split_and_merge():
    x = torch.arange(24.0).reshape(2, 3, 4)
    heads = split_heads(x, 2)
    assert heads[0].tolist() == [[[0, 1], [4, 5], [8, 9]], [[2, 3], [6, 7], [10, 11]]]
    assert torch.equal(merge_heads(heads), x)


@pytest.mark.parametrize("score", [None, "rotary", "ALiBi", "Gaussian"])
@pytest.mark.parametrize("num_kv_heads", [2, 4])
def test_a_cache_gives_what_the_whole_gives(score, num_kv_heads):
    made = {
        None: lambda: None,
        "rotary": lambda: RotaryScore(D // H),
        "ALiBi": lambda: AlibiScore(H, causal=True),
        "Gaussian": lambda: Gaussian(1.5),
    }[score]()
    module = MultiHeadAttention(D, H, num_kv_heads=num_kv_heads, score=made)
    positions = score in ("rotary", "ALiBi")
    at = {"query_positions": AT, "key_positions": AT} if positions else {}
    whole, weights = module(X, causal=True, need_weights=True, **at)
    torch.testing.assert_close(module(X, causal=True, **at)[0], whole, atol=1e-4, rtol=1e-3)
    K, V = module.prepare(X[:, :3], positions=AT[:, :3] if positions else None)
    for i in range(3, N):
        k, v = module.prepare(X[:, i : i + 1], positions=AT[:, i : i + 1] if positions else None)
        K, V = torch.cat([K, k], dim=-2), torch.cat([V, v], dim=-2)
        at = {"query_positions": AT[:, i : i + 1]} if positions else {}
        step, step_weights = module(X[:, i : i + 1], prepared=(K, V), causal=True, need_weights=True, **at)
        torch.testing.assert_close(step, whole[:, i : i + 1], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(step_weights, weights[:, :, i : i + 1, : i + 1], atol=1e-6, rtol=1e-4)


def test_a_mask_for_each_head_and_one_for_all():
    module = MultiHeadAttention(D, H)
    each = torch.rand(B, H, N, N) < 0.6
    for mask in (each, each[:, :1], each[:, 0], each[0, 0]):
        output, weights = module(X, mask=mask, need_weights=True)
        spread = mask[:, None] if mask.ndim == 3 else mask
        assert not weights[(~spread).expand(B, H, N, N)].any()
        torch.testing.assert_close(module(X, mask=mask)[0], output, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("need_weights", [True, False], ids=["weights", "fused"])
def test_nothing_to_attend_to_leaves_the_bias_alone(need_weights):
    module = MultiHeadAttention(D, H)
    mask = torch.ones(B, 1, N, dtype=torch.bool)
    mask[1] = False
    output, weights = module(X, mask=mask, need_weights=need_weights)
    torch.testing.assert_close(output[1], module.W_o.bias.expand(N, D))
    assert weights is None or not weights[1].any()


@pytest.mark.parametrize("need_weights", [True, False], ids=["weights", "fused"])
def test_what_is_hidden_has_no_say_even_if_it_is_nan(need_weights):
    module = MultiHeadAttention(D, H)
    memory, real = MEMORY.clone(), torch.ones(B, 1, 5, dtype=torch.bool)
    real[1, :, 3:] = False
    wanted, _ = module(X, memory, mask=real)
    memory[1, 3:] = float("nan")
    output, _ = module(X, memory, mask=real, need_weights=need_weights)
    torch.testing.assert_close(output, wanted, atol=1e-5, rtol=1e-4)
    output.sum().backward()
    assert all(p.grad.isfinite().all() for p in module.parameters())


def test_a_width_for_each_head():
    score = Gaussian([0.5, 1.0, 2.0, 50.0])
    _, weights = MultiHeadAttention(D, H, score=score)(X, need_weights=True)
    entropy = -(weights * weights.clamp_min(1e-30).log()).sum(-1).mean(dim=(0, 2))
    assert entropy.tolist() == sorted(entropy.tolist()), "a wider kernel spreads its weights more"


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_type_inputs_and_unbatched(dtype):
    module, x = MultiHeadAttention(D, H).to(dtype), X.to(dtype)
    before = x.clone()
    output, _ = module(x)
    assert output.dtype == dtype
    assert torch.equal(x, before)
    torch.testing.assert_close(module(x[0])[0], output[0])


def test_dropout_in_training_only():
    module = MultiHeadAttention(D, H, dropout=0.5)
    _, weights = module(X, need_weights=True)
    assert 0.3 < (weights == 0).float().mean() < 0.7
    _, weights = module.eval()(X, need_weights=True)
    assert (weights > 0).all()


def test_wrong_arguments():
    module = MultiHeadAttention(D, H)
    kept = module.prepare(MEMORY)
    for wrong in (
        lambda: MultiHeadAttention(D, 3),
        lambda: MultiHeadAttention(D, 0),
        lambda: MultiHeadAttention(D, H, num_kv_heads=3),
        lambda: MultiHeadAttention(D, H, key_size=-1),
        lambda: MultiHeadAttention(D, H, dropout=1.0),
        lambda: module(X[..., :8]),
        lambda: module(X, MEMORY[..., :8]),
        lambda: module(X, MEMORY, X),
        lambda: module(X, MEMORY, prepared=kept),
        lambda: module(X, mask=torch.ones(B, N)),
        lambda: module(X, mask=torch.ones(B, N, dtype=torch.bool)),
        lambda: module(X, mask=torch.ones(B, 3, N, N, dtype=torch.bool)),
        lambda: module(X, query_positions=AT),
        lambda: MultiHeadAttention(D, H, score=RotaryScore(D // H))(X),
        lambda: MultiHeadAttention(D, H, score=RotaryScore(D // H)).to_torch(),
        lambda: MultiHeadAttention(D, H, num_kv_heads=2).to_torch(),
        lambda: MultiHeadAttention.from_torch(nn.MultiheadAttention(D, H, add_bias_kv=True)),
        lambda: MultiHeadAttention.from_torch(nn.MultiheadAttention(D, H, add_zero_attn=True)),
        lambda: split_heads(X, 3),
        lambda: merge_heads(X[0]),
    ):
        with pytest.raises(ValueError, match="must"):
            wrong()
