"""Stored results: each run is one of its own, by the models that it names, and a save is all or nothing."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

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


JOBS = [("model", "random", seed, 0.1) for seed in range(6)]


def row_of(model, split, seed, rate):
    return {"model": model, "split": split, "seed": seed, "learning rate": rate, "dev": {}}


def test_an_experiment_makes_what_is_missing_and_nothing_else():
    made = []

    def work(*job):
        made.append(job)
        return row_of(*job)

    done = [row_of(*JOBS[3]), row_of("removed", *JOBS[0][1:])]
    with ThreadPoolExecutor(1) as pool:
        stages = list(translation.fill(pool, work, JOBS, done))
        assert made == [job for job in JOBS if job != JOBS[3]]
        assert [len(stage) for stage in stages] == [2, 3, 4, 5, 6]
        assert stages[-1] == [row_of(*job) for job in JOBS]
        assert list(translation.fill(pool, work, JOBS, stages[-1])) == []


def test_a_run_that_fails_ends_an_experiment_and_loses_nothing():
    made = []

    def work(*job):
        if job == JOBS[1]:
            raise FloatingPointError
        time.sleep(0.1)
        made.append(job)
        return row_of(*job)

    with ThreadPoolExecutor(1) as pool:
        rows = translation.fill(pool, work, JOBS, [])
        assert next(rows) == [row_of(*JOBS[0])]
        with pytest.raises(FloatingPointError):
            next(rows)
    assert len(made) <= 2  # the first, and one that was running when the second failed


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


FIGURES = {
    "settings": {"steps": 3, "by": "hand"},
    "corpus": {"random": {"AER": {"uniform": 0.9}, "words": 5}},
    "runs": ({"é": 1, "loss": [2.5, 1.5], "by length": [{"n": 1}, {"n": 2}]}, {"é": 2}),
    "steps": {8: [[0, 1], [1, 0]]},
    "none": [],
}
STORED = """\
 "settings": {"steps": 3, "by": "hand"},
 "corpus": {
  "random": {
   "AER": {"uniform": 0.9},
   "words": 5
  }
 },
 "runs": [
  {"é": 1, "loss": [2.5, 1.5], "by length": [{"n": 1}, {"n": 2}]},
  {"é": 2}
 ],
 "steps": {
  "8": [
   [0, 1],
   [1, 0]
  ]
 },
 "none": []
}
"""


def test_a_row_is_a_line(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "_FOLDER", tmp_path)
    text = results.save("trial", "experiments.trial", FIGURES).read_text("utf-8")
    assert text.endswith(STORED)
    figures = results.load("trial")
    assert {name: figures[name] for name in FIGURES} == json.loads(json.dumps(FIGURES))


@pytest.mark.parametrize("name", [path.stem for path in results._FOLDER.glob("*.json")])
def test_stored_files_are_as_they_would_be_saved(name):
    text = (results._FOLDER / f"{name}.json").read_text("utf-8")
    assert text == results._dumps(results.load(name)) + "\n"
