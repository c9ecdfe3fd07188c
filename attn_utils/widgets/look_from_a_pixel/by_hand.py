"""Scenes with queries and keys made by hand, which the demo shows when it is given no net."""

from __future__ import annotations

import functools

import torch
from torch import nn

from attn_utils.data.twin_digits import BACKGROUND, make_twins
from attn_utils.widgets.look_from_a_pixel.scene import PixelScene
from attn_utils.widgets.look_from_a_pixel.twins import scene_of

__all__ = ["scenes"]

# Feature j of a query says how much ink of class j its pixel has, and so does that of a key: their dot product is
# large where both have the same. The last feature of a key says how much colored ink it has: a grey query wants some.
CLASS, COLORED = 16.0, 6.0


@functools.cache
def scenes() -> list[PixelScene]:
    """Make three scenes of digits of the test part, with keys "pooled" and "full"."""
    twins = make_twins(3, split="test", seed=3)
    classes = nn.functional.one_hot(twins.labels, BACKGROUND + 1)[..., :BACKGROUND].movedim(-1, 1).double()
    classes = nn.functional.avg_pool2d(classes, 2)
    grey = nn.functional.avg_pool2d(twins.grey[:, None].double(), 2)
    queries = torch.cat([CLASS * classes, COLORED * grey], 1)
    keys = torch.cat([classes, classes.sum(1, keepdim=True) - grey], 1)
    offered = {"pooled": nn.functional.max_pool2d(keys, 2), "full": keys}
    return [
        scene_of(
            twins,
            number,
            dict.fromkeys(offered, queries[number].movedim(0, -1)),
            {net: x[number].movedim(0, -1) for net, x in offered.items()},
        )
        for number in range(len(twins))
    ]
