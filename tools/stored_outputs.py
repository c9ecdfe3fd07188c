"""What nbval leaves out of its comparison: pictures, the state of demos, and wrong answers to exercises.

A pytest plugin: ``python -m pytest -p tools.stored_outputs --nbval chapters/01_….ipynb``. nbval has run a cell and
compared its text; then, in the same kernel,

- each picture is compared with the stored one, pixel by pixel, within what machines differ by;
- the state of each demo is compared with the stored one: its data, its results, its description;
- each wrong answer to the exercise whose solution the cell is must be noticed by the cell's assertions.

A training ends elsewhere on another processor. What a model trained in the chapter draws, and the fractions that it
prints, are compared coarsely: such a cell is tagged ``trained``.
"""

import ast
import base64
import io
import json
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent))
import wrong_answers

WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
TOLERANCE = 4
"""In a channel of a pixel, of 255. Machines with other vector instructions were seen to differ by 2."""

TRAINED_TOLERANCE = 0.2
"""Of a picture that a trained model draws: its difference, in blocks, as a share of what is drawn. Two trainings were
seen to differ by 0.04, a picture from its mirror image by 0.9 and more."""
BLOCK = 24

# Read in the kernel, where the demo lives.
FRESH_STATE = """
def __fresh_state(name):
    import json
    import ipywidgets
    return json.dumps(ipywidgets.Widget.get_manager_state()["state"][name]["state"])
"""
# The names are a copy, the state of the random generator is put back, and what is printed is thrown away.
WRONG_ANSWER = """
def __wrong_answer(source):
    import contextlib, io, random
    import numpy, torch
    before = random.getstate(), numpy.random.get_state(), torch.get_rng_state()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(source, dict(globals()))
        return "passes"
    except AssertionError:
        return "noticed"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    finally:
        random.setstate(before[0]), numpy.random.set_state(before[1]), torch.set_rng_state(before[2])
"""


class DifferenceError(Exception):
    """What a reader would see is not what a fresh run gives."""


def pixels(png: str) -> np.ndarray:
    """Decode a picture to (height, width, 4), with colors multiplied by their opacity, as they are seen."""
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA"), dtype=float)
    return np.concatenate([image[..., :3] * image[..., 3:] / 255, image[..., 3:]], axis=-1)


def compare_pictures(stored: str, fresh: str) -> None:
    """Compare two pictures.

    Raises:
        DifferenceError: If their sizes differ, or a channel of a pixel by more than ``TOLERANCE``.
    """
    one, two = pixels(stored), pixels(fresh)
    if one.shape != two.shape:
        raise DifferenceError(f"the stored picture has {one.shape[:2]} pixels, a fresh one {two.shape[:2]}")
    far = np.abs(one - two).max(axis=-1) > TOLERANCE
    if far.any():
        raise DifferenceError(f"the stored picture differs from a fresh one in {far.sum()} of {far.size} pixels")


def blocks(image: np.ndarray) -> np.ndarray:
    """Average a picture over squares of ``BLOCK`` pixels."""
    height, width = (size // BLOCK * BLOCK for size in image.shape[:2])
    squares = image[:height, :width].reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK, -1)
    return squares.mean(axis=(1, 3))


def compare_trained_pictures(stored: str, fresh: str) -> None:
    """Compare two pictures that two trainings of one model gave.

    Raises:
        DifferenceError: If their sizes differ by more than a block, or their blocks by ``TRAINED_TOLERANCE``.
    """
    one, two = blocks(pixels(stored)), blocks(pixels(fresh))
    height, width = (min(sizes) for sizes in zip(one.shape[:2], two.shape[:2], strict=True))
    if any(abs(a - b) > 1 for a, b in zip(one.shape[:2], two.shape[:2], strict=True)):
        raise DifferenceError(f"the stored picture has {one.shape[:2]} blocks, a fresh one {two.shape[:2]}")
    one, two = one[:height, :width], two[:height, :width]
    share = np.abs(one - two).mean() / np.abs(one - np.median(one, axis=(0, 1))).mean()
    if share > TRAINED_TOLERANCE:
        raise DifferenceError(
            f"the stored picture differs from that of a fresh training in {share:.0%} of what it draws"
        )


def compare_trained_texts(stored: str, fresh: str) -> None:
    """Compare what two trainings of one model print: all but decimal fractions must be equal.

    Raises:
        DifferenceError: If words or whole numbers differ, or a fraction by more than 0.02 and ``TRAINED_TOLERANCE``.
    """
    fraction = r"\d+\.\d+"
    one, two = (" ".join(re.sub(fraction, "#", text).split()) for text in (stored, fresh))
    if one != two:
        raise DifferenceError(f"stored is the text {stored!r}, a fresh training prints {fresh!r}")
    for a, b in zip(*([float(x) for x in re.findall(fraction, text)] for text in (stored, fresh)), strict=True):
        if abs(a - b) > 0.02 + TRAINED_TOLERANCE * max(a, b):
            raise DifferenceError(f"stored is {a} where a fresh training prints {b}: {fresh}")


def compare_trained_states(stored: Any, fresh: Any) -> None:
    """Compare the state of two demos of two trainings: their fields, and the mean and spread of all numbers.

    Raises:
        DifferenceError: If a field is missing, or mean or spread differ by more than ``TRAINED_TOLERANCE``.
    """
    if set(stored) != set(fresh):
        raise DifferenceError(f"only one of the demos has {sorted(set(stored) ^ set(fresh))}")
    for name in sorted(set(stored) - {"_esm", "_css"}):
        if not isinstance(stored[name], list | dict):
            compare_states(stored[name], fresh[name], f".{name}")
            continue
        one, two = (np.array([0.0, *_flat(state[name])]) for state in (stored, fresh))
        scale = TRAINED_TOLERANCE * max(np.abs(one).mean(), 1e-9)
        if abs(one.mean() - two.mean()) > scale or abs(one.std() - two.std()) > scale:
            raise DifferenceError(f".{name} has other numbers in the stored demo than after a fresh training")


def _flat(state: Any) -> list[float]:
    if isinstance(state, dict | list):
        return [x for inner in (state.values() if isinstance(state, dict) else state) for x in _flat(inner)]
    return [float(state)] if isinstance(state, float | int) else []


def compare_states(stored: Any, fresh: Any, where: str = "") -> None:
    """Compare the state of two demos, without the front end that they carry and the names of their models.

    Raises:
        DifferenceError: If a field is missing, or a number differs by more than a part in 100,000.
    """
    if isinstance(stored, dict) and isinstance(fresh, dict):
        for name in sorted({*stored, *fresh} - ({"_esm", "_css"} if not where else set())):
            if (name in stored) != (name in fresh):
                raise DifferenceError(f"{where}.{name} is only in the {'stored' if name in stored else 'fresh'} demo")
            compare_states(stored[name], fresh[name], f"{where}.{name}")
    elif isinstance(stored, list) and isinstance(fresh, list) and len(stored) == len(fresh):
        for i, (one, two) in enumerate(zip(stored, fresh, strict=True)):
            compare_states(one, two, f"{where}[{i}]")
    elif isinstance(stored, str) and isinstance(fresh, str) and {stored[:10], fresh[:10]} == {"IPY_MODEL_"}:
        return
    elif isinstance(stored, float | int) and isinstance(fresh, float | int):
        if not math.isclose(stored, fresh, rel_tol=1e-5, abs_tol=1e-7):
            raise DifferenceError(f"{where} is {stored} in the stored demo, {fresh} in a fresh one")
    elif stored != fresh:
        raise DifferenceError(f"{where} is {stored!r:.200} in the stored demo, {fresh!r:.200} in a fresh one")


def pictures(outputs: list[Any]) -> list[str]:
    """Return the pictures that a cell shows."""
    return [output["data"]["image/png"] for output in outputs if "image/png" in output.get("data", {})]


def demos(outputs: list[Any]) -> list[str]:
    """Return the names of the models that a cell shows."""
    return [output["data"][WIDGET_VIEW]["model_id"] for output in outputs if WIDGET_VIEW in output.get("data", {})]


def ask(kernel: Any, definition: str, call: str, timeout: float) -> str:
    """Evaluate an expression in the chapter's kernel and return the text that it gives."""
    options = {"silent": True, "store_history": False, "user_expressions": {"answer": call}}
    message = kernel.kc.execute(definition, **options)
    reply = kernel.get_message("shell", timeout=timeout)
    while reply["parent_header"].get("msg_id") != message:
        reply = kernel.get_message("shell", timeout=timeout)
    kernel.await_idle(message, timeout)
    answer = reply["content"]["user_expressions"]["answer"]
    if answer["status"] != "ok":
        raise DifferenceError(f"the kernel could not answer: {answer['ename']}: {answer['evalue']}")
    return ast.literal_eval(answer["data"]["text/plain"])


def check(item: Any) -> None:
    """Compare what nbval did not, for one cell.

    Raises:
        DifferenceError: If the stored cell is not what a reader of a fresh run would see.
    """
    stored, fresh = item.cell.outputs, item.test_outputs
    tags = item.cell.metadata.get("tags", [])
    trained = "trained" in tags
    timeout = item.config.option.nbval_cell_timeout
    if trained:
        compare_trained_texts(*("".join(o.text for o in outs if o.output_type == "stream") for outs in (stored, fresh)))
    if len(pictures(stored)) != len(pictures(fresh)):
        raise DifferenceError(f"{len(pictures(stored))} pictures are stored, a fresh run shows {len(pictures(fresh))}")
    for one, two in zip(pictures(stored), pictures(fresh), strict=True):
        (compare_trained_pictures if trained else compare_pictures)(one, two)
    if len(demos(stored)) != len(demos(fresh)):
        raise DifferenceError(f"{len(demos(stored))} demos are stored, a fresh run shows {len(demos(fresh))}")
    states = item.parent.nb.metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    for one, two in zip(demos(stored), demos(fresh), strict=True):
        state = json.loads(ask(item.parent.kernel, FRESH_STATE, f"__fresh_state({two!r})", timeout))
        (compare_trained_states if trained else compare_states)(states[one]["state"], state)
    if "solution" in tags:
        for answer in wrong_answers.of_cell(item.parent.path.stem, item.parent.nb, item.cell.source):
            call = f"__wrong_answer({answer.source(item.cell.source)!r})"
            verdict = ask(item.parent.kernel, WRONG_ANSWER, call, timeout)
            if verdict != "noticed":
                what = f"the solution of exercise {answer.exercise} does not notice this wrong answer: {answer.why}"
                raise DifferenceError(f"{what} ({verdict})")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: Any) -> Iterator[None]:
    """After nbval's own comparison of a cell, compare the rest."""
    if type(item).__name__ != "IPyNbCell":
        return (yield)
    exact = item.parent.skip_compare
    if "trained" in item.cell.metadata.get("tags", []):
        item.parent.skip_compare = (*exact, "stdout")
    try:
        result = yield
    finally:
        item.parent.skip_compare = exact
    try:
        check(item)
    except DifferenceError as difference:
        item.raise_cell_error("What the page shows differs from a fresh run", str(difference))
    return result
