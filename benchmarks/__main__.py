"""Run the benchmarks, print their tables, and store the numbers in ``benchmarks/results.json``."""

import argparse
import json
import platform
import sys
from datetime import date
from pathlib import Path

import torch

from benchmarks import fused, prepared_keys
from benchmarks.measure import machine, table

RESULTS = Path(__file__).with_name("results.json")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--lengths", type=int, nargs="+", default=[128, 256, 512, 1024, 2048, 4096])
    parser.add_argument("--repeats", type=int, default=7, help="the median of so many runs is kept")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    attention = fused.benchmark(arguments.lengths, arguments.repeats)
    print(f"Attention, batch {fused.BATCH}, {fused.SIZE} features. Median time of a call, and memory it needs.")
    print(table(attention))
    additive = prepared_keys.benchmark([16, 32, 64, 128], 5 * arguments.repeats)  # short ones: more of them
    print(f"\nAdditive attention, batch {prepared_keys.BATCH}, one query a step, 10 steps.")
    print(table(additive))

    results = {
        "command": " ".join(["python -m benchmarks", *sys.argv[1:]]),
        "date": date.today().isoformat(),
        "machine": machine(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "attention": {
            "batch": fused.BATCH,
            "features": fused.SIZE,
            "type": "float32",
            "repeats": arguments.repeats,
            "rows": attention,
        },
        "additive": {
            "batch": prepared_keys.BATCH,
            "features": prepared_keys.SIZE,
            "hidden": prepared_keys.HIDDEN,
            "repeats": 5 * arguments.repeats,
            "rows": additive,
        },
    }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print(f"\nStored in {RESULTS.relative_to(Path.cwd()) if RESULTS.is_relative_to(Path.cwd()) else RESULTS}.")


main()
