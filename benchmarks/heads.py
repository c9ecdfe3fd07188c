"""Multi-head attention against PyTorch's module and the textbook's formulation, with padding, causal, and both.

Times are medians of pairs, memory that of one call in a process of its own. Run as a module with a variant, a case, a
hiding and a pass, it prints the memory that one call needs.
"""

import math
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from attn_utils.masks import causal_mask
from attn_utils.multi_head import MultiHeadAttention
from benchmarks.measure import in_new_process, paired_times, peak_memory

D, HEADS = 256, 8
CASES = [(8, 256), (2, 1024), (1, 4096)]  # batch and length
HIDES = ["padding", "causal", "both"]
PASSES = ["forward", "forward and backward"]


class Textbook(nn.Module):
    """All scores, a filled mask, a softmax, and the weighted sum, as the formula has it."""

    def __init__(self) -> None:
        super().__init__()
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(D, D) for _ in range(4))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Tokens (b, n, d) and a mask (b, 1, n, n) to outputs (b, n, d)."""
        q, k, v = (W(x).unflatten(-1, (HEADS, -1)).transpose(1, 2) for W in (self.W_q, self.W_k, self.W_v))
        scores = (q @ k.mT / math.sqrt(D // HEADS)).masked_fill(~mask, float("-inf"))
        return self.W_o((scores.softmax(dim=-1) @ v).transpose(1, 2).flatten(2))


def variants(hides: str, batch: int, n: int) -> dict[str, Callable[[Tensor], Tensor]]:
    """Each way to compute the same, as a function of tokens (b, n, d)."""
    torch.manual_seed(0)
    theirs, textbook = nn.MultiheadAttention(D, HEADS, batch_first=True), Textbook()
    ours = MultiHeadAttention.from_torch(theirs)
    lengths = n - torch.arange(batch) * n // (2 * batch) - n // 8
    real = torch.arange(n) < lengths[:, None]  # (b, n)
    padded, causal = hides != "causal", hides != "padding"
    all_pairs = real[:, None, None] if padded else torch.ones(1, 1, 1, n, dtype=torch.bool)
    if causal:
        all_pairs = all_pairs & causal_mask(n)

    def pytorch(x: Tensor) -> Tensor:
        # It takes the fast way of a causal mask only where there is no padding.
        output: Tensor = theirs(
            x, x, x, need_weights=False, key_padding_mask=~real if padded else None,
            attn_mask=~causal_mask(n) if causal else None, is_causal=causal and not padded,
        )[0]  # fmt: skip
        return output

    return {
        "PyTorch": pytorch,
        "PyTorch again": pytorch,
        "library": lambda x: ours(x, mask=real[:, None] if padded else None, causal=causal)[0],
        "textbook": lambda x: textbook(x, all_pairs),
    }


def call(variant: Callable[[Tensor], Tensor], x: Tensor, passes: str) -> None:
    """Compute the output, and the gradient of its sum if asked for."""
    if passes == "forward":
        with torch.no_grad():
            variant(x)
    else:
        variant(x).sum().backward()


def extra_memory(name: str, batch: int, n: int, hides: str, passes: str) -> float | None:
    """Return by how many MiB one call raises the peak of this process."""
    torch.set_num_threads(1)
    call(variants(hides, 1, 16)[name], torch.randn(1, 16, D, requires_grad=True), passes)
    variant, x = variants(hides, batch, n)[name], torch.randn(batch, n, D, requires_grad=True)
    before = peak_memory()
    call(variant, x, passes)
    after = peak_memory()
    return None if before is None or after is None else round(after - before, 1)


def benchmark(pairs: int) -> list[dict[str, Any]]:
    rows = []
    for batch, n in CASES:
        for hides in HIDES:
            for passes in PASSES:
                x = torch.randn(batch, n, D, requires_grad=True)
                calls = {name: partial(call, v, x, passes) for name, v in variants(hides, batch, n).items()}
                for name, (seconds, ratio) in paired_times(calls, pairs).items():
                    if name != "PyTorch again":
                        memory = in_new_process("benchmarks.heads", name, batch, n, hides, passes)
                    rows.append(
                        {"batch": batch, "length": n, "mask hides": hides, "pass": passes, "variant": name,
                         "ms": round(1e3 * seconds, 1), "times the first": round(ratio, 3), "MiB": memory}
                    )  # fmt: skip
    return rows


if __name__ == "__main__":
    name, batch, n, hides, passes = sys.argv[1:]
    print(extra_memory(name, int(batch), int(n), hides, passes) or 0.0)
