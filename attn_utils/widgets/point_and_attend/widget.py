"""Point and attend: a query in the plane, keys with colored values, and the output as their weighted mean."""

from __future__ import annotations

from typing import Any

import torch
import traitlets

from attn_utils.attention import attend
from attn_utils.widgets.frame.demo import Demo, Numbers, front_end, number_input, style, tensor_result

__all__ = ["PointAndAttend"]

LIMIT = 3.0  # the plane shown reaches from −LIMIT to LIMIT in both directions

KEYS = [[-1.9, 1.7], [0.1, 2.3], [2.1, 1.2], [1.0, -0.3], [2.2, -1.9], [-0.5, -2.1], [-2.2, -0.8]]
# Red, yellow, green, turquoise, blue, purple, pink: the mean of all seven is close to grey.
VALUES = [
    [0.85, 0.20, 0.16],
    [0.97, 0.76, 0.16],
    [0.36, 0.68, 0.24],
    [0.10, 0.70, 0.72],
    [0.15, 0.36, 0.82],
    [0.50, 0.24, 0.68],
    [0.95, 0.52, 0.68],
]


class PointAndAttend(Demo):
    r"""Drag a query among keys and watch scores turn into weights, and weights into an output.

    The score of a key is :math:`s_j = -\tfrac12 \lVert q - k_j \rVert^2`, the weights are
    :math:`\operatorname{softmax}(s / T)` with the temperature :math:`T`, and the output is
    :math:`\sum_j w_j v_j`: a color, as the values are.

    Inputs:
        query: Two numbers from −3 to 3.
        temperature: From 0.02 (a look-up of the nearest key) to 50 (nearly the average of all values).

    Data:
        key_points: Shape ``(k, 2)``, numbers from −3 to 3.
        value_colors: Shape ``(k, 3)``, red, green and blue from 0 to 1.

    Results:
        scores: Shape ``(k,)``.
        weights: Shape ``(k,)``.
        output: Shape ``(3,)``.

    Raises:
        traitlets.TraitError: If an input is out of its range or of the wrong shape.
        ValueError: If there is not one value for each key.
    """

    _esm = front_end(__file__)
    _css = style(__file__)
    title = "Point and attend"
    heights = (1250, 1182, 1220, 1284, 672, 728, 757)
    inputs = ("query", "temperature")
    data = ("key_points", "value_colors")

    description = traitlets.Unicode(
        "Seven numbered keys in a plane, each filled with the color that is its value, and a query among them. "
        "A violet line runs from the query to each key, the thicker the larger the weight; near keys get the thick "
        "lines. The query is filled with the output, the weighted mean of the colors."
    ).tag(sync=True)
    query = Numbers((2,), [0.55, 0.75], low=-LIMIT, high=LIMIT, help="Where the query is.").tag(sync=True)
    temperature = number_input(0.7, 0.02, 50.0, "Divides the scores: small is a look-up, large an average.")
    # Not `keys`: that name belongs to ipywidgets, for the names of the synced traits.
    key_points = Numbers((None, 2), KEYS, low=-LIMIT, high=LIMIT, help="Where the keys are.").tag(sync=True)
    value_colors = Numbers((None, 3), VALUES, low=0.0, high=1.0, help="Red, green and blue.").tag(sync=True)
    scores = tensor_result("How near each key is, shape (k,).")
    weights = tensor_result("The share of each key in the output, shape (k,).")
    output = tensor_result("The weighted mean of the values, shape (3,).")

    def compute(self) -> dict[str, Any]:
        """Compute scores, weights and output with :func:`attn_utils.attention.attend`."""
        self._check_lengths("key_points", "value_colors")
        lists = (self.query, self.key_points, self.value_colors)
        query, keys, values = (torch.tensor(numbers, dtype=torch.float64) for numbers in lists)
        scores = -0.5 * (query - keys).square().sum(dim=-1)
        output, weights = attend(scores[None] / self.temperature, values)
        return {"scores": scores, "weights": weights[0], "output": output[0]}
