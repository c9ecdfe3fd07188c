"""The commands for chapters: which notebooks a name means, and mistakes told by name, in a line."""

import json

import pytest
import samples
from notebooks.canonical import canonical, loads, write

import chapters


@pytest.fixture
def root(tmp_path):
    for name in ("chapters/01_one.ipynb", "chapters/02_two.ipynb", "chapters/10_ten.ipynb", "appendix/more.ipynb"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        notebook = samples.notebook(samples.markdown("# A", id="a"), samples.code("x = 1", 1, id="b"))
        write(tmp_path / name, canonical(loads(json.dumps(notebook))))
    return tmp_path


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([], ["01_one", "02_two", "10_ten", "more"]),
        (["2"], ["02_two"]),
        (["02"], ["02_two"]),
        (["1"], ["01_one"]),
        (["10", "1"], ["10_ten", "01_one"]),
        (["02_two"], ["02_two"]),
        (["chapters/02_two.ipynb"], ["02_two"]),
        (["more"], ["more"]),
    ],
)
def test_a_name_means_one_notebook(root, names, found):
    assert [path.stem for path in chapters.find(names, root)] == found


@pytest.mark.parametrize("name", ["0", "00", "3", "1_", "02_tw", "two", "x", "-1", "²", "chapters"])
@pytest.mark.parametrize("command", ["run", "check", "text", "notebook"])
def test_an_unknown_name_does_nothing_and_says_which_there_are(root, capsys, command, name):
    before = sorted(root.rglob("*"))
    assert chapters.main([command, "--", name], root) == 1
    assert capsys.readouterr().err == f"there is no chapter {name!r}, but 01_one, 02_two, 10_ten, more\n"
    assert sorted(root.rglob("*")) == before


def test_several_names_may_come_as_one_word(root, capsys):
    """So make hands them over: CH="01 02"."""
    assert chapters.main(["text", "1 02"], root) == 0
    assert capsys.readouterr().out == "_build/text/01_one.md\n_build/text/02_two.md\n"


@pytest.mark.parametrize("command", ["run", "check", "text"])
def test_a_broken_file_is_named_in_a_line_and_the_others_are_done(root, capsys, command):
    for name in ("02_two", "10_ten"):
        (root / "chapters" / f"{name}.ipynb").write_text('{"cells": [', encoding="utf-8")
    names = ["02", "10"] if command == "run" else []
    assert chapters.main([command, *names], root) == 1
    problems = capsys.readouterr().err.splitlines()
    assert [problem.split(": not valid JSON: ")[0] for problem in problems] == ["02_two.ipynb", "10_ten.ipynb"]


def test_what_is_not_canonical_is_named_with_the_remedy(root, capsys):
    path = root / "appendix" / "more.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("# A", "# B  "), encoding="utf-8")
    assert chapters.main(["check"], root) == 1
    assert capsys.readouterr().err == "more.ipynb: not in canonical form; mend it with `make chapters CH=more`\n"


def test_text_and_back(root, capsys):
    assert chapters.main(["notebook", "2"], root) == 1
    assert "_build/text/02_two.md is missing" in capsys.readouterr().err
    assert chapters.main(["text", "2"], root) == 0
    assert chapters.main(["notebook", "2"], root) == 0
    assert capsys.readouterr().out.endswith("02_two.ipynb: 0 cells new or changed, 0 gone, 2 kept\n")


def test_an_interruption_is_one_line(root, capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(chapters, "do", interrupted)
    assert chapters.main(["run", "2"], root) == 130
    assert capsys.readouterr().err == "02_two.ipynb: interrupted, left as it was\n"
