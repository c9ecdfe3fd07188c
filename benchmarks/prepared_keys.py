"""A decoder asks the same keys once per step: additive attention with keys projected once, or at each step."""

from typing import Any

import torch

from attn_utils.scoring import AdditiveScore, Attention
from benchmarks.measure import median_times

BATCH, SIZE, HIDDEN = 32, 256, 128


@torch.no_grad()
def benchmark(lengths: list[int], repeats: int, steps: int = 10) -> list[dict[str, Any]]:
    """Return the time of one of ``steps`` steps. Projecting the keys once is part of it."""
    generator = torch.Generator().manual_seed(0)
    attention = Attention(AdditiveScore(SIZE, SIZE, HIDDEN)).eval()
    rows = []
    for length in lengths:
        keys = torch.randn(BATCH, length, SIZE, generator=generator)
        query = torch.randn(BATCH, 1, SIZE, generator=generator)

        def projected_once(keys: torch.Tensor = keys, query: torch.Tensor = query) -> None:
            prepared = attention.prepare_keys(keys)
            for _ in range(steps):
                attention(query, prepared, keys, keys_prepared=True)

        def projected_each_step(keys: torch.Tensor = keys, query: torch.Tensor = query) -> None:
            for _ in range(steps):
                attention(query, keys, keys)

        times = median_times({"once": projected_once, "each step": projected_each_step}, repeats)
        rows += [
            {"length": length, "keys projected": name, "ms per step": round(ms / steps, 4)}
            for name, ms in times.items()
        ]
    return rows
