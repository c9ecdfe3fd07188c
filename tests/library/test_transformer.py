"""The three families: a cache gives what the whole gives, padding has no say, the published size, no prefix twice."""

import math

import pytest
import torch
from torch import nn

from attn_utils.data.vocabulary import END, PADDING, START
from attn_utils.decoding import beam_search, greedy, most_probable, steps
from attn_utils.transformer import DecoderOnly, EncoderOnly, Transformer

V, D, H = 30, 16, 4
SCHEMES = ["sinusoidal", "learned", "rotary", "ALiBi", "none"]


def sentences(lengths):
    rows = [torch.randint(4, V, (length,)) for length in lengths]
    return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PADDING)


def livelier(model):
    """Make weights large enough that every place and every word matters to the fourth digit."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.15 * torch.randn_like(parameter))
    return model.eval()


def translator(**options):
    return livelier(Transformer(V, V, D, H, 2, 24, **options))


SOURCE, TARGET = sentences([7, 4, 1]), torch.cat([torch.full((3, 1), START), sentences([6, 6, 6])], dim=1)


@pytest.mark.parametrize("options", [{}, {"norm_first": False}, {"num_kv_heads": 2}], ids=["pre", "post", "grouped"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_steps_give_what_the_whole_gives(scheme, options):
    model = translator(positions=scheme, **options)
    logits, weights = model(SOURCE, TARGET, need_weights=True)
    torch.testing.assert_close(model(SOURCE, TARGET), logits, atol=1e-5, rtol=1e-5)
    memory, cache = model.start(SOURCE)
    for j in range(TARGET.shape[1]):
        step, cache, found = model.step(TARGET[:, j : j + 1], memory, cache, need_weights=True)
        torch.testing.assert_close(step[:, 0], logits[:, j], atol=1e-5, rtol=1e-5)
        for i in range(2):
            torch.testing.assert_close(
                found[i, "self"][:, :, 0], weights[i, "self"][:, :, j, : j + 1], atol=1e-5, rtol=1e-5
            )
            torch.testing.assert_close(found[i, "cross"][:, :, 0], weights[i, "cross"][:, :, j], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_beginning_of_several_words_arrives_with_a_cache(scheme):
    """Two words, then three at once, then one: what a fused causal mask aligned at the first key gets wrong."""
    model = translator(positions=scheme)
    logits = model(SOURCE, TARGET)
    memory, cache = model.start(SOURCE)
    for first, last in ((0, 2), (2, 5), (5, 6)):
        step, cache, _ = model.step(TARGET[:, None, first:last], memory, cache)
        torch.testing.assert_close(step[:, 0], logits[:, last - 1], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_hypotheses_side_by_side_are_sentences_on_their_own(scheme):
    model = translator(positions=scheme)
    beginnings = torch.randint(4, V, (3, 4, 5))
    memory, cache = model.start(SOURCE)
    cache = {name: x.expand(-1, 4, *x.shape[2:]) for name, x in cache.items()}
    for j in range(5):
        together, cache, weights = model.step(beginnings[:, :, j], memory, cache, need_weights=True)
    for n in range(4):
        alone, own = model(SOURCE, beginnings[:, n], need_weights=True)
        torch.testing.assert_close(together[:, n], alone[:, -1], atol=1e-5, rtol=1e-5)
        for name, w in weights.items():
            torch.testing.assert_close(w[:, :, n], own[name][:, :, -1], atol=1e-5, rtol=1e-5)


def rescored(model, source, tokens):
    """Sum the log-probabilities of emitted tokens, all at once."""
    target_in = torch.cat([torch.full((len(tokens), 1), START), tokens[:, :-1]], dim=1)
    log_p = model(source, target_in).log_softmax(-1).gather(2, tokens[..., None])[..., 0]
    return (log_p * (tokens != PADDING)).sum(1)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_searches_find_what_the_whole_model_scores(scheme):
    model = translator(positions=scheme)
    for search in (greedy, beam_search):
        found = search(model, SOURCE, max_length=12, need_weights=True)
        torch.testing.assert_close(found.log_probs, rescored(model, SOURCE, found.tokens), atol=1e-4, rtol=1e-5)
        for row, length in enumerate((7, 4, 1)):  # alone, without the padding
            alone = search(model, SOURCE[row : row + 1, :length], max_length=12)
            size = alone.tokens.shape[1]
            assert torch.equal(alone.tokens[0], found.tokens[row, :size])
            assert (found.tokens[row, size:] == PADDING).all()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_decoder_alone_writes_on_from_beginnings_of_several_lengths(scheme):
    model = livelier(DecoderOnly(V, D, H, 2, 24, positions=scheme))
    found = greedy(model, SOURCE, start=START, max_length=6)
    for row, length in enumerate((7, 4, 1)):
        text = [*SOURCE[row, :length].tolist(), START]
        for token in found.tokens[row].tolist():
            logits = model(torch.tensor([text]))[0, -1]
            logits[[PADDING, START]] = -math.inf
            if token == PADDING:
                break
            assert int(logits.argmax()) == token
            text.append(token)
            if token == END:
                break


@pytest.mark.parametrize("family", [EncoderOnly, DecoderOnly])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_padding_has_no_say(family, scheme):
    model = livelier(family(V, D, H, 2, 24, positions=scheme))
    together = model(SOURCE)
    for row, length in enumerate((7, 4, 1)):
        alone = model(SOURCE[row : row + 1, :length])
        torch.testing.assert_close(together[row, :length], alone[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_who_sees_what(training):
    """An encoder sees all words; a decoder sees none after its own, trained or not."""
    changed = SOURCE[:1].clone()
    changed[0, 4] = 4 if int(changed[0, 4]) != 4 else 5
    for family, before in ((EncoderOnly, True), (DecoderOnly, False)):
        model = livelier(family(V, D, H, 2, 24)).train(training)
        moved = (model(changed) != model(SOURCE[:1])).any(-1)[0]
        assert moved.tolist() == [before] * 4 + [True] * 3
    model = translator().train(training)
    moved = (model(SOURCE[:1], changed) != model(SOURCE[:1], SOURCE[:1])).any(-1)[0]
    assert moved.tolist() == [False] * 4 + [True] * 3
    assert (model(changed, SOURCE[:1]) != model(SOURCE[:1], SOURCE[:1])).any(-1).all()


def test_no_prefix_is_computed_again_and_a_source_is_projected_once():
    model, rows = translator(), {}
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            module.register_forward_hook(
                lambda _, inputs, __, name=name: rows.setdefault(name, []).append(inputs[0].shape[-2])
            )

    def never_end(log_probs):
        return most_probable(log_probs.index_fill(-1, torch.tensor(END), -math.inf))

    emitted = sum(1 for _ in steps(model, SOURCE, never_end, max_length=9))
    assert emitted == 9
    for name, lengths in rows.items():
        if name.startswith("encoder") or "cross_attention.W_k" in name or "cross_attention.W_v" in name:
            assert lengths == [7], name
        elif "self_attention.W_k" in name or "self_attention.W_v" in name:
            assert lengths == [0] + [1] * emitted, name  # the empty cache, then a word a step
        else:
            assert lengths == [1] * emitted, name


def test_the_published_base_model_has_the_published_size():
    """The paper says 65 million; its 37,000 word pieces are a round number, too."""
    with torch.device("meta"):
        model = Transformer.base(37_000)
    attention, ff, norm, d = 4 * (512 * 512 + 512), 2 * 512 * 2048 + 2048 + 512, 2 * 512, 512
    wanted = 37_000 * d + 6 * (attention + ff + 2 * norm) + 6 * (2 * attention + ff + 3 * norm)
    assert sum(p.numel() for p in model.parameters()) == wanted == 63_082_496
    assert not model.encoder.layers[0].norm_first
    assert model.decoder.layers[5].dropout.p == 0.1
    assert model.decoder.layers[0].self_attention.num_heads == 8


def test_tokens_start_as_loud_as_their_positions_and_give_the_logits():
    model = Transformer(2000, 1000, 64, 4)
    x = model.source_embedding(torch.arange(1, 2000)[None, :400])
    positions = model.source_embedding.positions(torch.zeros(1, 400, 64))
    assert (x - positions).square().mean().item() == pytest.approx(1.0, rel=0.05)
    assert positions.square().mean().item() == pytest.approx(0.5, rel=0.05)
    assert (model.source_embedding.weight[PADDING] == 0).all()
    features = torch.randn(2, 3, 64)
    torch.testing.assert_close(model.target_embedding.logits(features), features @ model.target_embedding.weight.T)
    assert model.source_embedding is not model.target_embedding
    shared = Transformer(50, 50, 64, 4, shared=True)
    assert shared.source_embedding is shared.target_embedding


def test_a_model_can_be_compiled_whole_and_moved_to_half_precision():
    model = translator()
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(SOURCE, TARGET), model(SOURCE, TARGET))
    with torch.autocast("cpu", torch.bfloat16):
        assert (model(SOURCE, TARGET).float() - model(SOURCE, TARGET)).isfinite().all()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Transformer(V, V + 1, D, H, shared=True), "target_size must be source_size"),
        (lambda: Transformer(V, V, D, H, positions="sine"), "positions must be one of sinusoidal"),
        (lambda: Transformer(V, V, D, H, max_length=4, positions="learned")(SOURCE, TARGET), "first without a vector"),
        (lambda: translator()(SOURCE, TARGET[:2]), "as many sentences as source"),
        (lambda: translator()(SOURCE, TARGET[:, :0]), "at least one word"),
        (lambda: translator()(SOURCE + V, TARGET), "source must hold token numbers from 0"),
        (lambda: translator()(torch.zeros_like(SOURCE), TARGET), "at least one word in every row"),
        (lambda: DecoderOnly(V, D, H)(TARGET.float()), "tokens must hold token numbers"),
        (lambda: translator().step(TARGET[:, 0], *translator().start(SOURCE)), "tokens must hold token numbers"),
    ],
)
def test_wrong_arguments_are_named(make, says):
    with pytest.raises(ValueError, match=says):
        make()
