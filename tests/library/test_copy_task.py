"""The copy task: strings, what is to be written, and how a decoder-only model reads the two as one text."""

import pytest
import torch

from attn_utils.data.copy_task import SYMBOLS, VOCABULARY_SIZE, copies, letters, one_text
from attn_utils.data.vocabulary import END, START


def test_what_is_to_be_written_is_the_string_and_its_end():
    source, target = copies(3, 7, torch.Generator().manual_seed(0))
    assert source.shape == (3, 7)
    assert torch.equal(target[:, :-1], source)
    assert (target[:, -1] == END).all()


def test_every_symbol_is_drawn_about_as_often_as_the_others():
    source, _ = copies(500, 64, torch.Generator().manual_seed(1))
    counts = source.flatten().bincount(minlength=VOCABULARY_SIZE)
    assert counts[: VOCABULARY_SIZE - len(SYMBOLS)].sum() == 0
    assert (counts[-len(SYMBOLS) :] - 2000).abs().max() < 5 * 2000**0.5


def test_the_same_generator_draws_the_same_strings_and_another_seed_others():
    first, again, other = (copies(4, 9, torch.Generator().manual_seed(seed))[0] for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_in_one_text_the_copy_is_predicted_from_the_start_symbol_on():
    source, target = copies(2, 5, torch.Generator().manual_seed(0))
    text = one_text(source, target)
    assert text.shape == (2, 12)
    assert (text[:, 5] == START).all()
    assert torch.equal(text[:, 1:][:, 5:], target)


def test_letters_end_where_the_copy_ends():
    first = VOCABULARY_SIZE - len(SYMBOLS)
    assert letters(torch.tensor([first, first + 2, START, first + 15, END, first])) == "ac·p"
    assert letters(torch.tensor([first + 1])) == "b"


@pytest.mark.parametrize(("name", "sizes"), [("batch", (0, 3)), ("length", (3, 0)), ("length", (3, 2.5))])
def test_sizes_that_are_no_positive_integers_are_refused(name, sizes):
    with pytest.raises(ValueError, match=name):
        copies(*sizes)
