"""What PyTorch does to functions, done to ours: autocast, compile, export, vmap, derivatives of derivatives.

The API reference has a table of what works. A test reads it there.
"""

from pathlib import Path

import pytest
import torch
from torch import nn

from attn_utils import attend, length_mask, masked_softmax, padding_mask
from attn_utils.attention import log_sum_exp
from attn_utils.kernels import KERNELS, SCORES, NadarayaWatson
from attn_utils.multi_head import MultiHeadAttention
from attn_utils.scoring import AdditiveScore, Attention, DotScore, GeneralScore, ScaledDotScore

# PyTorch's own remarks: the fused function has no batching rule, and loops.
pytestmark = pytest.mark.filterwarnings("ignore:There is a performance drop", "ignore:.*isinstance\\(treespec")

q, k, v = torch.randn(4, 3, 6), torch.randn(4, 5, 6), torch.randn(4, 5, 2)
mask = length_mask(torch.tensor([5, 3, 0, 4]), 5)


def module(score, **options):
    """Attention as a function of tensors, in eval mode."""
    attention = Attention(score).eval()
    return lambda *x: attention(*x, **options)[0]


torch.manual_seed(0)
DOTS = {
    "dot": DotScore(),
    "scaled dot": ScaledDotScore(),
    "general": GeneralScore(6, 6),
    "Gaussian": SCORES["gaussian"](2.0),
}
HEADS, GROUPS = MultiHeadAttention(6, 3), MultiHeadAttention(6, 3, num_kv_heads=1)


def heads(attention, **options):
    """Multi-head attention with its values made from the keys."""
    return lambda q, k, mask: attention(q, k, mask=mask, **options)[0]


OTHERS = {"additive": AdditiveScore(6, 6, 4), "box": SCORES["box"](5.0), "triangle": SCORES["triangle"](9.0)}
EXPLICIT = {
    "masked_softmax": (masked_softmax, (q @ k.mT, mask)),
    "log_sum_exp": (log_sum_exp, (q @ k.mT, mask)),
    "attend": (attend, (q @ k.mT, v, mask)),
    **{name: (lambda *x, f=f: f(*x, width=9.0), (q, k)) for name, f in KERNELS.items()},
    **{
        f"NadarayaWatson, {name}": (lambda *x, m=m: m(*x)[0], (q, k, v, mask))
        for name, m in [(name, NadarayaWatson(name, 9.0)) for name in KERNELS]
    },
    **{f"Attention, {n}, weights": (module(s, need_weights=True), (q, k, v, mask)) for n, s in (DOTS | OTHERS).items()},
    **{f"Attention, {n}": (module(s), (q, k, v, mask)) for n, s in OTHERS.items()},
    "heads, weights": (heads(HEADS, need_weights=True), (q, k, mask)),
    "grouped heads, weights": (heads(GROUPS, need_weights=True), (q, k, mask)),
}
FUSED = {
    **{f"Attention, {n}, fused": (module(s), (q, k, v, mask)) for n, s in DOTS.items()},
    "Attention, scaled dot, fused, causal": (module(DOTS["scaled dot"], causal=True), (q, k, v, mask)),
    "heads, fused": (heads(HEADS), (q, k, mask)),
    "heads, fused, causal": (heads(HEADS, causal=True), (q, k, mask)),
    "grouped heads, fused": (heads(GROUPS), (q, k, mask)),
}
MASKS = {
    "length_mask": (lambda n: length_mask(n, 5), (torch.tensor([[1, 2], [3, 0]]),)),
    "padding_mask": (lambda t: padding_mask(t, 0), (torch.tensor([[[1, 0]], [[0, 2]]]),)),
}
EVERYTHING = EXPLICIT | FUSED | MASKS


def first(result):
    return result[0] if isinstance(result, tuple) else result


def on_the_rest(name):
    """``padding_mask`` takes a batch and so does ``vmap``: it has one dimension more to begin with."""
    function, tensors = EVERYTHING[name]
    return function, (tensors[0][0],) if name == "padding_mask" else tensors


@pytest.mark.parametrize("name", EVERYTHING)
def test_compiles_into_one_graph(name):
    torch.compiler.reset()
    function, tensors = on_the_rest(name)
    compiled = torch.compile(function, backend="eager", fullgraph=True)
    torch.testing.assert_close(first(compiled(*tensors)), first(function(*tensors)))


# The lowest version allowed exports a module that belongs to the exported one; here a function holds it.
@pytest.mark.skipif(torch.__version__ < "2.6", reason="see test_a_module_exports_strictly")
@pytest.mark.parametrize("name", EVERYTHING)
def test_exports(name):
    function, tensors = on_the_rest(name)

    class Module(nn.Module):
        def forward(self, *x):
            return first(function(*x))

    exported = torch.export.export(Module(), tensors, strict=False)
    torch.testing.assert_close(exported.module()(*tensors), first(function(*tensors)))


@pytest.mark.parametrize("score", [GeneralScore(6, 6), AdditiveScore(6, 6, 4)], ids=["fused", "explicit"])
def test_a_module_exports_strictly(score):
    torch.compiler.reset()
    attention = Attention(score)
    exported = torch.export.export(attention, (q, k, v, mask), strict=True)
    torch.testing.assert_close(exported.module()(q, k, v, mask)[0], attention(q, k, v, mask)[0])


@pytest.mark.parametrize("name", EVERYTHING)
def test_vmap_is_a_batch_dimension(name):
    function, tensors = EVERYTHING[name]
    mapped = torch.vmap(lambda *x: first(function(*x)))(*tensors)
    expected = torch.stack([first(function(*x)) for x in zip(*tensors, strict=True)])
    torch.testing.assert_close(mapped, expected)


@pytest.mark.parametrize("kernel", KERNELS)
def test_vmap_over_widths(kernel):
    widths = torch.tensor([4.0, 7.0, 20.0])
    mapped = torch.vmap(lambda h: KERNELS[kernel](q[0], k[0], h))(widths)
    torch.testing.assert_close(mapped, torch.stack([KERNELS[kernel](q[0], k[0], h) for h in widths]))
    torch.testing.assert_close(mapped, KERNELS[kernel](q[0], k[0], widths[:, None, None]))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", EXPLICIT | FUSED)
def test_autocast_works_as_for_pytorchs_own_modules(name, dtype):
    function, tensors = EVERYTHING[name]
    exact = first(function(*tensors))
    inputs = [x.clone().requires_grad_(x.is_floating_point()) for x in tensors]
    with torch.autocast("cpu", dtype):
        output = first(function(*inputs))
        mixed = first(function(*(x.to(dtype) if x.is_floating_point() and x.ndim == 3 else x for x in tensors)))
    finite = exact.isfinite()
    for result in (output, mixed):
        assert torch.equal(result.isfinite(), finite)
        torch.testing.assert_close(result.float()[finite], exact[finite], rtol=0.05, atol=0.15)
    output[finite].sum().backward() if output.requires_grad else None
    assert all(x.grad is None or x.grad.isfinite().all() for x in inputs)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_takes_scores_that_it_made_itself(dtype):
    with torch.autocast("cpu", dtype):
        output, weights = attend(q @ k.mT, v, mask)
        assert (q @ k.mT).dtype == dtype
    torch.testing.assert_close(output.float(), attend(q @ k.mT, v, mask)[0], rtol=0, atol=0.1)
    assert not weights[2].any()


@pytest.mark.parametrize("need_weights", [False, True])
def test_autocast_does_not_mix_float64_with_anything(need_weights):
    with torch.autocast("cpu", torch.bfloat16):
        with pytest.raises(ValueError, match="values must have the type of scores"):
            Attention(DotScore())(q, k, v.double(), need_weights=need_weights)
        with pytest.raises(ValueError, match="keys must have the type of queries"):
            Attention(DotScore())(q, k.double(), v, need_weights=need_weights)
        output, _ = Attention(DotScore())(q.double(), k.double(), v.double(), need_weights=need_weights)
    torch.testing.assert_close(output, Attention(DotScore())(q.double(), k.double(), v.double())[0])


def double(tensors):
    return tuple(x.double() if x.is_floating_point() else x for x in tensors)


@pytest.mark.parametrize(
    "name", [n for n in EXPLICIT if not any(part in n for part in ("general", "additive", "heads"))]
)
def test_the_explicit_way_has_all_derivatives(name):
    function, tensors = EXPLICIT[name]
    points = [x[:2, :2].requires_grad_() for x in double(tensors) if x.is_floating_point()]
    allowed = [mask[:2, :, : points[-1].shape[-2] if "Atten" in name or "Nada" in name or name == "attend" else 2]]
    if name in {"masked_softmax", "log_sum_exp"}:
        points, allowed = [points[0]], [mask[:2]]
    if name == "attend":
        points, allowed = [points[0], double(tensors)[1][:2].requires_grad_()], [mask[:2]]
    rest = allowed if len(tensors) > len(points) else []

    def output(*x):
        result = first(function(*x, *rest))
        return result.masked_fill(result.isinf(), 0.0)  # a box is −∞ outside

    if output(*points).requires_grad:  # the scores of a box are a step
        assert torch.autograd.gradgradcheck(output, points)
        direction = tuple(torch.ones_like(x) for x in points)
        assert torch.func.jvp(output, tuple(points), direction)[1].isfinite().all()


@pytest.mark.parametrize("num_kv_heads", [1, 3])
def test_heads_with_weights_have_all_derivatives(num_kv_heads):
    module = MultiHeadAttention(6, 3, num_kv_heads=num_kv_heads).double()
    x = q[:2, :2].double().requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: module(x, need_weights=True)[0], x)
    assert torch.func.jvp(lambda x: module(x, need_weights=True)[0], (x,), (torch.ones_like(x),))[1].isfinite().all()


def test_the_fused_way_has_first_derivatives_and_says_so():
    queries = q.clone().requires_grad_()
    fused, explicit = module(DotScore()), module(DotScore(), need_weights=True)
    (gradient,) = torch.autograd.grad(fused(queries, k, v).square().sum(), queries, create_graph=True)
    (expected,) = torch.autograd.grad(explicit(queries, k, v).square().sum(), queries, create_graph=True)
    torch.testing.assert_close(gradient, expected)
    with pytest.raises(RuntimeError, match="not implemented"):
        gradient.sum().backward()
    expected.sum().backward()
    for docstring in (Attention.forward.__doc__,):
        assert "first derivatives only" in docstring
        assert "need_weights=True" in docstring


def test_the_table_in_the_reference_says_what_is_tested_here():
    page = (Path(__file__).parents[2] / "appendix" / "api.md").read_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line[:1] == "|"]
    table = {row[0]: row[1:] for row in rows}
    assert table["masks"] == ["no floats in them", "yes", "yes", "yes", "no floats in them"]
    assert table["kernels, `masked_softmax`, `log_sum_exp`, `attend`"] == ["yes"] * 5
    assert table["`Attention`, `NadarayaWatson`, `MultiHeadAttention`, explicit"] == ["yes"] * 5
    fused = table["`Attention`, `NadarayaWatson`, `MultiHeadAttention`, fused"]
    assert fused == ["yes", "yes", "yes", "in a loop of PyTorch's", "no"]
