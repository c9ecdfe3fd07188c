"""Time, peak memory, and tables of them."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def median_times(variants: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Return the median time of each variant in milliseconds.

    The variants take turns, so that a neighbor who slows the machine down for a while slows all of them down.
    """
    times: dict[str, list[float]] = {name: [] for name in variants}
    for run in variants.values():
        run()  # warm-up
    for _ in range(repeats):
        for name, run in variants.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: round(1e3 * statistics.median(t), 4) for name, t in times.items()}


def peak_memory() -> float | None:
    """Return the most memory this process has held so far, in MiB, or None where the system does not say.

    The kernel's high-water mark counts every page: buffers inside a kernel and those of the math library too, which
    an allocator's books do not. It never falls, so a case needs a process of its own (see :func:`in_new_process`).
    It is not taken from ``getrusage``, whose mark a child process inherits from its parent.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def in_new_process(module: str, *arguments: Any) -> Any:
    """Run ``python -m module arguments`` and return what it printed, read as JSON."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def table(rows: list[dict[str, Any]]) -> str:
    """Align rows under their column names."""
    header = list(rows[0])
    cells = [header] + [[f"{x:,.2f}" if isinstance(x, float) else "–" if x is None else str(x) for x in row.values()]
                        for row in rows]  # fmt: skip
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    return "\n".join("  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in cells)
