"""What nbval leaves out of its comparison: pictures, the state of demos, and wrong answers to exercises.

A pytest plugin: ``python -m pytest -p tools.stored_outputs --nbval chapters/01_….ipynb``. nbval has run a cell and
compared its text; then, in the same kernel,

- each picture is compared with the stored one, pixel by pixel, within what machines differ by;
- the state of each demo is compared with the stored one: its data, its results, its description;
- each wrong answer to the exercise whose solution the cell is must be noticed by the cell's assertions.
"""

import ast
import base64
import io
import json
import math
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
    timeout = item.config.option.nbval_cell_timeout
    if len(pictures(stored)) != len(pictures(fresh)):
        raise DifferenceError(f"{len(pictures(stored))} pictures are stored, a fresh run shows {len(pictures(fresh))}")
    for one, two in zip(pictures(stored), pictures(fresh), strict=True):
        compare_pictures(one, two)
    if len(demos(stored)) != len(demos(fresh)):
        raise DifferenceError(f"{len(demos(stored))} demos are stored, a fresh run shows {len(demos(fresh))}")
    states = item.parent.nb.metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    for one, two in zip(demos(stored), demos(fresh), strict=True):
        state = json.loads(ask(item.parent.kernel, FRESH_STATE, f"__fresh_state({two!r})", timeout))
        compare_states(states[one]["state"], state)
    if "solution" in item.cell.metadata.get("tags", []):
        for answer in wrong_answers.of_cell(item.parent.path.stem, item.parent.nb, item.cell.source):
            call = f"__wrong_answer({answer.source(item.cell.source)!r})"
            verdict = ask(item.parent.kernel, WRONG_ANSWER, call, timeout)
            if verdict != "noticed":
                what = f"the solution of exercise {answer.exercise} does not notice this wrong answer: {answer.why}"
                raise DifferenceError(f"{what} ({verdict})")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: Any) -> Iterator[None]:
    """After nbval's own comparison of a cell, compare the rest."""
    result = yield
    if type(item).__name__ == "IPyNbCell":
        try:
            check(item)
        except DifferenceError as difference:
            item.raise_cell_error("What the page shows differs from a fresh run", str(difference))
    return result
