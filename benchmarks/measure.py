"""Time, peak memory, and tables of them."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def median_times(variants: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Return the median CPU time of each variant in milliseconds.

    The variants take turns, so that a neighbor who slows the machine down for a while slows all of them down. The time
    is the processor's, that of all threads together: waiting for the neighbor does not count.
    """
    times: dict[str, list[float]] = {name: [] for name in variants}
    for run in variants.values():
        run()  # warm-up
    for _ in range(repeats):
        for name, run in variants.items():
            start = time.process_time()
            run()
            times[name].append(time.process_time() - start)
    return {name: round(1e3 * statistics.median(t), 4) for name, t in times.items()}


def paired_times(variants: Mapping[str, Callable[[], object]], pairs: int) -> dict[str, tuple[float, float]]:
    """Return the median CPU time of each variant in seconds, and the median of its ratios to the first variant's.

    Each variant is measured next to the first, in turn before it and after it. A neighbor who slows the machine down
    slows both, and the time is the processor's, not the wall's. Two equal variants leave 1 ± 0.03, or the machine was
    too busy: measure again.
    """

    def seconds(call: Callable[[], object]) -> float:
        start = time.process_time()
        call()
        return time.process_time() - start

    (first, reference), *others = variants.items()
    times: dict[str, list[float]] = {name: [] for name in variants}
    ratios: dict[str, list[float]] = {name: [1.0] for name in variants}
    reference()  # warm-up
    for name, call in others:
        call()
        for i in range(pairs):
            if i % 2:
                own, base = seconds(call), seconds(reference)
            else:
                base, own = seconds(reference), seconds(call)
            times[name].append(own)
            times[first].append(base)
            ratios[name].append(own / base)
        ratios[name] = ratios[name][1:]
    return {name: (statistics.median(times[name]), statistics.median(ratios[name])) for name in variants}


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
    """Run ``python -m module arguments`` and return what it printed, read as JSON.

    The C library is told to give large blocks back as soon as they are free. It would keep some for later, which
    counts memory twice that is never needed at once.
    """
    command = [sys.executable, "-m", module, *map(str, arguments)]
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": str(2**16)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return json.loads(done.stdout)


def table(rows: list[dict[str, Any]]) -> str:
    """Align rows under their column names."""
    header = list(rows[0])
    cells = [header] + [[f"{x:,.2f}" if isinstance(x, float) else "–" if x is None else str(x) for x in row.values()]
                        for row in rows]  # fmt: skip
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    return "\n".join("  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in cells)
