"""Run a chapter in a clean kernel and store what it gives."""

import asyncio
import base64
import io
import time
from pathlib import Path
from typing import Any

import numpy as np
from nbformat import NotebookNode
from PIL import Image

from notebooks import RefusedError
from notebooks.canonical import canonical, load, write

# What the same figure drawn on another processor was seen to differ by: 2 of 255 in up to 443 pixels.
LEVELS, PIXELS = 2, 1000


class _Loop(asyncio.SelectorEventLoop):
    """Leaves Ctrl-C to asyncio: nbclient's own handler would end in an AssertionError from inside."""

    def add_signal_handler(self, *_: Any, **__: Any) -> None:  # type: ignore[override]
        raise RuntimeError("as in a thread, where signals cannot be handled")


def run(path: Path, timeout: int = 600) -> float:
    """Run a chapter from top to bottom in a new kernel, write it back canonical, return the seconds it took.

    What runs is the canonical form, so what runs is what is stored.

    Args:
        path: The notebook.
        timeout: Seconds that one cell may take.

    Raises:
        RefusedError: If a cell fails, or the notebook was saved by another program meanwhile. It is left as it was.
        KeyboardInterrupt: On Ctrl-C, when the kernel has ended. The notebook is left as it was.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellControlSignal, CellExecutionError, CellTimeoutError, DeadKernelError

    before = path.read_bytes()
    stored = load(path)
    outputs = {cell.get("id"): cell.get("outputs", []) for cell in stored.cells}
    for cell in stored.cells:  # before all else: what is wrong with old outputs must not keep a chapter from running
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    stored.metadata.pop("widgets", None)
    notebook = canonical(stored)
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        extra_arguments=["--log-level=CRITICAL"],  # not that the loopback is unencrypted, or that we end it
        shutdown_kernel="immediate",
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
        coalesce_streams=True,
    )

    async def execute() -> None:
        try:
            await client.async_execute()
        except DeadKernelError:  # so nbclient reads every cancellation
            task = asyncio.current_task()
            if task and task.cancelling():
                raise asyncio.CancelledError from None
            raise

    start = time.perf_counter()
    try:
        with asyncio.Runner(loop_factory=_Loop) as runner:
            runner.run(execute())
    except (CellControlSignal, CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise RefusedError(f"a cell fails, the notebook is left as it was\n{error}") from error
    fresh = canonical(notebook)
    keep_figures(fresh, outputs)
    if path.read_bytes() != before:
        raise RefusedError("it was saved by another program while it ran; what that saved is kept: run it again")
    write(path, fresh)
    return time.perf_counter() - start


def keep_figures(fresh: NotebookNode, stored: dict[str, list[NotebookNode]]) -> None:
    """Put the stored bytes of a figure in the place of new ones that no reader could tell from them.

    Args:
        fresh: The notebook that has just run; it is changed.
        stored: The outputs that were stored, by the id of their cell.
    """
    for cell in fresh.cells:
        for new, before in zip(cell.get("outputs", []), stored.get(cell.id, []), strict=False):
            pair = [output.get("data", {}).get("image/png") for output in (new, before)]
            if all(pair) and same_figure(*map(base64.b64decode, pair)):
                new.data["image/png"] = before.data["image/png"]


def same_figure(a: bytes, b: bytes) -> bool:
    """Say whether two PNG files show the same: equal but for 2 of 255 levels in at most 1,000 pixels."""
    try:
        first, second = (np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"), dtype=int) for png in (a, b))
    except OSError:  # one of them is no picture
        return False
    if first.shape != second.shape:
        return False
    difference = abs(first - second).max(axis=-1)
    return bool(difference.max() <= LEVELS and (difference > 0).sum() <= PIXELS)
