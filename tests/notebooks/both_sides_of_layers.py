"""Both sides of the formulas of what stands around attention in a Transformer, computed."""

import torch
from torch import nn

from attn_utils.transformer import EncoderLayer, FeedForward

torch.manual_seed(0)
X = torch.randn(3, 5, 8, dtype=torch.float64)


def residual_around_a_norm():
    layer = EncoderLayer(8, 2, norm_first=True).double()
    for norm in (layer.self_norm, layer.feed_norm):
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    x = X
    for norm, f in ((layer.self_norm, lambda y: layer.self_attention(y)[0]), (layer.feed_norm, layer.feed_forward)):
        mu, variance = x.mean(-1, keepdim=True), x.var(-1, keepdim=True, correction=0)
        x = x + f(norm.weight * (x - mu) / (variance + norm.eps).sqrt() + norm.bias)
    return x, layer(X).x


def two_matrices_and_a_maximum():
    network = FeedForward(8, 12).double()
    W_1, W_2 = network.W_1.weight.T, network.W_2.weight.T
    return (X @ W_1 + network.W_1.bias).clamp(min=0) @ W_2 + network.W_2.bias, network(X)
