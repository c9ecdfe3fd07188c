"""Run the benchmarks, print their tables, and store the numbers where chapters find them."""

import argparse
from collections.abc import Callable
from typing import Any

import torch

from attn_utils.results import load, save
from benchmarks import beam, fused, heads, layers, masks, prepared_keys, transformer, translator
from benchmarks.measure import table


def attention(arguments: argparse.Namespace) -> dict[str, Any]:
    rows = fused.benchmark(arguments.lengths, arguments.repeats)
    print(f"\nAttention, batch {fused.BATCH}, {fused.SIZE} features. Median CPU time of a call, and memory it needs.")
    print(table(rows))
    shape = {"batch": fused.BATCH, "features": fused.SIZE, "type": "float32"}
    return {**shape, "repeats": arguments.repeats, "rows": rows}


def hiding(arguments: argparse.Namespace) -> dict[str, Any]:
    rows = []
    for group in masks.GROUPS:
        rows += masks.benchmark(group, arguments.long, arguments.pairs)
        print(f"\nAttention, {masks.HEADS} heads, {masks.SIZE} features: {group}. CPU time in pairs, and memory.")
        print(table([row for row in rows if row["group"] == group]))
    shape = {"heads": masks.HEADS, "features": masks.SIZE, "type": "float32"}
    return {**shape, "pairs": arguments.pairs, "rows": rows}


def textbook(arguments: argparse.Namespace) -> dict[str, Any]:
    rows = masks.benchmark_additive(arguments.pairs)
    print("\nAdditive attention, batch 8, 256 queries and keys, 32 features, beside the textbook's.")
    print(table(rows))
    return {"batch": 8, "length": 256, "features": 32, "pairs": arguments.pairs, "rows": rows}


def additive(arguments: argparse.Namespace) -> dict[str, Any]:
    repeats = 5 * arguments.repeats  # short ones: more of them
    rows = prepared_keys.benchmark([16, 32, 64, 128], repeats)
    print(f"\nAdditive attention, batch {prepared_keys.BATCH}, one query a step, 10 steps.")
    print(table(rows))
    shape = {"batch": prepared_keys.BATCH, "features": prepared_keys.SIZE, "hidden": prepared_keys.HIDDEN}
    return {**shape, "repeats": repeats, "rows": rows}


def training(arguments: argparse.Namespace) -> dict[str, Any]:
    rows = translator.benchmark([6, 10, 20], 3 * arguments.repeats)
    print(f"\nA training step of the Bahdanau decoder, batch {translator.BATCH}.")
    print(table(rows))
    return {
        "batch": translator.BATCH,
        "words": translator.WORDS,
        "repeats": 3 * arguments.repeats,
        "key projections": {name: translator.projections(name) for name in translator.VARIANTS},
        "rows": rows,
    }


def copies(arguments: argparse.Namespace) -> dict[str, Any]:
    rows = beam.benchmark([2, 4, 8], arguments.repeats)
    print(f"\nBeam search of the Bahdanau decoder, batch {beam.BATCH}, {beam.LENGTH} words: copied at each step.")
    print(table(rows))
    return {"batch": beam.BATCH, "length": beam.LENGTH, "steps": beam.STEPS, "repeats": arguments.repeats, "rows": rows}


def multi_head(arguments: argparse.Namespace) -> dict[str, Any]:
    rows = heads.benchmark(arguments.pairs)
    print(f"\nMulti-head attention, {heads.HEADS} heads, {heads.D} features. CPU time in pairs, and memory.")
    print(table(rows))
    return {"heads": heads.HEADS, "features": heads.D, "type": "float32", "pairs": arguments.pairs, "rows": rows}


def kinds_of_layer(arguments: argparse.Namespace) -> dict[str, Any]:
    rows = layers.benchmark(arguments.repeats)
    print(f"\nOne layer of each kind, {layers.TOKENS} tokens in all.")
    print(table(rows))
    shape = {"tokens": layers.TOKENS, "heads": layers.HEADS, "kernel": layers.KERNEL, "type": "float32"}
    return {**shape, "repeats": arguments.repeats, "rows": rows}


def transformers(arguments: argparse.Namespace) -> dict[str, Any]:
    steps = transformer.training([6, 10, 20], arguments.pairs)
    written = transformer.writing([20, 100, 400], max(3, arguments.repeats // 2))
    later = transformer.later_words([20, 100, 400], arguments.repeats)
    print(f"\nA training step of chapter 9's Transformer, batch {transformer.BATCH}. CPU time in pairs.")
    print(table(steps))
    print("\nWriting, batch 8. CPU time in pairs.")
    print(table(written))
    print("\nA step of the published base model, one sentence.")
    print(table(later))
    shape = {"batch": transformer.BATCH, **transformer.SIZES, "pairs": arguments.pairs, "repeats": arguments.repeats}
    return {**shape, "training": steps, "writing": written, "later words": later}


BENCHMARKS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "attention": attention,
    "masks": hiding,
    "additive textbook": textbook,
    "additive": additive,
    "translator": training,
    "beam": copies,
    "multi-head": multi_head,
    "layers": kinds_of_layer,
    "transformer": transformers,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=BENCHMARKS, help="run this one and print it")
    parser.add_argument("--add", action="store_true", help="with --only: store it beside the others, which stay")
    parser.add_argument("--lengths", type=int, nargs="+", default=[128, 256, 512, 1024, 2048, 4096])
    parser.add_argument("--long", type=int, default=4096, help="length of the benchmark of masks")
    parser.add_argument("--repeats", type=int, default=7, help="the median of so many runs is kept")
    parser.add_argument("--pairs", type=int, default=15, help="the median of so many ratios is kept")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    figures = {name: BENCHMARKS[name](arguments) for name in arguments.only or BENCHMARKS}
    if arguments.add:
        stored = load("benchmarks")
        figures = {**{name: stored[name] for name in BENCHMARKS if name in stored}, **figures}
    if arguments.add or not arguments.only:
        print(f"\nStored in {save('benchmarks', 'benchmarks', figures).name}.")


main()
