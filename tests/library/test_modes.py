"""Evaluation mode for a while, also nested and by several threads at once."""

from threading import Barrier, Thread

import pytest
from torch import nn

from attn_utils.modes import evaluating


def modes(model: nn.Module) -> list[bool]:
    return [module.training for module in model.modules()]


@pytest.fixture
def model() -> nn.Module:
    """Make a model in training mode with a frozen part."""
    model = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), nn.Dropout(0.5))
    model[0].eval()
    return model


def test_each_part_gets_its_own_mode_back(model):
    before = modes(model)
    assert len({*before}) == 2
    with evaluating(model):
        assert not any(modes(model))
    assert modes(model) == before
    with pytest.raises(KeyError), evaluating(model):
        raise KeyError
    assert modes(model) == before


def test_nested_calls_give_back_what_was_before_the_outermost(model):
    before = modes(model)
    with evaluating(model):
        with evaluating(model), evaluating(model[0]):
            assert not any(modes(model))
        assert not any(modes(model))
    assert modes(model) == before


def test_threads_that_overlap_leave_no_trace(model):
    """The second comes while the first is there, and leaves after it: what it found is not what was before."""
    before, seen = modes(model), []
    both, one_left = Barrier(2, timeout=10), Barrier(2, timeout=10)

    def first():
        with evaluating(model):
            both.wait()
        one_left.wait()

    def second():
        with evaluating(model):
            both.wait()
            one_left.wait()
            seen.append(modes(model))

    threads = [Thread(target=first), Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [[False] * len(before)]
    assert modes(model) == before


def test_a_mode_set_before_is_remembered_anew_each_time(model):
    with evaluating(model):
        pass
    model.eval()
    with evaluating(model):
        pass
    assert not any(modes(model))
