"""The runner makes what is missing and nothing else, in the plan's order, and loses nothing that was made."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest

from attn_utils import results
from experiments import runner


class Job(NamedTuple):
    kind: str
    seed: int


JOBS = [Job("run", seed) for seed in range(6)]


def row_of(job):
    return {**job._asdict(), "score": 1.0}


def test_what_is_missing_is_made_and_nothing_else():
    made = []

    def work(job):
        made.append(job)
        return row_of(job)

    with ThreadPoolExecutor(1) as pool:
        rows = list(runner.complete(pool, 1, work, lambda rows: JOBS, [row_of(JOBS[3]), row_of(Job("removed", 0))]))
        assert made == [job for job in JOBS if job != JOBS[3]]
        assert rows == [row_of(job) for job in made]
        assert list(runner.complete(pool, 1, work, lambda rows: JOBS, [*rows, row_of(JOBS[3])])) == []


def test_a_job_may_follow_from_a_row_and_comes_before_what_the_plan_names_later():
    made = []

    def work(job):
        made.append(job)
        return row_of(job)

    def plan(rows):
        best = [Job("best", 0)] if any(row["seed"] == 1 for row in rows) else []
        return [*JOBS[:2], *best, *JOBS[2:]]

    with ThreadPoolExecutor(1) as pool:
        list(runner.complete(pool, 1, work, plan, []))
    assert made == [*JOBS[:2], Job("best", 0), *JOBS[2:]]


def test_a_call_makes_only_what_is_wanted_of_it():
    with ThreadPoolExecutor(2) as pool:
        rows = list(runner.complete(pool, 2, row_of, lambda rows: JOBS, [], lambda job: job.seed % 2 == 0))
    assert sorted(row["seed"] for row in rows) == [0, 2, 4]


def test_no_more_than_asked_for_run_side_by_side():
    running, most = [0], [0]

    def work(job):
        running[0] += 1
        most[0] = max(most[0], running[0])
        time.sleep(0.02)
        running[0] -= 1
        return row_of(job)

    with ThreadPoolExecutor(6) as pool:
        list(runner.complete(pool, 2, work, lambda rows: JOBS, []))
    assert most[0] == 2


def test_a_run_that_fails_ends_an_experiment_and_begins_nothing_more():
    made = []

    def work(job):
        if job == JOBS[1]:
            raise FloatingPointError
        made.append(job)
        return row_of(job)

    with ThreadPoolExecutor(1) as pool:
        rows = runner.complete(pool, 1, work, lambda rows: JOBS, [])
        assert next(rows) == row_of(JOBS[0])
        with pytest.raises(FloatingPointError):
            next(rows)
    assert made == [JOBS[0]]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "__file__", str(tmp_path / "__init__.py"))
    monkeypatch.setattr(results, "_FOLDER", tmp_path)
    return tmp_path


LISTS = {"runs": lambda row: row["kind"] == "run", "others": lambda row: row["kind"] != "run"}


def keep(figures, rows, jobs=JOBS):
    return runner.store("trial", "experiments.trial", figures, rows, lambda rows: jobs, LISTS)


def test_rows_are_added_to_what_is_stored_in_the_order_of_the_plan(folder):
    assert keep({"corpus": 1}, []) == []
    assert not (folder / "trial.json").exists()
    keep({"corpus": 1}, [row_of(JOBS[4])])
    assert keep({"corpus": 1}, [row_of(JOBS[2])]) == [row_of(JOBS[2]), row_of(JOBS[4])]
    stored = json.loads((folder / "trial.json").read_text())
    assert stored["runs"] == [row_of(JOBS[2]), row_of(JOBS[4])]
    assert stored["others"] == []
    assert stored["command"].startswith("python -m experiments.trial")


def test_rows_of_another_corpus_or_of_jobs_that_are_gone_are_dropped(folder):
    keep({"corpus": 1}, [row_of(job) for job in JOBS])
    assert keep({"corpus": 1}, [], JOBS[:2]) == [row_of(job) for job in JOBS[:2]]
    assert keep({"corpus": 2}, [row_of(JOBS[0])]) == [row_of(JOBS[0])]


def test_a_row_made_again_stands_once(folder):
    keep({}, [row_of(JOBS[0])])
    again = {**row_of(JOBS[0]), "score": 2.0}
    assert keep({}, [again]) == [again]
