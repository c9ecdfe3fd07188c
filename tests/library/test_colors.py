"""The colors of the roles: told apart by everyone, and legible on a light and on a dark page."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from attn_utils import plots

# The page's background, light and dark, as the site sets it.
STYLE = Path(__file__).parents[2] / "assets" / "course.css"
PAGES = sorted(set(re.findall(r"--page:\s*(#[0-9a-f]{6});", STYLE.read_text())))

# What people with normal vision, without the medium and without the long cones see, on linear RGB.
# Machado, Oliveira and Fernandes (2009), severity 1.
VISION = {
    "normal": np.eye(3),
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
}


def linear(color):
    c = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(a, b):
    """The contrast ratio of WCAG 2."""
    dark, light = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (a, b))
    return (light + 0.05) / (dark + 0.05)


def lab(rgb):
    """CIELAB of linear RGB, under D65."""
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    t = to_xyz @ np.clip(rgb, 0, 1) / [0.95047, 1.0, 1.08883]
    x, y, z = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_the_measures_measure_what_they_should():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert lab(linear("#ffffff")) == pytest.approx([100, 0, 0], abs=0.02)
    assert lab(linear("#ff0000")) == pytest.approx([53.24, 80.09, 67.20], abs=0.1)
    red, green = (lab(VISION["deuteranopia"] @ linear(c)) for c in ("#b05a4a", "#7d7a3c"))
    assert np.linalg.norm(red - green) < 20 < np.linalg.norm(lab(linear("#b05a4a")) - lab(linear("#7d7a3c")))


def test_there_is_a_light_and_a_dark_page():
    assert [contrast(page, "#000000") > 10 for page in PAGES] == [False, True]


def test_there_is_one_color_for_each_role():
    assert list(plots.COLORS) == ["query", "key", "value", "weight", "output"]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("color", [*plots.COLORS.values(), plots.INK])
def test_every_color_stands_out_from_the_page(color, page):
    assert contrast(color, page) >= 3


@pytest.mark.parametrize("vision", VISION)
def test_no_two_roles_look_alike(vision):
    seen = {role: lab(VISION[vision] @ linear(color)) for role, color in plots.COLORS.items()}
    distances = {pair: np.linalg.norm(seen[pair[0]] - seen[pair[1]]) for pair in itertools.combinations(seen, 2)}
    nearest = min(distances, key=distances.get)
    assert distances[nearest] >= 20, f"{' and '.join(nearest)} are {distances[nearest]:.1f} apart"
