"""Attention over pixels: against one head of attention over the flattened map, and against a loop over pixels."""

import math
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from attn_utils import attend
from attn_utils.vision import SelfAttention2d

KINDS = [(pooled, scale) for pooled in (False, True) for scale in (False, True)]


def block(channels=8, reduction=2, sigma=0.7, **options):
    """A block in eval mode that is switched on."""
    made = SelfAttention2d(channels, reduction, **options).eval()
    with torch.no_grad():
        made.sigma.fill_(sigma)
    return made


def pixel_by_pixel(made, x, *, pooled, scale):
    """The block on one image, shape (c, H, W), as loops over places: no reshaping, no softmax of PyTorch's."""
    theta, phi, g, out = (p.weight[:, :, 0, 0] for p in (made.theta, made.phi, made.g, made.out))
    _, height, width = x.shape
    step = 2 if pooled else 1
    squares = [
        [(r + i, c + j) for i in range(step) for j in range(step)]
        for r in range(0, height, step)
        for c in range(0, width, step)
    ]
    keys = [torch.stack([phi @ x[:, r, c] for r, c in square]).amax(0) for square in squares]
    values = [torch.stack([g @ x[:, r, c] for r, c in square]).amax(0) for square in squares]
    output, weights = torch.empty_like(x), torch.empty(height, width, len(squares))
    for r in range(height):
        for c in range(width):
            query = theta @ x[:, r, c]
            scores = [float(query @ key) / (math.sqrt(len(query)) if scale else 1.0) for key in keys]
            powers = [math.exp(score - max(scores)) for score in scores]
            weights[r, c] = torch.tensor([power / sum(powers) for power in powers])
            found = sum(w * value for w, value in zip(weights[r, c], values, strict=True))
            output[:, r, c] = x[:, r, c] + made.sigma * (out @ found)
    return output, weights


@pytest.mark.parametrize("need_weights", [False, True])
@pytest.mark.parametrize(("pooled", "scale"), KINDS)
def test_every_pixel_looks_at_every_other(pooled, scale, need_weights):
    made = block(pooled=pooled, scale=scale, value_channels=3)
    x = torch.randn(2, 8, 4, 6)
    before = x.clone()
    with torch.no_grad():
        output, weights = made(x, need_weights)
        for i in range(2):
            wanted, wanted_weights = pixel_by_pixel(made, x[i], pooled=pooled, scale=scale)
            assert_close(output[i], wanted, rtol=1e-4, atol=1e-5)
            if need_weights:
                assert_close(weights[i].view(4, 6, -1), wanted_weights, rtol=1e-4, atol=1e-5)
    assert need_weights or weights is None
    assert torch.equal(x, before)


def test_it_is_one_head_of_attention_over_the_flattened_pixels():
    made = block(8, 4, pooled=False, spectral_norm=False)
    x = torch.randn(3, 8, 5, 7)
    pixels = x.flatten(2).mT  # (b, H * W, c)
    W_q, W_k, W_v, W_o = (p.weight.flatten(1) for p in (made.theta, made.phi, made.g, made.out))
    found, wanted_weights = attend((pixels @ W_q.T) @ (pixels @ W_k.T).mT, pixels @ W_v.T)
    output, weights = made(x, need_weights=True)
    assert_close(weights, wanted_weights)
    assert_close(output, (pixels + made.sigma * found @ W_o.T).mT.view_as(x))


def test_it_is_pytorchs_multihead_attention_with_one_head():
    made = block(6, 1, pooled=False, scale=True, spectral_norm=False)
    theirs = nn.MultiheadAttention(6, 1, bias=False, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([p.weight.flatten(1) for p in (made.theta, made.phi, made.g)]))
        theirs.out_proj.weight.copy_(made.out.weight.flatten(1))
    x = torch.randn(2, 6, 3, 5)
    pixels = x.flatten(2).mT
    found, wanted_weights = theirs(pixels, pixels, pixels)
    output, weights = made(x, need_weights=True)
    assert_close(weights, wanted_weights)
    assert_close(output, x + made.sigma * found.mT.view_as(x))


def test_without_pooling_moved_pixels_give_moved_outputs():
    made = block(pooled=False)
    x, order = torch.randn(1, 8, 4, 5), torch.randperm(20)

    def move(y):
        return y.flatten(2)[:, :, order].view_as(y)

    assert_close(made(move(x))[0], move(made(x)[0]))


def test_it_begins_as_a_block_that_changes_nothing_and_can_learn():
    made = SelfAttention2d(16)
    x = torch.randn(2, 16, 4, 4)
    output, _ = made(x)
    assert made.sigma.item() == 0
    assert torch.equal(output, x)
    output.square().sum().backward()
    assert made.sigma.grad.abs() > 0
    assert not made.g.parametrizations.weight.original.grad.any()  # nothing flows through 0
    with torch.no_grad():
        made.sigma.fill_(0.1)
    made(x)[0].square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in made.parameters())


@pytest.mark.parametrize("pooled", [False, True])
def test_gradients_are_those_of_the_explicit_way(pooled):
    made = block(pooled=pooled, spectral_norm=False).double()
    x = torch.randn(2, 8, 4, 4, dtype=torch.float64)
    gradients = []
    for need_weights in (False, True):
        here = x.clone().requires_grad_()
        made.zero_grad()
        made(here, need_weights)[0].square().sum().backward()
        gradients.append([here.grad, *(parameter.grad for parameter in made.parameters())])
    for one, two in zip(*gradients, strict=True):
        assert_close(one, two)


def test_names_sizes_and_types():
    made = SelfAttention2d(64)
    assert {name: tuple(p.weight.shape) for name, p in made.named_children() if isinstance(p, nn.Conv2d)} == {
        "theta": (8, 64, 1, 1), "phi": (8, 64, 1, 1), "g": (8, 64, 1, 1), "out": (64, 8, 1, 1),
    }  # fmt: skip
    assert SelfAttention2d(64, value_channels=32).out.weight.shape == (64, 32, 1, 1)
    assert SelfAttention2d(50, 8).theta.weight.shape == (6, 50, 1, 1)
    queries, keys, values = SelfAttention2d(64, value_channels=5).project(torch.randn(2, 64, 6, 4))
    assert (queries.shape, keys.shape, values.shape) == ((2, 24, 8), (2, 6, 8), (2, 6, 5))
    assert "channels=64, pooled=True" in repr(made)
    half = block(spectral_norm=False).bfloat16()
    x = torch.randn(1, 8, 4, 4)
    output, weights = half(x.bfloat16(), need_weights=True)
    assert output.dtype == weights.dtype == torch.bfloat16
    with torch.autocast("cpu", torch.bfloat16):
        mixed, _ = block()(x)
    assert mixed.isfinite().all()


def test_spectral_norm_holds_every_projection_to_a_largest_singular_value_of_one():
    made = SelfAttention2d(16, 2)
    with torch.no_grad():
        for projection in (made.theta, made.phi, made.g, made.out):
            projection.parametrizations.weight.original.mul_(9)
    for _ in range(30):  # each pass in training mode makes a better estimate
        made(torch.randn(1, 16, 2, 2))
    made.eval()
    for projection in (made.theta, made.phi, made.g, made.out):
        largest = torch.linalg.matrix_norm(projection.weight.flatten(1), 2)
        assert_close(largest, torch.tensor(1.0), rtol=0.03, atol=0.0)
    plain = SelfAttention2d(16, 2, spectral_norm=False)
    assert {name for name, _ in plain.named_parameters()} == {
        *["theta.weight", "phi.weight", "g.weight", "out.weight", "sigma"],
    }


@pytest.mark.parametrize(("pooled", "grid"), [(False, (4, 6)), (True, (2, 3))])
def test_maps_are_rows_of_the_weights(pooled, grid):
    made = block(pooled=pooled)
    x = torch.randn(3, 8, 4, 6)
    _, weights = made(x, need_weights=True)
    maps = weights.view(3, 4, 6, *grid)
    shared = torch.tensor([[0, 0], [3, 5], [1, 2], [2, 1]])
    found = made.maps_at(x, shared)
    assert found.shape == (3, 4, *grid)
    for number, (row, column) in enumerate(shared):
        assert_close(found[:, number], maps[:, row, column])
    assert_close(found.sum((2, 3)), torch.ones(3, 4))
    own = torch.tensor([[[3, 5]], [[0, 1]], [[2, 0]]], dtype=torch.int16)
    found = made.maps_at(x, own)
    for i, (row, column) in enumerate(own[:, 0].tolist()):
        assert_close(found[i, 0], maps[i, row, column])


def test_places_of_a_large_map_are_counted_in_large_numbers():
    made, x = block(pooled=False), torch.randn(1, 8, 12, 24)
    _, weights = made(x, need_weights=True)
    found = made.maps_at(x, torch.tensor([[11, 23]], dtype=torch.int8))  # number 287: more than int8 holds
    assert_close(found[0, 0].flatten(), weights[0, -1])


def test_any_size_that_can_be_pooled():
    made = block()
    for height, width in ((2, 2), (2, 14), (6, 4)):
        output, weights = made(torch.randn(1, 8, height, width), need_weights=True)
        assert output.shape == (1, 8, height, width)
        assert weights.shape == (1, height * width, height * width // 4)
    assert block(pooled=False)(torch.randn(1, 8, 1, 3))[0].shape == (1, 8, 1, 3)


X = torch.randn(2, 8, 4, 6)


@pytest.mark.parametrize(
    ("wrong", "wanted"),
    [
        (lambda: SelfAttention2d(0), "channels must be a positive integer, got 0"),
        (lambda: SelfAttention2d(8, 0), "reduction must be a positive integer, got 0"),
        (lambda: SelfAttention2d(7), "reduction must be at most channels = 7, got 8"),
        (lambda: SelfAttention2d(8, value_channels=0), "value_channels must be a positive integer, got 0"),
        (lambda: block()(X[0]), r"x must be floating point of shape \(b, 8, H, W\).* got torch.float32 .*\(8, 4, 6\)"),
        (lambda: block()(X[:, :5]), r"x must be .* \(b, 8, H, W\).* got .*\(2, 5, 4, 6\)"),
        (lambda: block()(X.int()), r"x must be floating point .* got torch.int32"),
        (lambda: block()(X[:, :, :0]), r"x must be .* H, W > 0, got .*\(2, 8, 0, 6\)"),
        (lambda: block()(X[:, :, :3]), r"x must have an even height and width .* got \(2, 8, 3, 6\)"),
        (lambda: block().project(X[..., :5]), r"x must have an even height and width .* got \(2, 8, 4, 5\)"),
        (lambda: block().maps_at(X, torch.zeros(1, 2)), r"points must be an integer tensor .* got torch.float32"),
        (lambda: block().maps_at(X, torch.zeros(2).long()), r"points must be an integer tensor .* shape \(2,\)"),
        (lambda: block().maps_at(X, torch.zeros(1, 3).long()), r"points must have shape .* \(2, points, 2\), got"),
        (lambda: block().maps_at(X, torch.zeros(3, 1, 2).long()), r"points must have shape .* got \(3, 1, 2\)"),
        (lambda: block().maps_at(X, torch.tensor([[0, 5], [4, 0]])), r"rows from 0 to 3 .* 0 to 5, got \[0, 0\] to"),
        (lambda: block().maps_at(X, torch.tensor([[0, -1]])), r"points must be rows .* got \[0, -1\]"),
        (lambda: block().maps_at(X[:, :, :3], torch.tensor([[0, 0]])), "x must have an even height"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_refused_with_what_is_wanted(wrong, wanted):
    with pytest.raises(ValueError, match=wanted):
        wrong()


# PyTorch's own remark: the fused function has no batching rule, and loops.
@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("need_weights", [False, True])
def test_what_pytorch_does_to_functions(need_weights):
    made, x = block(), torch.randn(2, 8, 4, 6)
    wanted = made(x, need_weights)[0]
    torch.compiler.reset()
    compiled = torch.compile(made, backend="eager", fullgraph=True)
    assert_close(compiled(x, need_weights)[0], wanted)
    exported = torch.export.export(made, (x, need_weights), strict=False)
    assert_close(exported.module()(x, need_weights)[0], wanted)
    mapped = torch.vmap(lambda y: made(y[None], need_weights)[0][0])(x)
    assert_close(mapped, wanted)
    page = (Path(__file__).parents[2] / "appendix" / "api.md").read_text()
    assert "| `SelfAttention2d`, fused | yes | yes | yes | in a loop of PyTorch's | no |" in page
    assert "| `SelfAttention2d` with weights | yes | yes | yes | yes | yes |" in page


def test_weights_come_with_all_derivatives():
    made = block(spectral_norm=False, pooled=False).double()
    x = torch.randn(1, 8, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda y: made(y, need_weights=True)[0], x)
    assert torch.func.jvp(lambda y: made(y, need_weights=True)[0], (x,), (torch.ones_like(x),))[1].isfinite().all()
