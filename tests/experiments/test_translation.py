"""The stored translators are those of the program: all of its runs, each with the rate that served it best."""

import pytest

from attn_utils.results import load
from experiments import translation
from experiments.runner import in_order


@pytest.fixture(scope="module")
def stored():
    return load("translation")


def test_every_run_of_the_plan_is_stored_and_none_twice(stored):
    rows = stored["tuning"] + stored["runs"]
    assert len(in_order(rows, translation.plan)) == len(translation.plan(rows)) == len(rows)
    assert len({str(row["held-out loss"]) for row in rows}) == len(rows)
    assert all(len(row["held-out loss"]) == 6 for row in rows)  # none was broken off


def test_the_rate_was_chosen_on_the_development_part_and_lies_inside_of_what_was_tried(stored):
    assert all("test" not in row for row in stored["tuning"])
    for row in stored["runs"]:
        model, steps = row["model"], row["steps"]
        tried = {r["rate"]: r["dev"]["BLEU"] for r in stored["tuning"] if (r["model"], r["steps"]) == (model, steps)}
        assert tried[row["rate"]] == max(tried.values())
        if steps == translation.STEPS:
            assert min(tried) < row["rate"] < max(tried), f"{model} at {steps} steps: try more rates"
        assert row["seed"] != translation.TUNING_SEED


def test_the_budgets_that_chapter_4_compares_are_there(stored):
    for model, seeds_at_1800 in (("additive", 5), ("no attention", 5), ("no attention, wider", 3)):
        for steps, seeds in [(1800, seeds_at_1800), (3600, 1), (7200, 3)]:
            rows = [r for r in stored["runs"] if (r["model"], r["split"], r["steps"]) == (model, "random", steps)]
            assert len(rows) == seeds
    longest = {r["model"] for r in stored["tuning"] if r["steps"] == 14400}
    assert longest == {"no attention", "no attention, wider"}


def test_stored_runs_are_of_the_models_settings_and_corpus_of_the_program(stored):
    for name, make in translation.MODELS.items():
        assert sum(p.numel() for p in make(500, 1000).parameters()) == stored["parameters"][name]
    assert stored["settings"] == translation.SETTINGS
    assert stored["corpus"] == translation.baselines()
    for row in stored["runs"]:
        assert ("AER" in row["test"]) == (not row["model"].startswith("no attention"))
