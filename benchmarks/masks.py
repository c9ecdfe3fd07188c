"""Attention that hides: causal, with padding, as a kernel, against PyTorch's function and against the textbook.

Run as a module with a group, a variant, a length and "forward" or "forward and backward", it prints the memory that
one call of the variant needs.
"""

import math
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from attn_utils.attention import attend
from attn_utils.kernels import Gaussian
from attn_utils.scoring import AdditiveScore, Attention, ScaledDotScore
from benchmarks.measure import in_new_process, paired_times, peak_memory

HEADS, SIZE = 8, 32
PASSES = ("forward", "forward and backward")

attention = Attention(ScaledDotScore()).eval()


def padding(length: int) -> Tensor:
    """Return a mask, shape (1, 1, 1, length), that hides the last eighth."""
    return (torch.arange(length) < length - length // 8)[None, None, None]


def textbook(q: Tensor, k: Tensor, v: Tensor, causal: bool = False, padded: bool = False) -> Tensor:
    """Compute softmax(q kᵀ / √d + mask) v, as it stands in the paper."""
    n = k.shape[-2]
    scores = q @ k.mT / math.sqrt(k.shape[-1])
    if causal or padded:
        hidden = torch.ones(n, n, dtype=torch.bool).triu(1) if causal else torch.zeros(1, n, dtype=torch.bool)
        scores = scores + torch.zeros(hidden.shape).masked_fill(hidden | ~padding(n) if padded else hidden, -math.inf)
    return torch.softmax(scores, dim=-1) @ v


def causal_padded(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return attention(q, k, v, padding(k.shape[-2]), causal=True)[0]


def explicit_regression(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Compute kernel regression from all distances. ``NadarayaWatson`` keeps all differences, 32 times as much."""
    return attend(-0.5 * (torch.cdist(q, k) / 4.0).square(), v)[0]


# In each group the first variant is what the others are compared with.
GROUPS: dict[str, dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]]] = {
    "causal": {
        "PyTorch, is_causal": partial(scaled_dot_product_attention, is_causal=True),
        "PyTorch, is_causal again": partial(scaled_dot_product_attention, is_causal=True),
        "library, causal": lambda q, k, v: attention(q, k, v, causal=True)[0],
        "library, causal and padding": causal_padded,
        "textbook, causal": partial(textbook, causal=True),
        "textbook, causal and padding": partial(textbook, causal=True, padded=True),
    },
    "kernel regression": {
        "explicit": explicit_regression,
        "fused": lambda q, k, v: Attention(Gaussian(4.0))(q, k, v)[0],
    },
    "weights": {
        "textbook": textbook,
        "textbook again": textbook,
        "library, need_weights": lambda q, k, v: attention(q, k, v, need_weights=True)[0],
    },
    "weights, padding": {
        "textbook": partial(textbook, padded=True),
        "library, need_weights": lambda q, k, v: attention(q, k, v, padding(k.shape[-2]), need_weights=True)[0],
    },
}


def inputs(length: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(1, HEADS, length, SIZE, generator=generator).requires_grad_() for _ in range(3)]


def run(call: Callable[..., Tensor], which: str, qkv: list[Tensor]) -> None:
    if which == "forward":
        with torch.no_grad():
            call(*qkv)
    else:
        # A loss whose gradient is a tensor of numbers, as in training; that of a sum is one number.
        torch.autograd.grad(call(*qkv).square().sum(), qkv)


def extra_memory(group: str, variant: str, length: int, which: str) -> float | None:
    """Return by how many MiB one call raises the peak of this process."""
    torch.set_num_threads(1)
    call = GROUPS[group][variant]
    run(call, which, inputs(16))  # libraries are loaded at the first call
    qkv = inputs(length)
    before = peak_memory()
    run(call, which, qkv)
    after = peak_memory()
    return None if before is None or after is None else round(after - before, 1)


def benchmark(group: str, length: int, pairs: int) -> list[dict[str, Any]]:
    """Return time and memory of each variant, and its time beside the first variant's, measured in pairs."""
    qkv = inputs(length)
    rows = []
    for which in PASSES:
        calls = {name: partial(run, call, which, qkv) for name, call in GROUPS[group].items()}
        for name, (seconds, ratio) in paired_times(calls, pairs).items():
            memory = in_new_process("benchmarks.masks", group, name, length, which)
            times = {"ms": round(1e3 * seconds, 1), "times the first": round(ratio, 3)}
            rows.append({"group": group, "length": length, "pass": which, "variant": name, **times, "MiB": memory})
    return rows


def additive_textbook(q: Tensor, k: Tensor, v: Tensor, score: AdditiveScore, mask: Tensor | None) -> Tensor:
    """Compute additive attention as it stands in the paper, but with the sigmoid in place of the slower tanh."""
    hidden = 2 * score.W_q(q)[..., :, None, :] + 2 * score.W_k(k)[..., None, :, :]
    scores = torch.sigmoid(hidden) @ (2 * score.v) - score.v.sum()
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return torch.softmax(scores, dim=-1) @ v


def benchmark_additive(pairs: int, batch: int = 8, length: int = 256, size: int = 32) -> list[dict[str, Any]]:
    """Return the time of additive attention beside the textbook's, without a mask and with padding."""
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(batch, length, size, generator=generator).requires_grad_() for _ in range(3))
    score = AdditiveScore(size, size, size)
    library = Attention(score).eval()
    rows = []
    for hides, mask in (("nothing", None), ("padding", padding(length)[0])):
        for which in PASSES:
            by_hand = partial(additive_textbook, score=score, mask=mask)
            by_library = partial(library, mask=mask)
            calls = {
                "textbook": partial(run, by_hand, which, [q, k, v]),
                "textbook again": partial(run, by_hand, which, [q, k, v]),
                "library": partial(run, lambda *x, f=by_library: f(*x)[0], which, [q, k, v]),
            }
            for name, (seconds, ratio) in paired_times(calls, pairs).items():
                times = {"ms": round(1e3 * seconds, 1), "times the first": round(ratio, 3)}
                rows.append({"mask hides": hides, "pass": which, "variant": name, **times})
    return rows


if __name__ == "__main__":
    print(extra_memory(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]) or 0.0)
