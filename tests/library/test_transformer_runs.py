"""The Transformer explorer as a Python object: what a model wrote and looked at, rounded, checked, sent to a page."""

import copy
import dataclasses
import json

import pytest
import torch
from torch.testing import assert_close

from attn_utils.data.pairs import Pair
from attn_utils.data.vocabulary import END, START, Vocabulary
from attn_utils.decoding import greedy
from attn_utils.recurrent import Encoder, PlainDecoder, Seq2Seq
from attn_utils.transformer import Transformer
from attn_utils.widgets import TransformerExplorer
from attn_utils.widgets.transformer_explorer.by_hand import RUNS

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
NUMBERS = Vocabulary([WORDS])
PAIRS = [Pair(tuple(WORDS[:4]), tuple(WORDS[4:8])), Pair(tuple(WORDS[3:5]), tuple(WORDS[:1]))]
KINDS = {"encoder": "encoder", "decoder": "self", "cross": "cross"}  # ours, the model's
ROUNDED = 0.0005 + 1e-6


def small_model(**options) -> Transformer:
    """An untrained model whose weights are far from even."""
    model = Transformer(len(NUMBERS), len(NUMBERS), 16, num_heads=4, num_layers=2, **options)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.6)
    return model


@pytest.mark.parametrize("options", [{}, {"norm_first": False, "positions": "rotary", "dropout": 0.3}])
def test_the_weights_are_those_with_which_each_word_was_written(options):
    model = small_model(**options)
    model.encoder.eval()  # each part is to get back the mode that it had
    before, random = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    demo = TransformerExplorer.of(model, PAIRS, ["long", "short"], NUMBERS, NUMBERS, max_length=9, sentence=1, step=2)
    assert (model.encoder.training, model.decoder.training, demo.sentence, demo.step) == (False, True, 1, 2)
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(x, before[name]) for name, x in model.state_dict().items())
    for number, pair in enumerate(PAIRS):
        run = demo.sentences[number]
        decoded = greedy(model, torch.tensor([NUMBERS.encode(pair.source)]), max_length=9, need_weights=True)
        assert list(run.target) == [NUMBERS.words[token] for token in decoded.tokens[0]]
        assert (run.source, run.reference, run.shape) == (pair.source, pair.target, (2, 4))
        demo.sentence, demo.step = number, 1
        for layer in range(2):
            for kind in ("decoder", "cross"):
                demo.layer, demo.kind = layer, kind
                weights = decoded.weights[layer, KINDS[kind]][0].double()
                assert_close(demo.head_weights, weights, rtol=0, atol=ROUNDED)
                for head in range(4):
                    demo.head = head
                    assert torch.equal(demo.weights, demo.head_weights[head])
                    assert torch.equal(demo.row, demo.weights[1])
        demo.step = 99
        assert torch.equal(demo.row, demo.weights[-1])
    assert demo.weights.max() > 0.4, "a model whose weights are even would prove little"


def test_the_encoders_weights_and_the_means():
    model = small_model()
    demo = TransformerExplorer.of(model, PAIRS[:1], ["long"], NUMBERS, NUMBERS, max_length=9, kind="encoder", layer=1)
    run = demo.sentences[0]
    read = torch.tensor([[START, *NUMBERS.encode(run.target[:-1])]])
    with torch.no_grad():
        _, weights = model(torch.tensor([NUMBERS.encode(run.source)]), read, need_weights=True)
    assert_close(demo.head_weights, weights[1, "encoder"][0].double(), rtol=0, atol=ROUNDED)
    demo.head = "mean"
    assert_close(demo.weights, demo.head_weights.mean(dim=0))
    before = demo.weights
    demo.head = "all"  # of the layers' encoders there is no such mean
    assert torch.equal(demo.weights, before)
    demo.kind = "cross"
    every = torch.stack([weights[layer, "cross"][0] for layer in range(2)]).double()
    assert_close(demo.weights, every.flatten(0, 1).mean(dim=0), rtol=0, atol=ROUNDED)


class Parrot(Transformer):
    """Writes what it was told to, whatever it reads; it looks at words as its untrained layers do."""

    def __init__(self, words: str, vocabulary: Vocabulary) -> None:
        super().__init__(len(vocabulary), len(vocabulary), 16, num_heads=4, num_layers=2)
        self.numbers = [*vocabulary.encode(words.split()), END]

    def step(self, tokens, memory, cache, **options):
        at = cache["0.keys"].shape[-2]
        logits, cache, weights = super().step(tokens, memory, cache, **options)
        return 99.0 * torch.eye(logits.shape[-1])[self.numbers[at]].expand_as(logits), cache, weights


@pytest.mark.parametrize(("said", "is_reference"), [("a b c", True), ("a b", False), ("a b d", False), ("", False)])
def test_gold_links_are_kept_where_the_model_wrote_the_reference(said, is_reference):
    vocabulary = Vocabulary([["a", "b", "c", "d"]])
    links = frozenset({(0, 0), (2, 1)})
    pair = Pair(tuple("dcba"), tuple("abc"), links, links | {(3, 2)})
    (run,) = TransformerExplorer.of(Parrot(said, vocabulary), [pair], ["it"], vocabulary, vocabulary).sentences
    assert run.target == (*said.split(), "</s>")
    assert run.is_the_reference == is_reference
    assert (set(run.sure), set(run.possible)) == ((pair.sure, pair.possible) if is_reference else (set(), set()))
    cut = TransformerExplorer.of(Parrot("a b c", vocabulary), [pair], ["it"], vocabulary, vocabulary, max_length=3)
    assert cut.sentences[0].target == ("a", "b", "c")
    assert not cut.sentences[0].is_the_reference, "it did not come to its end"


def test_rows_belong_to_words_written_and_columns_of_the_decoder_to_words_read():
    run = RUNS[0]
    assert run.queries("encoder") == run.keys("encoder") == run.keys("cross") == run.source
    assert run.queries("decoder") == run.queries("cross") == run.target
    assert run.keys("decoder") == ("<s>", *run.target[:-1])


def test_what_cannot_be_shown_is_refused():
    with pytest.raises(ValueError, match="names must have one entry for each of pairs, 2 in all, got 1"):
        TransformerExplorer.of(small_model(), PAIRS, ["a"], NUMBERS, NUMBERS)
    recurrent = Seq2Seq(Encoder(len(NUMBERS), 8, 5), PlainDecoder(len(NUMBERS), 10))
    with pytest.raises(ValueError, match="model must be a Transformer with encoder and decoder, got Seq2Seq"):
        TransformerExplorer.of(recurrent, PAIRS, ["a", "b"], NUMBERS, NUMBERS)
    fewer = Vocabulary([WORDS[:6]])
    with pytest.raises(ValueError, match="source_words must have as many words as the model reads, 14, got 10"):
        TransformerExplorer.of(small_model(), PAIRS, ["a", "b"], fewer, NUMBERS)
    with pytest.raises(ValueError, match="target_words must have as many words as the model writes, 14, got 10"):
        TransformerExplorer.of(small_model(), PAIRS, ["a", "b"], NUMBERS, fewer)
    with pytest.raises(ValueError, match="max_length must be a positive integer, got 0"):
        TransformerExplorer.of(small_model(), PAIRS, ["a", "b"], NUMBERS, NUMBERS, max_length=0)
    two = [RUNS[0], dataclasses.replace(RUNS[1], **{kind: getattr(RUNS[1], kind)[:1] for kind in KINDS})]
    with pytest.raises(Exception, match="all with as many layers and heads"):
        TransformerExplorer(sentences=two)
    demo = TransformerExplorer(layer=1)
    with pytest.raises(ValueError, match="sentences must have more than 1 for layer, got 1"):
        demo.sentences = two[1:]


EVEN = torch.full((2, 4, 6, 5), 0.2)


@pytest.mark.parametrize(
    ("field", "value", "wanted"),
    [
        ("label", "", "label must be a name, got ''"),
        ("source", "we see it", "source must be a list of at least one word"),
        ("target", [], "target must be a list of at least one word"),
        ("reference", ["nous", 3], "reference must be a list of at least one word"),
        ("sure", [[5, 0]], r"sure must link 5 source words with 6 target words, got \(5, 0\)"),
        ("possible", [[0, 6]], r"possible must link .* got \(0, 6\)"),
        ("possible", [], r"possible must hold the sure links too, lacks \(1, 1\)"),
        ("encoder", EVEN, r"encoder must hold weights of shape \(layers, heads, 5, 5\), got shape \(2, 4, 6, 5\)"),
        ("cross", EVEN[0], r"cross must hold weights of shape .*, got shape \(4, 6, 5\)"),
        ("cross", EVEN[:, :0], r"cross must hold weights of shape .*, got shape \(2, 0, 6, 5\)"),
        ("cross", "none", r"cross must hold weights of shape .*, got 'none'"),
        ("cross", 0.9 * EVEN, "cross must hold rows of weights: at least 0 each, 1 together"),
        ("cross", EVEN * float("nan"), "cross must hold rows of weights"),
        ("cross", EVEN + torch.tensor([0.3, -0.3, 0, 0, 0]), "cross must hold rows of weights: at least 0 each"),
        ("cross", EVEN[:1], r"cross must have as many layers and heads as encoder, \(2, 4\), got \(1, 4\)"),
        ("decoder", EVEN[:, :3, :, :1].expand(2, 3, 6, 6) * 5 / 6, "decoder must have weight 0 on what has not been"),
    ],
)
def test_a_run_checks_itself(field, value, wanted):
    with pytest.raises(ValueError, match=f"^{wanted}"):
        dataclasses.replace(RUNS[0], **{field: value})


def test_a_run_is_frozen_takes_tensors_and_rounds_once():
    good = RUNS[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        good.label = "another"
    weights = {kind: torch.tensor(getattr(good, kind)) for kind in KINDS}
    assert dataclasses.replace(good, **weights, source=list(good.source)) == good
    assert hash(good) == hash(dataclasses.replace(good))
    noise = torch.softmax(torch.randn(2, 4, 6, 5, generator=torch.Generator().manual_seed(0)), dim=-1)
    rounded = torch.tensor(dataclasses.replace(good, cross=noise).cross, dtype=torch.float64)
    assert_close(rounded, noise.double().mul(1000).round() / 1000, rtol=0, atol=1e-12)
    for half in (noise.half(), noise.bfloat16()):
        again = torch.tensor(dataclasses.replace(good, cross=half).cross, dtype=torch.float64)
        assert_close(again, noise.double(), rtol=0, atol=0.004)


def test_the_page_gets_each_head_as_one_text_of_thousandths():
    demo = TransformerExplorer.of(small_model(), PAIRS, ["a", "b"], NUMBERS, NUMBERS, max_length=9)
    for sent, run in zip(demo.get_state()["sentences"], demo.sentences, strict=True):
        for kind in KINDS:
            for texts, heads in zip(sent[kind], getattr(run, kind), strict=True):
                for text, rows in zip(texts, heads, strict=True):
                    seen = [w for i, row in enumerate(rows) for w in (row[: i + 1] if kind == "decoder" else row)]
                    assert [int(word) / 1000 for word in text.split(" ")] == seen
    assert demo.description == TransformerExplorer().description  # nbval compares it: no number of a model in it


def test_five_sentences_are_a_small_part_of_a_notebook():
    """Ten words each, two layers of four heads in encoder and decoder: less than 45 kB, as the notebook writes them."""
    pairs = [Pair(tuple(WORDS[i:] + WORDS[:i]), tuple(WORDS)) for i in range(5)]
    demo = TransformerExplorer.of(
        Parrot(" ".join(WORDS), NUMBERS), pairs, [f"sentence {i}" for i in range(5)], NUMBERS, NUMBERS
    )
    assert all(len(run.target) == 11 for run in demo.sentences)
    size = len(json.dumps(demo.get_state()["sentences"], indent=1))
    assert size < 45_000, size


def test_a_longer_sentence_takes_more_room():
    short = RUNS[0]
    assert TransformerExplorer().reserve() == TransformerExplorer.heights
    words = [*short.source, *"abcd"]
    blocks = {"encoder": torch.eye(9).expand(2, 4, 9, 9), "cross": torch.eye(9)[:6].expand(2, 4, 6, 9)}
    long = dataclasses.replace(short, source=words, **blocks)
    room = TransformerExplorer(sentences=[short, long], sentence=1).reserve()
    more = [height - before for height, before in zip(room, TransformerExplorer.heights, strict=True)]
    # Three rows more than six, of 25.6 pixels in the map and of 27.2 in the table, below the map or beside it.
    assert more == [round(3 * (25.6 + 27.2))] * 4 + [round(3 * 27.2)] * 3
    five = {kind: torch.tensor(getattr(short, kind))[:, [0, 1, 2, 3, 3]] for kind in KINDS}
    room = TransformerExplorer(sentences=[dataclasses.replace(short, **five)]).reserve()
    # A second row of small maps.
    more = [height - before for height, before in zip(room, TransformerExplorer.heights, strict=True)]
    assert more == [90] * 4 + [165] * 3
