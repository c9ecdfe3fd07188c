"""Scores that look at positions: rotary and ALiBi, against closed forms, in a cache, explicit and fused."""

import math

import pytest
import torch

from attn_utils.alibi import AlibiScore, alibi_slopes
from attn_utils.attention import answer, causal_mask
from attn_utils.rotary import RotaryScore, rotary_permutation, rotate

PAIRINGS = {"interleaved": lambda m, d: (2 * m, 2 * m + 1), "half-split": lambda m, d: (m, m + d // 2)}
SCORES = {
    "rotary": lambda: RotaryScore(8),
    "rotary, half-split": lambda: RotaryScore(8, pairing="half-split"),
    "rotary, interpolated": lambda: RotaryScore(8, scaling="interpolation", factor=4.0),
    "rotary, NTK": lambda: RotaryScore(8, scaling="ntk", factor=4.0),
    "ALiBi, causal": lambda: AlibiScore(4, causal=True),
    "ALiBi, both directions": lambda: AlibiScore(4, causal=False),
}
QUERIES, KEYS, VALUES = (torch.randn(2, 4, 9, 8, generator=torch.Generator().manual_seed(i)) for i in range(3))
PLACES = torch.arange(9).expand(2, 9)


def scores(score, queries, keys, at_queries, at_keys):
    return score(queries, score.prepare_keys(keys, at_keys), at_queries)


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_rotary_is_the_rotation_of_the_paper_number_by_number(pairing):
    """Equation 16: q turned by -p, times k turned by -p', is q times k turned by their offset."""
    d, score = 8, RotaryScore(8, pairing=pairing)
    q, k = QUERIES[0, 0, :1].double(), KEYS[0, 0, :1].double()
    for at_query, at_key in [(0, 0), (3, 1), (5, 40), (1000, 1007)]:
        wanted = 0.0
        for m in range(d // 2):
            one, other = PAIRINGS[pairing](m, d)
            angle = (at_key - at_query) * 10000.0 ** (-2 * m / d)
            cos, sin = math.cos(angle), math.sin(angle)
            wanted += float(q[0, one] * (cos * k[0, one] - sin * k[0, other]))
            wanted += float(q[0, other] * (sin * k[0, one] + cos * k[0, other]))
        got = scores(score, q, k, torch.tensor([at_query]), torch.tensor([at_key]))
        assert float(got) == pytest.approx(wanted / math.sqrt(d), abs=1e-9)


@pytest.mark.parametrize("name", SCORES)
def test_only_the_offset_counts(name):
    score = SCORES[name]()
    here = scores(score, QUERIES, KEYS, PLACES, PLACES)
    there = scores(score, QUERIES, KEYS, PLACES + 90, PLACES + 90)
    torch.testing.assert_close(here, there, atol=2e-5, rtol=0)
    elsewhere = scores(score, QUERIES, KEYS, PLACES + 1, PLACES)
    assert (here - elsewhere).abs().max() > 1e-3


def test_alibi_is_a_straight_line_of_the_distance():
    slopes = torch.tensor([2.0**-2, 2.0**-4, 2.0**-6, 2.0**-8])
    plain = QUERIES @ KEYS.mT / math.sqrt(8)
    distance = (torch.arange(9)[:, None] - torch.arange(9)).abs()
    wanted = plain - slopes[:, None, None] * distance
    both = scores(SCORES["ALiBi, both directions"](), QUERIES, KEYS, PLACES, PLACES)
    torch.testing.assert_close(both, wanted)
    causal = scores(SCORES["ALiBi, causal"](), QUERIES, KEYS, PLACES, PLACES)
    seen = causal_mask(9)
    torch.testing.assert_close(causal[..., seen], wanted[..., seen])


def test_slopes_are_those_of_the_authors_code():
    assert alibi_slopes(8).tolist() == [2.0**-i for i in range(1, 9)]
    assert alibi_slopes(1).tolist() == [2.0**-8]
    assert alibi_slopes(6).tolist() == [2.0**-2, 2.0**-4, 2.0**-6, 2.0**-8, 2.0**-1, 2.0**-3]


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("grouped", [False, True])
def test_explicit_and_fused_agree_and_a_cache_gives_the_same(name, grouped):
    score, causal = SCORES[name](), name != "ALiBi, both directions"
    keys, values = (x[:, :2] if grouped else x for x in (KEYS, VALUES))
    options = {"causal": causal, "grouped_heads": grouped}
    at = {"query_positions": PLACES, "key_positions": PLACES}
    explicit, weights = answer(score, QUERIES, keys, values, need_weights=True, **at, **options)
    fused, _ = answer(score, QUERIES, keys, values, **at, **options)
    torch.testing.assert_close(fused, explicit, atol=2e-5, rtol=1e-4)
    assert weights.sum(-1) == pytest.approx(torch.ones(2, 4, 9), abs=1e-5)
    # The last three tokens come after the cache of the first six; keys are turned once, where they stand.
    prepared = [score.prepare_keys(keys[..., rows, :], PLACES[:, rows]) for rows in (slice(6), slice(6, 9))]
    cached, _ = answer(
        score, QUERIES[..., 6:, :], torch.cat(prepared, -2), values, keys_prepared=True, query_positions=PLACES[:, 6:],
        **options,
    )  # fmt: skip
    torch.testing.assert_close(cached, explicit[..., 6:, :], atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("name", SCORES)
def test_gradients_agree(name):
    score, causal = SCORES[name](), name != "ALiBi, both directions"
    found = []
    for need_weights in (False, True):
        tensors = [x.clone().requires_grad_() for x in (QUERIES, KEYS, VALUES)]
        at = {"query_positions": PLACES, "key_positions": PLACES}
        output, _ = answer(score, *tensors, causal=causal, need_weights=need_weights, **at)
        output.square().sum().backward()
        found.append([x.grad for x in tensors])
    torch.testing.assert_close(*found, atol=1e-4, rtol=1e-3)


def test_the_permutation_turns_one_pairing_into_the_other():
    order = rotary_permutation(8)
    assert order.tolist() == [0, 2, 4, 6, 1, 3, 5, 7]
    interleaved, half = RotaryScore(8), RotaryScore(8, pairing="half-split")
    wanted = scores(interleaved, QUERIES, KEYS, PLACES, PLACES)
    torch.testing.assert_close(scores(half, QUERIES[..., order], KEYS[..., order], PLACES, PLACES), wanted)
    assert (scores(half, QUERIES, KEYS, PLACES, PLACES) - wanted).abs().max() > 0.1  # mixed up: other scores


def test_scaling_slows_what_it_says():
    """Of pair m: interpolation by the factor, NTK from not at all (first pair) to the factor (last pair)."""
    plain, by_four, ntk = (SCORES[name]().omega for name in ("rotary", "rotary, interpolated", "rotary, NTK"))
    torch.testing.assert_close(plain / by_four, torch.full((4,), 4.0).double())
    slowed = plain / ntk
    assert float(slowed[0]) == 1.0
    assert float(slowed[-1]) == pytest.approx(4.0)
    assert slowed.tolist() == sorted(slowed.tolist())


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_type_and_inputs_stay(name, dtype):
    score, x = SCORES[name](), QUERIES.to(dtype)
    before = x.clone()
    assert scores(score, x, x, PLACES, PLACES).dtype == dtype
    assert torch.equal(x, before)


def test_positions_of_fractions_and_below_0():
    score = RotaryScore(8)
    half = scores(score, QUERIES, KEYS, PLACES / 2 - 3, PLACES / 2 - 3)
    torch.testing.assert_close(half, scores(score, QUERIES, KEYS, PLACES / 2, PLACES / 2), atol=1e-5, rtol=0)


def test_wrong_arguments():
    rotary, alibi = RotaryScore(8), AlibiScore(4, causal=True)
    for wrong in (
        lambda: RotaryScore(7),
        lambda: RotaryScore(8, pairing="neighbors"),
        lambda: RotaryScore(8, scaling="yarn"),
        lambda: RotaryScore(8, factor=2.0),
        lambda: RotaryScore(8, scaling="ntk", factor=0.5),
        lambda: rotate(torch.zeros(3, 5), torch.zeros(3, 2)),
        lambda: rotate(torch.zeros(3, 4), torch.zeros(3, 2), "split"),
        lambda: rotary_permutation(5),
        lambda: rotary.prepare_keys(KEYS),
        lambda: rotary.prepare_keys(KEYS, PLACES[:, :5]),
        lambda: rotary.prepare_keys(KEYS, PLACES > 0),
        lambda: rotary.prepare_keys(KEYS[..., :6], PLACES),
        lambda: alibi.prepare_keys(KEYS),
        lambda: alibi.prepare_keys(KEYS[0, 0], PLACES[0]),
        lambda: alibi_slopes(0),
        lambda: answer(rotary, QUERIES, KEYS, VALUES),
    ):
        with pytest.raises(ValueError, match="must"):
            wrong()
