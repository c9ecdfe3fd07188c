"""Metrics: against counts made by hand, sacrebleu itself, and the enumeration of all aligners."""

import itertools
import math

import pytest
import sacrebleu
import torch
from hypothesis import given
from hypothesis import strategies as st

from attn_utils.metrics import (
    alignment_error_rate,
    bleu,
    bleu_signature,
    diagonal_links,
    exact_match,
    links,
    uniform_error_rate,
)


def words(*sentences):
    return [sentence.split() for sentence in sentences]


def test_bleu_by_hand():
    hypotheses = words("the cat sat on the mat", "a dog")
    references = words("the cat sat on a mat", "a dog barks")
    # 1-grams: the (once, as the reference has one), cat, sat, on, mat; a, dog. 8 words for 9.
    # 2-grams: the cat, cat sat, sat on; a dog. 3-grams: the cat sat, cat sat on. 4-grams: the cat sat on.
    precisions = [7 / 8, 4 / 6, 2 / 4, 1 / 3]
    expected = 100 * math.exp(1 - 9 / 8) * math.prod(precisions) ** (1 / 4)
    assert bleu(hypotheses, references) == pytest.approx(expected, rel=1e-12)


def test_bleu_smooths_as_its_docstring_says():
    # No 3-gram of two and no 4-gram of one: precisions 1 / (2 · 2) and 1 / (4 · 1).
    hypotheses, references = words("a b x d"), words("a b c d")
    expected = 100 * (3 / 4 * 1 / 3 * 1 / (2 * 2) * 1 / (4 * 1)) ** (1 / 4)
    assert bleu(hypotheses, references) == pytest.approx(expected, rel=1e-12)


def test_bleu_is_that_of_the_corpus_and_not_the_mean():
    first, second = (words("a b c d e"), words("a b c d e")), (words("f g h i x"), words("f g h i j k l"))
    both = bleu(first[0] + second[0], first[1] + second[1])
    assert both != pytest.approx((bleu(*first) + bleu(*second)) / 2, abs=1)


def test_bleu_takes_tokens_as_they_are():
    # With a tokenizer of its own, or in lower case, these would be equal.
    references = words("l' eau qu' il boit , dit-on , n' est pas bonne .")
    assert bleu(references, references) == pytest.approx(100)
    for other in (
        "l ' eau qu ' il boit , dit-on , n ' est pas bonne .",
        "L' EAU QU' IL BOIT , DIT-ON , N' EST PAS BONNE .",
    ):
        assert bleu(words(other), references) < 100


def test_bleu_at_the_edges():
    assert bleu(words("a b c d", ""), words("a b c d", "e")) < 100
    assert bleu([[], []], words("a b", "c")) == 0
    assert bleu(words("x y z w"), words("a b c d")) == 0
    assert bleu(words("a b c"), words("a b c")) == 0  # no run of four
    longer = words("a b c d e f g h i j")
    assert bleu(longer, words("a b c d e")) == pytest.approx(100 * (5 / 10 * 4 / 9 * 3 / 8 * 2 / 7) ** (1 / 4))


def test_bleu_says_nothing(capfd, caplog):
    bleu(words(*["a b c d ."] * 200), words(*["a b c d ."] * 200))
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_the_signature_names_what_was_measured():
    assert bleu_signature() == f"nrefs:1|case:mixed|eff:no|tok:none|smooth:exp|version:{sacrebleu.__version__}"


sentences = st.lists(st.lists(st.sampled_from("abcd"), max_size=9), min_size=1, max_size=5)


@given(st.data())
def test_bleu_is_sacrebleus_on_the_joined_tokens(data):
    references = data.draw(sentences)
    hypotheses = [data.draw(st.lists(st.sampled_from("abcd"), max_size=9)) for _ in references]
    expected = sacrebleu.corpus_bleu(
        [" ".join(h) for h in hypotheses], [[" ".join(r) for r in references]], tokenize="none", smooth_method="exp"
    )
    assert bleu(hypotheses, references) == pytest.approx(expected.score)
    assert 0 <= bleu(hypotheses, references) <= 100 + 1e-9


def test_exact_match():
    hypotheses = [("a", "b"), ["a"], ["a", "b", "c"], []]
    references = [["a", "b"], ("a",), ["a", "c", "b"], ["a"]]
    assert exact_match(hypotheses, references) == 0.5
    assert exact_match(references, references) == 1


# The example of one sentence: three sure links, two more that are possible.
S, P = {(0, 0), (1, 1), (2, 2)}, {(0, 0), (1, 1), (2, 2), (2, 1), (3, 2)}


@pytest.mark.parametrize(
    ("A", "expected"),
    [
        (S, 0),  # perfect
        (P, 0),  # possible links do no harm: 1 − (3 + 5) / (5 + 3)
        ({(0, 0), (2, 1), (0, 2)}, 1 - (1 + 2) / (3 + 3)),  # sure, possible, wrong
        ({(0, 1), (1, 0)}, 1),
        (set(), 1),
        ({(0, 0)}, 1 - (1 + 1) / (1 + 3)),
    ],
)
def test_alignment_error_rate_by_hand(A, expected):
    assert alignment_error_rate([A], [S], [P]) == pytest.approx(expected)


def test_alignment_error_rate_adds_up_before_it_divides():
    A = [{(0, 0)}, {(1, 1), (0, 1)}]
    rate = alignment_error_rate(A, [{(0, 0)}, S], [{(0, 0)}, P])
    assert rate == pytest.approx(1 - ((1 + 1) + (1 + 1)) / (3 + 4))
    assert rate != pytest.approx(
        sum(alignment_error_rate([a], [s], [p]) for a, s, p in zip(A, [{(0, 0)}, S], [{(0, 0)}, P], strict=True)) / 2
    )


gold_sentences = st.lists(
    st.tuples(st.integers(1, 3), st.integers(1, 3), st.sets(st.integers(0, 8)), st.sets(st.integers(0, 8))),
    min_size=1,
    max_size=2,
)


def gold_of(drawn):
    """Lengths, sure and possible links of generated sentences."""
    lengths = [(s, t) for s, t, *_ in drawn]
    sure = [{(x // t, x % t) for x in some if x < s * t} for s, t, some, _ in drawn]
    possible = [
        S | {(x // t, x % t) for x in more if x < s * t} for S, (s, t, _, more) in zip(sure, drawn, strict=True)
    ]
    return lengths, sure, possible


@given(gold_sentences)
def test_uniform_error_rate_is_the_mean_over_all_aligners(drawn):
    lengths, sure, possible = gold_of(drawn)
    every = [
        [set(zip(sources, range(t), strict=True)) for sources in itertools.product(range(s), repeat=t)]
        for s, t in lengths
    ]
    rates = [alignment_error_rate(predicted, sure, possible) for predicted in itertools.product(*every)]
    assert uniform_error_rate(sure, possible, lengths) == pytest.approx(sum(rates) / len(rates))
    assert all(0 <= rate <= 1 for rate in rates)


@given(gold_sentences)
def test_possible_links_never_count_as_errors(drawn):
    _, sure, possible = gold_of(drawn)
    if any(sure):
        assert alignment_error_rate(sure, sure, possible) == 0
        assert alignment_error_rate(possible, sure, possible) == 0


def test_links_are_the_largest_weight_of_each_row():
    weights = torch.tensor([[0.1, 0.7, 0.2], [0.4, 0.2, 0.4], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    assert links(weights) == {(1, 0), (0, 1), (2, 3)}  # (source, target); the first of equals; none for zeros
    assert links(weights, 3) == {(1, 0), (0, 1)}
    assert links(weights, 0) == links(torch.zeros(2, 0)) == links(torch.zeros(0, 2)) == set()
    assert links(weights.half()) == links(weights)
    assert all(type(i) is type(j) is int for i, j in links(weights))


def test_diagonal_links():
    assert diagonal_links(3, 3) == {(0, 0), (1, 1), (2, 2)}
    assert diagonal_links(2, 4) == {(0, 0), (0, 1), (1, 2), (1, 3)}
    assert diagonal_links(4, 2) == {(1, 0), (3, 1)}
    assert diagonal_links(5, 1) == {(2, 0)}


@given(st.integers(1, 40), st.integers(1, 40))
def test_diagonal_links_stay_inside_and_do_not_cross(s, t):
    sources = [i for i, _ in sorted(diagonal_links(s, t), key=lambda link: link[1])]
    assert len(sources) == t
    assert sources == sorted(sources)
    assert 0 <= sources[0] <= sources[-1] < s
    assert all(abs((i + 0.5) / s - (j + 0.5) / t) <= 0.5 / s + 1e-9 for j, i in enumerate(sources))


WRONG = [
    (lambda: bleu([], []), "hypotheses and references must be equally many and at least one, got 0 and 0"),
    (lambda: bleu(words("a"), words("a", "b")), "hypotheses and references must be equally many .* got 1 and 2"),
    (lambda: exact_match([], []), "hypotheses and references must be .* at least one, got 0 and 0"),
    (lambda: bleu(["a b"], words("a b")), "hypotheses must be sequences of tokens, got the string 'a b'"),
    (lambda: exact_match(words("a b"), ["a b"]), "references must be sequences of tokens, got the string 'a b'"),
    (lambda: bleu([["a b"]], words("a b")), r"hypotheses must have tokens .* no white space, got \['a b'\]"),
    (lambda: bleu(words("a b"), [["a", ""]]), r"references must have tokens that are not empty .* got \['a', ''\]"),
    (lambda: bleu(words("a b"), [["a b", ""]]), r"references must have tokens .* got \['a b', ''\]"),
    (lambda: bleu(words("a b"), [["a", "b\u00a0!"]]), "references must have tokens .* no white space"),
    (lambda: alignment_error_rate([S], [S, S], [P, P]), "predicted must have a set for each of the 2 sentences, got 1"),
    (lambda: alignment_error_rate([S], [S], [P, P]), "sure and possible must have as many sentences, got 1 and 2"),
    (lambda: alignment_error_rate([S, S], [S, P], [P, S]), r"possible must contain .* sentence 1 without \(2, 1\)"),
    (lambda: alignment_error_rate([set()], [set()], [P]), "predicted or sure must have a link somewhere, got none"),
    (lambda: uniform_error_rate([S], [P], []), "lengths must have a pair for each of the 1 sentences, got 0"),
    (lambda: uniform_error_rate([S], [S - {(0, 0)}], [(4, 3)]), r"possible must contain .* 0 without \(0, 0\)"),
    (lambda: uniform_error_rate([S], [P], [(3, 3)]), r"lengths\[0\] must hold the links .* got \(3, 3\) for \(3, 2\)"),
    (lambda: uniform_error_rate([S], [P], [(4, 2)]), r"lengths\[0\] must hold .* got \(4, 2\) for \(2, 2\)"),
    (lambda: links(torch.ones(3)), r"weights must be .* of shape \(t, s\), got shape \(3,\)"),
    (lambda: links(torch.tensor([[0.5, -0.5]])), r"weights must be numbers of at least 0 .* with -0.5"),
    (lambda: links(torch.tensor([[0.5, math.nan]])), r"weights must be numbers of at least 0 .* with nan"),
    (lambda: links(torch.ones(2, 3), 3), "num_target must be from 0 to the number of rows of weights, 2, got 3"),
    (lambda: links(torch.ones(2, 3), -1), "num_target must be from 0 .* got -1"),
    (lambda: links(torch.ones(2, 3), 1.0), "num_target must be from 0 .* got 1.0"),
    (lambda: links([[0.5, 0.5]]), r"weights must be a tensor of shape \(t, s\), got list"),
    (lambda: bleu([[4, 5]], [[4, 5]]), "hypotheses must have strings as tokens, got 4: decode numbers first"),
    (
        lambda: alignment_error_rate([[(0, 0)]], [S], [P]),
        r"predicted must be sets of links \(i, j\), got list for .* 0",
    ),
    (lambda: alignment_error_rate([S, S], [S, list(S)], [P, P]), "sure must be sets .* got list for sentence 1"),
    (lambda: uniform_error_rate([S], [tuple(P)], [(4, 3)]), "possible must be sets .* got tuple for sentence 0"),
    (lambda: diagonal_links(0, 2), "num_source must be a positive integer, got 0"),
    (lambda: diagonal_links(2, 0), "num_target must be a positive integer, got 0"),
]


@pytest.mark.parametrize(("call", "message"), WRONG)
def test_wrong_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()
