"""What holds for any scores, values and masks, tried on generated ones."""

import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from attn_utils import attend, masked_softmax


@st.composite
def problems(draw, value_size=None):
    """Scores (batch, q, k) of any spread with some −∞, values (batch, k, v), and a mask, in float64."""
    batch, q, k = draw(st.integers(1, 3)), draw(st.integers(1, 5)), draw(st.integers(1, 7))
    v = value_size or draw(st.integers(1, 4))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32 - 1)))
    spread = draw(st.sampled_from([0.0, 0.1, 1.0, 30.0, 1e4]))
    allowed = draw(st.sampled_from([0.0, 0.3, 0.7, 1.0]))

    def uniform(*shape):
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    scores = spread * (2 * uniform(batch, q, k) - 1)
    scores[uniform(batch, q, k) < draw(st.sampled_from([0.0, 0.2]))] = -math.inf
    values = 10 * (2 * uniform(batch, k, v) - 1)
    return scores, values, uniform(batch, q, k) < allowed


@given(problems())
def test_weights_are_a_distribution_or_nothing(problem):
    scores, _, mask = problem
    weights = masked_softmax(scores, mask)
    can_attend = (mask & (scores > -math.inf)).any(-1)
    assert (weights >= 0).all()
    assert not weights[~mask].any()
    torch.testing.assert_close(weights.sum(-1), can_attend.double())


@given(problems(), st.integers(0, 2**32 - 1))
def test_the_order_of_the_pairs_does_not_matter(problem, seed):
    scores, values, mask = problem
    order = torch.randperm(values.shape[1], generator=torch.Generator().manual_seed(seed))
    output, weights = attend(scores, values, mask)
    shuffled, shuffled_weights = attend(scores[..., order], values[:, order], mask[..., order])
    torch.testing.assert_close(shuffled, output)
    torch.testing.assert_close(shuffled_weights, weights[..., order])


@given(problems(), st.floats(-100, 100))
def test_adding_a_constant_to_a_row_of_scores_changes_nothing(problem, constant):
    scores, values, mask = problem
    rows = constant * torch.arange(1, scores.shape[1] + 1, dtype=torch.float64)[:, None]
    torch.testing.assert_close(
        attend(scores + rows, values, mask)[1], attend(scores, values, mask)[1], rtol=1e-6, atol=1e-9
    )


@given(problems(), st.integers(0, 6))
def test_a_masked_key_has_no_influence(problem, key):
    scores, values, mask = problem
    key %= values.shape[1]
    mask = mask.clone()
    mask[..., key] = False
    scores, values = scores.requires_grad_(), values.requires_grad_()
    output, _ = attend(scores, values, mask)
    output.square().sum().backward()
    assert not scores.grad[..., key].any()
    assert not values.grad[:, key].any()
    assert scores.grad.isfinite().all()
    other_scores, other_values = scores.detach().clone(), values.detach().clone()
    other_scores[..., key], other_values[:, key] = 1e6, -1e6
    assert torch.equal(attend(other_scores, other_values, mask)[0], output)
    rest = torch.arange(values.shape[1]) != key
    torch.testing.assert_close(attend(scores[..., rest], values[:, rest], mask[..., rest])[0], output)


@given(problems())
def test_outputs_stay_between_the_least_and_the_greatest_value(problem):
    scores, values, mask = problem
    output, _ = attend(scores, values, mask)
    allowed = (mask & (scores > -math.inf))[..., None]  # (batch, q, k, 1)
    values = values[:, None]
    least = values.masked_fill(~allowed, math.inf).amin(2)
    greatest = values.masked_fill(~allowed, -math.inf).amax(2)
    empty = ~allowed.any(2)
    assert ((output >= least - 1e-9) | empty).all()
    assert ((output <= greatest + 1e-9) | empty).all()
    assert not output[empty.expand_as(output)].any()


@given(problems(value_size=2))
def test_outputs_stay_inside_the_hull_of_the_allowed_values(problem):
    # A point is in the hull exactly if in no direction it lies beyond all corners. 90 directions are tried.
    scores, values, mask = problem
    output, _ = attend(scores, values, mask)
    angle = torch.arange(90, dtype=torch.float64) * (2 * math.pi / 90)
    directions = torch.stack([angle.cos(), angle.sin()])  # (2, 90)
    allowed = (mask & (scores > -math.inf))[..., None]
    farthest = (values @ directions)[:, None].masked_fill(~allowed, -math.inf).amax(2)
    assert ((output @ directions <= farthest + 1e-9) | ~allowed.any(2)).all()
