"""The kept mutations: each still breaks something, and names a check that is there."""

import importlib.util
import sys
from collections import Counter
from pathlib import Path

import pytest

import chapters

ROOT = Path(__file__).resolve().parents[2]
_spec = importlib.util.spec_from_file_location("mutations", ROOT / "tools" / "mutations.py")
mutations = importlib.util.module_from_spec(_spec)
sys.modules["mutations"] = mutations  # its dataclass looks there
_spec.loader.exec_module(mutations)
KEPT = mutations.load()


@pytest.mark.parametrize("mutation", KEPT, ids=lambda mutation: mutation.what)
def test_each_mutation_breaks_something_and_names_its_check(mutation):
    text = (ROOT / mutation.file).read_text(encoding="utf-8")
    assert mutation.apply(text) != text
    assert bool(mutation.edit) != bool(mutation.old)
    words = mutation.check.split()
    if words[0] == "fresh":
        assert len(chapters.find(words[1:])) == 1
    else:
        assert all((ROOT / word).exists() for word in words if word.startswith("tests/"))


def test_no_mutation_is_kept_twice():
    assert len({mutation.what for mutation in KEPT}) == len(KEPT)


def test_a_mutation_that_is_out_of_date_is_refused():
    one = mutations.Mutation("k", "w", "f", "c", old="a", new="b")
    assert one.apply("xax") == "xbx"
    for text in ("x", "aa"):
        with pytest.raises(ValueError, match="must stand once in f"):
            one.apply(text)
    assert mutations.Mutation("k", "w", "f", "c", old="a", new="b", first=True).apply("aa") == "ba"
    with pytest.raises(ValueError, match="nothing is broken"):
        mutations.Mutation("k", "w", "f", "c", old="a", new="a").apply("a")


def test_the_rate_names_what_survived_and_is_read_back():
    caught = {
        mutations.Mutation("text", "a number", "f", "c", old="a"): True,
        mutations.Mutation("text", "a word", "f", "c", old="b"): False,
    }
    by_kind = mutations.measured(caught, "abc", "2026-11-26")
    text = mutations.table(by_kind, Counter({"text": 3, "site": 1}))
    assert "**1 of 2** mutations that were tried; 4 are kept" in text
    assert "| text | 3 | 2 | 1 | `abc`, 2026-11-26 |" in text
    assert "| site | 1 | 0 | 0 | not yet |" in text
    assert "- Survived: a word (text)" in text
    assert mutations.rates(text) == by_kind


def test_the_page_has_the_rates_and_how_many_are_kept():
    (text,) = mutations.RATE.findall(mutations.PAGE.read_text(encoding="utf-8"))
    kept = Counter(mutation.kind for mutation in KEPT)
    by_kind = mutations.rates(text)
    assert text == mutations.table(by_kind, kept), "run `make mutations`"
    assert not any(rate.survivors for rate in by_kind.values())
