"""Stored results: each run is one of its own, by the models that it names, and a save is all or nothing."""

import pytest

from attn_utils import results
from experiments import translation


def test_every_stored_run_was_made_and_none_twice():
    stored = results.load("translation")
    assert [translation.job_of(row) for row in stored["tuning"]] == translation.tuning_jobs()
    assert [translation.job_of(row) for row in stored["runs"]] == translation.main_jobs(stored["tuning"])
    rows = stored["tuning"] + stored["runs"]
    assert len({str(row["held-out loss"]) for row in rows}) == len(rows)
    assert all(len(row["held-out loss"]) == 6 for row in rows)  # none was broken off


def test_each_model_is_trained_with_the_rate_that_served_it_best():
    stored = results.load("translation")
    for row in stored["runs"]:
        tried = {r["learning rate"]: r["dev"]["BLEU"] for r in stored["tuning"] if r["model"] == row["model"]}
        assert sorted(tried) == translation.RATES
        assert tried[row["learning rate"]] == max(tried.values())
        assert translation.RATES[0] < row["learning rate"] < translation.RATES[-1]  # not at the edge of what was tried
        assert row["seed"] != translation.TUNING_SEED


def test_stored_runs_are_of_the_models_and_settings_of_the_program():
    stored = results.load("translation")
    for name, make in translation.MODELS.items():
        assert sum(p.numel() for p in make(500, 1000).parameters()) == stored["parameters"][name]
    assert stored["settings"] == translation.SETTINGS
    for row in stored["runs"]:
        assert ("AER" in row["test"]) == (not row["model"].startswith("no attention"))


def test_results_come_back_with_what_made_them(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "_FOLDER", tmp_path)
    results.save("trial", "experiments.trial", {"rows": [1.5]})
    stored = results.load("trial")
    assert stored["rows"] == [1.5]
    assert stored["command"].startswith("python -m experiments.trial")
    assert {"date", "machine", "versions"} <= stored.keys()
    with pytest.raises(TypeError):
        results.save("trial", "experiments.trial", {"rows": [object()]})
    assert results.load("trial") == stored  # what cannot be stored leaves the old file as it is
    with pytest.raises(ValueError, match="name must be one of trial, got 'other'"):
        results.load("other")
