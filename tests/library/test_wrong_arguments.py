"""Every wrong argument is a ValueError that names the argument, what it got and what it wants."""

import math

import pytest
import torch

from attn_utils import attend, causal_mask, length_mask, masked_softmax, padding_mask
from attn_utils.attention import log_sum_exp
from attn_utils.data.regression import make_regression
from attn_utils.kernels import KERNELS, Gaussian, NadarayaWatson, gaussian
from attn_utils.scoring import AdditiveScore, Attention, DotScore, GeneralScore, ScaledDotScore

ONES = torch.ones
NAN = float("nan")

MASKS_AND_SCORES = [
    (lambda: masked_softmax(ONES(2, 3).int()), r"scores must be a floating-point .* got torch.int32"),
    (lambda: masked_softmax(torch.tensor(1.0)), r"scores must be .* got torch.float32 of shape \(\)"),
    (lambda: masked_softmax(ONES(2, 3), ONES(2, 3)), "mask must be boolean.* got torch.float32"),
    (lambda: masked_softmax(ONES(2, 3), ONES(2, 4).bool()), r"mask of shape \(2, 4\) must broadcast .*\(2, 3\)"),
    (lambda: masked_softmax(ONES(2, 3), ONES(5, 2, 3).bool()), r"mask of shape \(5, 2, 3\) must broadcast .*\(2, 3\)"),
    (lambda: attend(ONES(3), ONES(3, 1)), r"scores must have shape \(..., q, k\), got \(3,\)"),
    (lambda: attend(ONES(2, 3), ONES(4, 1)), r"values must have .* k = 3 .* got \(4, 1\)"),
    (lambda: attend(ONES(2, 3), ONES(3)), r"values must have .* got \(3,\)"),
    (lambda: attend(ONES(2, 3), ONES(3, 1).double()), "values must have the type of scores.* got torch.float64"),
    (lambda: attend(ONES(2, 2, 3), ONES(5, 3, 1)), r"values \(5, 3, 1\) must have batch .* scores \(2, 2, 3\)"),
    (lambda: length_mask(torch.tensor([2, 4]), 3), "lengths must lie between 0 and num_keys = 3, got .* 2 to 4"),
    (lambda: length_mask(torch.tensor([-1, 2]), 3), "lengths must lie .* got values from -1 to 2"),
    (lambda: length_mask(torch.tensor([1.0]), 3), "lengths must be an integer tensor .* got torch.float32"),
    (lambda: length_mask(torch.tensor([True]), 3), "lengths must be an integer tensor .* got torch.bool"),
    (lambda: length_mask(torch.tensor(2), 3), r"lengths must be an integer tensor .* got .* shape \(\)"),
    (lambda: length_mask(torch.tensor([0]), -1), "num_keys must be at least 0, got -1"),
    (lambda: causal_mask(-1), "num_queries must be at least 0, got -1"),
    (lambda: causal_mask(4, 3), "num_keys must be at least num_queries = 4, got 3"),
    (lambda: padding_mask(torch.tensor([1, 2]), 0), r"tokens must be .* shape \(batch, k\), got .* \(2,\)"),
    (lambda: padding_mask(ONES(1, 2), 0), "tokens must be an integer tensor.* got torch.float32"),
    (lambda: padding_mask(ONES(1, 2).bool(), 0), "tokens must be an integer tensor.* got torch.bool"),
    (
        lambda: padding_mask(ONES(1, 2, dtype=torch.complex64), 0),
        "tokens must be an integer tensor.* got torch.complex",
    ),
    (lambda: length_mask(torch.tensor([100], dtype=torch.int8), 99), "lengths must lie .* 99, got values from 100 to"),
    (lambda: attend(ONES(2, 3), ONES(3, 1), dropout=1.0), "dropout must be at least 0 and less than 1, got 1.0"),
    (lambda: attend(ONES(2, 3).half(), ONES(3, 1)), "values must have the type of scores, torch.float16, got .*32"),
    (lambda: log_sum_exp(ONES(2, 3).int()), r"scores must be a floating-point .* got torch.int32"),
    (lambda: log_sum_exp(ONES(2, 3), ONES(2, 3)), "mask must be boolean"),
]

KERNELS_AND_DATA = [
    (lambda: gaussian(ONES(2, 3).int(), ONES(2, 3)), "queries must be floating point.* got torch.int32"),
    (lambda: gaussian(ONES(3), ONES(2, 3)), r"queries must be .* got torch.float32 of shape \(3,\)"),
    (lambda: gaussian(ONES(2, 0), ONES(2, 0)), r"queries must be .* d > 0, got .* \(2, 0\)"),
    (lambda: gaussian(ONES(2, 3), ONES(2, 4)), r"keys must be .* \(..., length, 3\), got .* \(2, 4\)"),
    (lambda: gaussian(ONES(2, 3), ONES(3)), r"keys must be .* got .* \(3,\)"),
    (lambda: gaussian(ONES(2, 3), ONES(2, 3).double()), "keys must have the type of queries, torch.float32, got .*64"),
    (lambda: gaussian(ONES(4, 2, 3), ONES(5, 2, 3)), r"keys \(5, 2, 3\) must have batch .* queries \(4, 2, 3\)"),
    (lambda: gaussian(ONES(2, 1), ONES(2, 1), ONES(2)), r"width must be a number or .* got shape \(2,\)"),
    (lambda: gaussian(ONES(2, 1), ONES(2, 1), torch.tensor(-2.0)), r"width must be positive and finite.* got -2.0"),
    (lambda: gaussian(ONES(2, 1), ONES(2, 1), 1e-50), r"width must be positive .* in torch.float32, got 1e-50"),
    (lambda: NadarayaWatson("cosine"), "kernel must be one of gaussian, box, triangle, epanechnikov, got 'cosine'"),
    (lambda: NadarayaWatson("box", fused=True), "fused must be False for the box kernel.* got True"),
    (lambda: Gaussian([1.0, -1.0]), r"width must be positive and finite, .* got \[1.0, -1.0\]"),
    (lambda: Gaussian([[1.0]]), r"width must be .* a number or one for each head, got \[\[1.0\]\]"),
    (lambda: Gaussian()(ONES(2, 3), ONES(2, 4)), r"keys must be .* \(..., length, 3\), got .* \(2, 4\)"),
    (lambda: NadarayaWatson("box", learn_width=True), "learn_width must be False for the box kernel.* got True"),
    (lambda: NadarayaWatson()(ONES(2, 1), ONES(3, 1), ONES(4, 1)), r"values must have .* k = 3 .* got \(4, 1\)"),
    (lambda: NadarayaWatson()(ONES(2, 1), ONES(3, 1), ONES(3, 1), ONES(2, 3)), "mask must be boolean"),
    (lambda: NadarayaWatson().leave_one_out(ONES(3, 1), ONES(4, 1)), "values must have .* k = 3"),
    (lambda: make_regression(0), "num_train must be a positive integer, got 0"),
    (lambda: make_regression(True), "num_train must be a positive integer, got True"),
    (lambda: make_regression(2.5), "num_train must be a positive integer, got 2.5"),
    (lambda: make_regression(noise=-0.1), "noise must be at least 0 and finite, got -0.1"),
]

# What both ways through Attention must refuse in the same words.
FITTING = [
    ((ONES(2, 3), ONES(5, 4), ONES(5, 1)), "keys must be"),
    ((ONES(2, 3), ONES(5, 3), ONES(4, 1)), r"values must have .* k = 5 .* got \(4, 1\)"),
    ((ONES(2, 3), ONES(5, 3), ONES(5)), r"values must have .* got \(5,\)"),
    ((ONES(2, 3), ONES(5, 3), ONES(5, 1).double()), "values must have the type of scores"),
    ((ONES(2, 3), ONES(5, 3).double(), ONES(5, 1)), "keys must have the type of queries"),
    ((ONES(2, 2, 3), ONES(4, 5, 3), ONES(4, 5, 1)), "keys .* must have batch dimensions that broadcast"),
    ((ONES(2, 2, 3), ONES(2, 5, 3), ONES(4, 5, 1)), "values .* must have batch dimensions that broadcast"),
    ((ONES(2, 3), ONES(5, 3), ONES(5, 1), ONES(2, 5)), "mask must be boolean.* got torch.float32"),
    ((ONES(2, 3), ONES(5, 3), ONES(5, 1), ONES(2, 4).bool()), r"mask of shape \(2, 4\) must broadcast .*\(2, 5\)"),
    ((ONES(2, 3), ONES(5, 3), ONES(5, 1), ONES(7, 2, 5).bool()), r"mask of shape \(7, 2, 5\) must broadcast"),
    ((ONES(3), ONES(5, 3), ONES(5, 1)), r"queries must be .* got .* \(3,\)"),
    ((ONES(2, 3).int(), ONES(5, 3).int(), ONES(5, 1)), "queries must be floating point"),
]

SCORES = [
    *[(lambda s=size: GeneralScore(s, 3), "query_size must be a positive integer, got") for size in (0, -3, 2.0, True)],
    (lambda: GeneralScore(3, -1), "key_size must be a positive integer, got -1"),
    (lambda: AdditiveScore(0, 3, 4), "query_size must be a positive integer, got 0"),
    (lambda: AdditiveScore(3, 0, 4), "key_size must be a positive integer, got 0"),
    (lambda: AdditiveScore(3, 3, 1.5), "hidden_size must be a positive integer, got 1.5"),
    (lambda: AdditiveScore(3, 4, 5).prepare_keys(ONES(2, 3)), r"keys must be .* \(..., length, 4\), got .* \(2, 3\)"),
    (lambda: GeneralScore(3, 4).prepare_keys(ONES(2, 3)), r"keys must be .* \(..., length, 4\), got .* \(2, 3\)"),
    (lambda: AdditiveScore(3, 4, 5)(ONES(2, 4), ONES(2, 5)), r"queries must be .* \(..., length, 3\), got .* \(2, 4\)"),
    (
        lambda: AdditiveScore(3, 4, 5)(ONES(2, 3), ONES(2, 4)),
        r"prepared_keys must be .* \(..., length, 5\), got .* \(2, 4\)",
    ),
    (lambda: AdditiveScore(3, 4, 5)(ONES(2, 2, 3), ONES(7, 2, 5)), "keys .* must have batch dimensions that broadcast"),
    *[
        (lambda p=p: Attention(DotScore(), p), "dropout must be at least 0 and less than 1, got")
        for p in (-0.1, 1.0, NAN)
    ],
    (lambda: Attention("dot"), "score must be a module with a method prepare_keys, got 'dot'"),
    (lambda: Attention(torch.nn.Linear(2, 2)), "score must be a module with a method prepare_keys, got Linear"),
]


HEADS = ONES(1, 4, 5, 3), ONES(1, 2, 5, 3)
OPTIONS = [
    (
        lambda a: a(ONES(3, 2), ONES(2, 2), ONES(2, 2), causal=True),
        "causal must be False for more queries than keys, got 3",
    ),
    (
        lambda a: a(*HEADS, ONES(1, 4, 5, 3), grouped_heads=True),
        r"grouped_heads must be False, or .* values \(1, 4, 5, 3",
    ),
    (lambda a: a(HEADS[0], ONES(1, 3, 5, 3), ONES(1, 3, 5, 3), grouped_heads=True), r"grouped_heads must .* divides"),
    (lambda a: a(ONES(2, 3), ONES(5, 3), ONES(5, 3), grouped_heads=True), "grouped_heads must be False"),
    (lambda a: a(*HEADS, HEADS[1]), "keys .* must have batch dimensions that broadcast"),
    (
        lambda a: a(*HEADS, HEADS[1], ONES(3, 5, 5).bool(), grouped_heads=True),
        r"mask of shape \(3, 5, 5\) must broadcast",
    ),
    (
        lambda a: a(ONES(2, 3), ONES(5, 3), ONES(5, 3), key_positions=ONES(1, 5)),
        "key_positions must be None for .*Score",
    ),
    (
        lambda a: a(ONES(2, 3), ONES(5, 3), ONES(5, 3), query_positions=ONES(2)),
        "query_positions must be None for .*Score",
    ),
    (
        lambda a: a.prepare_keys(ONES(5, 3), ONES(1, 5)),
        "positions must be None for .*Score, which looks at no positions",
    ),
]


@pytest.mark.parametrize("score", [DotScore(), AdditiveScore(3, 3, 4)], ids=["fused", "explicit"])
@pytest.mark.parametrize(("call", "message"), OPTIONS)
def test_wrong_option(call, message, score):
    with pytest.raises(ValueError, match=message):
        call(Attention(score))


@pytest.mark.parametrize(("call", "message"), [*MASKS_AND_SCORES, *KERNELS_AND_DATA, *SCORES])
def test_wrong_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize(("arguments", "message"), FITTING)
def test_both_ways_through_attention_refuse_the_same(arguments, message, need_weights):
    for score in (DotScore(), ScaledDotScore()):
        with pytest.raises(ValueError, match=message):
            Attention(score)(*arguments, need_weights=need_weights)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("width", [0, 0.0, -1.0, math.inf, NAN])
def test_wrong_width(kernel, width):
    with pytest.raises(ValueError, match=r"width must be positive and finite.* got"):
        KERNELS[kernel](ONES(2, 1), ONES(2, 1), width)
    with pytest.raises(ValueError, match=r"width must be positive and finite.* got"):
        NadarayaWatson(kernel, width)
