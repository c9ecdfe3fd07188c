"""The repository's address stands in `_config.yml`; `tools/repository.py` keeps what repeats it in step."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import repository

ROOT = Path(__file__).resolve().parents[2]

CONFIG = """repository:
  # a comment
  url: https://github.com/OWNER/attention
  branch: main
html:
  baseurl: ""
"""
REPEATS = {
    "README.md": "[![Open](x)](https://colab.research.google.com/github/OWNER/attention/blob/main/chapters/01_a.ipynb)\n"
    "Clone: `git clone https://github.com/OWNER/attention.git`. It is https://github.com/OWNER/attention.\n"
    "Read it at https://OWNER.github.io/attention/ and see https://github.com/pytorch/pytorch.\n",
    "chapters/01_a.ipynb": '{"source": "%pip install \\"attn-utils @ git+https://github.com/OWNER/attention\\""}\n',
    "CITATION.cff": "repository-code: https://github.com/OWNER/attention\n",
    "binder/README.md": "https://mybinder.org/v2/gh/OWNER/attention/main\n",
    "other.md": "https://github.com/OWNER/attention-2 https://github.com/OWNER/attention.js stay\n",
}


@pytest.fixture
def project(tmp_path):
    for name, text in {"_config.yml": CONFIG, **REPEATS}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def everything(root):
    return "".join(path.read_text(encoding="utf-8") for path in sorted(root.rglob("*")) if path.is_file())


def test_this_project_agrees_with_itself():
    assert repository.disagreements() == []


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/ada/attention-course",
        "https://github.com/ada/attention-course/",
        "https://github.com/ada/attention-course.git",
    ],
)
def test_set_rewrites_every_form_and_nothing_else(project, url):
    changed = repository.set_address(url, project)
    assert changed == ["CITATION.cff", "README.md", "_config.yml", "binder/README.md", "chapters/01_a.ipynb"]
    text = everything(project)
    assert "OWNER" not in text.replace(REPEATS["other.md"], "")
    for form in (
        "url: https://github.com/ada/attention-course\n",
        'baseurl: "https://ada.github.io/attention-course/"\n',
        "colab.research.google.com/github/ada/attention-course/blob/main/chapters/01_a.ipynb",
        "git clone https://github.com/ada/attention-course.git`",
        "It is https://github.com/ada/attention-course.\n",
        "https://ada.github.io/attention-course/",
        'git+https://github.com/ada/attention-course\\""',
        "mybinder.org/v2/gh/ada/attention-course/main",
        "https://github.com/pytorch/pytorch",
        REPEATS["other.md"],
    ):
        assert form in text
    assert repository.set_address(url, project) == []  # a second time changes nothing


def test_set_and_back_leaves_no_trace(project):
    before = everything(project)
    repository.set_address("https://github.com/ada/course", project)
    repository.set_address("https://github.com/grace/attention", project)
    assert 'baseurl: "https://grace.github.io/attention/"' in everything(project)
    repository.set_address("https://github.com/OWNER/attention", project)
    assert everything(project) == before


def test_a_domain_of_ones_own_is_left_alone(project):
    config = project / "_config.yml"
    config.write_text(CONFIG.replace('""', '"https://attention.example/"'), encoding="utf-8")
    repository.set_address("https://github.com/ada/course", project)
    assert 'baseurl: "https://attention.example/"' in config.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["README.md", "chapters/01_a.ipynb", "CITATION.cff", "binder/README.md"])
def test_check_names_the_file_that_was_left_behind(project, name):
    old = (project / name).read_text(encoding="utf-8")
    repository.set_address("https://github.com/ada/course", project)
    # The placeholder must not be left over anywhere.
    assert repository.disagreements(project) == ["other.md:1: github.com/OWNER/attention-2"]
    (project / "other.md").unlink()
    assert repository.disagreements(project) == []
    (project / name).write_text(old, encoding="utf-8")
    assert {place.split(":")[0] for place in repository.disagreements(project)} == {name}


def test_check_finds_a_stranger_where_only_our_address_can_stand(project):
    (project / "new.md").write_text("%pip install git+https://github.com/someone/else\n", encoding="utf-8")
    assert repository.disagreements(project) == ["new.md:1: git+https://github.com/someone/else"]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://github.com/ada/course", "must start with https://"),
        ("git@github.com:ada/course.git", "must start with https://"),
        ("", "must start with https://"),
        ("https://github.com/ada", "expected an address such as"),
        ("https://github.com/ada/course/tree/main", "expected an address such as"),
        ("https://github.com/-ada/course", "expected an address such as"),
        ("https://github.com/ada/co urse", "expected an address such as"),
        ("https://github.com/ada/..", "no repository has the name"),
        ("https://github.com/ada/.", "no repository has the name"),
        ("https://github.com/ada/course.", "no repository has the name"),
        ("https://github.com/ada/" + "a" * 101, "no repository has the name"),
        ("https://github.com/ada/.git", "expected an address such as"),
        ("https://github.com/../course", "expected an address such as"),
        ("https://github.com/ada//course", "expected an address such as"),
        ("https://github.com/ada/course\n", "expected an address such as"),
        ("https://github.com/ada/course?tab=readme", "expected an address such as"),
        ("https://github.com/ada/course#readme", "expected an address such as"),
        ("https://user@github.com/ada/course", "github.com"),
        ('https://github.com/ada/course";touch x;"', "expected an address such as"),
        ("https://github.com/ada/$(touch x)", "expected an address such as"),
        ("https://github.com/ada/kurs\u00e9", "expected an address such as"),
        ("https://example.org/ada/course", "github.com"),
        ("https://github.com.evil.example/ada/course", "github.com"),
    ],
)
def test_a_malformed_address_is_refused_and_changes_nothing(project, url, message):
    before = everything(project)
    with pytest.raises(ValueError, match=message):
        repository.set_address(url, project)
    assert everything(project) == before


def test_an_interrupted_set_is_finished_by_the_next(project, monkeypatch):
    real, count = Path.write_text, 0

    def interrupted(path, text, **options):
        nonlocal count
        count += 1
        if count == 4:  # of six, the configuration is one
            raise KeyboardInterrupt
        return real(path, text, **options)

    monkeypatch.setattr(Path, "write_text", interrupted)
    with pytest.raises(KeyboardInterrupt):
        repository.set_address("https://github.com/ada/course", project)
    monkeypatch.undo()
    assert repository.configured(project) == ("OWNER", "attention")
    repository.set_address("https://github.com/ada/course", project)
    (project / "other.md").unlink()
    assert repository.disagreements(project) == []


@pytest.fixture(scope="module")
def moved(tmp_path_factory):
    """A copy of this project at an address as long as they come."""
    copy = tmp_path_factory.mktemp("moved") / "copy"
    others = shutil.ignore_patterns(".git", ".venv", "_build", "node_modules", "*_cache", "__pycache__", ".hypothesis")
    shutil.copytree(ROOT, copy, ignore=others)
    old = "/".join(repository.configured(copy))
    changed = repository.set_address("https://github.com/ada-lovelace-of-london/attention-course-2026", copy)
    assert "_config.yml" in changed
    assert repository.disagreements(copy) == []
    assert [str(path) for path, text in repository.texts(copy) if f"github.com/{old}" in text] == []
    return copy


def test_the_real_project_can_be_moved_and_its_notebooks_stay_canonical(moved):
    environment = os.environ | {"PYTHONPATH": str(moved)}
    command = [sys.executable, "tools/chapters.py", "check"]
    result = subprocess.run(command, cwd=moved, env=environment, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_the_moved_project_keeps_the_contract(moved):
    environment = os.environ | {"PYTHONPATH": str(moved)}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/notebooks"]
    result = subprocess.run(command, cwd=moved, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
