"""Figures: each carries its alt text, is transparent, and shows the numbers it was given."""

import io

import matplotlib
import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from attn_utils import plots

X = torch.linspace(0, 1, 5)
FIGURES = {
    "heatmap": lambda **kw: plots.heatmap(torch.rand(3, 4).softmax(-1), **kw),
    "heatmaps": lambda **kw: plots.heatmap(torch.rand(2, 3, 4), queries=["a", "b", "c"], titles=["1", "2"], **kw),
    "signed heatmap": lambda **kw: plots.heatmap(torch.randn(20, 30), signed=True, **kw),
    "alignment": lambda **kw: plots.alignment(torch.eye(3), "abc", "xyz", sure={(0, 0)}, possible={(0, 1)}, **kw),
    "bars": lambda **kw: plots.bars(torch.rand(6).softmax(-1), **kw),
    "rows of bars": lambda **kw: plots.bars(torch.rand(2, 3), labels="abc", titles=["1", "2"], **kw),
    "curves": lambda **kw: plots.curves(X, {"one": X, "runs": torch.rand(4, 5)}, xlabel="x", ylabel="y", **kw),
    "fits": lambda **kw: plots.fits(X[:, None], X, torch.rand(7, 1), torch.rand(7), {"a": X, "b": X[:, None]}, **kw),
    "subplots": lambda **kw: plots.subplots(1, 2, **kw)[0],
}


def pixels(figure):
    return matplotlib.image.imread(io.BytesIO(figure.png()))


def ticks(ax):
    """What is written along both axes, at 0, 1, …"""
    for axis in (ax.xaxis, ax.yaxis):
        assert list(axis.get_ticklocs()) == list(range(len(axis.get_ticklocs())))
    return tuple([label.get_text() for label in labels()] for labels in (ax.get_xticklabels, ax.get_yticklabels))


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_carries_its_alt_text_to_where_the_notebook_shows_it(name, monkeypatch):
    figure = FIGURES[name](alt="What is\n    to be seen.")
    assert figure.alt == "What is to be seen."
    assert repr(figure) == "Figure: What is to be seen."
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *args, **kwargs: shown.append((args, kwargs)))
    figure._ipython_display_()
    (((bundle,), options),) = shown
    assert bundle["text/plain"] == "Figure: What is to be seen."
    assert options["metadata"]["image/png"]["alt"] == "What is to be seen."


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_without_alt_text_is_refused(name):
    with pytest.raises(TypeError, match="alt"):
        FIGURES[name]()
    with pytest.raises(ValueError, match="alt must say"):
        FIGURES[name](alt="  ")


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_transparent_where_nothing_is_drawn(name):
    image = pixels(FIGURES[name](alt="Something."))
    assert image.shape[2] == 4
    assert (image[0, :, 3] == 0).all()
    # No light or dark background inside the axes either: what is opaque is ink.
    assert (image[..., 3] == 0).mean() > 0.3 or name in ("heatmaps", "signed heatmap", "heatmap")


def test_ink_is_neither_black_nor_white():
    image = pixels(plots.bars([1.0, 2.0], alt="Two bars."))
    opaque = image[image[..., 3] > 0.99][:, :3]
    assert opaque.max(axis=-1).min() > 0.1  # a pixel is black if all its channels are low
    assert opaque.min(axis=-1).max() < 0.95  # and white if all are high


def test_the_same_call_draws_the_same_picture():
    one, two = (plots.bars([0.2, 0.8], alt="Two bars.").png() for _ in range(2))
    assert one == two


def test_global_settings_and_figures_are_left_alone():
    before = dict(matplotlib.rcParams)
    for make in FIGURES.values():
        make(alt="Something.").png()
    assert dict(matplotlib.rcParams) == before
    assert plt.get_fignums() == []


def test_weight_zero_is_the_page_and_weight_one_the_color_of_weights():
    assert plots.WEIGHT_MAP(0.0)[3] == 0
    assert to_hex(plots.WEIGHT_MAP(1.0)) == plots.COLORS["weight"]
    assert plots.WEIGHT_MAP(1.0)[3] == 1
    assert plots.SIGNED_MAP(0.5)[3] < 0.02
    assert plots.SIGNED_MAP(0.0)[2] > plots.SIGNED_MAP(0.0)[0]  # negative is blue
    assert plots.SIGNED_MAP(1.0)[0] > plots.SIGNED_MAP(1.0)[2]  # positive is orange


def test_a_heatmap_shows_its_matrix_with_labels():
    weights = torch.tensor([[0.25, 0.75], [1.0, 0.0]])
    figure = plots.heatmap(weights, alt="Two rows.", queries=["je", "suis"], keys=["I", "am"], titles=["layer"])
    (ax,) = figure.axes
    np.testing.assert_allclose(ax.images[0].get_array(), weights)
    assert ticks(ax) == (["I", "am"], ["je", "suis"])
    assert {t.get_position(): t.get_text() for t in ax.texts} == {
        (0, 0): "0.25", (1, 0): "0.75", (0, 1): "1.00", (1, 1): "0.00"
    }  # fmt: skip
    assert ax.get_title() == "layer"


def test_gold_links_are_framed_solid_if_sure_and_dashed_if_possible():
    figure = plots.alignment(
        torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]]), ["not", "red"], ["ne", "rouge", "pas"],
        sure={(0, 0), (0, 2)}, possible={(0, 0), (0, 2), (1, 1)}, alt="Three rows.",
    )  # fmt: skip
    frames = {tuple(int(x + 0.5) for x in frame.get_xy()): frame for frame in figure.axes[0].patches}
    assert frames.keys() == {(0, 0), (0, 2), (1, 1)}
    assert {at for at, frame in frames.items() if frame.get_linestyle() == "-"} == {(0, 0), (0, 2)}
    np.testing.assert_allclose(figure.axes[0].images[0].get_array(), [[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]])
    assert ticks(figure.axes[0]) == (["not", "red"], ["ne", "rouge", "pas"])
    assert figure.axes[0].images[0].get_clim() == (0, 1)  # the color means the same in every figure
    assert len(figure.axes) == 2
    links_alone = plots.alignment(None, ["not"], ["ne", "pas"], sure={(0, 0), (0, 1)}, alt="Two frames.")
    assert len(links_alone.axes) == 1
    assert len(links_alone.axes[0].patches) == 2


def test_heatmaps_of_a_batch_share_one_scale():
    figure = plots.heatmap(torch.stack([torch.eye(3), 4 * torch.eye(3)]), alt="Two.", annotate=False)
    assert [ax.images[0].get_clim() for ax in figure.axes[:2]] == [(0, 4), (0, 4)]
    assert [ax.images[0].get_array().sum() for ax in figure.axes[:2]] == [3, 12]
    signed = plots.heatmap(torch.tensor([[-3.0, 1.0]]), alt="Signed.", signed=True)
    assert signed.axes[0].images[0].get_clim() == (-3, 3)


def test_repeated_runs_become_mean_and_standard_deviation():
    runs = torch.tensor([[1.0, 2.0], [3.0, 6.0]])
    figure = plots.curves([0, 1], {"runs": runs}, alt="A band.", xlabel="step", ylabel="loss")
    (ax,) = figure.axes
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [2, 4])
    band = ax.collections[0].get_paths()[0].vertices
    np.testing.assert_allclose([band[:, 1].min(), band[:, 1].max()], [2 - 2**0.5, 4 + 8**0.5], rtol=1e-6)
    assert ax.get_xlabel() == "step"


def test_curves_differ_in_more_than_color():
    series = {str(i): X for i in range(5)}
    figure = plots.curves(X, series, alt="Five lines.", xlabel="x", ylabel="y")
    assert len({str(line.get_linestyle()) + str(line._dash_pattern) for line in figure.axes[0].lines}) == 5


def test_fits_get_a_panel_each():
    figure = FIGURES["fits"](alt="Two fits.")
    assert [ax.get_title() for ax in figure.axes] == ["a", "b"]
    x = np.linspace(0, 1, 3)
    predictions = {"a": x + 1, "b": x + 2, "c": x + 3}
    figure = plots.fits(x, x**2, [0.5, 0.25], [7, 8], predictions, alt="Three fits.")
    assert len(figure.axes) == 3
    for ax, (title, prediction) in zip(figure.axes, predictions.items(), strict=True):
        drawn = {line.get_label(): line.get_xydata().tolist() for line in ax.lines}
        assert ax.get_title() == title
        assert drawn == {
            "training points": [[0.5, 7], [0.25, 8]],
            "truth": np.stack([x, x**2], axis=1).tolist(),
            "estimate": np.stack([x, prediction], axis=1).tolist(),
        }
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["training points", "truth", "estimate"]


def test_bars_are_as_high_as_their_weights():
    figure = plots.bars([[0.2, 0.8], [0.7, 0.3]], labels=["I", "am"], titles=["one", "two"], alt="Bars.")
    assert [[bar.get_height() for bar in ax.patches] for ax in figure.axes] == [[0.2, 0.8], [0.7, 0.3]]
    assert [[bar.get_center()[0] for bar in ax.patches] for ax in figure.axes] == [[0, 1], [0, 1]]
    assert [ax.get_title() for ax in figure.axes] == ["one", "two"]
    assert [label.get_text() for label in figure.axes[1].get_xticklabels()] == ["I", "am"]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_tensors_of_any_type_with_a_graph_are_taken_and_not_modified(dtype):
    weights = torch.rand(3, 4).to(dtype).requires_grad_()
    before = weights.detach().clone()
    plots.heatmap(weights, alt="Random.").png()
    assert torch.equal(weights, before)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: plots.heatmap(torch.rand(3), alt="a"), r"weights must have shape \(q, k\) or \(n, q, k\), got \(3,\)"),
        (lambda: plots.heatmap(torch.rand(2, 3), keys="ab", alt="a"), "keys must hold 3 labels, got 2"),
        (lambda: plots.heatmap(torch.rand(2, 3), queries="abc", alt="a"), "queries must hold 2 labels, got 3"),
        (
            lambda: plots.alignment(torch.rand(1, 2), "ab", "x", sure={(1, 1)}, alt="a"),
            r"links must lie within 2 source and 1 target words, got \(1, 1\)",
        ),
        (lambda: plots.bars(torch.rand(1, 2, 3), alt="a"), r"weights must have shape .*, got \(1, 2, 3\)"),
        (lambda: plots.bars(torch.rand(3), labels="ab", alt="a"), "labels must hold 3 labels, got 2"),
        (
            lambda: plots.curves(X, {"one": X[:3]}, alt="a", xlabel="x", ylabel="y"),
            r"series\['one'\] must have shape .*, got \(3,\)",
        ),
        (lambda: plots.fits(X, X, X, X, {}, alt="a"), "predictions must hold at least one"),
        (lambda: plots.fits(X, X, X, X, {"a": X[:2]}, alt="a"), r"predictions\['a'\] must hold .* got shape \(2,\)"),
    ],
)
def test_a_wrong_argument_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
