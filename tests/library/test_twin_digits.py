"""Scenes of painted twins: what is in the records is what is to be seen in the pictures."""

import functools

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from attn_utils.data.twin_digits import (
    BACKGROUND,
    COLOR_NAMES,
    GREY,
    NO_TARGET,
    PALETTE,
    SIDE,
    TwinScenes,
    make_twins,
)

FIELDS = ["images", "digits", "sources", "corners", "colors", "twin", "labels", "targets"]


@functools.cache
def scenes(split="train", seed=0) -> TwinScenes:
    return make_twins(400, split=split, seed=seed)


def cut(scene_map, corner):
    """The square of a digit, of a tensor whose last two dimensions are the scene's."""
    row, column = corner
    return scene_map[..., row : row + 8, column : column + 8]


def test_no_image_is_in_both_parts_and_all_are_used():
    parts = {split: set(make_twins(6000, split=split).sources.flatten().tolist()) for split in ("train", "test")}
    assert not parts["train"] & parts["test"]
    assert {split: len(images) for split, images in parts.items()} == {"train": 1300, "test": 497}
    # Another seed draws other scenes of the same images.
    assert set(make_twins(300, split="test", seed=7).sources.flatten().tolist()) <= parts["test"]


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_picture_shows_the_images_of_scikit_learn_in_their_colors(split):
    data, s = load_digits(), scenes(split)
    for n in range(60):
        rest = s.images[n].clone()
        for i in range(4):
            source = int(s.sources[n, i])
            assert data.target[source] == s.digits[n, i]
            color = GREY if i == 3 else PALETTE[s.colors[n, i]]
            ink = torch.tensor(data.images[source] / 16).float()
            torch.testing.assert_close(cut(s.images[n], s.corners[n, i]), color[:, None, None] * ink)
            cut(rest, s.corners[n, i]).zero_()
        assert not rest.any(), "something is drawn outside of the four digits"


@pytest.mark.parametrize("split", ["train", "test"])
def test_three_classes_in_three_colors_and_a_twin_that_is_another_image(split):
    s = scenes(split)
    rows = torch.arange(len(s))
    for some in (s.digits[:, :3], s.colors):
        assert all(len(set(row)) == 3 for row in some.tolist())
    assert torch.equal(s.digits[rows, s.twin], s.digits[:, 3])
    assert (s.sources[rows, s.twin] != s.sources[:, 3]).all()
    assert torch.equal(s.twin_color, s.colors[rows, s.twin])
    assert all(len(set(row)) == 4 for row in s.sources.tolist())


def test_the_target_is_the_color_that_the_twins_pixels_have():
    """Hue and ink are read from the picture; the record only says where the digit of the same class is."""
    s = scenes()
    names = {0: "red", 120: "green", 231: "blue", 53: "yellow", 300: "magenta", 187: "cyan"}
    for n in range(150):
        image = s.images[n]
        light = image.amax(0)
        grey = (light > 0) & (image.amax(0) - image.amin(0) < 1e-6)
        where = s.targets[n] != NO_TARGET
        assert torch.equal(where, grey & (light > 0.6 * 0.25 - 1e-6))
        (target,) = set(s.targets[n][where].tolist())
        twins = [i for i in range(3) if s.digits[n, i] == s.digits[n, 3]]
        square = cut(image, s.corners[n, twins[0]]).flatten(1)
        red, green, blue = square[:, square.amax(0).argmax()].tolist()  # its brightest pixel
        top, bottom = max(red, green, blue), min(red, green, blue)
        sector = {red: 0 + (green - blue), green: 2 * (top - bottom) + (blue - red)}.get(
            top, 4 * (top - bottom) + (red - green)
        )
        hue = 60 * sector / (top - bottom) % 360
        nearest = min(names, key=lambda known: abs((known - hue + 180) % 360 - 180))
        assert COLOR_NAMES[target] == names[nearest]


def test_labels_are_the_classes_of_the_ink():
    s = scenes()
    for n in range(60):
        inked = s.images[n].amax(0) > 0
        assert (s.labels[n][~inked] == BACKGROUND).all()
        for i in range(4):
            square = cut(s.labels[n], s.corners[n, i])
            assert set(square.flatten().tolist()) <= {int(s.digits[n, i]), BACKGROUND}
            assert 8 < (square != BACKGROUND).sum() < 64
    assert torch.equal(s.grey, s.targets != NO_TARGET)
    assert (s.labels[s.grey] == s.digits[:, 3][s.grey.nonzero()[:, 0]]).all()


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_row_or_column_of_black_lies_between_any_two_digits(split):
    s = scenes(split)
    assert (s.corners >= 0).all()
    assert (s.corners <= SIDE - 8).all()
    for i in range(4):
        for j in range(i):
            gap = (s.corners[:, i] - s.corners[:, j]).abs().amax(1) - 8
            assert gap.min() == 1, "they keep a gap of a pixel, and some are no farther apart"


def test_everything_is_drawn_evenly():
    s = make_twins(6000)
    for drawn, kinds in ((s.digits[:, 3], 10), (s.colors[:, 0], 6), (s.twin, 3)):
        shares = torch.bincount(drawn, minlength=kinds) / len(s)
        assert (shares - 1 / kinds).abs().max() < 4 * np.sqrt(1 / kinds / len(s))
    # No digit has a place of its own.
    middle = s.corners.float().mean(0)
    assert (middle - 10).abs().max() < 0.5


def test_regions_are_the_squares_of_the_digits():
    s = scenes()
    full = s.regions()
    for n in range(30):
        for i in range(4):
            wanted = torch.zeros(SIDE, SIDE)
            cut(wanted, s.corners[n, i]).fill_(1)
            assert torch.equal(full[n, i], wanted)
    assert torch.equal(s.twin_region(), full[torch.arange(len(s)), s.twin])
    for height, width in ((14, 14), (7, 7), (7, 28)):
        coarse = s.regions(height, width)
        pooled = torch.nn.functional.avg_pool2d(full, (SIDE // height, SIDE // width))
        torch.testing.assert_close(coarse, pooled)
        even = torch.full((height, width), 1 / (height * width))
        torch.testing.assert_close((coarse * even).sum((2, 3)), torch.full((len(s), 4), 64 / 784))
    for wrong in (0, 5, 2.0):
        with pytest.raises(ValueError, match=f"height must .* got {wrong}"):
            s.regions(wrong, 7)
    with pytest.raises(ValueError, match="width must divide 28, got 8"):
        s.twin_region(7, 8)


def test_types_shapes_and_parts():
    s = make_twins(5)
    assert len(s) == 5
    assert [tuple(getattr(s, name).shape) for name in FIELDS] == [
        *[(5, 3, 28, 28), (5, 4), (5, 4), (5, 4, 2), (5, 3), (5,), (5, 28, 28), (5, 28, 28)],
    ]
    assert [getattr(s, name).dtype for name in FIELDS] == [torch.float32, *[torch.int64] * 7]
    assert all(getattr(s, name).is_contiguous() for name in FIELDS)
    assert 0 <= s.images.min() < s.images.max() <= 1
    for some, wanted in (
        (s[1:3], [1, 2]),
        (s[[4, 0]], [4, 0]),
        (s[torch.tensor([3])], [3]),
        (s[s.twin >= 0], range(5)),
    ):
        assert isinstance(some, TwinScenes)
        for name in FIELDS:
            assert torch.equal(getattr(some, name), getattr(s, name)[list(wanted)])


def test_a_seed_decides_the_scenes_and_the_global_seeds_are_left_alone():
    state, numpy_state = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    a, b, c = make_twins(50, seed=5), make_twins(50, seed=5), make_twins(50, seed=6)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert (np.random.get_state()[1] == numpy_state).all()
    for name in FIELDS:
        assert torch.equal(getattr(a, name), getattr(b, name))
    assert not torch.equal(a.sources, c.sources)
    assert not torch.equal(make_twins(50, split="test", seed=5).corners, c.corners)


def test_the_first_scene_is_the_same_on_every_machine():
    s = make_twins(1, split="test", seed=0)
    assert [x[0].tolist() for x in (s.digits, s.sources, s.corners, s.colors)] == [
        *[[2, 3, 4, 2], [1417, 449, 710, 1143], [[2, 0], [3, 19], [12, 13], [1, 10]], [2, 3, 4]],
    ]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ({"num_scenes": 0}, "num_scenes must be a positive integer, got 0"),
        ({"num_scenes": 2.5}, "num_scenes must be a positive integer, got 2.5"),
        ({"num_scenes": 3, "split": "valid"}, "split must be 'train' or 'test', got 'valid'"),
    ],
)
def test_a_wrong_argument_is_refused_with_what_is_wanted(arguments, wanted):
    with pytest.raises(ValueError, match=wanted):
        make_twins(**arguments)


def test_painted_is_what_each_ink_shows_and_the_grey_one_its_twins_color():
    """Read back from the picture: the brightest pixel of a digit has the color itself."""
    scenes = make_twins(40, seed=8)
    painted = scenes.painted
    assert ((painted == NO_TARGET) == (scenes.labels == BACKGROUND)).all()
    assert (painted[scenes.grey] == scenes.targets[scenes.grey]).all()
    colored = (scenes.labels != BACKGROUND) & ~scenes.grey
    shown = scenes.images.movedim(1, -1)[colored]
    directions = torch.nn.functional.normalize(PALETTE, dim=1)
    assert ((shown @ directions.T).argmax(1) == painted[colored]).all()
