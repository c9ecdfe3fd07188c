"""Run the benchmarks, print their tables, and store the numbers where chapters find them."""

import argparse

import torch

from attn_utils.results import save
from benchmarks import fused, prepared_keys, translator
from benchmarks.measure import table


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

    steps = translator.benchmark([6, 10, 20], 3 * arguments.repeats)
    print(f"\nA training step of the Bahdanau decoder, batch {translator.BATCH}.")
    print(table(steps))

    figures = {
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
        "translator": {
            "batch": translator.BATCH,
            "words": translator.WORDS,
            "repeats": 3 * arguments.repeats,
            "key projections": {name: translator.projections(name) for name in translator.VARIANTS},
            "rows": steps,
        },
    }
    print(f"\nStored in {save('benchmarks', 'benchmarks', figures).name}.")


main()
