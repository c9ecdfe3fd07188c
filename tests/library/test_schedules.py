"""Schedules of the learning rate: their formulas."""

import math

import pytest

from attn_utils.training.schedules import SCHEDULES, schedule_factor


def test_schedules():
    def values(schedule, warmup=0.2):
        return [schedule_factor(schedule, s, 10, warmup) for s in range(1, 11)]

    assert values("linear") == pytest.approx([1 / 2, 1, *(i / 9 for i in range(8, 0, -1))])
    assert values("linear", 0) == pytest.approx([(11 - s) / 10 for s in range(1, 11)])
    assert values("constant") == [0.5, *[1] * 9]
    assert values("constant", 0) == [1] * 10
    half = [(1 + math.cos(math.pi * i / 9)) / 2 for i in range(9)]
    assert values("cosine") == pytest.approx([0.5, *half])
    assert values("inverse sqrt") == pytest.approx([0.5, *(math.sqrt(2 / s) for s in range(2, 11))])
    assert values("inverse sqrt", 0) == pytest.approx([1 / math.sqrt(s) for s in range(1, 11)])
    for schedule in SCHEDULES:
        for warmup in (0, 0.05, 0.5, 0.99):
            assert all(0 < factor <= 1 for factor in values(schedule, warmup))


def test_inverse_sqrt_is_the_schedule_of_the_transformer():
    d, w, n = 512, 4000, 100_000
    peak = 1 / math.sqrt(d * w)
    for s in (1, 100, 3999, 4000, 4001, 50_000, n):
        expected = d**-0.5 * min(s**-0.5, s * w**-1.5)
        assert peak * schedule_factor("inverse sqrt", s, n, w / n) == pytest.approx(expected, rel=1e-12)
