"""Pictures and demos of a fresh run against the stored ones."""

import base64
import importlib.util
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
_spec = importlib.util.spec_from_file_location("stored_outputs", ROOT / "tools" / "stored_outputs.py")
stored_outputs = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stored_outputs)
DifferenceError = stored_outputs.DifferenceError


def png(pixels) -> str:
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(pixels, dtype=np.uint8), mode="RGBA").save(buffer, format="png")
    return base64.b64encode(buffer.getvalue()).decode()


def picture():
    return np.random.default_rng(0).integers(0, 250, size=(20, 30, 4))


def test_a_picture_may_differ_by_what_machines_differ_by():
    one = picture()
    stored_outputs.compare_pictures(png(one), png(one + 2))
    unseen = one.copy()
    unseen[0, 0] = 9, 9, 9, 0
    two = unseen.copy()
    two[0, 0, :3] = 200  # the color of what is transparent is not seen
    stored_outputs.compare_pictures(png(unseen), png(two))


def test_what_a_training_prints_may_differ_in_its_fractions_alone():
    stored = "steps 2000   0.23 ± 0.00   0.30 ± 0.01\n"
    stored_outputs.compare_trained_texts(stored, "steps 2000   0.22 ± 0.01   0.31 ± 0.00\n")
    for fresh in ("steps 2000   0.42 ± 0.00   0.30 ± 0.01\n", stored.replace("2000", "500"), stored.replace("s", "z")):
        with pytest.raises(DifferenceError, match="a fresh training prints"):
            stored_outputs.compare_trained_texts(stored, fresh)


def test_another_picture_is_seen():
    one = picture()
    other = one.copy()
    other[3, 4, 3] = (one[3, 4, 3] + 20) % 255
    with pytest.raises(DifferenceError, match="differs from a fresh one in 1 of 600 pixels"):
        stored_outputs.compare_pictures(png(one), png(other))
    with pytest.raises(DifferenceError, match=r"\(20, 30\) pixels, a fresh one \(20, 29\)"):
        stored_outputs.compare_pictures(png(one), png(one[:, :-1]))


STATE = {"_esm": "old", "layout": "IPY_MODEL_a", "weights": [[0.5, 0.5]], "names": ["a", "b"], "on": True}


def test_a_demo_may_have_another_front_end_and_other_names_of_models():
    fresh = STATE | {"_esm": "new", "_css": "x", "layout": "IPY_MODEL_b", "weights": [[0.5 + 1e-7, 0.5]]}
    stored_outputs.compare_states(STATE, fresh)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": [[-0.5, 0.5]]}, r".weights\[0\]\[0\] is 0.5 in the stored demo, -0.5 in a fresh one"),
        ({"weights": [[0.5, 0.5, 0.0]]}, ".weights"),
        ({"names": ["a", "c"]}, r".names\[1\]"),
        ({"more": 1}, ".more is only in the fresh demo"),
        ({"layout": None}, ".layout"),
    ],
)
def test_another_state_of_a_demo_is_seen(change, message):
    with pytest.raises(DifferenceError, match=message):
        stored_outputs.compare_states(STATE, STATE | change)


def drawing(noise=0.0):
    """A line that rises, as opaque pixels on a transparent page."""
    image = np.zeros((240, 480, 4))
    for x in range(480):
        y = int(230 - x / 2.2 + noise * np.sin(x))
        image[y : y + 6, x] = 90, 60, 240, 255
    return image


def test_pictures_of_two_trainings_are_compared_coarsely():
    stored_outputs.compare_trained_pictures(png(drawing()), png(drawing(noise=2.0)[:, :-2]))
    for other in (drawing()[:, ::-1], drawing()[::-1], 0 * drawing()):
        with pytest.raises(DifferenceError, match="of what it draws"):
            stored_outputs.compare_trained_pictures(png(drawing()), png(other))
    with pytest.raises(DifferenceError, match="blocks"):
        stored_outputs.compare_trained_pictures(png(drawing()), png(drawing()[:100]))


def test_demos_of_two_trainings_are_compared_coarsely():
    fresh = STATE | {"weights": [[0.52, 0.47]]}
    stored_outputs.compare_trained_states(STATE, fresh)
    for change in ({"weights": [[-0.5, -0.5]]}, {"weights": [[5.0, 0.0]]}, {"on": False}, {"more": 1}):
        with pytest.raises(DifferenceError):
            stored_outputs.compare_trained_states(STATE, STATE | change)
