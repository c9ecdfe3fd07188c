"""Both sides of the chapters' main formulas, computed: one function a formula, in the order of the chapters."""

import itertools
import math

import torch
from torch import nn

from attn_utils.alibi import AlibiScore
from attn_utils.attention import attend, masked_softmax
from attn_utils.kernels import NadarayaWatson, gaussian
from attn_utils.metrics import alignment_error_rate
from attn_utils.multi_head import MultiHeadAttention
from attn_utils.positions import sinusoidal
from attn_utils.rotary import RotaryScore
from attn_utils.scoring import AdditiveScore, Attention, GeneralScore, ScaledDotScore
from attn_utils.vision import SelfAttention2d

torch.manual_seed(0)
Q, K, V = (torch.randn(n, 3, dtype=torch.float64) for n in (2, 5, 5))
S = torch.randn(2, 5, dtype=torch.float64)
W = S.exp() / S.exp().sum(dim=-1, keepdim=True)
O = W @ V  # noqa: E741 - the formulas call it o


def look_up():
    q, k, temperature = Q[:, :1], K[:, 0], 0.3
    s = -((q - k) ** 2) / 2
    w = (s / temperature).exp() / (s / temperature).exp().sum(dim=-1, keepdim=True)
    return w @ V, attend(s / temperature, V)[0]


def without_one():
    i = 2
    keep = torch.arange(5) != i
    without = attend(S[:, keep], V[keep])[0]
    return without - O, (W[:, i : i + 1] / (1 - W[:, i : i + 1])) * (O - V[i])


def moving_the_query():
    q, temperature = Q[0], 0.7
    gradient = torch.autograd.functional.jacobian(lambda q: attend(q[None] @ K.mT / temperature, V)[0][0], q)
    w = masked_softmax(q[None] @ K.mT / temperature)[0]
    v, k = V - w @ V, K - w @ K
    return gradient, torch.einsum("i,ia,ib->ab", w, v, k) / temperature


def kernel_regression():
    h = 0.8
    kernel = (-((Q[:, None, :1] - K[:, :1]) ** 2) / (2 * h**2)).exp()[..., 0]
    by_hand = (kernel / kernel.sum(dim=-1, keepdim=True)) @ V
    return by_hand, NadarayaWatson("gaussian", width=h).double()(Q[:, :1], K[:, :1], V)[0]


def distance_to_dot():
    h = 0.8
    square = lambda x: x.square().sum(dim=-1)  # noqa: E731 - as short as in the formula
    right = Q @ K.mT / h**2 - square(Q)[:, None] / (2 * h**2) - square(K) / (2 * h**2)
    return gaussian(Q, K, h), right


def leave_one_out():
    w = masked_softmax(gaussian(K, K, 0.8))
    ordinary = (V - w @ V) / (1 - w.diagonal()[:, None])
    masked = masked_softmax(gaussian(K, K, 0.8), ~torch.eye(5, dtype=torch.bool))
    return V - masked @ V, ordinary


def slope_in_the_width():
    log_h, v = torch.tensor(-0.2, dtype=torch.float64), V[:, 0]
    estimate = lambda log_h: attend(gaussian(Q, K, log_h.exp()), v[:, None])[0][:, 0]  # noqa: E731
    s = gaussian(Q, K, log_h.exp())
    w = masked_softmax(s)
    covariance = (w * s * v).sum(dim=-1) - (w * s).sum(dim=-1) * (w * v).sum(dim=-1)
    return torch.autograd.functional.jacobian(estimate, log_h), -2 * covariance


def masked():
    m = torch.tensor([[1, 0, 1, 1, 0], [0, 1, 0, 0, 1]])
    return m * S.exp() / (m * S.exp()).sum(dim=-1, keepdim=True), masked_softmax(S, m.bool())


def additive():
    score = AdditiveScore(3, 3, 4).double()
    joined = torch.cat([Q[:, None].expand(2, 5, 3), K[None].expand(2, 5, 3)], dim=-1)
    matrix = torch.cat([score.W_q.weight, score.W_k.weight], dim=1).mT
    return torch.tanh(joined @ matrix) @ score.v, score(Q[None], score.prepare_keys(K[None]))[0]


def general():
    score = GeneralScore(3, 3).double()
    (weight,) = score.parameters()  # nn.Linear keeps it transposed
    return score(Q[None], score.prepare_keys(K[None]))[0], torch.einsum("qa,kb,ba->qk", Q, K, weight.mT)


def error_of_weights():
    """Exactly, over all values that are −1 or 1: mean 0 and variance 1. The wanted key is the first."""
    w, values = W[0], torch.tensor(list(itertools.product([-1.0, 1.0], repeat=5)), dtype=torch.float64)
    return (values @ w - values[:, 0]).square().mean(), (1 - w[0]) ** 2 + w[1:].square().sum()


def mirrored(n, ahead):
    """Weights on wrong keys in a scene, where the wanted key's score is ahead of equal others, and in its mirror."""
    scores = torch.zeros(len(ahead), n, dtype=torch.float64)
    scores[:, 0] = ahead
    return tuple(1 - masked_softmax(s)[:, 0] for s in (scores, -scores))


def least_error_of_odd_scores():
    found, formula = [], []
    for n in (3, 4, 8):
        u, other = mirrored(n, torch.linspace(0, 12, 120_001, dtype=torch.float64))
        found.append((n / (n - 1) * (u**2 + other**2) / 2).min())
        formula.append(1 / 2 * n / (n - 1) * (1 - 1 / (n**2 * (n - 2) ** 2)))
    return torch.stack(found), torch.tensor(formula)


def odds_of_mirrored_scenes():
    u, other = mirrored(8, torch.linspace(-3, 3, 7, dtype=torch.float64))
    return u / (1 - u) * other / (1 - other), torch.full((7,), 49.0)  # equal wrong keys: Cauchy and Schwarz are sharp


def squares_of_mirrored_scenes():
    u, other = mirrored(8, torch.linspace(-3, 3, 7, dtype=torch.float64))
    total = u + other
    assert torch.all(u**2 + other**2 >= 1 - 1 / 48**2)
    return u**2 + other**2, total**2 - 2 * 49 / 48 * (total - 1)


def scaled_dot():
    return ScaledDotScore()(Q[None], K[None])[0], Q @ K.mT / math.sqrt(3)


def spread_of_dot_products():
    """Exactly, over all vectors whose components are −1 or 1: mean 0 and variance 1."""
    d = 4
    signs = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=d)))
    dots = signs @ signs.mT
    return torch.stack([dots.mean(), dots.var(correction=0), dots.std(correction=0)]), torch.tensor(
        [0, d, math.sqrt(d)]
    )


def jacobian_of_the_softmax():
    w = torch.softmax(S[0], dim=-1)
    jacobian = torch.autograd.functional.jacobian(lambda s: masked_softmax(s[None])[0], S[0])
    return jacobian, torch.diag(w) - torch.outer(w, w)


def dropped_sums():
    """Exactly, over everything that dropout can do to five weights."""
    p, w = 0.3, W[0]
    kept = torch.tensor(list(itertools.product([0.0, 1.0], repeat=5)), dtype=torch.float64)
    chance = ((1 - p) ** kept * p ** (1 - kept)).prod(dim=-1)
    sums = (kept * w / (1 - p)).sum(dim=-1)
    return (chance * sums**2).sum() - (chance * sums).sum() ** 2, p / (1 - p) * w.square().sum()


def context():
    score = AdditiveScore(3, 3, 4).double()
    W_q, W_k = score.W_q.weight.mT, score.W_k.weight.mT  # PyTorch keeps them transposed
    a = torch.stack([torch.stack([score.v @ torch.tanh(s @ W_q + h @ W_k) for h in K]) for s in Q])
    alpha = a.exp() / a.exp().sum(dim=-1, keepdim=True)
    return Attention(score)(Q[None], K[None], K[None])[0][0], torch.einsum("ji,id->jd", alpha, K)


def gru():
    cell = nn.GRUCell(3, 3).double()
    W_r, W_z, W_p = (W.mT for W in cell.weight_ih.chunk(3))  # PyTorch keeps them transposed
    U_r, U_z, U_p = (U.mT for U in cell.weight_hh.chunk(3))
    (b_r, b_z, b_p), (c_r, c_z, c_p) = cell.bias_ih.chunk(3), cell.bias_hh.chunk(3)
    x, s = K, V
    r = torch.sigmoid(x @ W_r + s @ U_r + b_r + c_r)  # the formula's b_r is the sum of PyTorch's two
    z = torch.sigmoid(x @ W_z + s @ U_z + b_z + c_z)
    proposal = torch.tanh(x @ W_p + b_p + r * (s @ U_p + c_p))
    return cell(x, s), (1 - z) * proposal + z * s


def error_of_an_alignment():
    found, sure, possible = {(0, 0), (1, 2), (2, 1)}, {(0, 0), (2, 2)}, {(0, 0), (2, 2), (2, 1)}
    rate = 1 - (len(found & sure) + len(found & possible)) / (len(found) + len(sure))
    return torch.tensor(alignment_error_rate([found], [sure], [possible])), torch.tensor(rate)


def one_head():
    layer = MultiHeadAttention(4, 1, value_size=1).double()
    places, x = torch.randn(5, 4, dtype=torch.float64), torch.randn(5, 1, dtype=torch.float64)
    output, weights = layer(places, places, x, need_weights=True)
    a = layer.W_o.weight[0] @ layer.W_v.weight[:, 0]
    b = layer.W_o.weight[0] @ layer.W_v.bias + layer.W_o.bias[0]
    return output[:, 0], a * (weights[0] @ x)[:, 0] + b


def error_of_one_head():
    a, b, t = 0.7, 0.2, 3
    w = W[0]
    difference = torch.eye(5, dtype=torch.float64)[t] - torch.eye(5, dtype=torch.float64)[t - 1]
    # Independent numbers of variance 1: the variance of a sum is the sum of its squared coefficients.
    expected = (a * w - difference).square().sum() + b**2
    others = a**2 * (w.square().sum() - w[t] ** 2 - w[t - 1] ** 2)
    return (a * w[t] - 1) ** 2 + (a * w[t - 1] + 1) ** 2 + others + b**2, expected


def heads_side_by_side():
    layer = MultiHeadAttention(6, 3, bias=False).double()
    x, keys = torch.randn(2, 6, dtype=torch.float64), torch.randn(4, 6, dtype=torch.float64)
    heads = []
    for i in range(3):
        q, k, v = (
            rows @ W.weight.mT[:, 2 * i : 2 * i + 2]
            for rows, W in ((x, layer.W_q), (keys, layer.W_k), (keys, layer.W_v))
        )
        heads.append(attend(q @ k.mT / math.sqrt(2), v)[0])
    return layer(x, keys)[0], torch.cat(heads, dim=-1) @ layer.W_o.weight.mT


def bilinear():
    W_q, W_k = torch.randn(3, 2, dtype=torch.float64), torch.randn(3, 2, dtype=torch.float64)
    return (Q @ W_q) @ (K @ W_k).mT, Q @ (W_q @ W_k.mT) @ K.mT


def self_attention():
    layer = MultiHeadAttention(3, 1, bias=False).double()
    W_q, W_k, W_v = (W.weight.mT for W in (layer.W_q, layer.W_k, layer.W_v))  # PyTorch keeps them transposed
    weights = ((K @ W_q) @ (K @ W_k).mT / math.sqrt(3)).exp()
    output = weights / weights.sum(dim=-1, keepdim=True) @ (K @ W_v)
    return layer(K[None])[0][0], output @ layer.W_o.weight.mT


def another_order():
    P = torch.eye(5, dtype=torch.float64)[[3, 0, 4, 1, 2]]
    layer = MultiHeadAttention(3, 1).double()
    return layer((P @ K)[None])[0], P @ layer(K[None])[0]


def step_of_a_clock():
    p, k, omega = 5.0, 3.0, 0.3
    turn = torch.tensor([[math.cos(k * omega), math.sin(k * omega)], [-math.sin(k * omega), math.cos(k * omega)]])
    hand = torch.tensor([math.sin(p * omega), math.cos(p * omega)])
    return torch.tensor([math.sin((p + k) * omega), math.cos((p + k) * omega)]), turn @ hand


def offset_alone():
    table = sinusoidal(9, 6).double()
    omega = [10000.0 ** (-2 * i / 6) for i in range(3)]
    dots = (table[2] @ table[7])[None].round(decimals=5)
    return dots, torch.tensor([sum(math.cos(5 * w) for w in omega)]).double().round(decimals=5)


def rotary_positions():
    score, (q, k) = RotaryScore(4), torch.randn(2, 1, 4, dtype=torch.float64)
    at = torch.tensor([7]), torch.tensor([3])
    both = score(q, score.prepare_keys(k, at[1]), at[0])
    return both, q @ score.prepare_keys(k, at[1] - at[0]).mT / math.sqrt(4)


def linear_biases():
    score, (q, k) = AlibiScore(4, causal=False), torch.randn(2, 4, 5, 3, dtype=torch.float64)
    at = torch.arange(5)
    slopes = torch.tensor([2 ** (-8 * h / 4) for h in range(1, 5)], dtype=torch.float64)[:, None, None]
    return score(q, score.prepare_keys(k, at), at), q @ k.mT / math.sqrt(3) - slopes * (at[:, None] - at).abs()


def receptive_field():
    """Of convolutions of random layers: the pixels that the gradient of one pixel reaches, and the recursion."""
    reached, computed = [], []
    for layers in ([(3, 1, 1), (3, 2, 1), (5, 1, 2)], [(3, 2, 1), (3, 2, 2), (3, 1, 4)]):
        x, r, j = torch.ones(1, 1, 160, dtype=torch.float64, requires_grad=True), 1, 1
        y = x
        for k, stride, dilation in layers:
            weight = torch.ones(1, 1, k, dtype=torch.float64)
            y = nn.functional.conv1d(y, weight, stride=stride, padding=dilation * (k // 2), dilation=dilation)
            r, j = r + (k - 1) * dilation * j, j * stride
        (gradient,) = torch.autograd.grad(y[0, 0, y.shape[2] // 2], x)
        (places,) = gradient[0, 0].nonzero(as_tuple=True)
        reached.append(int(places.max() - places.min()) + 1)
        computed.append(r)
    return torch.tensor(reached), torch.tensor(computed)


def attention_over_pixels():
    block = SelfAttention2d(8, 4, pooled=False, spectral_norm=False).double()
    nn.init.constant_(block.sigma, 0.7)
    x = torch.randn(1, 8, 2, 3, dtype=torch.float64)
    pixels = x[0].flatten(1).T
    theta, phi, g = (pixels @ layer.weight.flatten(1).T for layer in (block.theta, block.phi, block.g))
    rows = [x_i + 0.7 * (theta_i @ phi.T).softmax(0) @ g @ block.out.weight.flatten(1).T
            for x_i, theta_i in zip(pixels, theta, strict=True)]  # fmt: skip
    return torch.stack(rows), block(x)[0][0].flatten(1).T
