"""Going through time: caches follow the choice, a memory stays where it is, what is settled costs no more."""

import math
from threading import Barrier, Thread

import pytest
import torch
from decoding_models import Copy, Oracle, Script, emitted, log_p, some_sources
from torch import nn

from attn_utils.data.vocabulary import END, PADDING, START
from attn_utils.decoding import beam_search, greedy, most_probable, steps
from attn_utils.recurrent import BahdanauDecoder, Encoder, Seq2Seq
from attn_utils.scoring import ScaledDotScore

BOTH = pytest.mark.parametrize("search", [greedy, beam_search])
SOURCE = torch.tensor([[4, 5], [6, 0]])


def translator(**options) -> Seq2Seq:
    """Make an untrained net that does not end at once."""
    model = Seq2Seq(Encoder(9, 4, 5), BahdanauDecoder(12, 10, 4, 10, **options))
    model.decoder.readout[-1].bias.data[END] = -4.0
    return model


class Watched:
    """Hands everything on to a model and keeps what goes in."""

    def __init__(self, model):
        self.model, self.asked = model, []

    def start(self, source):
        memory, cache = self.model.start(source)
        self.memory = memory
        return memory, cache

    def step(self, tokens, memory, cache, *, need_weights=False):
        self.asked.append((tokens, memory, cache))
        return self.model.step(tokens, memory, cache, need_weights=need_weights)


def test_hypotheses_that_branch_and_change_places_keep_their_own_past():
    """By hand: two beginnings of each sentence, then three, then two in another order."""
    hand = iter(
        [
            ([[0, 0], [0, 0]], [[4, 5], [6, 4]]),
            ([[1, 0, 0], [0, 1, 1]], [[6, 6, 5], [4, 5, 6]]),
            ([[2, 0], [1, 0]], [[4, 4], [5, 5]]),
            ([[0, 1], [0, 1]], [[END, END], [END, END]]),
        ]
    )
    source, texts = some_sources([3, 5]), [[[]], [[]]]
    for step in steps(Oracle(), source, lambda _: tuple(map(torch.tensor, next(hand))), need_weights=True):
        for i, hypotheses in enumerate(texts):
            for n, text in enumerate(hypotheses):
                expected, weights = log_p(Oracle(), source[i : i + 1], text)
                torch.testing.assert_close(step.log_probs[i, n, END:], expected[END:])
                for name in weights:
                    torch.testing.assert_close(step.weights[name][i, :, n], weights[name].float())
        texts = [
            [[*texts[i][parent], token] for parent, token in zip(parents, tokens, strict=True)]
            for i, (parents, tokens) in enumerate(zip(step.parents.tolist(), step.tokens.tolist(), strict=True))
        ]
    assert texts == [[[4, 5, 4, END], [5, 6, 4, END]], [[4, 5, 5, END], [6, 4, 5, END]]]


def test_a_step_says_what_went_in_and_what_came_out():
    model, before = translator().eval(), None
    for step in steps(model, SOURCE, most_probable, max_length=3):
        tokens = torch.full((2, 1), START) if before is None else before.tokens
        logits, after, _ = model.step(tokens, step.memory, step.before)
        torch.testing.assert_close(step.after, after)
        torch.testing.assert_close(step.log_probs[..., END:], logits.log_softmax(-1)[..., END:])
        assert (step.log_probs[..., [PADDING, START]] == -math.inf).all()
        if before is not None:
            assert step.before["hidden"] is before.after["hidden"]  # one hypothesis each: there is nothing to move
        before = step


@pytest.mark.parametrize("order", ["look first", "step first"])
@pytest.mark.parametrize("score", [None, ScaledDotScore()])
def test_a_memory_is_never_copied_while_no_sentence_is_settled(score, order):
    model = Watched(translator(score=score, order=order).eval())
    model.model.decoder.readout[-1].bias.data[END] = -40.0  # no end within the length
    beam_search(model, some_sources([4, 4, 4]), beam=5, max_length=6)
    assert [tokens.shape for tokens, _, _ in model.asked] == [(3, 1)] + 5 * [(3, 5)]
    for _, memory, cache in model.asked:
        assert cache["hidden"].shape[:1] == (3,)
        for name, x in model.memory.items():
            assert memory[name].data_ptr() == x.data_ptr()
            assert memory[name].shape == x.shape


@BOTH
def test_rows_of_settled_sentences_are_dropped(search):
    model = Watched(Script([4, END], [6, 7, 6, 7, END], [5, 5, END]))
    search(model, torch.tensor([[1], [2], [3]]))
    rows = [len(tokens) for tokens, _, _ in model.asked]
    assert rows == [3, 3, 2, 1, 1]
    for tokens, memory, cache in model.asked:
        assert len(memory["sentence"]) == len(cache["position"]) == len(tokens)
    assert model.asked[-1][1]["sentence"].tolist() == [1]


@pytest.mark.parametrize("emptied", [False, True])
def test_a_model_may_have_no_memory(emptied):
    """As a decoder-only model: all that it knows is in the cache."""

    class NoMemory(Oracle):
        def start(self, source):
            memory, cache = super().start(source)
            return {}, cache | {"source": memory["source"][:, None]}

        def step(self, tokens, memory, cache, *, need_weights=False):
            source = cache["source"]
            b, n, s = source.shape
            flat = {name: x.flatten(0, 1)[:, None] for name, x in cache.items()}
            logits, new, _ = super().step(tokens.reshape(-1, 1), {"source": source.reshape(b * n, s)}, flat)
            return (
                logits.view(b, n, -1),
                {name: x.view(b, n, -1) for name, x in new.items() if name != "source"} | {"source": source},
                None,
            )

    source = some_sources([4, 1, 6])
    search = greedy if emptied else beam_search
    got, expected = search(NoMemory(9, 0.4), source), search(Oracle(9, 0.4), source)
    assert torch.equal(got.tokens, expected.tokens)
    torch.testing.assert_close(got.log_probs, expected.log_probs)


def test_between_two_steps_the_model_is_as_it_was():
    model = translator().train()
    model.encoder.eval()
    before = [module.training for module in model.modules()]
    for _ in steps(model, SOURCE, most_probable, max_length=3):
        assert [module.training for module in model.modules()] == before
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()


@BOTH
def test_two_threads_decode_one_model(search):
    """Each waits inside each step for the other."""
    model, meet = translator().train(), Barrier(2, timeout=20)
    model.encoder.eval()
    before = [module.training for module in model.modules()]
    expected = search(model, SOURCE, max_length=4)
    found = []

    def wait_for_the_other(*_):
        meet.wait()

    model.decoder.embedding.register_forward_hook(wait_for_the_other)

    def decode():
        found.append(search(model, SOURCE, max_length=4))

    threads = [Thread(target=decode) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [module.training for module in model.modules()] == before
    assert len(found) == 2
    for one in found:
        assert torch.equal(one.tokens, expected.tokens)
        torch.testing.assert_close(one.log_probs, expected.log_probs)


@BOTH
@pytest.mark.parametrize("order", ["look first", "step first"])
@pytest.mark.parametrize("score", [None, ScaledDotScore()])
def test_under_autocast_the_result_is_nearly_the_same(search, score, order):
    model = translator(score=score, order=order)
    for p in model.parameters():
        nn.init.normal_(p, std=0.8)
    source = some_sources([4, 1, 6, 3])
    expected = search(model, source, max_length=2, need_weights=True)
    with torch.autocast("cpu", torch.bfloat16):
        found = search(model, source, max_length=2, need_weights=True)
        search(model, source, max_length=2)
    assert torch.equal(found.tokens, expected.tokens)
    assert found.log_probs.dtype == torch.float32
    torch.testing.assert_close(found.log_probs, expected.log_probs, atol=0.2, rtol=0)
    torch.testing.assert_close(found.weights[0, "cross"], expected.weights[0, "cross"], atol=0.1, rtol=0)


@BOTH
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32])
def test_a_source_of_any_integer_type(search, dtype):
    model, source = translator(), some_sources([4, 1, 6])
    expected, found = search(model, source), search(model, source.to(dtype))
    assert torch.equal(found.tokens, expected.tokens)
    assert found.tokens.dtype == torch.long
    # As a uint8 256 is 0, and yet no word of this source is padding.
    script = Script([4, 5, 6], V=300)
    found = search(script, torch.tensor([[1, 0, 0]], dtype=dtype), padding=256)
    assert (found.tokens != 256).sum() == 16


def spoilt(**changes):
    """A model whose memory or cache or logits or weights are not what they should be."""

    class Spoilt(Oracle):
        def start(self, source):
            memory, cache = super().start(source)
            return memory | changes.get("memory", {}), cache | changes.get("cache", {})

        def step(self, tokens, memory, cache, *, need_weights=False):
            logits, cache, weights = super().step(tokens, memory, cache, need_weights=need_weights)
            return changes.get("logits", lambda x: x)(logits), cache, changes.get("weights", weights)

    return Spoilt()


WRONG = [
    (lambda f: f(Oracle(), SOURCE.float()), r"source must be an integer tensor .* got torch.float32"),
    (lambda f: f(Oracle(), SOURCE[0]), r"source must be .* \(b, s\) .* got torch.int64 of shape \(2,\)"),
    (lambda f: f(Oracle(), SOURCE[:0]), r"source must be .* b > 0, got torch.int64 of shape \(0, 2\)"),
    (lambda f: f(Oracle(), SOURCE, max_length=0), "max_length must be a positive integer, got 0"),
    (lambda f: f(Oracle(), SOURCE, max_length=2.5), "max_length must be a positive integer, got 2.5"),
    (lambda f: f(Oracle(), SOURCE, end=START), "start, end and padding must be three different .* 'end': 2"),
    (lambda f: f(Oracle(), SOURCE, padding=-1), "start, end and padding must be .* at least 0, got .*-1"),
    (
        lambda f: f(Oracle(), SOURCE, end=7),
        r"model.step must return logits of shape \(2, 1, V\), V more than .*\(2, 7, 0\)",
    ),
    (lambda f: f(spoilt(logits=lambda x: x[:1]), SOURCE), r"model.step must return logits .* got \(1, 1, 7\)"),
    (lambda f: f(spoilt(logits=lambda x: x[:, 0]), SOURCE), r"model.step must return logits .* got \(2, 7\)"),
    (lambda f: f(spoilt(logits=lambda x: x * math.nan), SOURCE), "model.step must give a token a probability, got"),
    (lambda f: f(spoilt(memory={"x": torch.ones(1, 2)}), SOURCE), r"memory\['x'\] .* shape \(2, …\), .* got \(1, 2\)"),
    (lambda f: f(spoilt(memory={"x": 3}), SOURCE), r"memory\['x'\] of model.start must be a tensor .* got 3"),
    (lambda f: f(spoilt(cache={"x": torch.ones(2, 3)}), SOURCE), r"cache\['x'\] .* \(2, 1, …\), .* got \(2, 3\)"),
    (
        lambda f: f(Script([END]), torch.tensor([[1]]), need_weights=True),
        "need_weights must be False for a model without attention",
    ),
    (
        lambda f: f(spoilt(weights={(0, "cross"): torch.ones(2, 2, 1)}), SOURCE, need_weights=True),
        r"weights\[\(0, 'cross'\)\] of model.step must have shape .* \(2, h, 1, k\), got \(2, 2, 1\)",
    ),
]


@pytest.mark.parametrize("search", [greedy, beam_search, lambda *a, **o: list(steps(*a[:2], most_probable, **o))])
@pytest.mark.parametrize(("call", "message"), WRONG)
def test_wrong_argument(search, call, message):
    with pytest.raises(ValueError, match=message):
        call(search)


def test_arguments_are_looked_at_before_the_first_step_is_asked_for():
    with pytest.raises(ValueError, match="max_length"):
        steps(Oracle(), SOURCE, most_probable, max_length=0)


LONG = torch.long


@pytest.mark.parametrize(
    ("parents", "tokens", "message"),
    [
        (torch.zeros(2, 1, dtype=LONG), torch.full((2, 2), 4), r"choose must return tokens, .* got .* \(2, 2\)"),
        (torch.zeros(1, 1, dtype=LONG), torch.full((1, 1), 4), r"choose must return parents, .* \(2, m\)"),
        (torch.zeros(2, 0, dtype=LONG), torch.zeros(2, 0, dtype=LONG), "choose must return parents, .* m > 0"),
        (torch.zeros(2, 1), torch.full((2, 1), 4), "choose must return parents, int64 .* got torch.float32"),
        (torch.ones(2, 1, dtype=LONG), torch.full((2, 1), 4), "choose must return parents from 0 to 0, got 1 to 1"),
        (torch.zeros(2, 1, dtype=LONG), torch.full((2, 1), 7), "choose must return tokens from 0 to 6, got 7 to 7"),
        (torch.zeros(2, 1, dtype=LONG), torch.full((2, 1), -1), "choose must return tokens from 0 to 6, got -1 to -1"),
    ],
)
def test_a_choice_that_is_none(parents, tokens, message):
    with pytest.raises(ValueError, match=message):
        next(steps(Oracle(), SOURCE, lambda _: (parents, tokens)))


def test_the_models_here_do_what_they_say():
    assert emitted(greedy(Copy(), torch.tensor([[4, 7]])).tokens) == [[4, 7, END]]
