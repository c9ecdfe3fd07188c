"""Scores and Attention with any batch, type and transform: shapes, digits, gradients, vmap, compile."""

import pytest
import torch
from scores import SCORES, inputs

from attn_utils import causal_mask
from attn_utils.scoring import AdditiveScore, Attention


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize(
    "batches",
    [
        ((), (), ()),
        ((2,), (), (2,)),
        ((2, 4), (4,), ()),
        ((2, 3, 4), (4,), (3, 1)),
        ((), (2,), (2,)),
        ((0,), (0,), (0,)),
    ],
)
def test_any_number_of_batch_dimensions(name, need_weights, batches):
    q, k, v = (torch.randn(*b, n, size) for b, n, size in zip(batches, (3, 5, 5), (6, 6, 2), strict=True))
    attention = Attention(SCORES[name]())
    for mask in (None, causal_mask(3, 5), torch.tensor([True, True, False, True, False])):
        output, _ = attention(q, k, v, mask, need_weights=need_weights)
        batch = torch.broadcast_shapes(*batches)
        assert output.shape == (*batch, 3, 2)
        if output.numel():
            last = [x.expand(*batch, *x.shape[-2:])[(-1,) * len(batch)] for x in (q, k, v)]
            torch.testing.assert_close(output[(-1,) * len(batch)], attention(*last, mask, need_weights=True)[0])


@pytest.mark.parametrize(("dtype", "digits"), [(torch.float16, 0.005), (torch.bfloat16, 0.04), (torch.float32, 2e-5)])
def test_the_additive_score_keeps_its_digits_with_large_weights(dtype, digits):
    score = AdditiveScore(128, 128, 128)
    with torch.no_grad():
        score.v.copy_(torch.randn(128) + 0.5)  # as large as trained ones, and with a sum far from 0
    score = score.to(dtype)
    q, k = torch.randn(2, 3, 128).to(dtype), torch.randn(2, 9, 128).to(dtype)
    difference = score(q, score.prepare_keys(k)) - score.double()(q.double(), score.prepare_keys(k.double()))
    assert (difference - difference.mean(dim=-1, keepdim=True)).std() < digits


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_types(name, need_weights, dtype):
    attention = Attention(SCORES[name]()).double()
    tensors = inputs(2, dtype=torch.float64)
    mask = torch.rand(2, 3, 5) > 0.5
    mask[0, 0] = False
    exact, _ = attention(*tensors, mask, need_weights=True)
    output, weights = attention.to(dtype)(*(x.to(dtype) for x in tensors), mask, need_weights=need_weights)
    assert output.dtype == dtype
    assert weights is None or weights.dtype == dtype
    torch.testing.assert_close(output.double(), exact, rtol=0, atol={torch.float64: 1e-12}.get(dtype, 0.15))


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("name", SCORES)
def test_gradients_agree_with_finite_differences(name, need_weights):
    attention = Attention(SCORES[name]()).double()
    mask = torch.tensor([[True, True, True], [True, False, True], [False, False, False]])

    def output(q, k, v, *parameters):
        return attention(q, k, v, mask, need_weights=need_weights)[0]

    assert torch.autograd.gradcheck(output, (*inputs(k=3, dtype=torch.float64), *attention.parameters()))


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("name", SCORES)
def test_vmap_is_a_batch_dimension(name, need_weights):
    attention = Attention(SCORES[name]())
    queries, keys, values = inputs(4)
    mask = torch.rand(4, 3, 5) > 0.4
    mapped = torch.vmap(lambda *x: attention(*x, need_weights=need_weights)[0])(queries, keys, values, mask)
    torch.testing.assert_close(mapped, attention(queries, keys, values, mask)[0])


@pytest.mark.parametrize("name", ["scaled dot", "additive"])
def test_compiles_into_one_graph(name):
    # About 2 s each. The backend needs no C++ compiler.
    attention = Attention(SCORES[name]())
    queries, keys, values = inputs(2)
    compiled = torch.compile(attention, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(
        compiled(queries, keys, values, causal_mask(3, 5))[0], attention(queries, keys, values, causal_mask(3, 5))[0]
    )


@pytest.mark.parametrize("name", SCORES)
def test_inputs_are_not_modified_and_nothing_is_stored(name):
    attention = Attention(SCORES[name](), dropout=0.2)
    tensors = [*inputs(2), torch.rand(2, 3, 5) > 0.5]
    before = [t.clone() for t in tensors]
    attributes = {module: set(vars(module)) for module in attention.modules()}
    state = {n: t.clone() for n, t in attention.state_dict().items()}
    for need_weights in (True, False):
        attention(*tensors, need_weights=need_weights)
    assert all(torch.equal(a, b) for a, b in zip(tensors, before, strict=True))
    assert {module: set(vars(module)) for module in attention.modules()} == attributes
    assert all(torch.equal(t, state[n]) for n, t in attention.state_dict().items())
