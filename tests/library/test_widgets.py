"""The demos as Python objects: each computes what the library computes. What they share is in test_demo_frame.py."""

import copy
import dataclasses
import math
from types import SimpleNamespace

import pytest
import torch
from torch.testing import assert_close

from attn_utils.data.pairs import Pair
from attn_utils.data.regression import make_regression
from attn_utils.data.vocabulary import END, Vocabulary
from attn_utils.decoding import greedy
from attn_utils.kernels import KERNELS, NadarayaWatson
from attn_utils.recurrent import BahdanauDecoder, Encoder, PlainDecoder, Seq2Seq
from attn_utils.scoring import AdditiveScore, DotScore
from attn_utils.widgets import AlignmentExplorer, KernelExplorer, MaskEditor, PointAndAttend, WhySqrtD
from attn_utils.widgets.why_sqrt_d.widget import draw_vectors


def test_point_and_attend_goes_from_look_up_to_average():
    demo = PointAndAttend(query=[1.0, -0.3])  # exactly on key 4
    demo.temperature = 0.02
    assert_close(demo.output, torch.tensor(demo.value_colors[3], dtype=torch.float64), rtol=0, atol=1e-9)
    demo.temperature = 50.0
    assert (demo.weights - 1 / 7).abs().max() < 0.03
    assert_close(demo.output, demo.weights @ torch.tensor(demo.value_colors, dtype=torch.float64))


@pytest.mark.parametrize("kernel", KERNELS)
def test_kernel_explorer_is_the_regression_of_the_library(kernel):
    points = make_regression(seed=0)
    demo = KernelExplorer(kernel=kernel, width=0.4, x=1.7)
    keys, values, x_test, y_test = (x.double() for x in (points.x_train, points.y_train, points.x_test, points.y_test))
    model = NadarayaWatson(kernel, width=0.4).double()
    query = torch.tensor([[1.7]], dtype=torch.float64)
    output, weights = model(query, keys, values, need_weights=True)
    assert_close(demo.weights, weights[0], rtol=0, atol=1e-6)  # the width of the module has been rounded to float32
    assert demo.output == pytest.approx(output.item(), abs=1e-6)
    left_out = (model.leave_one_out(keys, values)[0] - values).square().mean().item()
    against_truth = (model(x_test, keys, values)[0] - y_test).square().mean().item()
    assert (demo.loo_error, demo.true_error) == pytest.approx((left_out, against_truth), abs=1e-5)
    smallest = KernelExplorer(kernel=kernel, width=demo.best_width).loo_error
    assert smallest <= min(demo.loo_error, KernelExplorer(kernel=kernel, width=1.2 * demo.best_width).loo_error)


def test_draws_are_standard_normal_and_grow_with_the_dimension():
    vectors = torch.stack([draw_vectors(draw, 1024) for draw in range(8)])
    assert vectors.shape == (8, 17, 1024)
    assert abs(vectors.mean()) < 0.01
    assert abs(vectors.std() - 1) < 0.01
    assert abs((vectors**4).mean() - 3) < 0.1
    flat = vectors.reshape(8 * 17, 1024)
    correlation = torch.corrcoef(flat) - torch.eye(8 * 17)
    assert correlation.abs().max() < 6 / math.sqrt(1024)
    assert torch.equal(draw_vectors(3, 7), vectors[3, :, :7])


def test_why_sqrt_d_saturates_without_scaling_only():
    raw, scaled = torch.stack([WhySqrtD(dimension=1024, draw=draw).entropy for draw in range(10)]).mean(dim=0)
    assert raw < 0.3
    assert scaled > 2.0
    demo = WhySqrtD(dimension=1)
    assert torch.equal(demo.weights[0], demo.weights[1])
    jacobian = torch.autograd.functional.jacobian(lambda s: torch.softmax(s, -1), demo.scores[0])
    assert_close(demo.gradient_norm[0], jacobian.norm())


def test_mask_editor_combines_three_masks():
    blocked = [[0] * 6 for _ in range(5)]
    blocked[2][0] = 1
    demo = MaskEditor(lengths=[6, 3, 6, 6, 6], causal=True, blocked=blocked)
    wanted = [[1, 1, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0], [0, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 1, 1]]
    assert demo.mask.int().tolist() == wanted
    demo.lengths = [0, 1, 2, 3, 4]
    assert not demo.weights[0].any()
    assert_close(demo.naive_weights[0], torch.full((6,), 1 / 6, dtype=torch.float64))
    assert_close(demo.weights[1:].sum(dim=-1), torch.ones(4, dtype=torch.float64))


# ------------------------------------------------------------------------------------------------ alignment explorer
WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
NUMBERS = Vocabulary([WORDS])
PAIRS = [Pair(tuple(WORDS[:4]), tuple(WORDS[4:8])), Pair(tuple(WORDS[3:5]), tuple(WORDS[:1]))]


def small_model(score=None, **options) -> Seq2Seq:
    """An untrained model whose weights are far from even: each looks at some words much more than at others."""
    encoder = Encoder(len(NUMBERS), embedding_size=8, hidden_size=6)
    model = Seq2Seq(encoder, BahdanauDecoder(len(NUMBERS), encoder.output_size, 8, 10, score, **options))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    return model


@pytest.mark.parametrize("order", ["look first", "step first"])
def test_alignment_explorer_shows_what_the_model_did(order):
    model = small_model(order=order)
    model.encoder.eval()  # each part is to get back the mode that it had
    before, random = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    demo = AlignmentExplorer.of(model, PAIRS, ["long", "short"], NUMBERS, NUMBERS, max_length=12, sentence=1, step=2)
    assert (model.encoder.training, model.decoder.training, demo.sentence, demo.step) == (False, True, 1, 2)
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(x, before[name]) for name, x in model.state_dict().items())
    for number, pair in enumerate(PAIRS):
        demo.sentence, demo.step = number, 1
        translation = demo.sentences[number]
        decoded = greedy(model, torch.tensor([NUMBERS.encode(pair.source)]), max_length=12, need_weights=True)
        assert list(translation.target) == [NUMBERS.words[token] for token in decoded.tokens[0]]
        weights = decoded.weights[0, "cross"][0, 0]  # of one sentence and one head
        assert_close(demo.all_weights, weights.double(), rtol=0, atol=1e-3)
        assert weights.max() > 0.6
        assert torch.equal(demo.weights, demo.all_weights[1])
        best = [step[0] for step in translation.candidates]
        assert [word for word, _ in best] == list(translation.target)
        assert sum(math.log(p) for _, p in best) == pytest.approx(decoded.log_probs.item(), abs=1e-3)
        for step in translation.candidates:
            assert len(step) == 5
            assert [p for _, p in step] == sorted((p for _, p in step), reverse=True)


def test_alignment_explorer_scores_as_the_library_does():
    demo = AlignmentExplorer()
    score = AdditiveScore(6, 6, 6).double()
    with torch.no_grad():
        score.W_q.weight.copy_(torch.eye(6))
        score.v.copy_(torch.tensor(demo.v))
    for number, translation in enumerate(demo.sentences):
        demo.sentence = number
        queries, keys = (torch.tensor(rows, dtype=torch.float64) for rows in (translation.queries, translation.keys))
        scores = score(queries, keys).detach()
        assert_close(demo.all_weights, torch.softmax(scores, dim=-1))
        for step in range(len(queries)):
            demo.step = step
            assert_close(demo.scores, scores[step])
    demo.step = 99
    assert torch.equal(demo.weights, demo.all_weights[-1])


class Parrot(torch.nn.Module):
    """Writes what it was told to, and looks at nothing in particular."""

    def __init__(self, words: str, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.numbers, self.size = [*vocabulary.encode(words.split()), END], len(vocabulary)
        attention, embedding = SimpleNamespace(score=AdditiveScore(2, 2, 3)), torch.nn.Embedding(self.size, 1)
        self.encoder = SimpleNamespace(embedding=embedding)
        self.decoder = SimpleNamespace(attention=attention, embedding=embedding, order="look first")

    def start(self, source):
        return {"keys": torch.zeros(1, source.shape[1], 3)}, {"hidden": torch.zeros(1, 1, 2), "at": torch.zeros(1, 1)}

    def step(self, tokens, memory, cache, *, need_weights=False):
        at = int(cache["at"])
        return 9 * torch.eye(self.size)[self.numbers[at]][None, None], cache | {"at": cache["at"] + 1}, None


@pytest.mark.parametrize(
    ("written", "sure", "possible", "differences"),
    [
        ("a b c d", [[0, 0], [2, 1], [1, 2]], [[0, 0], [1, 2], [2, 1], [3, 3]], []),
        ("a x c d", [[0, 0], [1, 2]], [[0, 0], [1, 2], [3, 3]], [[1, 2, ["b"]]]),
        ("a c d", [[0, 0], [1, 1]], [[0, 0], [1, 1], [3, 2]], [[1, 1, ["b"]]]),
        ("x a b c d", [[0, 1], [1, 3], [2, 2]], [[0, 1], [1, 3], [2, 2], [3, 4]], [[0, 1, []]]),
        ("a b", [[0, 0], [2, 1]], [[0, 0], [2, 1]], [[2, 2, ["c", "d"]]]),
        ("x", [], [], [[0, 1, ["a", "b", "c", "d"]]]),
    ],
)
def test_gold_links_move_with_the_words_that_agree(written, sure, possible, differences):
    vocabulary = Vocabulary([["a", "b", "c", "d", "x"]])
    links = frozenset({(0, 0), (2, 1), (1, 2)})
    pair = Pair(tuple("wxyz"), tuple("abcd"), links, links | {(3, 3)})
    (shown,) = AlignmentExplorer.of(Parrot(written, vocabulary), [pair], ["it"], vocabulary, vocabulary).sentences
    assert list(shown.target) == [*written.split(), "</s>"]
    assert sorted(map(list, shown.sure)) == sorted(sure)
    assert sorted(map(list, shown.possible)) == sorted(possible)
    assert [[start, end, list(words)] for start, end, words in shown.differences] == differences
    cut = AlignmentExplorer.of(Parrot("a b c d", vocabulary), [pair], ["it"], vocabulary, vocabulary, max_length=2)
    assert (cut.sentences[0].target, cut.sentences[0].differences) == (("a", "b"), ((2, 2, ("c", "d")),))


def test_only_an_additive_score_can_be_shown():
    encoder = Encoder(len(NUMBERS), 8, 5)
    plain = Seq2Seq(encoder, PlainDecoder(len(NUMBERS), 10))
    with pytest.raises(ValueError, match="AdditiveScore, got a decoder without attention"):
        AlignmentExplorer.of(plain, PAIRS, ["a", "b"], NUMBERS, NUMBERS)
    dot = Seq2Seq(encoder, BahdanauDecoder(len(NUMBERS), 10, hidden_size=10, score=DotScore()))
    with pytest.raises(ValueError, match="AdditiveScore, got DotScore"):
        AlignmentExplorer.of(dot, PAIRS, ["a", "b"], NUMBERS, NUMBERS)
    with pytest.raises(ValueError, match="labels must have one entry for each of pairs, 2 in all, got 1"):
        AlignmentExplorer.of(small_model(), PAIRS, ["a"], NUMBERS, NUMBERS)


def test_vocabularies_that_are_not_the_models_are_refused():
    fewer = Vocabulary([WORDS[:6]])
    encoder = Encoder(len(fewer), 8, 6)
    model = Seq2Seq(encoder, BahdanauDecoder(len(NUMBERS), encoder.output_size, 8, 10))
    AlignmentExplorer.of(model, PAIRS, ["a", "b"], fewer, NUMBERS)
    with pytest.raises(ValueError, match="source_vocabulary must have as many words as the model reads, 10, got 14"):
        AlignmentExplorer.of(model, PAIRS, ["a", "b"], NUMBERS, fewer)
    with pytest.raises(ValueError, match="target_vocabulary must have as many words as the model writes, 14, got 10"):
        AlignmentExplorer.of(model, PAIRS, ["a", "b"], fewer, fewer)
    with pytest.raises(ValueError, match="max_length must be a positive integer, got 0"):
        AlignmentExplorer.of(model, PAIRS, ["a", "b"], fewer, NUMBERS, max_length=0)


@pytest.mark.parametrize(
    ("field", "value", "wanted"),
    [
        ("label", "", "label must be a name, got ''"),
        ("source", "I see it", "source must be a list of at least one word"),
        ("target", [], "target must be a list of at least one word"),
        ("reference", ["nous", 3], "reference must be a list of at least one word"),
        ("sure", [[5, 0]], r"sure must link 5 source words with 6 target words, got \(5, 0\)"),
        ("possible", [[0, 6]], r"possible must link .* got \(0, 6\)"),
        ("possible", [3], r"possible must hold pairs \(source index, target index\)"),
        ("possible", [], r"possible must hold the sure links too, lacks \(0, 0\)"),
        ("queries", [[0.0] * 6] * 5, r"queries must hold finite numbers of shape \(6, any\), got shape \(5, 6\)"),
        ("queries", [[float("nan")] * 6] * 6, "queries .* got some that are not finite"),
        ("keys", [[0.0], [0.0, 1.0]], r"keys must hold finite numbers of shape \(5, any\), got"),
        ("keys", [[0.0] * 5] * 5, "keys must have as many columns as queries, 6, got 5"),
        ("candidates", [[["a", 1.0]]] * 5, "candidates must have words for each of 6 steps, got 5"),
        ("candidates", [[["a", 1.5]]] * 6, "candidates must have probabilities from 0 to 1, got 1.5 for 'a'"),
        ("candidates", [["a"]] * 6, r"candidates must hold \(word, probability\) pairs"),
    ],
)
def test_a_translation_checks_itself(field, value, wanted):
    with pytest.raises(ValueError, match=f"^{wanted}"):
        dataclasses.replace(AlignmentExplorer().sentences[1], **{field: value})


def test_a_translation_is_frozen_and_takes_tensors():
    good = AlignmentExplorer().sentences[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        good.label = "another"
    numbers = {name: torch.tensor(getattr(good, name)) for name in ("queries", "keys")}
    assert dataclasses.replace(good, **numbers, source=list(good.source)) == good
    assert hash(good) == hash(dataclasses.replace(good))


def test_the_page_gets_each_vector_as_one_text_and_every_digit_of_it():
    demo = AlignmentExplorer.of(small_model(), PAIRS, ["a", "b"], NUMBERS, NUMBERS)
    for sent, translation in zip(demo.get_state()["sentences"], demo.sentences, strict=True):
        for part in ("queries", "keys"):
            rows = tuple(tuple(map(float, row.split(" "))) for row in sent[part])
            assert rows == getattr(translation, part)
        assert sent["differences"] == translation.differences
    assert demo.description == AlignmentExplorer().description  # nbval compares it: no number of a model in it
