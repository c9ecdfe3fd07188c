"""Layers and stacks of the Transformer: PyTorch's numbers under every mask, no look ahead, what is where."""

import pytest
import torch
from torch import nn

from attn_utils import causal_mask, padding_mask
from attn_utils.transformer import DecoderLayer, DecoderStack, EncoderLayer, EncoderStack

B, S, T, D, H, FF = 3, 6, 7, 16, 4, 24
SOURCE = padding_mask(torch.tensor([[1] * 6, [1] * 4 + [0] * 2, [1] + [0] * 5]), 0)  # (b, 1, s)
TARGET = padding_mask(torch.tensor([[1] * 7, [1] * 7, [1] * 3 + [0] * 4]), 0)
X, Y = torch.randn(B, S, D), torch.randn(B, T, D)
OPTIONS = {"dropout": 0.0, "batch_first": True}


def unlike_the_start(module):
    """Give every parameter another value than it starts with: zeros and ones hide what is lost."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return module


def compare(ours, theirs, call, their_call, shape):
    """Compare outputs and gradients at the places that are no padding."""
    grads = []
    for module, called in ((ours, call), (theirs, their_call)):
        x, y = X.clone().requires_grad_(), Y.clone().requires_grad_()
        output = called(module, x, y)
        assert output.shape == shape
        seen = (SOURCE if shape[1] == S else TARGET).mT
        (torch.where(seen, output, 0.0) * torch.arange(1.0, D + 1)).sum().backward()
        grads.append((torch.where(seen, output, 0.0), x.grad, y.grad))
    for mine, their in zip(*grads, strict=True):
        if mine is None:
            assert their is None
        else:
            torch.testing.assert_close(mine, their, atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("norm_first", [True, False], ids=["pre-norm", "post-norm"])
@pytest.mark.parametrize("masks", ["none", "padding", "causal", "both"])
def test_an_encoder_is_pytorchs(masks, norm_first, activation, training):
    layer = nn.TransformerEncoderLayer(D, H, FF, norm_first=norm_first, activation=activation, **OPTIONS)
    final = nn.LayerNorm(D, eps=1e-3) if norm_first else None
    theirs = unlike_the_start(nn.TransformerEncoder(layer, 2, final, enable_nested_tensor=False)).train(training)
    ours = EncoderStack.from_torch(theirs)
    assert ours.training == training
    padding, causal = masks in ("padding", "both"), masks in ("causal", "both")
    compare(
        ours,
        theirs,
        lambda module, x, y: module(x, SOURCE if padding else None, causal=causal)[0],
        lambda module, x, y: module(
            x, ~causal_mask(S) if causal else None, ~SOURCE[:, 0] if padding else None, is_causal=causal
        ),
        (B, S, D),
    )


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("norm_first", [True, False], ids=["pre-norm", "post-norm"])
@pytest.mark.parametrize("masks", ["causal", "source", "both", "all"])
def test_the_whole_is_pytorchs(masks, norm_first, training):
    theirs = nn.Transformer(D, H, 2, 2, FF, norm_first=norm_first, **OPTIONS)
    theirs.encoder.enable_nested_tensor = False
    unlike_the_start(theirs).train(training)
    ours = nn.ModuleList([EncoderStack.from_torch(theirs.encoder), DecoderStack.from_torch(theirs.decoder)])
    source = SOURCE if masks in ("source", "both", "all") else torch.ones_like(SOURCE)
    target, causal = TARGET if masks == "all" else None, masks in ("causal", "both", "all")

    def call(module, x, y):
        states, _, _ = module[0](x, source)
        return module[1](y, module[1].prepare_memory(states, source), target, causal=causal)[0]

    def their_call(module, x, y):
        return module(
            x,
            y,
            tgt_mask=~causal_mask(T) if causal else None,
            src_key_padding_mask=~source[:, 0],
            memory_key_padding_mask=~source[:, 0],
            tgt_key_padding_mask=None if target is None else ~target[:, 0],
        )

    compare(ours, theirs, call, their_call, (B, T, D))


def test_weights_are_those_of_pytorchs_attention():
    theirs = unlike_the_start(nn.TransformerDecoderLayer(D, H, FF, **OPTIONS))
    ours = DecoderLayer.from_torch(theirs)
    output, _, weights = ours(Y, ours.cross_attention.prepare(X), SOURCE, need_weights=True)
    attn = theirs.self_attn
    _, wanted = attn(Y, Y, Y, attn_mask=~causal_mask(T), average_attn_weights=False)
    torch.testing.assert_close(weights["self"], wanted, atol=1e-6, rtol=1e-4)
    assert weights["cross"].shape == (B, H, T, S)
    assert (weights["cross"].sum(-1) - 1).abs().max() < 1e-5
    assert (weights["cross"] * ~SOURCE[:, None]).sum() == 0
    torch.testing.assert_close(output, ours(Y, ours.cross_attention.prepare(X), SOURCE).x, atol=1e-5, rtol=1e-4)


def test_pytorchs_fast_path_gives_zeros_at_padding_and_ours_does_not():
    """In ``eval`` mode without gradients ``nn.TransformerEncoder`` may drop the padding and fill up with zeros."""
    layer = nn.TransformerEncoderLayer(D, H, FF, **OPTIONS)
    theirs = nn.TransformerEncoder(layer, 2).eval()
    ours = EncoderStack.from_torch(theirs)
    with torch.no_grad():
        fast = theirs(X, src_key_padding_mask=~SOURCE[:, 0])
        slow = ours(X, SOURCE)[0]
    real = SOURCE[:, 0]
    torch.testing.assert_close(slow[real], fast[real], atol=1e-5, rtol=1e-4)
    assert (fast[~real] == 0).all()
    assert (slow[~real] != 0).any()


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("need_weights", [True, False], ids=["weights", "fused"])
def test_no_layer_looks_ahead(training, need_weights):
    encoder, decoder = EncoderStack(2, D, H).train(training), DecoderStack(2, D, H).train(training)
    memory, changed = decoder.prepare_memory(X, SOURCE), Y.clone()
    changed[:, 4] += 100.0
    for call in (
        lambda y: encoder(y, causal=True, need_weights=need_weights)[0],
        lambda y: decoder(y, memory, need_weights=need_weights)[0],
    ):
        before, after = call(Y), call(changed)
        assert torch.equal(before[:, :4], after[:, :4])
        assert (before[:, 4:] != after[:, 4:]).any(dim=-1).all()


def test_where_the_norms_are():
    """Post-norm leaves normalized tokens. In pre-norm what comes in also goes through, whatever the layer adds."""
    post, pre = EncoderLayer(D, H), EncoderLayer(D, H, norm_first=True)
    assert post(X).x.mean(-1).abs().max() < 1e-5
    assert (post(X).x.var(-1, unbiased=False) - 1).abs().max() < 1e-3
    for module in (pre.self_attention.W_o, pre.feed_forward.W_2):
        nn.init.zeros_(module.weight)
        nn.init.zeros_(module.bias)
    assert torch.equal(pre(X).x, X)
    assert isinstance(EncoderStack(1, D, H, norm_first=True).norm, nn.LayerNorm)
    assert isinstance(EncoderStack(1, D, H).norm, nn.Identity)


def test_dropout_is_on_what_a_residual_adds():
    layer = EncoderLayer(D, H, dropout=0.5, norm_first=True)
    with torch.no_grad():
        for module in (layer.self_attention.W_o, layer.feed_forward.W_2):
            module.weight.zero_()
            module.bias.fill_(1.0)
    added = (layer(X).x - X).round().unique().tolist()
    assert added == [0, 2, 4]  # neither, one or both of two times 1 / (1 - 0.5)
    torch.testing.assert_close(layer.eval()(X).x, X + 2)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: EncoderLayer(D, 3), "num_heads must divide d_model"),
        (lambda: EncoderLayer(D, H, 0), "d_ff"),
        (lambda: EncoderLayer(D, H, dropout=1.0), "dropout"),
        (lambda: EncoderLayer(D, H, activation="tanh"), "activation must be one of relu, gelu"),
        (lambda: EncoderStack(0, D, H), "num_layers"),
        (lambda: EncoderLayer(D, H)(torch.zeros(2, 3, D + 1)), "x must be"),
        (
            lambda: EncoderLayer.from_torch(nn.TransformerEncoderLayer(D, H, activation=nn.Tanh())),
            "ReLU or GELU",
        ),
        (lambda: EncoderLayer.from_torch(nn.TransformerEncoderLayer(D, H, bias=False)), "biases"),
        (
            lambda: EncoderLayer.from_torch(nn.TransformerEncoderLayer(D, H, activation=nn.GELU("tanh"))),
            "ReLU or GELU",
        ),
    ],
)
def test_wrong_arguments_are_named(make, says):
    with pytest.raises(ValueError, match=says):
        make()
