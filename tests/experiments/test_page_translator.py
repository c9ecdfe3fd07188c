"""The translator of the page is the one that the program trains, rounds and writes; the bugs do what is stored."""

import gzip

import pytest
import torch

from attn_utils.results import load
from attn_utils.widgets.translator import packed
from attn_utils.widgets.translator.bugs import BUGS, OTHERS, broken
from attn_utils.widgets.translator.measure import measure
from experiments import page_translator, transformer
from experiments.runner import in_order
from experiments.translation import parts
from experiments.translation_scores import quality, translate


@pytest.fixture(scope="module")
def stored():
    return load("translator")


def row(stored, bug):
    return next(row for row in stored["bugs"] if row["what"] == bug)


def test_every_run_of_the_plan_is_stored_and_none_twice(stored):
    rows = stored["runs"] + stored["bugs"]
    assert stored["settings"] == page_translator.SETTINGS
    assert len(in_order(rows, page_translator.plan)) == len(page_translator.plan(rows)) == len(rows)


def test_the_asset_is_the_model_that_is_scored(stored):
    (training,) = stored["runs"]
    translator = packed.stored()
    assert len(gzip.compress(packed.FILE.read_bytes(), 9)) / 1000 == pytest.approx(training["kB compressed"], abs=1)
    assert training["kB compressed"] <= 350
    _, dev, test, source_words, target_words = parts("random")
    assert translator.source_words == source_words.words
    assert translator.target_words == target_words.words
    written = translate(translator.model, dev[:300], source_words, target_words)
    figures = quality(dev[:300], written)
    assert figures["exact"] == pytest.approx(training["rounded"]["dev"]["exact"], abs=0.03)
    assert training["rounded"]["test"]["BLEU"] == pytest.approx(training["as trained"]["test"]["BLEU"], abs=0.1)
    assert training["same translation"] > 0.99
    assert {(p.source, p.target, p.possible) for p in translator.pairs} <= {
        (p.source, p.target, p.possible) for p in test
    }
    assert len(translator.pairs) == page_translator.SENTENCES


def test_each_training_sentence_has_a_verb_with_tense():
    train, _, _, source_words, _ = parts("random")
    finite = packed.stored().finite
    assert finite == set(page_translator.finite())
    assert all(finite & set(pair.source) for pair in train)
    assert len(finite) < len(source_words) / 2
    assert not finite & {"the", "old", "he", "because", "cat", "sleeping", "to"}


def test_a_row_of_a_matrix_loses_half_a_step_at_most():
    torch.manual_seed(0)
    matrix = torch.randn(20, 64) * torch.logspace(-3, 2, 20)[:, None]
    matrix[3] = 0
    whole, scales = packed.round_rows(matrix)
    assert ((whole * scales[:, None] - matrix).abs() <= 0.501 * scales[:, None]).all()
    assert whole.abs().amax(dim=1).tolist() == [127] * 3 + [0] + [127] * 16


def test_what_is_packed_comes_back():
    torch.manual_seed(0)
    model = transformer.make("whole", 9, 11)
    pairs = packed.stored().pairs[:2]
    again = packed.unpack(packed.pack(model, list("abcdefghi"), list("abcdefghijk"), ["b"], pairs))
    assert again.pairs == pairs
    assert (again.finite, again.source_words, again.target_words) == ({"b"}, (*"abcdefghi",), (*"abcdefghijk",))
    for name, parameter in model.state_dict().items():
        other = again.model.state_dict()[name]
        wanted = parameter.abs().amax(dim=-1, keepdim=True) / 253 if parameter.ndim == 2 else torch.zeros(1)
        assert ((other - parameter).abs() <= wanted).all(), name


@pytest.mark.parametrize("bug", ["none", "one row off", "position 0", "view"])
def test_a_bug_costs_what_is_stored(stored, bug):
    translator = packed.stored()
    found = measure(broken(translator.model, bug), translator, off_by=bug)
    wanted = row(stored, bug)
    assert found["exact"] == pytest.approx(wanted["exact"], abs=1)
    assert found["AER"] == pytest.approx(wanted["AER"], abs=0.01)


def test_each_switch_is_to_be_seen(stored):
    whole = row(stored, "none")
    assert {row["what"] for row in stored["bugs"]} == {"none", *BUGS, *OTHERS}
    assert whole["exact"] >= 36
    for bug in BUGS:
        seen = row(stored, bug)
        assert seen["exact"] < whole["exact"] / 2 or seen["AER"] > 0.9, bug


def test_a_bug_leaves_the_model_as_it_was():
    model = packed.stored().model
    before = {name: x.clone() for name, x in model.state_dict().items()}
    for bug in (*BUGS, *OTHERS):
        assert broken(model, bug) is not model
    assert broken(model, "none") is model
    assert all(torch.equal(x, before[name]) for name, x in model.state_dict().items())


def test_a_short_training_gives_the_same_model_again():
    first, second = (page_translator.train(steps=2)[0].state_dict() for _ in range(2))
    assert all(torch.equal(x, second[name]) for name, x in first.items())
