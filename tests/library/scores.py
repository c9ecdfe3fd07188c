"""The scores that the tests go through, and tensors for them."""

import torch

from attn_utils.scoring import AdditiveScore, DotScore, GeneralScore, ScaledDotScore

# Each takes queries with 6 features and keys with 6 features.
SCORES = {
    "dot": DotScore,
    "scaled dot": ScaledDotScore,
    "general": lambda: GeneralScore(6, 6),
    "additive": lambda: AdditiveScore(6, 6, 4),
}
DOTS = ["dot", "scaled dot", "general"]


def inputs(*batch, q=3, k=5, d=6, v=6, dtype=torch.float32):
    return [torch.randn(*batch, n, size, dtype=dtype, requires_grad=True) for n, size in ((q, d), (k, d), (k, v))]
