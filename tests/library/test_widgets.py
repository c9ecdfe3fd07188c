"""The demos as Python objects: results that follow the inputs, inputs that are checked, a description that is kept."""

import math

import pytest
import torch
import traitlets
from torch.testing import assert_close

from attn_utils.data.regression import make_regression
from attn_utils.kernels import KERNELS, NadarayaWatson
from attn_utils.widgets import KernelExplorer, MaskEditor, PointAndAttend, WhySqrtD
from attn_utils.widgets.demo import front_end
from attn_utils.widgets.why_sqrt_d import draw_vectors

DEMOS = [PointAndAttend, KernelExplorer, WhySqrtD, MaskEditor]


def test_point_and_attend_goes_from_look_up_to_average():
    demo = PointAndAttend(query=[1.0, -0.3])  # exactly on key 4
    demo.temperature = 0.02
    assert_close(demo.output, torch.tensor(demo.value_colors[3], dtype=torch.float64), rtol=0, atol=1e-9)
    demo.temperature = 50.0
    assert (demo.weights - 1 / 7).abs().max() < 0.03
    assert_close(demo.output, demo.weights @ torch.tensor(demo.value_colors, dtype=torch.float64))


@pytest.mark.parametrize("kernel", KERNELS)
def test_kernel_explorer_is_the_regression_of_the_library(kernel):
    points = make_regression(seed=0)
    demo = KernelExplorer(kernel=kernel, width=0.4, x=1.7)
    keys, values, x_test, y_test = (x.double() for x in (points.x_train, points.y_train, points.x_test, points.y_test))
    model = NadarayaWatson(kernel, width=0.4).double()
    query = torch.tensor([[1.7]], dtype=torch.float64)
    output, weights = model(query, keys, values, need_weights=True)
    assert_close(demo.weights, weights[0], rtol=0, atol=1e-6)  # the width of the module has been rounded to float32
    assert demo.output == pytest.approx(output.item(), abs=1e-6)
    left_out = (model.leave_one_out(keys, values)[0] - values).square().mean().item()
    against_truth = (model(x_test, keys, values)[0] - y_test).square().mean().item()
    assert (demo.loo_error, demo.true_error) == pytest.approx((left_out, against_truth), abs=1e-5)
    smallest = KernelExplorer(kernel=kernel, width=demo.best_width).loo_error
    assert smallest <= min(demo.loo_error, KernelExplorer(kernel=kernel, width=1.2 * demo.best_width).loo_error)


def test_draws_are_standard_normal_and_grow_with_the_dimension():
    vectors = torch.stack([draw_vectors(draw, 1024) for draw in range(8)])
    assert vectors.shape == (8, 17, 1024)
    assert abs(vectors.mean()) < 0.01
    assert abs(vectors.std() - 1) < 0.01
    assert abs((vectors**4).mean() - 3) < 0.1
    flat = vectors.reshape(8 * 17, 1024)
    correlation = torch.corrcoef(flat) - torch.eye(8 * 17)
    assert correlation.abs().max() < 6 / math.sqrt(1024)
    assert torch.equal(draw_vectors(3, 7), vectors[3, :, :7])


def test_why_sqrt_d_saturates_without_scaling_only():
    raw, scaled = torch.stack([WhySqrtD(dimension=1024, draw=draw).entropy for draw in range(10)]).mean(dim=0)
    assert raw < 0.3
    assert scaled > 2.0
    demo = WhySqrtD(dimension=1)
    assert torch.equal(demo.weights[0], demo.weights[1])
    jacobian = torch.autograd.functional.jacobian(lambda s: torch.softmax(s, -1), demo.scores[0])
    assert_close(demo.gradient_norm[0], jacobian.norm())


def test_mask_editor_combines_three_masks():
    blocked = [[0] * 6 for _ in range(5)]
    blocked[2][0] = 1
    demo = MaskEditor(lengths=[6, 3, 6, 6, 6], causal=True, blocked=blocked)
    wanted = [[1, 1, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0], [0, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 1, 1]]
    assert demo.mask.int().tolist() == wanted
    demo.lengths = [0, 1, 2, 3, 4]
    assert not demo.weights[0].any()
    assert_close(demo.naive_weights[0], torch.full((6,), 1 / 6, dtype=torch.float64))
    assert_close(demo.weights[1:].sum(dim=-1), torch.ones(4, dtype=torch.float64))


def test_results_can_be_observed_and_linked_but_not_set():
    demo, other = PointAndAttend(), PointAndAttend()
    seen = []
    demo.observe(lambda change: seen.append(change.new), names="weights")
    traitlets.link((demo, "temperature"), (other, "temperature"))
    demo.temperature = 3.0
    assert len(seen) == 1
    assert_close(other.weights, demo.weights)
    with pytest.raises(traitlets.TraitError, match="read-only"):
        demo.weights = torch.zeros(7)


@pytest.mark.parametrize("kind", DEMOS)
def test_reset_goes_back_to_the_inputs_of_the_start(kind):
    demo = kind()
    start = {name: getattr(demo, name) for name in kind.inputs}
    changed = {
        "query": [1, 1], "temperature": 9.0, "kernel": "box", "width": 0.2, "x": 0.0, "dimension": 2, "draw": 5,
        "lengths": [1] * 5, "causal": True, "blocked": [[1] * 6] * 5, "naive": True,
    }  # fmt: skip
    for name in kind.inputs:
        setattr(demo, name, changed[name])
        assert getattr(demo, name) != start[name]
    demo.reset()
    assert {name: getattr(demo, name) for name in kind.inputs} == start


@pytest.mark.parametrize(
    ("kind", "wrong", "wanted"),
    [
        (PointAndAttend, {"query": [1.0, 2.0, 3.0]}, r"finite numbers from -3 to 3 of shape \(2,\)"),
        (PointAndAttend, {"query": [0.0, 3.5]}, "from -3 to 3"),
        (PointAndAttend, {"query": [0.0, float("nan")]}, "finite numbers"),
        (PointAndAttend, {"query": "here"}, "finite numbers"),
        (PointAndAttend, {"temperature": 0.0}, "0.02"),
        (PointAndAttend, {"key_points": [[0.0, 0.0]]}, "one entry for each of key_points, 1 in all, got 7"),
        (PointAndAttend, {"value_colors": []}, r"of shape \(any, 3\)"),
        (PointAndAttend, {"temprature": 1.0}, "no input 'temprature'; it has query, temperature"),
        (KernelExplorer, {"kernel": "cosine"}, "gaussian"),
        (KernelExplorer, {"width": -1.0}, "0.05"),
        (KernelExplorer, {"x": 5.5}, "5"),
        (KernelExplorer, {"x_train": [0.0, 1.0]}, "y_train must have one entry for each of x_train, 2 in all, got 50"),
        (WhySqrtD, {"dimension": 0}, "1"),
        (WhySqrtD, {"dimension": 2.5}, "int"),
        (WhySqrtD, {"draw": -1}, "0"),
        (MaskEditor, {"lengths": [7, 0, 0, 0, 0]}, r"integers from 0 to 6 of shape \(5,\)"),
        (MaskEditor, {"lengths": [0.5, 0, 0, 0, 0]}, "integers from 0 to 6"),
        (MaskEditor, {"blocked": [[0] * 5] * 5}, r"of shape \(5, 6\)"),
    ],
)
def test_a_wrong_input_is_refused_with_what_is_wanted(kind, wrong, wanted):
    with pytest.raises((traitlets.TraitError, ValueError), match=wanted):
        kind(**wrong)


def test_a_refused_input_leaves_the_demo_as_it_was():
    demo = KernelExplorer()
    before = demo.loo_error
    with pytest.raises(traitlets.TraitError):
        demo.width = 0.0
    assert (demo.width, demo.loo_error) == (1.0, before)


def test_tensors_and_arrays_are_taken():
    demo = PointAndAttend()
    demo.query = torch.tensor([1.0, 2.0])
    assert demo.query == [1.0, 2.0]
    demo.query = torch.tensor([0.5, 2.0]).numpy()
    assert demo.query == [0.5, 2.0]


@pytest.mark.parametrize("kind", DEMOS)
def test_the_whole_description_stands_in_for_the_demo(kind):
    demo = kind()
    data, _ = demo._repr_mimebundle_()
    assert len(demo.description) > 110  # where some versions of anywidget would cut
    assert data["text/plain"] == repr(demo) == f"Demo “{kind.title}”: {demo.description}"
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == demo.model_id


@pytest.mark.parametrize("kind", DEMOS)
def test_the_state_holds_the_front_end_and_no_result(kind):
    state = kind().get_state()
    name = kind.__module__.rpartition(".")[2]
    assert state["_esm"] == kind._esm == front_end(name)
    assert "export default { render };" in state["_esm"]
    assert ".attn-demo" in state["_css"]
    assert not set(state) & set(kind().compute())
