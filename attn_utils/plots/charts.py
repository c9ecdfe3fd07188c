"""The course's charts: matrices of weights, distributions, curves, fits.

Every function takes tensors or arrays and returns a
:class:`~attn_utils.plots.style.Figure`. Words of data, on the ticks, are drawn as they are written; titles, names of
axes and of curves may hold formulas.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from attn_utils.plots.style import COLORS, GOLD, INK, SIGNED_MAP, STYLE, WEIGHT_MAP, Figure, subplots

__all__ = ["alignment", "bars", "curves", "fits", "heatmap"]


def heatmap(
    weights: Any,
    *,
    alt: str,
    queries: Sequence[Any] | None = None,
    keys: Sequence[Any] | None = None,
    titles: Sequence[str] | None = None,
    xlabel: str = "key",
    ylabel: str = "query",
    annotate: bool | None = None,
    signed: bool = False,
    vmax: float | None = None,
) -> Figure:
    """Draw one matrix of queries × keys, or a row of them on one color scale.

    Args:
        weights: Shape ``(q, k)`` or ``(n, q, k)``: weights, or scores if ``signed``.
        alt: What is to be seen in the figure.
        queries: A label for each row. Row numbers if ``None``.
        keys: A label for each column. Column numbers if ``None``.
        titles: A title for each matrix.
        xlabel: What the columns are.
        ylabel: What the rows are.
        annotate: Write the numbers into the cells. By default where they fit: up to 8 columns in a panel, 60 cells.
        signed: Use the diverging colors, with 0 in the middle.
        vmax: The number that gets the full color. The largest magnitude if ``None``.

    Raises:
        ValueError: If ``weights`` is not two- or three-dimensional, or labels do not fit its size.
    """
    matrices = _several(weights, 2, "(q, k)")
    n, q, k = matrices.shape
    _check_labels(queries=(queries, q), keys=(keys, k), titles=(titles, n))
    finite = np.abs(matrices[np.isfinite(matrices)])
    top = vmax if vmax is not None else float(finite.max(initial=0.0)) or 1.0
    annotate = k <= 8 and q * k <= 60 and n * k <= 20 if annotate is None else annotate

    panel = min(3.0, 6.4 / n)
    cell = min(panel / max(k, 3), 0.55)
    if keys is not None and n == 1:
        cell = max(cell, 0.24)  # room for the words of a long sentence
    size = (n * max(cell * k, 1.1) + 1.5, max(cell * q, 0.7) + 0.9)
    fig, axes = subplots(1, n, alt=alt, size=size, squeeze=False, sharey=True)
    with matplotlib.rc_context(STYLE):
        for i, (ax, matrix) in enumerate(zip(axes[0], matrices, strict=True)):
            image = ax.imshow(
                matrix, cmap=SIGNED_MAP if signed else WEIGHT_MAP, vmin=-top if signed else 0.0, vmax=top,
                interpolation="nearest", aspect="auto" if q > 3 * k or k > 3 * q else "equal",
            )  # fmt: skip
            ax.spines[["top", "right"]].set_visible(True)
            _label_ticks(ax.xaxis, keys, k)
            if i == 0:
                _label_ticks(ax.yaxis, queries, q)
                ax.set_ylabel(ylabel)
            ax.set_xlabel(xlabel)
            if keys is not None and max(len(str(label)) for label in keys) * 0.09 > max(cell, 1.1 / k):
                ax.tick_params(axis="x", rotation=55)
                for label in ax.get_xticklabels():
                    label.set(horizontalalignment="right", rotation_mode="anchor")
            if titles is not None:
                ax.set_title(titles[i])
            if annotate:
                _write_cells(ax, matrix, image)
        if not annotate:
            bar = fig.colorbar(image, ax=list(axes[0]), shrink=0.9, pad=0.02)
            bar.outline.set_edgecolor(INK)
            bar.set_label("score" if signed else "weight")
    return fig


def alignment(
    weights: Any,
    source: Sequence[str],
    target: Sequence[str],
    *,
    alt: str,
    sure: Collection[tuple[int, int]] = (),
    possible: Collection[tuple[int, int]] = (),
) -> Figure:
    """Draw how much each target word looked at each source word, and frame the gold links.

    Args:
        weights: Shape ``(t, s)``. ``None`` draws the links alone.
        source: The ``s`` source words.
        target: The ``t`` target words.
        alt: What is to be seen in the figure.
        sure: Links as (source index, target index), framed with a solid line.
        possible: More links, framed with a dashed line where they are not sure.

    Raises:
        ValueError: If the words do not fit the shape of ``weights``, or a link leads beyond them.
    """
    links = {*sure, *possible}
    outside = sorted(link for link in links if not (0 <= link[0] < len(source) and 0 <= link[1] < len(target)))
    if outside:
        raise ValueError(f"links must lie within {len(source)} source and {len(target)} target words, got {outside[0]}")
    matrix = np.zeros((len(target), len(source))) if weights is None else weights
    fig = heatmap(
        matrix, alt=alt, queries=target, keys=source, xlabel="source", ylabel="target", annotate=False, vmax=1.0
    )
    if weights is None and (bar := fig.axes[0].images[0].colorbar):
        bar.remove()  # there are no weights to explain
    for i, j in sorted(links):
        frame = Rectangle(
            (i - 0.42, j - 0.42), 0.84, 0.84, fill=False, edgecolor=GOLD, linewidth=1.6,
            linestyle="-" if (i, j) in sure else (0, (2, 1.5)),
        )  # fmt: skip
        fig.axes[0].add_patch(frame)
    return fig


def bars(
    weights: Any,
    *,
    alt: str,
    labels: Sequence[Any] | None = None,
    titles: Sequence[str] | None = None,
    ylabel: str = "weight",
    color: str = COLORS["weight"],
) -> Figure:
    """Draw a distribution over keys as bars, or several side by side on one scale.

    Args:
        weights: Shape ``(k,)`` or ``(n, k)``.
        alt: What is to be seen in the figure.
        labels: A label for each bar. Numbers if ``None``.
        titles: A title for each of the ``n`` panels.
        ylabel: What the height is.
        color: Color of the bars.

    Raises:
        ValueError: If ``weights`` is not one- or two-dimensional, or labels do not fit its size.
    """
    rows = _several(weights, 1, "(k,)")
    n, k = rows.shape
    _check_labels(labels=(labels, k), titles=(titles, n))
    fig, axes = subplots(1, n, alt=alt, size=(min(7.0, 1.2 + max(2.0, 0.35 * k) * n), 2.4), squeeze=False, sharey=True)
    with matplotlib.rc_context(STYLE):
        for i, (ax, row) in enumerate(zip(axes[0], rows, strict=True)):
            ax.bar(range(k), row, color=color, width=0.75)
            ax.axhline(0, color=INK, linewidth=0.8, linestyle="-")
            _label_ticks(ax.xaxis, labels, k)
            if titles is not None:
                ax.set_title(titles[i])
        axes[0, 0].set_ylabel(ylabel)
    return fig


def curves(
    x: Any,
    series: Mapping[str, Any],
    *,
    alt: str,
    xlabel: str,
    ylabel: str,
    xscale: str = "linear",
    yscale: str = "linear",
    colors: Sequence[str] | None = None,
    size: tuple[float, float] = (6.5, 3.2),
) -> Figure:
    """Draw curves over a common axis. Repeated runs become their mean and a band of ± one standard deviation.

    Args:
        x: Shape ``(n,)``.
        series: For each label the values, shape ``(n,)``, or ``(runs, n)`` for repeated runs.
        alt: What is to be seen in the figure.
        xlabel: What ``x`` is, with its unit.
        ylabel: What the curves are, with their unit.
        xscale: ``"linear"`` or ``"log"``.
        yscale: ``"linear"`` or ``"log"``.
        colors: A color for each curve. The course's cycle if ``None``.
        size: Width and height in inches.

    Raises:
        ValueError: If a curve's shape does not fit ``x``.
    """
    x = _array(x)
    fig, ax = subplots(alt=alt, size=size)
    with matplotlib.rc_context(STYLE):
        for i, (label, values) in enumerate(series.items()):
            runs = _array(values)
            if runs.shape[-1:] != x.shape or runs.ndim not in (1, 2):
                raise ValueError(f"series[{label!r}] must have shape ({len(x)},) or (runs, {len(x)}), got {runs.shape}")
            mean = runs if runs.ndim == 1 else runs.mean(axis=0)
            (line,) = ax.plot(x, mean, label=label, **({"color": colors[i]} if colors else {}))
            if runs.ndim == 2:
                spread = runs.std(axis=0, ddof=1) if len(runs) > 1 else np.zeros_like(mean)
                ax.fill_between(x, mean - spread, mean + spread, color=line.get_color(), alpha=0.2, linewidth=0)
        ax.set(xlabel=xlabel, ylabel=ylabel, xscale=xscale, yscale=yscale)
        if len(series) > 1:
            legend = ax.legend(ax.lines, "." * len(series))  # it would leave out a name that begins with "_"
            for text, label in zip(legend.get_texts(), series, strict=True):
                text.set_text(label)
    return fig


def fits(
    x: Any, truth: Any, x_train: Any, y_train: Any, predictions: Mapping[str, Any], *, alt: str, ncols: int = 2
) -> Figure:
    """Draw estimates of a function, a panel each, over the truth and the training points.

    Args:
        x: Where the function was estimated, shape ``(n,)`` or ``(n, 1)``, in increasing order.
        truth: The function without noise at ``x``, same shape.
        x_train: Training inputs, shape ``(m,)`` or ``(m, 1)``.
        y_train: Training labels, same shape.
        predictions: For each title the estimates at ``x``, same shape as ``x``.
        alt: What is to be seen in the figure.
        ncols: Panels in a row.

    Raises:
        ValueError: If ``predictions`` is empty or a prediction's size is not that of ``x``.
    """
    x, truth, x_train, y_train = (_array(a).reshape(-1) for a in (x, truth, x_train, y_train))
    if not predictions:
        raise ValueError("predictions must hold at least one estimate, got none")
    for title, prediction in predictions.items():
        if _array(prediction).size != x.size:
            got = f"got shape {_array(prediction).shape}"
            raise ValueError(f"predictions[{title!r}] must hold one number for each of the {x.size} points of x, {got}")
    ncols = min(ncols, len(predictions))
    nrows = -(-len(predictions) // ncols)
    fig, axes = subplots(
        nrows, ncols, alt=alt, size=(3.5 * ncols, 2.5 * nrows + 0.3), squeeze=False, sharex=True, sharey=True
    )
    with matplotlib.rc_context(STYLE):
        for ax, (title, prediction) in zip(axes.flat, predictions.items(), strict=False):
            points = {"color": COLORS["value"], "alpha": 0.55, "markersize": 4}
            ax.plot(x_train, y_train, "o", **points, label="training points")
            ax.plot(x, truth, color=INK, linestyle="--", linewidth=1.5, label="truth")
            ax.plot(x, _array(prediction).reshape(-1), color=COLORS["output"], linestyle="-", label="estimate")
            ax.set(title=title, xlabel="x", ylabel="y")
            ax.label_outer()
        for ax in axes.flat[len(predictions) :]:
            ax.remove()
        fig.legend(handles=axes[0, 0].get_lines(), loc="outside upper center", ncols=3)
    return fig


def _array(values: Any) -> np.ndarray:
    """Take a tensor on any device, of any type, with or without a graph."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        values = values.double() if values.is_floating_point() else values
    return np.asarray(values, dtype=float)


def _several(weights: Any, ndim: int, shape: str) -> np.ndarray:
    """Take one array of weights of a shape, or a row of them."""
    x = _array(weights)
    if x.ndim not in (ndim, ndim + 1) or x.size == 0:
        raise ValueError(f"weights must have shape {shape} or (n, {shape.strip('(,)')}), got {x.shape}")
    return x[None] if x.ndim == ndim else x


def _check_labels(**labels: tuple[Sequence[Any] | None, int]) -> None:
    for name, (given, count) in labels.items():
        if given is not None and len(given) != count:
            raise ValueError(f"{name} must hold {count} labels, got {len(given)}")


def _label_ticks(axis: Any, labels: Sequence[Any] | None, count: int) -> None:
    """Label each row or column, or number them if that stays readable."""
    if labels is None and count > 12:
        return
    # Words of data, not of an author: "$" is a dollar and "$x$" no formula.
    axis.set_ticks(range(count), [str(x) for x in (range(count) if labels is None else labels)], parse_math=False)
    axis.set_tick_params(length=0)


def _write_cells(ax: Any, matrix: np.ndarray, image: Any) -> None:
    """Write each number into its cell, white with a dark rim: legible on any strength of any color."""
    for (i, j), number in np.ndenumerate(matrix):
        text = f"{number:.2f}".replace("-", "−").replace("inf", "∞").replace("nan", "?")
        strong = np.isfinite(number) and image.to_rgba(number)[3] > 0.25
        ax.text(
            j, i, text, ha="center", va="center", fontsize=9,
            color="white" if strong else INK,
            path_effects=[withStroke(linewidth=1.8, foreground="#3a3f47cc")] if strong else None,
        )  # fmt: skip
