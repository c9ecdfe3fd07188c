"""What encoder and decoders take: types of numbers and tokens, compiled graphs, and what they refuse."""

import pytest
import torch
from recurrent_models import DECODERS, model_of, sentences, some_sentences

from attn_utils.recurrent import BahdanauDecoder, Encoder, PlainDecoder

batch = pytest.fixture(some_sentences)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32])
def test_token_numbers_of_any_integer_type(dtype, batch):
    model, (source, target_in) = model_of("additive"), batch
    assert torch.equal(model(source.to(dtype), target_in.to(dtype)), model(source, target_in))
    memory, cache = model.start(source.to(dtype))
    got, expected = (model.step(target_in[:, :1].to(kind), memory, cache)[0] for kind in (dtype, torch.long))
    assert torch.equal(got, expected)


@pytest.mark.parametrize("name", DECODERS)
def test_the_whole_translator_is_one_graph(name, batch):
    """Checks that look at data stand aside in it. PyTorch wants to be told that recurrent nets are meant."""
    model, (source, target_in) = model_of(name), batch
    expected = model(source, target_in)
    with torch._dynamo.config.patch(allow_rnn=True):
        compiled = torch.compile(model, fullgraph=True, backend="eager")
        torch.testing.assert_close(compiled(source, target_in), expected)
    torch._dynamo.reset()


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision(kind, batch):
    source, target_in = batch
    model = model_of("additive")
    expected = model(source, target_in)
    got = model.to(kind)(source, target_in)
    assert got.dtype == kind
    torch.testing.assert_close(got.double(), expected, atol=0.05, rtol=0)


def first_step(name, tokens):
    model = model_of(name)
    return model.step(tokens, *model.start(sentences([3])))


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
        (
            lambda: BahdanauDecoder(9, 4, order="look, then step"),
            "order must be one of look first, step first, got 'look, t",
        ),
        (lambda: Encoder(9)(torch.ones(2, 3).bool()), "source must hold token numbers in shape .* got torch.bool"),
        (
            lambda: Encoder(9)(torch.tensor([[4, 9]])),
            "source must hold token numbers from 0 to 8, .* numbers from 4 to 9",
        ),
        (lambda: Encoder(9)(torch.tensor([[4, -1]])), "source must hold token numbers from 0 to 8, .* from -1 to 4"),
        (
            lambda: model_of("plain")(sentences([3]), torch.tensor([[30]])),
            "target_in must hold token numbers from 0 to 29",
        ),
        (lambda: first_step("plain", torch.tensor([[30]])), "tokens must hold token numbers from 0 to 29, .* 30 to 30"),
        (
            lambda: first_step("dot, step first", torch.tensor([4])),
            r"tokens must hold token numbers in shape .* \(1,\)",
        ),
        (lambda: Encoder(9)(torch.tensor([[4, 0], [0, 0]])), "at least one word in every row"),
        (lambda: Encoder(9)(torch.ones(2, 0, dtype=torch.long)), "at least one word in every row"),
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


@pytest.mark.parametrize("name", DECODERS)
def test_training_under_autocast(name, batch):
    model, (source, target_in) = model_of(name).float(), batch
    expected = model(source, target_in)
    with torch.autocast("cpu", torch.bfloat16):
        got = model(source, target_in)
        if name != "plain":
            _, weights = model(source, target_in, need_weights=True)
            torch.testing.assert_close(weights.float().sum(-1), torch.ones(3, 6), atol=0.02, rtol=0)
    torch.testing.assert_close(got.float(), expected, atol=0.05, rtol=0)
    got.float().square().sum().backward()
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in model.parameters())
