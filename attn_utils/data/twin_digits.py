"""Painted twins: scenes of handwritten digits in which a grey one is to be painted like its twin.

A scene is a picture of 28 x 28 pixels with four digits on black. Three are of different classes and each has a color
of its own. The fourth is grey, and of the class of one of the three: *another* image of that digit. To find its color
one must read the grey digit, find the twin wherever it is, and fetch its color. No pixel nearby tells it.

The digits are those of scikit-learn, 8 x 8 pixels each: 1,300 of the 1,797 images for training, 497 for testing.
"""

import functools
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from attn_utils._checks import check_size

__all__ = ["BACKGROUND", "COLOR_NAMES", "GREY", "NO_TARGET", "PALETTE", "SIDE", "TwinScenes", "make_twins"]

SIDE = 28
"""Height and width of a scene, in pixels."""

COLOR_NAMES = ("red", "green", "blue", "yellow", "magenta", "cyan")
"""Names of the colors that a digit may have, in the order of ``PALETTE``."""

PALETTE = torch.tensor(
    [[1.0, 0.2, 0.2], [0.2, 0.9, 0.2], [0.3, 0.4, 1.0], [1.0, 0.9, 0.1], [1.0, 0.3, 1.0], [0.1, 0.9, 1.0]]
)
"""Red, green and blue of each color, from 0 to 1, shape ``(6, 3)``."""

GREY = torch.tensor([0.6, 0.6, 0.6])
"""Red, green and blue of the digit that is to be painted, shape ``(3,)``."""

BACKGROUND = 10
"""The label of a pixel without ink."""

NO_TARGET = -100
"""The target of a pixel that need not be painted: the number that PyTorch's cross-entropy leaves out."""

_DIGIT = 8  # height and width of an image of scikit-learn's
_STEP = _DIGIT + 1  # from a corner to the next that leaves a row or column of pixels between
_NUM_TRAIN = 1300
_INK = 0.25  # from here on a pixel counts as ink: fainter ones are drawn, but nobody would say that they have a color


@dataclass(frozen=True)
class TwinScenes:
    """Scenes of four digits each. Number 3 is the grey one.

    Attributes:
        images: The pictures, from 0 to 1, shape ``(n, 3, 28, 28)``.
        digits: The class of each digit, 0 to 9, shape ``(n, 4)``.
        sources: Which image of ``sklearn.datasets.load_digits()`` each is, shape ``(n, 4)``.
        corners: Row and column of the upper left pixel of each, shape ``(n, 4, 2)``. A digit has 8 x 8 pixels.
        colors: The color of the first three, a row of ``PALETTE``, shape ``(n, 3)``.
        twin: Which of the first three is the twin of the grey one, shape ``(n,)``.
        labels: For each pixel the class of the digit whose ink it shows, or ``BACKGROUND``, shape ``(n, 28, 28)``.
        targets: For each pixel of grey ink the color of the twin, elsewhere ``NO_TARGET``, shape ``(n, 28, 28)``.
    """

    images: Tensor
    digits: Tensor
    sources: Tensor
    corners: Tensor
    colors: Tensor
    twin: Tensor
    labels: Tensor
    targets: Tensor

    def __len__(self) -> int:
        """Return the number of scenes."""
        return len(self.images)

    def __getitem__(self, index: slice | Tensor | list[int]) -> "TwinScenes":
        """Return some of the scenes, chosen by a slice, a list or a tensor of numbers or of booleans."""
        return TwinScenes(**{field.name: getattr(self, field.name)[index] for field in fields(self)})

    @property
    def twin_color(self) -> Tensor:
        """The color of the twin, the right answer, shape ``(n,)``."""
        return self.colors.gather(1, self.twin[:, None])[:, 0]

    @property
    def painted(self) -> Tensor:
        """The color of all ink once the grey digit is painted like its twin, elsewhere ``NO_TARGET``, (n, 28, 28)."""
        of_digit = self.labels[:, None] == self.digits[:, :3, None, None]  # (n, 3, 28, 28), the grey ink with its twin
        color = (of_digit * self.colors[..., None, None]).sum(1)
        return color.where(of_digit.any(1), torch.tensor(NO_TARGET))

    @property
    def grey(self) -> Tensor:
        """Where there is grey ink, boolean, shape ``(n, 28, 28)``."""
        return self.targets != NO_TARGET

    def regions(self, height: int = SIDE, width: int = SIDE) -> Tensor:
        """Return how much of each cell of a grid over the scene lies in the square of each digit.

        The weights of a map of that size, multiplied by it and summed, are the mass on a digit. Weights that are the
        same everywhere have 64 / 784 = .082 of it on each.

        Args:
            height: Rows of the grid.
            width: Columns of the grid.

        Returns:
            Shares from 0 to 1, shape ``(n, 4, height, width)``; at full size 1 inside and 0 outside.

        Raises:
            ValueError: If a size is not a positive integer, or does not divide 28.
        """
        for name, size in (("height", height), ("width", width)):
            check_size(name, size)
            if SIDE % size:
                raise ValueError(f"{name} must divide {SIDE}, got {size}")
        place = torch.arange(SIDE)
        # (n, 4, 28) for rows, and the same for columns: whether each lies in the square of the digit.
        rows, columns = ((place >= start) & (place < start + _DIGIT) for start in self.corners[..., None].unbind(2))
        shares = (x.float().unflatten(2, (size, -1)).mean(3) for x, size in ((rows, height), (columns, width)))
        return torch.einsum("nir,nic->nirc", *shares)

    def twin_region(self, height: int = SIDE, width: int = SIDE) -> Tensor:
        """Return the same for the twin alone, shape ``(n, height, width)``."""
        return self.regions(height, width)[torch.arange(len(self)), self.twin]


def make_twins(num_scenes: int, *, split: str = "train", seed: int = 0) -> TwinScenes:
    """Compose scenes of the digits of one part of scikit-learn's images.

    Classes, images, colors and which of the three has a twin are drawn evenly, places evenly among those where at least
    one row or column of pixels without ink lies between any two digits. The random numbers come from a generator of
    their own: the global seed is neither used nor changed.

    Args:
        num_scenes: How many.
        split: ``"train"`` or ``"test"``: no image is in both.
        seed: Which scenes to draw.

    Returns:
        The scenes, pictures in float32 and everything else in int64. 12,000 take about a second and 300 MB.

    Raises:
        ValueError: If ``num_scenes`` is not a positive integer, or ``split`` is neither of the two.
    """
    check_size("num_scenes", num_scenes)
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test', got {split!r}")
    ink, classes, order = _load()
    pool = order[:_NUM_TRAIN] if split == "train" else order[_NUM_TRAIN:]
    generator = torch.Generator().manual_seed(seed)

    digits = _three_of(10, num_scenes, generator)
    colors = _three_of(len(PALETTE), num_scenes, generator)
    twin = torch.randint(3, (num_scenes,), generator=generator)
    digits = torch.cat([digits, digits.gather(1, twin[:, None])], 1)
    sources = _choose(digits, twin, classes, pool, generator)
    corners = _places(num_scenes, generator)
    intensity, owner = _draw(ink[sources], corners)

    tints = torch.cat([PALETTE[colors], GREY.expand(num_scenes, 1, 3)], 1)  # (n, 4, 3)
    of_pixel = owner.flatten(1)[..., None].expand(-1, -1, 3)
    images = tints.gather(1, of_pixel).mT.contiguous().view(-1, 3, SIDE, SIDE) * intensity[:, None]
    inked = intensity >= _INK
    labels = digits.gather(1, owner.flatten(1)).view_as(owner).where(inked, torch.tensor(BACKGROUND))
    color = colors.gather(1, twin[:, None])[..., None]
    targets = color.where(inked & (owner == 3), torch.tensor(NO_TARGET))
    return TwinScenes(images, digits, sources, corners, colors, twin, labels, targets)


@functools.cache
def _load() -> tuple[Tensor, Tensor, Tensor]:
    """Return ink from 0 to 1, shape ``(1797, 8, 8)``, the class of each image, and their fixed order."""
    from sklearn.datasets import load_digits  # here, because it takes a second to import

    data = load_digits()
    # NumPy promises that this generator gives the same numbers for ever.
    order = np.random.RandomState(0).permutation(len(data.target))
    return torch.tensor(data.images / 16).float(), torch.tensor(data.target).long(), torch.from_numpy(order).long()


def _three_of(total: int, num_scenes: int, generator: torch.Generator) -> Tensor:
    """Draw three different numbers below ``total`` for each scene, shape ``(n, 3)``."""
    # A stable order: of equal numbers (there are some among so many) the first comes first on every processor.
    order = torch.rand(num_scenes, total, generator=generator).argsort(stable=True, dim=1)
    return order[:, :3].contiguous()


def _choose(digits: Tensor, twin: Tensor, classes: Tensor, pool: Tensor, generator: torch.Generator) -> Tensor:
    """Choose an image of the pool for each digit, shape ``(n, 4)``, the last another one than its twin's."""
    groups = [pool[classes[pool] == digit] for digit in range(10)]
    counts = torch.tensor([len(group) for group in groups])
    start = counts.cumsum(0) - counts
    number = (torch.rand(digits.shape, generator=generator, dtype=torch.float64) * counts[digits]).long()
    # From the number of the twin's image on, a step of 1 to count − 1 round the group leads to any other.
    of_twin, size = number.gather(1, twin[:, None])[:, 0], counts[digits[:, 3]]
    step = 1 + (torch.rand(len(digits), generator=generator, dtype=torch.float64) * (size - 1)).long()
    number[:, 3] = (of_twin + step) % size
    return torch.cat(groups)[start[digits] + number]


def _places(num_scenes: int, generator: torch.Generator) -> Tensor:
    """Draw corners of four squares that leave a gap, shape ``(n, 4, 2)``: anywhere, and again until they do."""
    found: list[Tensor] = []
    missing = num_scenes
    while missing > 0:
        corners = torch.randint(SIDE - _DIGIT + 1, (20 * missing + 100, 4, 2), generator=generator)
        apart = ((corners[:, :, None] - corners[:, None]).abs() >= _STEP).any(-1)  # (tries, 4, 4)
        good = corners[(apart | torch.eye(4, dtype=torch.bool)).all(-1).all(-1)][:missing]
        found.append(good)
        missing -= len(good)
    return torch.cat(found)


def _draw(ink: Tensor, corners: Tensor) -> tuple[Tensor, Tensor]:
    """Put the digits on a canvas: ink at each pixel, and whose it is (0 where there is none), ``(n, 28, 28)``."""
    n = len(ink)
    offset = torch.arange(_DIGIT)
    pixel = (corners[..., 0, None, None] + offset[:, None]) * SIDE + corners[..., 1, None, None] + offset  # (n,4,8,8)
    pixel = pixel.flatten(1)
    intensity = torch.zeros(n, SIDE * SIDE).scatter_(1, pixel, ink.flatten(1))
    number = torch.arange(4)[:, None, None].expand(n, 4, _DIGIT, _DIGIT).flatten(1)
    owner = torch.zeros(n, SIDE * SIDE, dtype=torch.int64).scatter_(1, pixel, number)
    return intensity.view(n, SIDE, SIDE), owner.view(n, SIDE, SIDE)
