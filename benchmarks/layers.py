"""One layer of self-attention, of a recurrent net and of a convolution, against the length and against the width.

Forward, without a mask and without gradients. Self-attention is the library's, eight heads.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from attn_utils.multi_head import MultiHeadAttention
from benchmarks.measure import median_times

TOKENS = 4096  # of a batch: longer sequences are fewer, so that every call has as many tokens
HEADS, KERNEL = 8, 3
LENGTHS, AT_WIDTH = [64, 128, 256, 512, 1024, 2048, 4096], 256
WIDTHS, AT_LENGTH = [64, 128, 256, 512, 1024], 512


def layers(d: int) -> dict[str, Callable[[Tensor], object]]:
    """One layer of each kind with ``d`` features, as a function of tokens (b, n, d)."""
    attention, gru = MultiHeadAttention(d, HEADS).eval(), nn.GRU(d, d, batch_first=True)
    convolution = nn.Conv1d(d, d, KERNEL, padding=KERNEL // 2)
    return {
        "self-attention": lambda x: attention(x),
        "GRU": lambda x: gru(x),
        "convolution": lambda x: convolution(x.mT),
    }


@torch.no_grad()
def benchmark(repeats: int) -> list[dict[str, Any]]:
    rows = []
    for varied, cases in (("n", [(n, AT_WIDTH) for n in LENGTHS]), ("d", [(AT_LENGTH, d) for d in WIDTHS])):
        for n, d in cases:
            x = torch.randn(TOKENS // n, n, d)
            times = median_times({name: partial(layer, x) for name, layer in layers(d).items()}, repeats)
            for name, ms in times.items():
                # Of one token: the number of tokens is the same for all.
                rows.append(
                    {"varied": varied, "n": n, "d": d, "layer": name, "µs a token": round(1e3 * ms / TOKENS, 3)}
                )
    return rows
