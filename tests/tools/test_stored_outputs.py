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
