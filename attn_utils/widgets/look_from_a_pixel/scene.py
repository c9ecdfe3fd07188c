"""One picture as the demo shows it: what is in it, what its pixels ask for and what they offer."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["PixelScene"]

Record = dict[str, Any]
Box = tuple[int, int, int, int]

_STEPS = 32767  # of the numbers from 0 to the largest: what 16 bits can tell apart


@dataclass(frozen=True, eq=False)
class PixelScene:
    """A picture with things in it, and the queries and keys of its pixels in one or several nets.

    Queries and keys are rounded to 16 bits, a part in 32,767 of the largest of their kind, and pictures to 8: a page
    carries them all.

    Args:
        label: Its name in the menu.
        image: Red, green and blue from 0 to 1, shape ``(3, H, W)``.
        names: What is in the picture, such as ``"red 2"``. No two have the same name.
        boxes: Where: for each name the row and column of its upper left pixel, its height and its width.
        colors: The color of each in the picture, red, green and blue from 0 to 1, shape ``(things, 3)``.
        asks: The number of the thing that has a twin to look for.
        twin: The number of its twin.
        queries: For each net by its name the queries of the pixels of its feature map, shape ``(h, w, d)``.
        keys: For each net the keys that they are compared with, shape ``(h', w', d)``.

    Raises:
        ValueError: If a field is not as described.
    """

    label: str
    image: Tensor
    names: Sequence[str]
    boxes: Sequence[Box]
    colors: Tensor
    asks: int
    twin: int
    queries: Mapping[str, Tensor]
    keys: Mapping[str, Tensor]

    def __post_init__(self) -> None:
        if not isinstance(self.label, str) or not self.label:
            raise ValueError(f"label must be a name, got {self.label!r}")
        names = tuple(self.names)
        if len(names) < 2 or len(set(names)) < len(names) or not all(isinstance(name, str) for name in names):
            raise ValueError(f"names must be at least two different texts, got {self.names!r}")
        image = _finite("image", self.image, (3, None, None))
        colors = _finite("colors", self.colors, (len(names), 3))
        for name, numbers in (("image", image), ("colors", colors)):
            if numbers.min() < 0 or numbers.max() > 1:
                raise ValueError(f"{name} must be from 0 to 1, got {numbers.min():g} to {numbers.max():g}")
        for name, number in (("asks", self.asks), ("twin", self.twin)):
            if number not in range(len(names)):
                raise ValueError(f"{name} must be the number of one of {len(names)} things, got {number!r}")
        if self.asks == self.twin:
            raise ValueError(f"twin must be another thing than asks, got {self.twin} for both")
        checked: dict[str, Any] = {
            "names": names,
            "image": (255 * image).round() / 255,
            "colors": (255 * colors).round() / 255,
            "boxes": _boxes(self.boxes, len(names), *image.shape[1:]),
            "queries": {net: _compact(f"queries[{net!r}]", x) for net, x in self.queries.items()},
            "keys": {net: _compact(f"keys[{net!r}]", x) for net, x in self.keys.items()},
        }
        if not self.queries or list(self.queries) != list(self.keys):
            raise ValueError(f"keys must be of the nets of queries, {list(self.queries)}, got {list(self.keys)}")
        grids = {checked["queries"][net].shape[:2] for net in self.queries}
        if len(grids) > 1:
            raise ValueError(f"queries must have the same height and width in every net, got {sorted(grids)}")
        for net, x in checked["queries"].items():
            if x.shape[2] != checked["keys"][net].shape[2]:
                raise ValueError(
                    f"keys[{net!r}] must have as many features as its queries, {x.shape[2]}, "
                    f"got {checked['keys'][net].shape[2]}"
                )
        for name, value in checked.items():
            object.__setattr__(self, name, value)  # frozen for everyone else

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of the map of queries."""
        height, width, _ = next(iter(self.queries.values())).shape
        return height, width

    @property
    def start(self) -> list[int]:
        """Row and column of the query with the most light of the thing that has a twin."""
        shares = self.shares(*self.grid)[self.asks]
        light = torch.nn.functional.adaptive_avg_pool2d(self.image.amax(0)[None], self.grid)[0]
        return [int(i) for i in divmod(int((shares * light).argmax()), self.grid[1])]

    def shares(self, height: int, width: int) -> Tensor:
        """Return how much of each cell of a grid each box covers, shape ``(things, height, width)``."""
        _, image_height, image_width = self.image.shape

        def overlap(start: int, size: int, cells: int, length: int) -> Tensor:
            edges = torch.arange(cells + 1, dtype=torch.float64) * length / cells
            inside = edges.clamp(start, start + size)
            return (inside[1:] - inside[:-1]) * cells / length

        return torch.stack(
            [
                torch.outer(overlap(row, h, height, image_height), overlap(column, w, width, image_width))
                for row, column, h, w in self.boxes
            ]
        )

    def to_page(self) -> Record:
        """Give what the front end needs, with each array as one short text."""
        pixels = (255 * self.image).round().to(torch.uint8).permute(1, 2, 0).contiguous()
        return {
            "label": self.label,
            "image": {"shape": list(self.image.shape[1:]), "numbers": _text(pixels.numpy())},
            "names": list(self.names),
            "boxes": [list(box) for box in self.boxes],
            "colors": [[round(255 * part) for part in color] for color in self.colors.tolist()],
            "asks": self.asks,
            "twin": self.twin,
            "start": self.start,
            "queries": {net: _packed(x) for net, x in self.queries.items()},
            "keys": {net: _packed(x) for net, x in self.keys.items()},
        }


def _finite(name: str, numbers: Any, shape: tuple[int | None, ...]) -> Tensor:
    """Return the numbers in float64, or say what is wanted."""
    wanted = f"{name} must hold finite numbers of shape ({', '.join('any' if n is None else str(n) for n in shape)})"
    try:
        found = torch.as_tensor(numbers, dtype=torch.float64).detach().cpu()
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"{wanted}, got {numbers!r:.60}") from None
    fits = found.ndim == len(shape) and all(n in (None, got) for n, got in zip(shape, found.shape, strict=True))
    if not fits or not found.numel():
        raise ValueError(f"{wanted}, got shape {tuple(found.shape)}")
    if not found.isfinite().all():
        raise ValueError(f"{wanted}, got some that are not finite")
    return found


def _boxes(boxes: Any, things: int, height: int, width: int) -> tuple[Box, ...]:
    found = _finite("boxes", boxes, (things, 4)).long()
    for row, column, h, w in found.tolist():
        if not (row >= 0 and column >= 0 and h > 0 and w > 0 and row + h <= height and column + w <= width):
            raise ValueError(f"boxes must lie in a picture of {height} x {width}, got {(row, column, h, w)}")
    return tuple((row, column, h, w) for row, column, h, w in found.tolist())


def _unit(numbers: Tensor) -> float:
    """Return the step between two numbers that can be told apart."""
    return float(numbers.abs().max()) / _STEPS or 1.0


def _compact(name: str, numbers: Any) -> Tensor:
    """Return the numbers as 16 bits give them back."""
    found = _finite(name, numbers, (None, None, None))
    unit = _unit(found)
    return (found / unit).round() * unit


def _packed(numbers: Tensor) -> Record:
    unit = _unit(numbers)
    whole = (numbers / unit).round().to(torch.int16).numpy()
    return {"shape": list(numbers.shape), "unit": unit, "numbers": _text(whole.astype("<i2"))}


def _text(numbers: np.ndarray) -> str:
    return base64.b64encode(numbers.tobytes()).decode("ascii")
