"""What is drawn is what was given: images, bars, lines, ticks and labels, read back from the finished figure.

The data have no symmetry, so that a figure that is transposed, mirrored, reversed or drawn twice differs.
"""

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex, to_rgb
from test_colors import PAGES, contrast

from attn_utils import plots

WEIGHTS = torch.tensor([[0.50, 0.30, 0.20], [0.05, 0.85, 0.10]])  # two queries, three keys
BATCH = torch.stack([WEIGHTS, WEIGHTS.flip(0, 1), WEIGHTS.roll(1, dims=1)])


def labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def cells(ax):
    """The numbers as they stand on the page: row by row from the top, each from the left."""
    ax.figure.canvas.draw()
    place = {tuple(ax.transData.transform(text.get_position())): text.get_text() for text in ax.texts}
    heights = sorted({y for _, y in place}, reverse=True)
    return [[place[at] for at in sorted(place) if at[1] == height] for height in heights]


def seen(ax):
    """The matrix of an image as it stands on the page: row 0 on top, column 0 on the left."""
    (image,) = ax.images
    array = np.asarray(image.get_array())
    ax.figure.canvas.draw()
    corner, opposite = ax.transData.transform([(0, 0), (array.shape[1] - 1, array.shape[0] - 1)])
    assert image.origin == "upper"
    array = array if corner[1] >= opposite[1] else array[::-1]
    return array if corner[0] <= opposite[0] else array[:, ::-1]


def test_a_heatmap_has_queries_downward_and_keys_to_the_right():
    figure = plots.heatmap(WEIGHTS, queries=["q0", "q1"], keys=["k0", "k1", "k2"], alt="Weights.")
    (ax,) = figure.axes
    np.testing.assert_allclose(seen(ax), WEIGHTS)
    assert cells(ax) == [["0.50", "0.30", "0.20"], ["0.05", "0.85", "0.10"]]
    assert labels(ax.xaxis) == ["k0", "k1", "k2"]
    assert labels(ax.yaxis) == ["q0", "q1"]
    assert list(ax.get_xticks()) == [0, 1, 2]
    assert list(ax.get_yticks()) == [0, 1]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("key", "query")
    image = ax.images[0]
    assert image.get_extent() == [-0.5, 2.5, 1.5, -0.5]  # a tick in the middle of each cell
    assert image.cmap is plots.WEIGHT_MAP
    assert image.get_clim() == (0, pytest.approx(0.85))


def test_each_panel_shows_its_own_matrix_under_its_own_title():
    figure = plots.heatmap(BATCH, titles=["one", "two", "three"], annotate=True, alt="Three.")
    assert [ax.get_title() for ax in figure.axes] == ["one", "two", "three"]
    assert sorted(figure.axes, key=lambda ax: ax.get_position().x0) == figure.axes
    for ax, matrix in zip(figure.axes, BATCH, strict=True):
        np.testing.assert_allclose(seen(ax), matrix)
        assert cells(ax) == [[f"{number:.2f}" for number in row] for row in matrix.tolist()]
        assert labels(ax.xaxis) == ["0", "1", "2"]


def test_scores_have_a_sign_and_a_color_for_it():
    scores = torch.tensor([[-2.0, 0.5, float("-inf")]])
    figure = plots.heatmap(scores, signed=True, annotate=True, alt="Scores.")
    image = figure.axes[0].images[0]
    assert image.get_clim() == (-2, 2)
    assert image.cmap is plots.SIGNED_MAP
    assert cells(figure.axes[0]) == [["−2.00", "0.50", "−∞"]]
    bar = plots.heatmap(torch.randn(20, 20), signed=True, alt="Many.").axes[1]
    assert bar.get_ylabel() == "score"


def test_numbers_are_legible_on_their_cells():
    """On strong cells white with a dark rim, on weak ones the ink of the page."""
    figure = plots.heatmap([[0.04, 0.96]], annotate=True, alt="Two.")
    weak, strong = figure.axes[0].texts
    assert to_hex(weak.get_color()) == plots.INK
    assert not weak.get_path_effects()
    assert to_hex(strong.get_color()) == "#ffffff"
    assert strong.get_path_effects()


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("weight", [0.05, 0.1, 0.2])
def test_low_weights_are_seen_on_a_light_and_on_a_dark_page(weight, page):
    *color, alpha = plots.WEIGHT_MAP(weight)
    drawn = to_hex(alpha * np.array(color) + (1 - alpha) * np.array(to_rgb(page)))
    assert contrast(drawn, page) >= {0.05: 1.1, 0.1: 1.2, 0.2: 1.4}[weight]


def test_darker_is_more_at_every_weight():
    alphas = plots.WEIGHT_MAP(np.linspace(0, 1, 101))[:, 3]
    assert (np.diff(alphas) > 0).all()
    assert (alphas[0], alphas[-1]) == (0, 1)


def test_an_alignment_has_the_source_to_the_right_and_the_target_downward():
    figure = plots.alignment(
        WEIGHTS, ["a", "red", "cat"], ["chat", "rouge"], sure={(2, 0)}, possible={(1, 1)}, alt="An alignment."
    )
    ax, bar = figure.axes
    np.testing.assert_allclose(seen(ax), WEIGHTS)
    assert labels(ax.xaxis) == ["a", "red", "cat"]
    assert labels(ax.yaxis) == ["chat", "rouge"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("source", "target")
    middles = {
        (patch.get_x() + patch.get_width() / 2, patch.get_y() + patch.get_height() / 2): patch.get_linestyle()
        for patch in ax.patches
    }
    assert set(middles) == {(2.0, 0.0), (1.0, 1.0)}  # column = source, row = target
    assert middles[2.0, 0.0] == "-"
    assert middles[1.0, 1.0] != "-"
    assert {to_hex(patch.get_edgecolor()) for patch in ax.patches} == {plots.GOLD}
    assert bar.get_ylabel() == "weight"


def test_bars_stand_in_their_order_over_their_labels():
    rows = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]])
    figure = plots.bars(rows, labels=["x", "y", "z"], titles=["one", "two"], ylabel="share", alt="Two rows of bars.")
    assert [ax.get_title() for ax in figure.axes] == ["one", "two"]
    assert figure.axes[0].get_ylabel() == "share"
    for ax, row in zip(figure.axes, rows.tolist(), strict=True):
        middles = [bar.get_x() + bar.get_width() / 2 for bar in ax.patches]
        assert middles == pytest.approx(list(ax.get_xticks()))
        assert [bar.get_height() for bar in ax.patches] == pytest.approx(row)
        assert [bar.get_y() for bar in ax.patches] == [0, 0, 0]
        assert labels(ax.xaxis) == ["x", "y", "z"]
        assert not ax.xaxis_inverted()
        assert not ax.yaxis_inverted()
        assert {to_hex(bar.get_facecolor()) for bar in ax.patches} == {plots.COLORS["weight"]}
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()  # one scale


def test_curves_carry_their_own_names_and_scales():
    x = [1.0, 10.0, 100.0]
    series = {"rises": [0.1, 1.0, 2.0], "falls": [3.0, 2.0, 0.5]}
    figure = plots.curves(
        x, series, xlabel="steps", ylabel="loss", xscale="log", yscale="linear", colors=["#123456", "#654321"],
        alt="Two curves.",
    )  # fmt: skip
    (ax,) = figure.axes
    for line, (name, values), color in zip(ax.lines, series.items(), ["#123456", "#654321"], strict=True):
        assert line.get_label() == name
        np.testing.assert_allclose(line.get_xdata(), x)
        np.testing.assert_allclose(line.get_ydata(), values)
        assert line.get_color() == color
    handles = ax.get_legend().legend_handles
    shown = [(text.get_text(), handle.get_color()) for text, handle in zip(ax.get_legend().texts, handles, strict=True)]
    assert shown == [("rises", "#123456"), ("falls", "#654321")]
    assert (ax.get_xscale(), ax.get_yscale(), ax.get_xlabel(), ax.get_ylabel()) == ("log", "linear", "steps", "loss")


def test_a_band_lies_around_its_own_curve():
    runs = np.array([[1.0, 2.0, 6.0], [3.0, 2.0, 10.0]])
    figure = plots.curves([0, 1, 2], {"a": runs, "b": 100 * runs}, xlabel="x", ylabel="y", alt="Two bands.")
    for line, band, factor in zip(figure.axes[0].lines, figure.axes[0].collections, (1, 100), strict=True):
        np.testing.assert_allclose(line.get_ydata(), factor * runs.mean(axis=0))
        assert to_hex(band.get_facecolor()[0]) == to_hex(line.get_color())
        points = band.get_paths()[0].vertices
        for x in (0, 1, 2):
            heights = points[points[:, 0] == x, 1]
            spread = factor * runs[:, x].std(ddof=1)
            middle = factor * runs[:, x].mean()
            np.testing.assert_allclose([heights.min(), heights.max()], [middle - spread, middle + spread])


def test_a_fit_shows_estimate_truth_and_points_each_in_its_own_way():
    x = torch.linspace(0, 1, 4)
    truth, x_train, y_train = x.square(), torch.tensor([0.1, 0.7]), torch.tensor([5.0, 6.0])
    figure = plots.fits(x, truth, x_train, y_train, {"good": truth + 0.1, "bad": -x}, alt="Two fits.")
    for ax, (title, estimate) in zip(figure.axes, {"good": truth + 0.1, "bad": -x}.items(), strict=True):
        assert ax.get_title() == title
        drawn = {line.get_label(): line for line in ax.lines}
        np.testing.assert_allclose(drawn["estimate"].get_ydata(), estimate)
        np.testing.assert_allclose(drawn["estimate"].get_xdata(), x)
        np.testing.assert_allclose(drawn["truth"].get_ydata(), truth)
        np.testing.assert_allclose(drawn["training points"].get_xdata(), x_train)
        np.testing.assert_allclose(drawn["training points"].get_ydata(), y_train)
        assert drawn["estimate"].get_color() == plots.COLORS["output"]
        assert drawn["truth"].get_linestyle() == "--"
        assert drawn["training points"].get_linestyle() == "None"
    (legend,) = figure.legends
    kinds = {t.get_text(): h.get_linestyle() for t, h in zip(legend.texts, legend.legend_handles, strict=True)}
    assert kinds == {"training points": "None", "truth": "--", "estimate": "-"}


def test_the_style_is_the_courses():
    fig, ax = plots.subplots(alt="Nothing.")
    cycle = [to_hex(ax._get_lines.get_next_color()) for _ in range(5)]
    assert len(set(cycle)) == 5
    assert to_hex(ax.xaxis.label.get_color()) == plots.INK
    assert fig.get_facecolor()[3] == 0
    assert ax.get_facecolor()[3] == 0
    assert matplotlib.rcParams["axes.labelcolor"] == "black"  # the style is the figure's, not the world's
