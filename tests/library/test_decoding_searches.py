"""Decoding: against enumeration and a plain-Python beam, with models whose every step depends on the whole past."""

import itertools
import math

import pytest
import torch
from decoding_models import Copy, Oracle, Script, emitted, log_p, some_sources
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from attn_utils.data.vocabulary import END, PADDING, START
from attn_utils.decoding import beam_search, greedy
from attn_utils.recurrent import BahdanauDecoder, Encoder, PlainDecoder, Seq2Seq

BOTH = pytest.mark.parametrize("search", [greedy, beam_search])


def lp(length, alpha):
    return ((5 + length) / 6) ** alpha


def beam_by_hand(model, source, beam, alpha, limit):
    """One sentence, lists of Python numbers, no early stop."""
    live, finished = [(0.0, [])], []
    for _ in range(limit):
        candidates = []
        for total, words in live:
            p = log_p(model, source, words)[0].tolist()
            candidates += [(total + p[v], [*words, v]) for v in range(len(p)) if v not in (PADDING, START)]
        candidates.sort(key=lambda c: -c[0])
        finished += [c for c in candidates[:beam] if c[1][-1] == END]
        live = [c for c in candidates if c[1][-1] != END][:beam]
    return max(finished, key=lambda c: c[0] / lp(len(c[1]), alpha)) if finished else live[0]


problems = st.tuples(
    st.integers(0, 10**6), st.sampled_from([0.3, 1.0, 3.0]), st.lists(st.integers(1, 5), min_size=1, max_size=4)
)


@settings(max_examples=25)
@given(problems, st.integers(1, 5), st.sampled_from([0.0, 0.6, 1.0, 3.0]), st.integers(1, 6))
def test_beam_search_is_the_plain_algorithm_run_to_the_end(problem, beam, alpha, limit):
    seed, spread, lengths = problem
    model, source = Oracle(6, spread, seed), some_sources(lengths, seed)
    found = beam_search(model, source, beam=beam, length_penalty=alpha, max_length=limit)
    expected = [beam_by_hand(model, row[None], beam, alpha, limit) for row in source]
    assert emitted(found.tokens) == [words for _, words in expected]
    torch.testing.assert_close(found.log_probs, torch.tensor([total for total, _ in expected]))


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0, 2.0])
def test_a_beam_wide_enough_finds_the_best_of_all_sentences(alpha):
    V, limit = 6, 4
    inner = [v for v in range(V) if v not in (PADDING, START, END)]
    sentences = [[*w, END] for n in range(limit) for w in itertools.product(inner, repeat=n)]
    results = []
    for seed in range(5):
        model, source = Oracle(V, 1.0, seed), some_sources([3], seed)
        prefixes = {tuple(words[:j]) for words in sentences for j in range(len(words))}
        table = {prefix: log_p(model, source, prefix)[0].tolist() for prefix in prefixes}
        totals = [sum(table[tuple(words[:j])][v] for j, v in enumerate(words)) for words in sentences]
        best = max(range(len(sentences)), key=lambda i: totals[i] / lp(len(sentences[i]), alpha))
        found = beam_search(model, source, beam=120, length_penalty=alpha, max_length=limit)
        assert emitted(found.tokens) == [sentences[best]]
        assert found.log_probs.item() == pytest.approx(totals[best], abs=1e-5)
        results.append(len(sentences[best]))
    assert len(set(results)) > 1  # not all of one length, or the exponent would not matter


@settings(max_examples=20)
@given(problems)
def test_a_beam_of_one_without_length_penalty_is_greedy(problem):
    seed, spread, lengths = problem
    model, source = Oracle(9, spread, seed), some_sources(lengths, seed)
    one = beam_search(model, source, beam=1, length_penalty=0.0, need_weights=True)
    other = greedy(model, source, need_weights=True)
    assert torch.equal(one.tokens, other.tokens)
    assert torch.equal(one.log_probs, other.log_probs)
    assert all(torch.equal(one.weights[name], other.weights[name]) for name in [(0, "cross"), (1, "self")])


@pytest.mark.parametrize("room", [None, 40])
@pytest.mark.parametrize("search", [greedy, beam_search])
def test_results_are_the_models_own_numbers_along_the_emitted_tokens(search, room):
    """A beam that reordered one tensor of the cache wrongly would report numbers of another hypothesis."""
    model, source = Oracle(9, 0.4, room=room), some_sources([4, 1, 6, 3, 5, 2, 6, 5])
    # Long results: the longer, the more often their beam has been reordered on the way.
    found = search(model, source, need_weights=True, **({"length_penalty": 3.0} if search is beam_search else {}))
    (b, t), cross, own = found.tokens.shape, found.weights[0, "cross"], found.weights[1, "self"]
    assert cross.shape == (b, 1, t, source.shape[1])
    assert own.shape == (b, 2, t, t)
    for i, words in enumerate(emitted(found.tokens)):
        past = [log_p(Oracle(9, 0.4), source[i : i + 1], words[:j]) for j in range(len(words))]
        torch.testing.assert_close(found.log_probs[i], sum(p[v] for (p, _), v in zip(past, words, strict=True)))
        for j, (_, weights) in enumerate(past):
            torch.testing.assert_close(cross[i, :, j], weights[0, "cross"].float())
            torch.testing.assert_close(own[i, :, j, : j + 1], weights[1, "self"].float())
            assert not own[i, :, j, j + 1 :].any()  # no key yet
        assert not cross[i, :, len(words) :].any()
        assert not own[i, :, len(words) :].any()


def test_the_beam_does_reorder_and_finds_more_than_greedy():
    """What the test above needs to mean something."""
    model, source = Oracle(9, 0.4), some_sources([4, 1, 6, 3, 5, 2, 6, 5])
    better = beam_search(model, source, length_penalty=0.0)
    assert (better.log_probs > greedy(model, source).log_probs).any()
    assert any(a[0] != b[0] for a, b in zip(emitted(better.tokens), emitted(greedy(model, source).tokens), strict=True))


@BOTH
@pytest.mark.parametrize(
    ("decoder", "options"), [(PlainDecoder, {}), (BahdanauDecoder, {}), (BahdanauDecoder, {"order": "step first"})]
)
def test_a_recurrent_net_gives_what_teacher_forcing_with_the_emitted_tokens_gives(search, decoder, options):
    attends = decoder is BahdanauDecoder
    model = Seq2Seq(Encoder(9, 4, 5), decoder(12, 10, 4, 6, **options)).double()
    for p in model.parameters():
        nn.init.normal_(p, std=0.8)  # as it comes, an untrained net is much the same for all that it reads
        if p.shape == (12,):
            p.data[END] = -4.0  # the bias of the logits: no short sentences
    source = some_sources([4, 1, 6, 3])
    found = search(model, source, need_weights=attends)
    target_in = torch.cat([torch.full((4, 1), START), found.tokens[:, :-1]], dim=1)
    with torch.no_grad():
        forced = model.eval()(source, target_in, need_weights=attends)
    logits, weights = forced if attends else (forced, None)
    real = found.tokens != PADDING
    log_p = logits.log_softmax(-1).gather(2, found.tokens[:, :, None])[:, :, 0]
    torch.testing.assert_close(found.log_probs, (log_p * real).sum(1).float())
    if attends:
        found_weights = found.weights[0, "cross"][:, 0]
        torch.testing.assert_close(found_weights, (weights * real[:, :, None]).float())
        assert (found_weights[:, 1] - found_weights[:, 0]).abs().max() > 0.01  # steps differ


@BOTH
@settings(max_examples=20)
@given(problem=problems)
def test_a_sentence_does_not_depend_on_its_batch_or_padding(search, problem):
    seed, spread, lengths = problem
    model, source = Oracle(8, spread, seed), some_sources(lengths, seed)
    together = search(model, nn.functional.pad(source, (0, 3)), need_weights=True)
    for i, n in enumerate(lengths):
        alone = search(model, source[i : i + 1, :n], need_weights=True)
        t = alone.tokens.shape[1]
        assert torch.equal(together.tokens[i, :t], alone.tokens[0])
        assert not together.tokens[i, t:].any()
        torch.testing.assert_close(together.log_probs[i], alone.log_probs[0])
        torch.testing.assert_close(together.weights[0, "cross"][i, :, :t, :n], alone.weights[0, "cross"][0])
        assert not together.weights[0, "cross"][i, :, t:].any()


@BOTH
def test_weights_are_those_of_the_step_that_emits(search):
    source = some_sources([3, 5, 1])
    found = search(Copy(), source, need_weights=True)
    assert emitted(found.tokens) == [[*words, END] for words in emitted(source)]
    for words, tokens, weights in zip(emitted(source), found.tokens, found.weights[0, "cross"][:, 0], strict=True):
        for j in range(len(words)):
            assert weights[j].argmax() == j
            assert source.new_tensor(words)[weights[j].argmax()] == tokens[j]


@BOTH
def test_a_finished_sentence_stays_as_it_is(search):
    # After its END the first sentence would go on with 5, 5, 5, …
    model = Script([4, END, 5], [6, 7, 6, 7, 8, END], [END, 4])
    found = search(model, torch.tensor([[1], [2], [3]]))
    assert found.tokens.tolist() == [[4, END, 0, 0, 0, 0], [6, 7, 6, 7, 8, END], [END, 0, 0, 0, 0, 0]]
    torch.testing.assert_close(found.log_probs, torch.zeros(3), atol=1e-6, rtol=0)
    assert found.weights is None


@pytest.mark.parametrize("alpha", [None, 0.0, 0.6])
def test_the_search_stops_when_all_is_settled(alpha):
    model, source = Oracle(9, 3.0), some_sources([5, 4, 5])
    if alpha is None:
        found, limit = greedy(model, source, max_length=10_000), 10_000
        assert model.steps == found.tokens.shape[1]
    else:
        limit = 10_000 if alpha == 0 else 200  # a longer one divides by more, and the bound is reached later
        found = beam_search(model, source, length_penalty=alpha, max_length=limit)
    assert model.steps < limit / 2
    assert (found.tokens == END).sum(1).tolist() == [1, 1, 1]


@BOTH
def test_what_never_ends_is_cut_at_the_maximal_length(search):
    endless, source = Script([4, 5, 6, 7]), torch.tensor([[1, 1, 1], [1, 0, 0]])
    assert search(endless, source, max_length=3).tokens.tolist() == [[4, 5, 6], [4, 5, 6]]
    # By default 2 s + 10, of each sentence.
    assert (search(endless, source).tokens != PADDING).sum(1).tolist() == [16, 12]
    assert search(Script([4, END]), source, max_length=2).tokens.tolist() == [[4, END], [4, END]]
    assert search(Script([4, END]), source, max_length=1).tokens.tolist() == [[4], [4]]


@BOTH
def test_padding_and_start_are_never_emitted(search):
    class Wrong(Script):
        def step(self, tokens, memory, cache, *, need_weights=False):
            logits, cache, weights = super().step(tokens, memory, cache)
            logits[..., [PADDING, START]] += 15.0
            return logits, cache, weights

    found = search(Wrong([4, 5, END]), torch.tensor([[1]]), max_length=5)
    assert found.tokens.tolist() == [[4, 5, END]]
    # The log-probabilities are the model's own, among all its tokens.
    each = 20 - math.log(math.exp(20) + 2 * math.exp(15) + 6)
    assert found.log_probs.item() == pytest.approx(3 * each, rel=1e-4)


@BOTH
def test_the_special_symbols_may_have_other_numbers(search):
    found = search(Script([0, 3, 2, 5], V=8), torch.tensor([[1, 7]]), start=6, end=5, padding=7)
    assert found.tokens.tolist() == [[0, 3, 2, 5]]


@BOTH
@pytest.mark.parametrize("fails", [False, True])
def test_evaluation_mode_without_gradients_and_every_mode_restored(search, fails):
    class Model(Oracle):
        def __init__(self):
            super().__init__()
            self.frozen, self.dropout = nn.BatchNorm1d(1).eval(), nn.Dropout(0.5)

        def step(self, *arguments, **options):
            assert not self.dropout.training
            if fails:
                raise KeyError("stop")
            return super().step(*arguments, **options)

    model = Model().train()
    model.frozen.eval()
    if fails:
        with pytest.raises(KeyError):
            search(model, some_sources([2]))
    else:
        search(model, some_sources([2]))
    assert model.modes == (False, False)
    assert (model.training, model.dropout.training, model.frozen.training) == (True, True, False)
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


@BOTH
def test_results_can_be_trained_on_and_the_source_is_left_alone(search):
    source = some_sources([2, 3])
    before = source.clone()
    found = search(Oracle(), source, need_weights=True)
    embedding = nn.Embedding(7, 2)
    (embedding(found.tokens).sum() * found.log_probs.sum() * found.weights[0, "cross"].sum()).backward()
    assert embedding.weight.grad.any()
    assert torch.equal(source, before)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@BOTH
def test_logits_of_any_floating_point_type(search, dtype):
    class Typed(Script):
        def step(self, tokens, memory, cache, *, need_weights=False):
            logits, cache, _ = super().step(tokens, memory, cache)
            return logits.to(dtype), cache, {(0, "cross"): torch.ones(1, 1, tokens.shape[1], 1, dtype=dtype)}

    found = search(Typed([4, 5, END]), torch.tensor([[1]]), need_weights=True)
    assert found.tokens.tolist() == [[4, 5, END]]
    assert found.log_probs.dtype == found.weights[0, "cross"].dtype == torch.float32


SOURCE = torch.tensor([[4, 5], [6, 0]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"beam": 0}, "beam must be a positive integer, got 0"),
        ({"beam": True}, "beam must be a positive integer, got True"),
        ({"length_penalty": -0.1}, "length_penalty must be at least 0 and finite, got -0.1"),
        ({"length_penalty": math.nan}, "length_penalty must be at least 0 and finite, got nan"),
        ({"length_penalty": math.inf}, "length_penalty must be at least 0 and finite, got inf"),
    ],
)
def test_wrong_beam(arguments, message):
    with pytest.raises(ValueError, match=message):
        beam_search(Oracle(), SOURCE, **arguments)
