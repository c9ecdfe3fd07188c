"""The benchmarks of translators compare equals, and count what does not depend on the machine."""

import pytest
import torch

from benchmarks import beam, translator


def test_the_benchmark_compares_equals_and_counts_projections():
    model, source, target = translator.inputs(length=6)
    expected = translator.library(model, source, target)
    for name in ["straight PyTorch", "nothing hoisted"]:
        torch.testing.assert_close(translator.VARIANTS[name](model, source, target), expected)
    counts = {name: translator.projections(name, length=6) for name in translator.VARIANTS}
    assert counts == {"library": 1, "straight PyTorch": 1, "nothing hoisted": 8}  # 8 words to write


@pytest.mark.parametrize("width", [2, 5])
def test_a_beam_search_copies_no_memory(width, monkeypatch):
    monkeypatch.setattr(beam, "STEPS", 5)
    monkeypatch.setattr(beam, "BATCH", 3)
    hidden = 3 * width * 128 * 4 / 1024
    # Keys of 128 and values of 256 features, and a byte of the mask, for 20 words of each hypothesis.
    memory = 3 * width * 20 * ((128 + 256) * 4 + 1) / 1024
    assert beam.copied("shared", width) == {
        "memory, KiB a step": 0.0,
        "cache, KiB a step": pytest.approx(hidden, abs=0.1),
    }
    assert beam.copied("a copy each", width) == {
        "memory, KiB a step": pytest.approx(memory, abs=0.1),
        "cache, KiB a step": pytest.approx(hidden, abs=0.1),
    }


def test_both_ways_of_a_beam_search_are_compared_and_timed(monkeypatch):
    monkeypatch.setattr(beam, "STEPS", 4)
    rows = beam.benchmark([3], repeats=1)
    assert [row["memory"] for row in rows] == ["shared", "a copy each"]
    assert all(row["ms a step"] > 0 for row in rows)
