"""The workflows run what a person runs, publish only what passed, and name what is there."""

import re

import pytest
from project_files import PROJECT, ROOT, SITE, load, recipe, targets, text


def steps(job) -> list[str]:
    return [step.get("run") or step["uses"].split("@")[0] for step in job["steps"]]


def test_ci_runs_what_a_person_runs():
    assert re.search(r"^make test$", text(".ci/run"), flags=re.MULTILINE)
    checks = load(".github/workflows/checks.yml")
    course = checks["jobs"]["course"]
    assert [step for step in steps(course) if step.startswith("make")] == ["make test"]
    (kept,) = (step for step in course["steps"] if step.get("uses", "").startswith("actions/upload-artifact"))
    assert kept["with"]["path"] == SITE
    assert set(checks[True]) == {"pull_request", "workflow_call", "workflow_dispatch", "schedule"}
    for job in checks["jobs"].values():
        assert "if" not in job
        assert not job.get("continue-on-error")
        assert not any(step.get("continue-on-error") for step in job["steps"])
        assert any(step.startswith("actions/checkout") for step in steps(job))
    assert "python -m pytest tests/library" in steps(checks["jobs"]["library"])


def test_only_what_passed_is_published_and_from_where_it_was_built():
    jobs = load(".github/workflows/publish.yml")["jobs"]
    assert jobs["checks"]["uses"] == "./.github/workflows/checks.yml"
    assert jobs["build"]["needs"] == "checks"
    assert jobs["deploy"]["needs"] == "build"
    assert [step for step in steps(jobs["build"]) if step.startswith("make")] == ["make book"]
    (upload,) = (s for s in jobs["build"]["steps"] if s.get("uses", "").startswith("actions/upload-pages-artifact"))
    assert upload["with"]["path"] == SITE
    assert steps(jobs["deploy"]) == ["actions/deploy-pages"]


def test_what_takes_long_runs_every_week():
    workflow = load(".github/workflows/weekly.yml")
    assert set(workflow[True]) == {"schedule", "workflow_dispatch"}
    (job,) = workflow["jobs"].values()
    assert job["strategy"]["matrix"]["command"] == ["make engines", "make lowest", "make mutations", "make portability"]
    assert "${{ matrix.command }}" in steps(job)
    assert "--engines" in recipe("engines")
    assert "requirements/lowest.txt" in recipe("lowest")
    assert "--portability" in recipe("portability")
    assert "tools/mutations.py" in recipe("mutations")


def test_the_lowest_versions_are_those_that_the_library_allows():
    tested = dict(re.findall(r"^([\w-]+)==([\d.]+)$", text("requirements/lowest.txt"), flags=re.MULTILINE))
    allowed = dict(re.fullmatch(r"([\w-]+)>=([\d.]+)", range_).groups() for range_ in PROJECT["dependencies"])
    assert allowed.items() <= tested.items()


@pytest.mark.parametrize("name", ["checks", "publish", "weekly"])
def test_workflows_name_files_and_commands_that_are_there(name):
    assert set(re.findall(r"\bmake ([a-z]+)", text(f".github/workflows/{name}.yml"))) <= targets()
    for job in load(f".github/workflows/{name}.yml")["jobs"].values():
        for step in job.get("steps", []):
            for path in re.findall(r"\btests/\w+", step.get("run", "")):
                assert (ROOT / path).is_dir()
            for pattern in step.get("with", {}).get("cache-dependency-path", "").split():
                assert list(ROOT.glob(pattern)), pattern
