"""Stored results of the experiments and benchmarks that take longer than a chapter may run.

They travel with the library, so that a chapter can show them wherever it runs. The folders ``benchmarks`` and
``experiments`` of the repository hold the programs that made them.
"""

import json
import os
import platform
import sys
from datetime import date
from pathlib import Path
from typing import Any

import torch

__all__ = ["load", "machine", "save"]

_FOLDER = Path(__file__).parent


def load(name: str) -> dict[str, Any]:
    """Read stored results.

    Args:
        name: Which, for example ``"benchmarks"``.

    Returns:
        What the program stored: always ``command``, ``date``, ``machine`` and ``versions``, and its figures.

    Raises:
        ValueError: If there are no results of this name.
    """
    known = sorted(path.stem for path in _FOLDER.glob("*.json"))
    if name not in known:
        raise ValueError(f"name must be one of {', '.join(known)}, got {name!r}")
    results: dict[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return results


def save(name: str, program: str, figures: dict[str, Any]) -> Path:
    """Store results with the command line, the day, the machine and the versions they come from.

    Of a list of rows (dictionaries or lists) each stands on a line of its own, whatever it holds.

    Args:
        name: What :func:`load` will ask for.
        program: The module that ran, as after ``python -m``.
        figures: The results, ready for JSON.

    Returns:
        The file.

    Raises:
        TypeError: If a value is of no type that JSON knows. The old file stays as it is.
    """
    results = {
        "command": " ".join(["python -m", program, *sys.argv[1:]]),
        "date": date.today().isoformat(),
        "machine": machine(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        **figures,
    }
    path = _FOLDER / f"{name}.json"
    part = path.with_suffix(".part")
    # Through JSON and back: tuples are lists there, and every key is a string.
    part.write_text(_dumps(json.loads(json.dumps(results))) + "\n", encoding="utf-8")
    return part.replace(path)  # at once: whoever is interrupted leaves the old file


def _dumps(value: Any, indent: str = "") -> str:
    """Write JSON with one row a line: a table keeps its shape, and a difference shows the rows that changed."""
    inner = indent + " "
    if isinstance(value, dict) and any(isinstance(v, dict | list) for v in value.values()):
        items = [f"{inner}{json.dumps(key, ensure_ascii=False)}: {_dumps(v, inner)}" for key, v in value.items()]
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(v, dict | list) for v in value):
        rows = [inner + json.dumps(row, ensure_ascii=False) for row in value]
        return "[\n" + ",\n".join(rows) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False)


def machine() -> dict[str, Any]:
    """Say what kind of machine this is. No host name, no user."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), model)
    return {
        "cpu": model,
        "cpus": os.cpu_count(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "system": platform.system(),
        "threads": torch.get_num_threads(),
    }
