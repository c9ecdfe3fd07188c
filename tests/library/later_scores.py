"""The library's scores with a dot form, a few of a reader's own beside them, and problems to try them on."""

import torch
from torch import nn

from attn_utils.alibi import AlibiScore
from attn_utils.attention import DotForm, length_mask
from attn_utils.kernels import Gaussian
from attn_utils.rotary import RotaryScore
from attn_utils.scoring import DotScore, GeneralScore, ScaledDotScore

B, H, D = 2, 4, 8  # sentences, heads of queries, features


class Alibi(nn.Module):
    """Press et al. (2022) in both directions: a term of the pair, here one that all sentences share."""

    slopes = 0.5 ** torch.arange(1.0, H + 1).double()[:, None, None]

    def prepare_keys(self, keys):
        return keys

    def dot_form(self, queries, prepared_keys):
        q, k = queries.shape[-2], prepared_keys.shape[-2]
        distance = (torch.arange(k - q, k)[:, None] - torch.arange(k)).abs()  # the last query is at the last key
        return DotForm(queries, prepared_keys, D**-0.5, -self.slopes.to(queries) * distance, wide=True)

    def forward(self, queries, prepared_keys):
        return self.dot_form(queries, prepared_keys).scores()


class Normalized(DotScore):
    """Henry et al. (2020): queries and keys of length 1, and a learned scale for each head."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor([1.0, 3.0, 5.0, 9.0])[:, None, None])

    def scale(self, d):
        return self.gain

    def prepare_keys(self, keys):
        return nn.functional.normalize(keys, dim=-1, eps=1e-4)  # hidden keys are 0, and 1e-12 is 0 in float16

    def dot_form(self, queries, prepared_keys):
        return super().dot_form(nn.functional.normalize(queries, dim=-1), prepared_keys)


class LearnedScale(DotScore):
    """A factor to be learned, as one number."""

    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(1.7))

    def scale(self, d):
        return self.factor


SCORES = {
    "dot": DotScore,
    "scaled dot": ScaledDotScore,
    "general": lambda: GeneralScore(D, D),
    "learned scale": LearnedScale,
    "Gaussian": lambda: Gaussian(1.5, learn_width=True),
    "Gaussian, a width for each head": lambda: Gaussian([0.8, 1.0, 2.0, 5.0], learn_width=True),
    "rotary": lambda: RotaryScore(D),
    "rotary, half-split": lambda: RotaryScore(D, pairing="half-split"),
    "ALiBi, causal": lambda: AlibiScore(H, causal=True),
    "ALiBi, both directions": lambda: AlibiScore(H, causal=False),
    "ALiBi, shared": Alibi,
    "QK-norm": Normalized,
}
WITH_POSITIONS = {"rotary", "rotary, half-split", "ALiBi, causal", "ALiBi, both directions"}


def problem(q=5, k=5, v=D, groups=H, dtype=torch.float64):
    sizes = ((H, q, D), (groups, k, D), (groups, k, v))
    return [torch.randn(B, *size, dtype=dtype, requires_grad=True) for size in sizes]


def positions_of(name, q, k):
    if name not in WITH_POSITIONS:
        return {}
    places = 3 + torch.arange(k).expand(B, k)
    return {"query_positions": places[:, k - q :], "key_positions": places}


def masks(q, k):
    padding = length_mask(torch.tensor([k - 2, k]), k)[:, None]  # (B, 1, 1, k)
    left = padding.flip(-1)  # the first queries of a causal sentence see padding alone
    random = torch.rand(B, 1, q, k) > 0.4
    random[0, 0, q // 2] = False
    each_head = torch.rand(B, H, 1, k) > 0.4
    return {"no mask": None, "padding": padding, "padding at the left": left, "random": random, "each head": each_head}
