"""Encoder and decoders: equal to PyTorch's GRU and to the formulas, blind to padding, frugal with projections."""

import copy

import pytest
import torch
from recurrent_models import (
    ATTENDING,
    CONTEXT,
    DECODERS,
    EMBEDDING,
    HIDDEN,
    WORDS,
    bahdanau,
    model_of,
    sentences,
    some_sentences,
)
from torch import nn

from attn_utils.data.vocabulary import PADDING
from attn_utils.recurrent import BahdanauDecoder, Encoder, PlainDecoder, Seq2Seq
from attn_utils.scoring import AdditiveScore

batch = pytest.fixture(some_sentences)


def test_the_encoder_is_a_bidirectional_gru():
    encoder = Encoder(WORDS, EMBEDDING, 6).eval()
    source = sentences([7, 4, 1])
    gru = nn.GRU(EMBEDDING, 6, batch_first=True, bidirectional=True)
    from_left, from_right = encoder.from_left.state_dict(), encoder.from_right.state_dict()
    gru.load_state_dict(from_left | {f"{name}_reverse": weight for name, weight in from_right.items()})
    states, summary = encoder(source)
    assert states.shape == (3, 7, encoder.output_size)
    for row, length in enumerate([7, 4, 1]):
        alone, last = gru(encoder.embedding(source[row : row + 1, :length]))
        torch.testing.assert_close(states[row, :length], alone[0])
        torch.testing.assert_close(summary[row], last.flatten())
        assert torch.all(states[row, length:] == 0)


def test_the_summary_holds_the_last_state_of_each_direction():
    states, summary = Encoder(WORDS, EMBEDDING, 6).eval()(sentences([5]))
    torch.testing.assert_close(summary[0, :6], states[0, -1, :6])
    torch.testing.assert_close(summary[0, 6:], states[0, 0, 6:])


@pytest.mark.parametrize("name", DECODERS)
def test_a_sentence_is_translated_alike_alone_and_in_a_batch(name, batch):
    model, (source, target_in) = model_of(name), batch
    together = model(source, target_in)
    for row, length in enumerate([7, 4, 1]):
        torch.testing.assert_close(together[row], model(source[row : row + 1, :length], target_in[row : row + 1])[0])


@pytest.mark.parametrize("name", ATTENDING)
def test_padding_gets_no_weight_and_its_states_do_not_matter(name, batch):
    model, (source, target_in) = model_of(name), batch
    states, summary = model.encoder(source)
    mask = (source != PADDING)[:, None]
    clean, weights = model.decoder(target_in, *model.decoder.start(states, summary, mask), need_weights=True)
    assert torch.all(weights[~mask.expand(-1, 6, -1)] == 0)
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 6).double())
    spoiled = states.masked_fill(~mask.mT, 100.0)
    torch.testing.assert_close(model.decoder(target_in, *model.decoder.start(spoiled, summary, mask))[0], clean)


@pytest.mark.parametrize("name", DECODERS)
def test_one_step_at_a_time_gives_the_logits_of_all_at_once(name, batch):
    model, (source, target_in) = model_of(name), batch
    if name in ATTENDING:
        all_at_once, all_weights = model(source, target_in, need_weights=True)
    else:
        all_at_once, all_weights = model(source, target_in), None
    memory, cache = model.start(source)
    for j in range(target_in.shape[1]):
        logits, cache, weights = model.step(target_in[:, j : j + 1], memory, cache, need_weights=True)
        torch.testing.assert_close(logits, all_at_once[:, j : j + 1])
        if all_weights is None:
            assert weights is None
        else:
            assert weights.keys() == {(0, "cross")}
            torch.testing.assert_close(weights[0, "cross"][:, 0], all_weights[:, j : j + 1])  # one head
    assert model.step(target_in[:, :1], memory, cache)[2] is None  # not asked for


@pytest.mark.parametrize("name", DECODERS)
def test_hypotheses_of_a_sentence_share_its_memory_and_keep_their_own_cache(name, batch):
    """Four beginnings of each sentence, read side by side, are what each is alone."""
    model, (source, _) = model_of(name), batch
    texts = torch.randint(4, WORDS, (3, 4, 5))
    memory, cache = model.start(source)
    cache = {key: x.expand(-1, 4, -1) for key, x in cache.items()}
    assert all(len(x) == 3 for x in memory.values())
    got = []
    for j in range(5):
        logits, cache, weights = model.step(texts[:, :, j], memory, cache, need_weights=True)
        got.append((logits, weights))
    for n in range(4):
        alone, alone_cache = model.start(source)
        for j, (logits, weights) in enumerate(got):
            expected, alone_cache, w = model.step(texts[:, n, j, None], alone, alone_cache, need_weights=True)
            torch.testing.assert_close(logits[:, n], expected[:, 0])
            if w is not None:
                torch.testing.assert_close(weights[0, "cross"][:, :, n], w[0, "cross"][:, :, 0])
        torch.testing.assert_close(cache["hidden"][:, n], alone_cache["hidden"][:, 0])


@pytest.mark.parametrize("name", DECODERS)
def test_rows_of_a_memory_are_sentences(name, batch):
    model, (source, target_in) = model_of(name), batch
    memory, cache = model.start(source)
    expected, _, _ = model.step(target_in[:, :1], memory, cache)
    left = torch.tensor([2, 0])
    got, _, _ = model.step(
        target_in[left, :1], *({key: x[left] for key, x in part.items()} for part in (memory, cache))
    )
    torch.testing.assert_close(got, expected[left])


def test_the_decoder_follows_the_formulas(batch):
    """Everything by hand, a word at a time: a GRU cell of PyTorch, one softmax, one weighted average."""
    model, (source, target_in) = model_of("additive"), batch
    decoder, (states, summary) = model.decoder, model.encoder(source)
    W_q, W_k, v = decoder.attention.score.W_q, decoder.attention.score.W_k, decoder.attention.score.v
    cell = nn.GRUCell(EMBEDDING + CONTEXT, HIDDEN).double()
    cell.load_state_dict({name.removesuffix("_l0"): tensor for name, tensor in decoder.gru.state_dict().items()})
    logits, weights = model(source, target_in, need_weights=True)
    for row in range(3):
        h = states[row, : int((source[row] != PADDING).sum())]  # the words alone: no mask is needed
        s = torch.tanh(decoder.first(summary[row]))
        for j in range(6):
            alpha = torch.softmax(torch.tanh(W_q(s) + W_k(h)) @ v, dim=0)
            c, e = alpha @ h, decoder.embedding(target_in[row, j])
            s = cell(torch.cat([e, c]), s)
            torch.testing.assert_close(weights[row, j, : len(h)], alpha)
            torch.testing.assert_close(logits[row, j], decoder.readout(torch.cat([s, c, e])))


def test_in_the_other_order_the_query_is_the_new_state(batch):
    model, (source, target_in) = model_of("dot, step first"), batch
    decoder, (states, summary) = model.decoder, model.encoder(source)
    e = decoder.embedding(target_in)
    s, _ = decoder.gru(e, torch.tanh(decoder.first(summary))[None])
    weights = torch.softmax((s @ states.mT).masked_fill((source == PADDING)[:, None], float("-inf")), dim=-1)
    logits, got = model(source, target_in, need_weights=True)
    torch.testing.assert_close(got, weights)
    torch.testing.assert_close(logits, decoder.readout(torch.cat([s, weights @ states, e], dim=-1)))


@pytest.mark.parametrize("order", ["look first", "step first"])
def test_keys_are_projected_once_a_sentence(order, batch):
    model, (source, target_in) = Seq2Seq(Encoder(WORDS, EMBEDDING, 6), bahdanau(order=order)), batch
    calls = []
    model.decoder.attention.score.W_k.register_forward_hook(lambda *_: calls.append(1))
    model(source, target_in)
    assert len(calls) == 1
    memory, cache = model.start(source)
    for j in range(6):
        _, cache, _ = model.step(target_in[:, j, None], memory, cache)
    assert len(calls) == 2


def test_the_plain_decoder_sees_the_summary_alone(batch):
    model, (source, target_in) = model_of("plain"), batch
    states, summary = model.encoder(source)
    mask = (source != PADDING)[:, None]
    expected, _ = model.decoder(target_in, *model.decoder.start(states, summary, mask))
    got, _ = model.decoder(target_in, *model.decoder.start(torch.randn_like(states), summary, mask))
    assert torch.equal(got, expected)
    other, _ = model.decoder(target_in, *model.decoder.start(states, summary + 1, mask))
    assert not torch.allclose(other, expected)


@pytest.mark.parametrize("name", DECODERS)
def test_every_parameter_learns(name, batch):
    model, (source, target_in) = model_of(name), batch
    model(source, target_in).square().sum().backward()
    still = [key for key, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []


def test_memory_and_cache_given_are_not_changed(batch):
    model, (source, target_in) = model_of("additive"), batch
    with torch.no_grad():
        given = model.start(source)
    before = copy.deepcopy(given)
    model.step(target_in[:, :1], *given)
    model.decoder(target_in, *given)
    torch.testing.assert_close(given, before, rtol=0, atol=0)


@pytest.mark.parametrize(("in_encoder", "in_decoder"), [(0.5, 0.0), (0.0, 0.5), (0.0, 0.0)])
@pytest.mark.parametrize("make", [PlainDecoder, BahdanauDecoder])
def test_dropout_acts_in_training_only(make, in_encoder, in_decoder, batch):
    source, target_in = batch
    encoder = Encoder(WORDS, EMBEDDING, CONTEXT // 2, dropout=in_encoder)
    model = Seq2Seq(encoder, make(WORDS, CONTEXT, EMBEDDING, HIDDEN, dropout=in_decoder)).eval()
    assert torch.equal(model(source, target_in), model(source, target_in))
    model.train()
    differs = not torch.allclose(model(source, target_in), model(source, target_in))
    assert differs == (in_encoder + in_decoder > 0)


def test_any_score_will_do():
    score = AdditiveScore(HIDDEN, CONTEXT, 3)
    assert bahdanau(score=score).attention.score is score
    assert bahdanau().attention.score.hidden_size == HIDDEN
