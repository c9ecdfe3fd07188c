"""The regression data of chapter 2."""

import math

import torch

from attn_utils.data.regression import make_regression, truth


def test_shapes_ranges_and_order():
    d = make_regression(30, seed=1)
    assert d.x_train.shape == d.y_train.shape == (30, 1)
    assert d.x_test.shape == d.y_test.shape == (200, 1)
    for x in (d.x_train, d.x_test):
        assert x.dtype == torch.float32
        assert 0 <= x.min() < x.max() < 5
        assert (x.diff(dim=0) >= 0).all()


def test_the_truth_is_the_formula():
    for x in (0.0, 0.5, 2.0, 4.9):
        assert math.isclose(truth(torch.tensor(x, dtype=torch.float64)).item(), 2 * math.sin(x) + x**0.8, rel_tol=1e-12)


def test_test_labels_have_no_noise_and_training_labels_have_as_much_as_asked():
    d = make_regression(4000, noise=0.5)
    assert torch.allclose(d.y_test, truth(d.x_test))
    residuals = d.y_train - truth(d.x_train)
    assert abs(residuals.mean()) < 0.03
    assert abs(residuals.std() - 0.5) < 0.02
    assert torch.allclose(make_regression(noise=0.0).y_train, truth(make_regression(noise=0.0).x_train))


def test_a_seed_decides_the_data_and_the_global_seed_is_left_alone():
    state = torch.random.get_rng_state()
    a, b, c = make_regression(seed=5), make_regression(seed=5), make_regression(seed=6)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(a.x_train, b.x_train)
    assert torch.equal(a.y_train, b.y_train)
    assert not torch.equal(a.x_train, c.x_train)
    assert not torch.equal(a.y_train, c.y_train)
