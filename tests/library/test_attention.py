"""attend, masked_softmax and the masks: against plain loops, at the edges, and in every type."""

import itertools
import math

import pytest
import torch

from attn_utils import attend, causal_mask, length_mask, masked_softmax, padding_mask

INF = math.inf


def attend_by_hand(scores, values, mask):
    """The definition in Python numbers, for scores (q, k), values (k, v) and a mask (q, k)."""
    outputs, all_weights = [], []
    for row, allowed in zip(scores.tolist(), mask.tolist(), strict=True):
        top = max((s for s, m in zip(row, allowed, strict=True) if m), default=-INF)
        e = [math.exp(s - top) if m and s > -INF else 0.0 for s, m in zip(row, allowed, strict=True)]
        weights = [x / sum(e) if sum(e) > 0 else 0.0 for x in e]
        all_weights.append(weights)
        outputs.append([sum(w * v for w, v in zip(weights, column, strict=True)) for column in values.T.tolist()])
    return outputs, all_weights


def test_attend_is_the_definition():
    scores = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    values = torch.randn(2, 3, 5, 6, dtype=torch.float64)
    mask = torch.rand(2, 3, 4, 5) > 0.4
    mask[0, 1, 2] = False
    scores[1, 0, 0] = -INF
    output, weights = attend(scores, values, mask)
    for i, j in itertools.product(range(2), range(3)):
        o, w = attend_by_hand(scores[i, j], values[i, j], mask[i, j])
        torch.testing.assert_close(weights[i, j], torch.tensor(w, dtype=torch.float64))
        torch.testing.assert_close(output[i, j], torch.tensor(o, dtype=torch.float64).reshape(4, 6))


def test_softmax_runs_over_the_keys():
    weights = masked_softmax(torch.tensor([[0.0, math.log(3.0)], [0.0, 0.0], [0.0, 0.0]]))
    torch.testing.assert_close(weights, torch.tensor([[0.25, 0.75], [0.5, 0.5], [0.5, 0.5]]))


def test_true_means_may_attend():
    values = torch.tensor([[1.0], [10.0]])
    output, weights = attend(torch.zeros(1, 2), values, torch.tensor([[True, False]]))
    assert weights.tolist() == [[1.0, 0.0]]
    assert output.item() == 1.0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_an_empty_row_gets_zeros_in_every_type(dtype):
    scores = torch.randn(2, 3, dtype=dtype, requires_grad=True)
    values = torch.randn(3, 2, dtype=dtype, requires_grad=True)
    mask = torch.tensor([[False, False, False], [True, True, False]])
    output, weights = attend(scores, values, mask)
    assert output.dtype == weights.dtype == dtype
    assert not weights[0].any()
    assert not output[0].any()
    assert weights[1].sum().item() == pytest.approx(1, abs=1e-2)
    output.sum().backward()
    assert scores.grad.isfinite().all()
    assert values.grad.isfinite().all()
    assert not scores.grad[0].any()
    assert not values.grad[2].any()


def test_a_row_of_minus_infinity_is_an_empty_row():
    scores = torch.tensor([[-INF, -INF], [0.0, -INF]], requires_grad=True)
    output, weights = attend(scores, torch.ones(2, 1))
    assert weights.tolist() == [[0.0, 0.0], [1.0, 0.0]]
    output.sum().backward()
    assert scores.grad.tolist() == [[0.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_large_scores_do_not_overflow(dtype):
    top = torch.finfo(dtype).max
    weights = masked_softmax(torch.tensor([[top, 0.0, -top]], dtype=dtype), torch.tensor([[True, True, False]]))
    assert weights.tolist() == [[1.0, 0.0, 0.0]]


def test_no_key_at_all_is_an_empty_row():
    output, weights = attend(torch.zeros(2, 3, 0), torch.zeros(2, 0, 4))
    assert weights.shape == (2, 3, 0)
    assert output.shape == (2, 3, 4)
    assert not output.any()


@pytest.mark.parametrize(
    ("batch_scores", "batch_values"), [((), ()), ((2,), ()), ((), (2,)), ((2, 1), (3,)), ((0,), (0,))]
)
def test_any_number_of_batch_dimensions(batch_scores, batch_values):
    scores, values = torch.randn(*batch_scores, 3, 4), torch.randn(*batch_values, 4, 5)
    output, weights = attend(scores, values, causal_mask(3, 4))
    assert output.shape == (*torch.broadcast_shapes(batch_scores, batch_values), 3, 5)
    assert weights.shape == scores.shape
    for row in weights.reshape(-1, 3, 4):
        assert not row.triu(2).any()


def test_inputs_are_not_modified():
    scores, values, mask = torch.randn(2, 3, 4), torch.randn(2, 4, 5), torch.rand(2, 3, 4) > 0.5
    mask[0, 0] = False
    before = [x.clone() for x in (scores, values, mask)]
    attend(scores, values, mask)
    for x, y in zip((scores, values, mask), before, strict=True):
        assert torch.equal(x, y)


@pytest.mark.parametrize("poison", [math.nan, INF, -INF])
def test_a_value_that_is_hidden_from_all_has_no_say_whatever_it_holds(poison):
    scores, values = torch.randn(2, 3, 4, requires_grad=True), torch.randn(2, 4, 2)
    mask = torch.tensor([[True, True, False, True], [False, True, False, True], [False] * 4])
    results = []
    for bad in (0.0, poison):
        values = values.detach().clone()
        values[:, 2] = bad
        values.requires_grad_()
        output, _ = attend(scores, values, mask)
        results.append((output, *torch.autograd.grad(output.square().sum(), (scores, values))))
    for sound, poisoned in zip(*results, strict=True):
        assert sound.isfinite().all()
        assert torch.equal(sound, poisoned)


def test_a_value_that_sequences_share_is_silenced_if_it_is_hidden_from_all_of_them():
    values = torch.tensor([[1.0], [math.nan], [math.nan]])
    mask = torch.tensor([[[True, False, False]], [[True, True, False]]])
    output, _ = attend(torch.zeros(2, 1, 3), values, mask)
    assert output.isnan().all()  # 0 times NaN: the second sequence may attend to it
    output, _ = attend(torch.zeros(2, 1, 3), values, mask & torch.tensor([True, False, True]))
    assert output.flatten().tolist() == [1.0, 1.0]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_scores_in_float32_may_meet_values_in_half_precision(dtype):
    scores, values = torch.tensor([[-1e5, -2e5]]), torch.tensor([[1.0], [2.0]], dtype=dtype)
    output, weights = attend(scores, values)
    assert output.dtype == weights.dtype == dtype
    assert output.item() == 1.0


def test_the_weights_returned_are_those_that_dropout_left():
    scores, values = torch.randn(50, 40), torch.randn(40, 3)
    output, weights = attend(scores, values, dropout=0.5)
    torch.testing.assert_close(output, weights @ values)
    assert 0.4 < (weights == 0).float().mean() < 0.6
    torch.testing.assert_close(weights[weights > 0], 2 * masked_softmax(scores)[weights > 0])


def test_gradients_agree_with_finite_differences():
    scores = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    values = torch.randn(4, 2, dtype=torch.float64, requires_grad=True)
    mask = torch.tensor([[True, True, True, True], [True, False, True, False], [False, False, False, False]])
    assert torch.autograd.gradcheck(lambda s, v: attend(s, v, mask), (scores, values))


def test_the_gradient_of_a_masked_key_is_exactly_zero():
    scores = torch.randn(4, 6, requires_grad=True)
    values = torch.randn(6, 3, requires_grad=True)
    attend(scores, values, length_mask(torch.tensor([4]), 6)[0])[0].square().sum().backward()
    assert not scores.grad[:, 4:].any()
    assert not values.grad[4:].any()
    assert scores.grad[:, :4].all()


def test_vmap_is_a_batch_dimension():
    scores, values, mask = torch.randn(5, 3, 4), torch.randn(5, 4, 2), torch.rand(5, 3, 4) > 0.5
    mask[0, 0] = False
    expected = attend(scores, values, mask)
    for ours, reference in zip(torch.vmap(attend)(scores, values, mask), expected, strict=True):
        torch.testing.assert_close(ours, reference)


def test_length_mask_per_sequence_and_per_query():
    assert length_mask(torch.tensor([0, 2, 3]), 3).int().tolist() == [[[0, 0, 0]], [[1, 1, 0]], [[1, 1, 1]]]
    assert length_mask(torch.tensor([[1, 3], [0, 2]]), 3).int().tolist() == [
        [[1, 0, 0], [1, 1, 1]],
        [[0, 0, 0], [1, 1, 0]],
    ]


INTEGERS = [torch.int8, torch.uint8, torch.int16, torch.uint16, torch.int32, torch.uint32, torch.int64, torch.uint64]


@pytest.mark.parametrize("dtype", INTEGERS)
def test_narrow_integers_do_not_wrap(dtype):
    lengths = torch.tensor([100, 3]).to(dtype)
    assert length_mask(lengths, 200).sum(-1).tolist() == [[100], [3]]  # 200 is no int8
    tokens = torch.tensor([[5, 0, 7]]).to(dtype)
    assert padding_mask(tokens, 256).all()  # 256 as a uint8 would be 0
    assert padding_mask(tokens, 0).int().tolist() == [[[1, 0, 1]]]


def test_causal_mask_ends_at_the_last_key():
    assert causal_mask(3).int().tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    assert causal_mask(2, 4).int().tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]
    assert torch.equal(causal_mask(2, 5), causal_mask(5)[3:])


def test_padding_mask_hides_the_padding_wherever_it_is():
    assert padding_mask(torch.tensor([[5, 6, 0], [0, 7, 0]]), 0).int().tolist() == [[[1, 1, 0]], [[0, 1, 0]]]


def test_masks_combine():
    mask = length_mask(torch.tensor([1, 3]), 3) & causal_mask(3)
    assert mask.int().tolist() == [
        [[1, 0, 0], [1, 0, 0], [1, 0, 0]],
        [[1, 0, 0], [1, 1, 0], [1, 1, 1]],
    ]
    weights = masked_softmax(torch.zeros(2, 3, 3), mask)
    assert torch.equal(weights > 0, mask)


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compiles_into_one_graph(backend):
    # About 2 s each: neither backend needs a C++ compiler.
    scores, values, mask = torch.randn(2, 3, 4), torch.randn(2, 4, 5), torch.rand(2, 3, 4) > 0.5
    compiled = torch.compile(attend, backend=backend, fullgraph=True)
    torch.testing.assert_close(compiled(scores, values, mask)[0], attend(scores, values, mask)[0])
