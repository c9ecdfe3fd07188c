"""The benchmark of the Transformer compares equals."""

import pytest
import torch

from benchmarks import transformer


@pytest.mark.parametrize("norm_first", [True, False], ids=["pre-norm", "post-norm"])
def test_both_models_give_the_same(norm_first):
    theirs = transformer.Theirs(**transformer.SIZES, norm_first=norm_first)
    source, target = transformer.inputs(6, batch=4)
    torch.testing.assert_close(theirs(source, target), theirs.ours(source, target), atol=1e-4, rtol=1e-4)


def test_both_ways_write_the_same_words(monkeypatch):
    theirs = transformer.Theirs(**transformer.SIZES).eval()
    source, _ = transformer.inputs(6, batch=4)
    written = {}
    original = torch.Tensor.argmax

    def noted(x, *arguments):
        found = original(x, *arguments)
        written[name].append(found)
        return found

    monkeypatch.setattr(torch.Tensor, "argmax", noted)
    for name, write in (("with", lambda: transformer.with_cache(theirs.ours, source, 9)),
                        ("without", lambda: transformer.without_cache(theirs, source, 9))):  # fmt: skip
        written[name] = []
        write()
    assert torch.equal(*(torch.cat([x.reshape(4, 1) for x in rows], 1) for rows in written.values()))


def test_all_is_timed():
    rows = transformer.training([4], pairs=1) + transformer.writing([3], pairs=1) + transformer.later_words([2], 1)
    assert all(row["ms"] > 0 and row["ratio"] > 0 for row in rows)
