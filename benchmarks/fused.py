"""Attention without weights against attention with weights, and against PyTorch's function.

Run as a module with a variant and a length, it prints the memory that one call of the variant needs.
"""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from attn_utils.scoring import Attention, ScaledDotScore
from benchmarks.measure import in_new_process, median_times, peak_memory

BATCH, SIZE = 2, 64

attention = Attention(ScaledDotScore()).eval()

VARIANTS: dict[str, Callable[[Tensor, Tensor, Tensor], object]] = {
    "need_weights=False": lambda q, k, v: attention(q, k, v),
    "need_weights=True": lambda q, k, v: attention(q, k, v, need_weights=True),
    # As it is called on tensors with one batch dimension, and with the second one that its fast kernels want.
    "PyTorch, 3-D": scaled_dot_product_attention,
    "PyTorch, 4-D": lambda q, k, v: scaled_dot_product_attention(q[:, None], k[:, None], v[:, None]),
}


def inputs(length: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(BATCH, length, SIZE, generator=generator) for _ in range(3)]


@torch.no_grad()
def extra_memory(variant: str, length: int) -> float | None:
    """Return by how many MiB one call raises the peak of this process."""
    torch.set_num_threads(1)
    run = VARIANTS[variant]
    run(*inputs(16))  # libraries are loaded at the first call
    q, k, v = inputs(length)
    before = peak_memory()
    run(q, k, v)
    after = peak_memory()
    return None if before is None or after is None else round(after - before, 1)


@torch.no_grad()
def benchmark(lengths: list[int], repeats: int) -> list[dict[str, Any]]:
    rows = []
    for length in lengths:
        qkv = inputs(length)
        times = median_times({name: partial(run, *qkv) for name, run in VARIANTS.items()}, repeats)
        rows += [
            {"length": length, "variant": name, "ms": ms, "MiB": in_new_process("benchmarks.fused", name, length)}
            for name, ms in times.items()
        ]
    return rows


if __name__ == "__main__":
    print(extra_memory(sys.argv[1], int(sys.argv[2])) or 0.0)
