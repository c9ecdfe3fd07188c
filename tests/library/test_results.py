"""Stored results: each run is one of its own, by the models that it names, and a save is all or nothing."""

import pytest

from attn_utils import results
from experiments import translation


def test_every_stored_run_was_made_and_none_twice():
    stored = results.load("translation")
    names = [(r["model"], r["split"], r["seed"]) for r in stored["runs"]]
    assert names == [(*job, seed) for *job, seeds in translation.RUNS for seed in range(seeds)]
    assert len({str((r["held-out loss"], r["by length"])) for r in stored["runs"]}) == len(names)


def test_stored_runs_are_of_the_models_and_settings_of_the_program():
    stored = results.load("translation")
    for name, make in translation.MODELS.items():
        assert sum(p.numel() for p in make(500, 1000).parameters()) == stored["parameters"][name]
    assert stored["settings"]["steps"] == translation.STEPS
    assert stored["settings"]["learning rate"] == translation.LR
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
