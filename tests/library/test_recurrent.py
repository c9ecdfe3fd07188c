"""Encoder and decoders: equal to PyTorch's GRU and to the formulas, blind to padding, frugal with projections."""

import pytest
import torch
from torch import nn

from attn_utils.data.vocabulary import PADDING, START
from attn_utils.recurrent import BahdanauDecoder, Encoder, PlainDecoder, Seq2Seq
from attn_utils.scoring import AdditiveScore, DotScore, GeneralScore
from benchmarks import translator

WORDS, CONTEXT, EMBEDDING, HIDDEN = 30, 12, 5, 12


def bahdanau(**options) -> BahdanauDecoder:
    return BahdanauDecoder(WORDS, CONTEXT, EMBEDDING, HIDDEN, **options)


DECODERS = {
    "plain": lambda: PlainDecoder(WORDS, CONTEXT, EMBEDDING, HIDDEN),
    "additive": bahdanau,
    "additive, no feeding": lambda: bahdanau(input_feeding=False),
    "general": lambda: bahdanau(score=GeneralScore(HIDDEN, CONTEXT)),
    "dot, no feeding": lambda: bahdanau(score=DotScore(), input_feeding=False),
}
ATTENDING = [name for name in DECODERS if name != "plain"]


def model_of(name: str) -> Seq2Seq:
    return Seq2Seq(Encoder(WORDS, EMBEDDING, CONTEXT // 2), DECODERS[name]()).double().eval()


def sentences(lengths: list[int]) -> torch.Tensor:
    rows = [torch.randint(4, WORDS, (length,)) for length in lengths]
    return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PADDING)


@pytest.fixture
def batch():
    target_in = sentences([6, 6, 6])
    target_in[:, 0] = START
    return sentences([7, 4, 1]), target_in


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
    clean, state = model.decoder(target_in, model.decoder.start(states, summary, mask), need_weights=True)
    assert torch.all(state["weights"][~mask.expand(-1, 6, -1)] == 0)
    torch.testing.assert_close(state["weights"].sum(-1), torch.ones(3, 6).double())
    spoiled = states.masked_fill(~mask.mT, 100.0)
    torch.testing.assert_close(model.decoder(target_in, model.decoder.start(spoiled, summary, mask))[0], clean)


@pytest.mark.parametrize("name", DECODERS)
def test_one_step_at_a_time_gives_the_logits_of_all_at_once(name, batch):
    model, (source, target_in) = model_of(name), batch
    if name in ATTENDING:
        all_at_once, all_weights = model(source, target_in, need_weights=True)
    else:
        all_at_once, all_weights = model(source, target_in), None
    state = model.start(source)
    for j in range(target_in.shape[1]):
        logits, state = model.step(target_in[:, j], state)
        torch.testing.assert_close(logits, all_at_once[:, j])
        if all_weights is not None:
            torch.testing.assert_close(state["weights"], all_weights[:, j])


@pytest.mark.parametrize("name", DECODERS)
def test_the_state_is_batch_first(name, batch):
    model, (source, target_in) = model_of(name), batch
    _, state = model.step(target_in[:, 0], model.start(source))
    order = torch.tensor([2, 0, 0])
    chosen = {key: tensor.index_select(0, order) for key, tensor in state.items()}
    expected, _ = model.step(target_in[:, 1], state)
    got, _ = model.step(target_in[order, 1], chosen)
    torch.testing.assert_close(got, expected[order])


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


def test_without_feeding_the_query_is_the_new_state(batch):
    model, (source, target_in) = model_of("dot, no feeding"), batch
    decoder, (states, summary) = model.decoder, model.encoder(source)
    e = decoder.embedding(target_in)
    s, _ = decoder.gru(e, torch.tanh(decoder.first(summary))[None])
    weights = torch.softmax((s @ states.mT).masked_fill((source == PADDING)[:, None], float("-inf")), dim=-1)
    logits, got = model(source, target_in, need_weights=True)
    torch.testing.assert_close(got, weights)
    torch.testing.assert_close(logits, decoder.readout(torch.cat([s, weights @ states, e], dim=-1)))


@pytest.mark.parametrize("input_feeding", [True, False])
def test_keys_are_projected_once_a_sentence(input_feeding, batch):
    model, (source, target_in) = Seq2Seq(Encoder(WORDS, EMBEDDING, 6), bahdanau(input_feeding=input_feeding)), batch
    calls = []
    model.decoder.attention.score.W_k.register_forward_hook(lambda *_: calls.append(1))
    model(source, target_in)
    assert len(calls) == 1
    state = model.start(source)
    for j in range(6):
        _, state = model.step(target_in[:, j], state)
    assert len(calls) == 2


def test_the_plain_decoder_sees_the_summary_alone(batch):
    model, (source, target_in) = model_of("plain"), batch
    states, summary = model.encoder(source)
    mask = (source != PADDING)[:, None]
    expected, _ = model.decoder(target_in, model.decoder.start(states, summary, mask))
    got, _ = model.decoder(target_in, model.decoder.start(torch.randn_like(states), summary, mask))
    assert torch.equal(got, expected)
    other, _ = model.decoder(target_in, model.decoder.start(states, summary + 1, mask))
    assert not torch.allclose(other, expected)


@pytest.mark.parametrize("name", DECODERS)
def test_every_parameter_learns(name, batch):
    model, (source, target_in) = model_of(name), batch
    model(source, target_in).square().sum().backward()
    still = [key for key, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []


def test_the_state_given_is_not_changed(batch):
    model, (source, target_in) = model_of("additive"), batch
    state = model.start(source)
    before = {key: tensor.clone() for key, tensor in state.items()}
    model.step(target_in[:, 0], state)
    assert all(torch.equal(state[key], before[key]) for key in before)
    assert state.keys() == before.keys()


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


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision(kind, batch):
    source, target_in = batch
    model = model_of("additive")
    expected = model(source, target_in)
    got = model.to(kind)(source, target_in)
    assert got.dtype == kind
    torch.testing.assert_close(got.double(), expected, atol=0.05, rtol=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Encoder(0), "vocabulary_size must be a positive integer, got 0"),
        (lambda: Encoder(9, hidden_size=0), "hidden_size must be a positive integer, got 0"),
        (lambda: Encoder(9, dropout=1.0), "dropout must be at least 0 and less than 1, got 1.0"),
        (lambda: PlainDecoder(9, -1), "context_size must be a positive integer, got -1"),
        (lambda: BahdanauDecoder(9, 4, embedding_size=2.5), "embedding_size must be a positive integer, got 2.5"),
        (lambda: Encoder(9)(torch.ones(3, dtype=torch.long)), "source must hold token numbers in shape"),
        (lambda: Encoder(9)(torch.ones(2, 3)), "source must hold token numbers in shape"),
        (lambda: Encoder(9)(torch.tensor([[4, 0], [0, 0]])), "at least one word in every row"),
        (lambda: Encoder(9)(torch.tensor([[0, 4], [5, 6]])), "padding only after the words"),
        (lambda: model_of("plain")(sentences([3]), torch.ones(1)), "target_in must hold token numbers"),
        (lambda: model_of("plain")(sentences([3]), sentences([3, 2])), "as many sentences as source, 1, .* got shape"),
        (lambda: model_of("plain")(sentences([3]), torch.ones(1, 0, dtype=torch.long)), "at least one word, got shape"),
        (
            lambda: model_of("plain")(sentences([3]), sentences([3]), need_weights=True),
            "a decoder without attention has no weights",
        ),
    ],
)
def test_wrong_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_any_score_will_do():
    score = AdditiveScore(HIDDEN, CONTEXT, 3)
    assert bahdanau(score=score).attention.score is score
    assert bahdanau().attention.score.hidden_size == HIDDEN


def test_the_benchmark_compares_equals_and_counts_projections():
    model, source, target = translator.inputs(length=6)
    expected = translator.library(model, source, target)
    for name in ["straight PyTorch", "nothing hoisted"]:
        torch.testing.assert_close(translator.VARIANTS[name](model, source, target), expected)
    counts = {name: translator.projections(name, length=6) for name in translator.VARIANTS}
    assert counts == {"library": 1, "straight PyTorch": 1, "nothing hoisted": 8}  # 8 words to write
