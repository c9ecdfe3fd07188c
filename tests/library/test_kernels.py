"""Kernels and Nadaraya–Watson regression: against direct sums in float64 and against statsmodels."""

import math

import pytest
import torch
from statsmodels.nonparametric.kernel_regression import KernelReg

from attn_utils.data.regression import make_regression
from attn_utils.kernels import KERNELS, SCORES, NadarayaWatson
from attn_utils.scoring import Attention

# pandas, which statsmodels imports, warns of a change in a generator that no test here uses.
pytestmark = pytest.mark.filterwarnings("ignore:After 0.17:FutureWarning")

# The textbook formulas, of u >= 0.
TEXTBOOK = {
    "gaussian": lambda u: math.exp(-u * u / 2),
    "box": lambda u: 1.0 if u <= 1 else 0.0,
    "triangle": lambda u: max(0.0, 1 - u),
    "epanechnikov": lambda u: max(0.0, 1 - u * u),
}
LEARNABLE = sorted(set(KERNELS) - {"box"})


def regression_by_hand(kernel, queries, keys, values, width, leave_out=None):
    """A sum in Python numbers. The point with the number of its query is left out if ``leave_out`` says so."""
    answers = []
    for i, q in enumerate(queries.tolist()):
        pairs = [
            (TEXTBOOK[kernel](math.dist(q, k) / width), v)
            for j, (k, v) in enumerate(zip(keys.tolist(), values.tolist(), strict=True))
            if not (leave_out and i == j)
        ]
        total = sum(w for w, _ in pairs)
        answers.append([sum(w * v[c] for w, v in pairs) / total if total else 0.0 for c in range(values.shape[1])])
    return torch.tensor(answers, dtype=torch.float64)


@pytest.fixture
def data():
    d = make_regression(seed=3)
    return d.x_train.double(), d.y_train.double(), d.x_test.double()


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("d", [1, 2, 5])
def test_scores_are_logarithms_of_the_textbook_kernels(kernel, d):
    queries, keys = torch.randn(4, d, dtype=torch.float64), torch.randn(6, d, dtype=torch.float64)
    scores = KERNELS[kernel](queries, keys, 1.7)
    for i, j in [(i, j) for i in range(4) for j in range(6)]:
        K = TEXTBOOK[kernel](math.dist(queries[i].tolist(), keys[j].tolist()) / 1.7)
        assert scores[i, j].exp().item() == pytest.approx(K, abs=1e-12)
        assert (scores[i, j] == -math.inf) == (K == 0)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("width", [0.05, 0.3, 2.0])
def test_regression_is_the_direct_sum(kernel, width, data):
    x, y, x_test = data
    output, weights = NadarayaWatson(kernel, width)(x_test, x, y, need_weights=True)
    torch.testing.assert_close(output, regression_by_hand(kernel, x_test, x, y, width), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(output, weights @ y)


@pytest.mark.parametrize("width", [0.1, 0.5, 2.0])
def test_gaussian_regression_is_that_of_statsmodels(width, data):
    x, y, x_test = data
    model = KernelReg(y.numpy(), x.numpy(), var_type="c", reg_type="lc", bw=[width])
    expected, _ = model.fit(x_test.numpy())
    output, _ = NadarayaWatson("gaussian", width)(x_test, x, y)
    torch.testing.assert_close(output[:, 0], torch.from_numpy(expected), rtol=1e-9, atol=1e-10)


def test_gaussian_regression_in_two_dimensions_is_that_of_statsmodels():
    keys, values = torch.rand(40, 2, dtype=torch.float64), torch.randn(40, 1, dtype=torch.float64)
    queries = torch.rand(10, 2, dtype=torch.float64)
    expected, _ = KernelReg(values.numpy(), keys.numpy(), "cc", reg_type="lc", bw=[0.2, 0.2]).fit(queries.numpy())
    output, _ = NadarayaWatson("gaussian", 0.2)(queries, keys, values)
    torch.testing.assert_close(output[:, 0], torch.from_numpy(expected), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("kernel", KERNELS)
def test_leave_one_out_is_fitting_again_without_the_point(kernel, data):
    x, y, _ = data
    model = NadarayaWatson(kernel, 0.4)
    predicted, weights = model.leave_one_out(x, y, need_weights=True)
    assert not weights.diagonal().any()
    for i in range(len(x)):
        rest = torch.arange(len(x)) != i
        refitted, _ = model(x[i : i + 1], x[rest], y[rest])
        torch.testing.assert_close(predicted[i : i + 1], refitted)
    torch.testing.assert_close(predicted, regression_by_hand(kernel, x, x, y, 0.4, leave_out=True))


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_narrow_width_is_the_nearest_neighbor_and_a_wide_one_the_average(kernel):
    keys, values = torch.tensor([[0.0], [1.0], [3.0]]), torch.tensor([[5.0], [7.0], [9.0]])
    query = torch.tensor([[1.0]])
    assert NadarayaWatson(kernel, 0.01)(query, keys, values)[0].item() == pytest.approx(7)
    assert NadarayaWatson(kernel, 1e4)(query, keys, values)[0].item() == pytest.approx(7.0, abs=1e-3)
    assert NadarayaWatson(kernel, 1e4)(query, keys[1:], values[1:])[0].item() == pytest.approx(8.0, abs=1e-3)


@pytest.mark.parametrize("kernel", ["box", "triangle", "epanechnikov"])
def test_a_query_far_from_all_keys_gets_zeros(kernel):
    output, weights = NadarayaWatson(kernel)(
        torch.tensor([[9.0]]), torch.zeros(3, 1), torch.ones(3, 2), need_weights=True
    )
    assert output.tolist() == [[0.0, 0.0]]
    assert weights.tolist() == [[0.0, 0.0, 0.0]]


@pytest.mark.parametrize("kernel", KERNELS)
def test_gradients_are_finite_where_query_and_key_meet_and_at_the_edge(kernel):
    keys = torch.tensor([[0.0], [0.5], [1.0], [2.0], [1000.0]], requires_grad=True)
    values = torch.randn(5, 1, requires_grad=True)
    output, _ = NadarayaWatson(kernel, 1.0)(keys, keys, values)
    output.square().sum().backward()
    if kernel == "box":
        assert keys.grad is None  # a step has no slope anywhere
    else:
        assert keys.grad.isfinite().all()
        assert keys.grad.any()
    assert values.grad.isfinite().all()
    assert values.grad.any()


@pytest.mark.parametrize("kernel", LEARNABLE)
def test_gradients_agree_with_finite_differences(kernel):
    keys = torch.tensor([[0.0, 0.3], [0.7, 1.0], [2.1, 0.1], [0.5, 0.4]], dtype=torch.float64, requires_grad=True)
    queries = torch.tensor([[0.2, 0.2], [1.1, 0.4]], dtype=torch.float64, requires_grad=True)
    values = torch.randn(4, 2, dtype=torch.float64, requires_grad=True)
    width = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda q, k, v, h: torch.softmax(KERNELS[kernel](q, k, h), -1) @ v, (queries, keys, values, width)
    )


@pytest.mark.parametrize("kernel", LEARNABLE)
def test_a_learned_width_gets_a_gradient_and_stays_positive(kernel, data):
    x, y, _ = data
    model = NadarayaWatson(kernel, 0.8, learn_width=True)
    assert model.width.item() == pytest.approx(0.8)
    optimizer = torch.optim.SGD(model.parameters(), lr=50.0)  # far too large on purpose
    for _ in range(5):
        optimizer.zero_grad()
        (model.leave_one_out(x, y)[0] - y).square().mean().backward()
        assert model.score.log_width.grad.isfinite()
        optimizer.step()
        model.score.log_width.data.clamp_(-3, 3)
        assert model.width.item() > 0
    assert model.width.item() != pytest.approx(0.8)


def test_a_fixed_width_is_exact_and_not_a_parameter():
    model = NadarayaWatson("gaussian", 0.3)
    assert model.width.item() == 0.3
    assert list(model.parameters()) == []
    assert "(score): Gaussian(width=0.3, learn_width=False)" in repr(model)


def test_adam_finds_the_leave_one_out_optimum():
    grid = torch.logspace(math.log10(0.03), math.log10(3), 120)
    for seed in range(3):
        d = make_regression(seed=seed)

        def loss(model, d=d):
            return (model.leave_one_out(d.x_train, d.y_train)[0] - d.y_train).square().mean()

        best = min(grid.tolist(), key=lambda h: loss(NadarayaWatson("gaussian", h)).item())
        model = NadarayaWatson("gaussian", 1.0, learn_width=True)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
        for _ in range(200):
            optimizer.zero_grad()
            loss(model).backward()
            optimizer.step()
        step = grid[1] / grid[0]
        assert best / step <= model.width.item() <= best * step


def test_an_unmasked_diagonal_makes_the_width_collapse():
    d = make_regression(seed=0)
    model = NadarayaWatson("gaussian", 1.0, learn_width=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        (model(d.x_train, d.x_train, d.y_train)[0] - d.y_train).square().mean().backward()
        optimizer.step()
    assert model.width.item() < 0.02


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_types(kernel, dtype, data):
    x, y, x_test = (t.to(dtype) for t in data)
    output, weights = NadarayaWatson(kernel, 1.0)(x_test, x, y, need_weights=True)
    assert output.dtype == weights.dtype == dtype
    sums = weights.double().sum(-1)
    torch.testing.assert_close(sums, (sums > 0.5).double(), rtol=0, atol=0.02)


def test_float16_survives_distances_whose_square_overflows():
    keys = torch.tensor([[0.0], [300.0]], dtype=torch.float16)
    scores = KERNELS["gaussian"](keys, keys, 100.0)
    torch.testing.assert_close(scores, torch.tensor([[0.0, -4.5], [-4.5, 0.0]]))


@pytest.mark.parametrize("kernel", KERNELS)
def test_batches_and_vmap(kernel):
    queries, keys, values = torch.randn(4, 2, 3, 2), torch.randn(2, 5, 2), torch.randn(2, 5, 1)
    mask = torch.rand(4, 2, 3, 5) > 0.3
    model = NadarayaWatson(kernel, 2.0)
    output, weights = model(queries, keys, values, mask, need_weights=True)
    assert output.shape == (4, 2, 3, 1)
    assert not weights[~mask].any()
    mapped = torch.vmap(lambda q, m: model(q, keys, values, m)[0])(queries, mask)
    torch.testing.assert_close(mapped, output)
    single, _ = model(queries[3, 1], keys[1], values[1], mask[3, 1])
    torch.testing.assert_close(single, output[3, 1])


def test_compiles_into_one_graph():
    # About 3 s. The backend needs no C++ compiler.
    queries, keys, values = torch.randn(3, 1), torch.randn(5, 1), torch.randn(5, 1)
    model = NadarayaWatson("triangle", 2.0, learn_width=True)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    output, _ = compiled(queries, keys, values)
    torch.testing.assert_close(output, model(queries, keys, values)[0])
    output.sum().backward()
    assert model.score.log_width.grad.isfinite()


def test_inputs_are_not_modified_and_weights_are_given_only_on_request():
    tensors = torch.randn(3, 1), torch.randn(5, 1), torch.randn(5, 1)
    before = [t.clone() for t in tensors]
    for kernel in KERNELS:
        model = NadarayaWatson(kernel)
        attributes = set(vars(model))
        assert model(*tensors)[1] is None
        assert model(*tensors, need_weights=True)[1].shape == (3, 5)
        assert set(vars(model)) == attributes
    assert all(torch.equal(a, b) for a, b in zip(tensors, before, strict=True))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("width", [1e-3, 1e-4])
def test_half_precision_finds_the_nearest_key_with_a_tiny_width(kernel, dtype, width):
    keys, values = torch.tensor([[0.0], [1.0], [3.0]], dtype=dtype), torch.tensor([[5.0], [7.0], [9.0]], dtype=dtype)
    for query, nearest in ((0.0, 5.0), (1.0, 7.0)):
        output, _ = NadarayaWatson(kernel, width)(torch.tensor([[query]], dtype=dtype), keys, values)
        assert output.item() == nearest
    if kernel == "gaussian":  # the others see nothing there
        left_out, _ = NadarayaWatson(kernel, width).leave_one_out(keys, values)
        assert left_out.flatten().tolist() == [7.0, 5.0, 7.0]
        weights = torch.softmax(KERNELS[kernel](torch.tensor([[2.1]], dtype=dtype), keys, width), dim=-1)
        assert weights.tolist() == [[0.0, 0.0, 1.0]]


@pytest.mark.parametrize("learn_width", [False, True])
def test_the_width_is_part_of_the_state(learn_width, tmp_path):
    saved = NadarayaWatson("gaussian", 0.1, learn_width)
    torch.save(saved.state_dict(), tmp_path / "state.pt")
    loaded = NadarayaWatson("gaussian", 3.0, learn_width)
    loaded.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert loaded.width.item() == saved.width.item() == pytest.approx(0.1)
    assert all(isinstance(x, torch.Tensor) for x in saved.state_dict().values())
    with pytest.raises((RuntimeError, ValueError)):
        NadarayaWatson("gaussian", 3.0, not learn_width).load_state_dict(saved.state_dict())
    with pytest.raises(ValueError, match=r"fixed width of shape \(2,\), got \((0,)?\)"):
        SCORES["gaussian"]([1.0, 2.0]).load_state_dict(saved.score.state_dict())


def test_a_loaded_width_is_a_copy_and_stays_exact_in_any_type():
    model, other = NadarayaWatson("box", 0.1), NadarayaWatson("box", 3.0)
    other.load_state_dict(model.state_dict())
    other.score.set_extra_state(torch.tensor(7.0))
    assert model.width.item() == 0.1
    assert model.half().float().width.item() == 0.1


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("need_weights", [False, True])
def test_a_kernel_is_a_score_with_a_width_for_each_head(kernel, need_weights):
    widths = [0.5, 1.0, 4.0]
    q, k, v = torch.randn(2, 3, 4, 2), torch.randn(2, 3, 6, 2), torch.randn(2, 3, 6, 5)
    attention = Attention(SCORES[kernel](widths, learn_width=kernel != "box"))
    output, _ = attention(q, k, v, need_weights=need_weights)
    for i, h in enumerate(widths):
        torch.testing.assert_close(
            output[:, i], NadarayaWatson(kernel, h)(q[:, i], k[:, i], v[:, i])[0], rtol=1e-4, atol=1e-4
        )
    assert repr(attention.score) == f"{kernel.title()}(width=[0.5, 1, 4], learn_width={kernel != 'box'})"
