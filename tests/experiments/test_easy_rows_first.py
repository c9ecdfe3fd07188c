"""What a recurrent net could do, what it learns on rows that grow, and that these are the program's rows."""

import torch

from attn_utils.results import load
from experiments import easy_rows_first as study
from experiments.runner import in_order
from experiments.self_attention import NAMES, Reader, rooms


def test_every_run_of_the_plan_is_stored_and_none_twice():
    stored = load("easy_rows_first")
    assert stored["settings"] == study.SETTINGS
    assert len(in_order(stored["runs"], study.plan)) == len(study.plan([])) == len(stored["runs"])


def test_a_gru_of_this_size_can_look_up():
    net = study.by_hand()
    shapes = {name: p.shape for name, p in Reader("GRU").state_dict().items()}
    assert {name: p.shape for name, p in net.state_dict().items()} == shapes
    for people in (2, 9, 24, 32):
        x, answer, _ = rooms(200, people, torch.Generator().manual_seed(people))
        with torch.no_grad():
            assert (net(x).argmax(-1) == answer).all()


def test_short_rows_have_few_names_and_an_answer_that_stands_in_them():
    x, answer, _ = rooms(50, 6, torch.Generator().manual_seed(0), known=8)
    names, secrets, asked = x[..., :NAMES], x[..., NAMES:-NAMES], x[..., -NAMES:]
    assert names.argmax(-1).max() < 8
    assert (names.sum(1) <= 1).all()
    found = (asked @ names.mT) @ secrets  # the secret of whom it asks
    assert (found.argmax(-1) == answer).all()
    assert not (names * asked).any()  # nobody asks for themselves


def test_growing_rows_lift_the_gru_above_counting_and_not_to_the_end():
    """Counting the secrets of all others is right in .24 of the cases (chapter 6 computes it)."""
    trained = [row["right"] for row in load("easy_rows_first")["runs"] if row["model"] == "GRU"]
    assert min(trained) > 0.4
    assert max(trained) < 0.9
