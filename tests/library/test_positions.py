"""Positions that are added to tokens: the paper's formula, any width, any offset, no silence beyond a table."""

import math

import pytest
import torch

from attn_utils.positions import LearnedPositions, SinusoidalPositions, frequencies, sinusoidal


@pytest.mark.parametrize("d", [1, 2, 5, 8, 15])
@pytest.mark.parametrize("offset", [0, 7])
def test_the_formula_of_the_paper_number_by_number(d, offset):
    table = sinusoidal(6, d, offset=offset)
    assert table.shape == (6, d)
    for row in range(6):
        for column in range(d):
            angle = (row + offset) / 10000 ** (2 * (column // 2) / d)
            wanted = math.cos(angle) if column % 2 else math.sin(angle)
            assert float(table[row, column]) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("shift", [1, 3, 50])
def test_a_shift_turns_each_pair_by_its_own_angle(shift):
    """The closed form: the encoding of p + k is that of p, turned by k times the frequency of each pair."""
    before, after = (sinusoidal(20, 8, offset=offset).reshape(20, 4, 2) for offset in (0, shift))
    for pair, omega in enumerate(10000.0 ** (-2 * i / 8) for i in range(4)):
        cos, sin = math.cos(shift * omega), math.sin(shift * omega)
        turn = torch.tensor([[cos, sin], [-sin, cos]])  # of (sin, cos) instead of (cos, sin)
        torch.testing.assert_close(after[:, pair], before[:, pair] @ turn.T, atol=1e-5, rtol=0)


def test_the_dot_product_of_two_encodings_is_a_sum_of_cosines_of_their_offset():
    table = sinusoidal(40, 16)
    omega = [10000.0 ** (-2 * i / 16) for i in range(8)]
    wanted = torch.tensor([[sum(math.cos((i - j) * w) for w in omega) for j in range(40)] for i in range(40)])
    torch.testing.assert_close(table @ table.T, wanted, atol=1e-4, rtol=0)


def test_far_positions_keep_their_digits():
    far = sinusoidal(1, 4, offset=1_000_003)
    assert float(far[0, 0]) == pytest.approx(math.sin(1_000_003), abs=1e-6)


@pytest.mark.parametrize("make", [lambda: SinusoidalPositions(6), lambda: LearnedPositions(40, 6)])
def test_a_cached_step_gets_the_position_it_has_in_the_whole(make):
    positions, x = make(), torch.randn(2, 40, 6)
    whole = positions(x)
    for start, end in [(0, 1), (17, 18), (20, 40)]:
        assert torch.equal(positions(x[:, start:end], offset=start), whole[:, start:end])


def test_sinusoids_grow_beyond_their_table():
    positions, x = SinusoidalPositions(6), torch.zeros(1, 700, 6)
    torch.testing.assert_close(positions(x)[0], sinusoidal(700, 6))
    torch.testing.assert_close(positions(x[:, :1], offset=5000)[0], sinusoidal(1, 6, offset=5000))
    assert not list(positions.parameters())
    assert not positions.state_dict()


def test_learned_positions_end_with_a_sentence():
    positions = LearnedPositions(10, 4)
    assert positions(torch.zeros(2, 10, 4)).shape == (2, 10, 4)
    for length, offset in [(11, 0), (1, 10)]:
        with pytest.raises(ValueError, match="must end before position 10, the first without a vector, got 11"):
            positions(torch.zeros(2, length, 4), offset=offset)


@pytest.mark.parametrize("make", [lambda: SinusoidalPositions(6), lambda: LearnedPositions(20, 6)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_type_and_input_stay(make, dtype):
    x = torch.randn(2, 5, 6, dtype=dtype)
    before = x.clone()
    assert make()(x).dtype == dtype
    assert torch.equal(x, before)


def test_wrong_arguments():
    for wrong in (
        lambda: sinusoidal(-1, 4),
        lambda: sinusoidal(4, 0),
        lambda: sinusoidal(4, 4, offset=-1),
        lambda: sinusoidal(4, 4, base=1.0),
        lambda: frequencies(2, 0.5),
        lambda: LearnedPositions(0, 4),
        lambda: SinusoidalPositions(4)(torch.zeros(2, 3, 5)),
        lambda: SinusoidalPositions(4)(torch.zeros(2, 3, 4), offset=-1),
        lambda: LearnedPositions(4, 4)(torch.zeros(2, 3, 5)),
    ):
        with pytest.raises(ValueError, match=r"must (be|have)"):
            wrong()


@pytest.mark.parametrize("make", [lambda: SinusoidalPositions(6), lambda: LearnedPositions(600, 6)])
def test_each_sequence_may_begin_at_a_place_of_its_own(make):
    positions, x = make(), torch.randn(2, 3, 4, 6)
    offset = torch.tensor([[0, 7, 1], [596, 2, 30]])
    together = positions(x, offset)
    for i in range(2):
        for j in range(3):
            assert torch.equal(together[i, j], positions(x[i, j], int(offset[i, j])))


@pytest.mark.parametrize("make", [lambda: SinusoidalPositions(6), lambda: LearnedPositions(40, 6)])
@pytest.mark.parametrize("offset", [torch.tensor([0.0, 1.0]), torch.tensor([0, 1, 2]), torch.tensor([0, -1])])
def test_places_that_are_no_integers_or_negative_or_of_another_shape_are_refused(make, offset):
    with pytest.raises(ValueError, match="offset"):
        make()(torch.randn(2, 4, 6), offset)


def test_one_sequence_beyond_the_table_is_refused():
    with pytest.raises(ValueError, match="40"):
        LearnedPositions(40, 6)(torch.randn(2, 4, 6), torch.tensor([0, 37]))
