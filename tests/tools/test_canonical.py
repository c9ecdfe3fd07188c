"""The canonical form: valid by the schema, a fixed point, and nothing is lost on the way to it."""

import json

import nbformat
import pytest
import samples
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.validator import iter_validate
from notebooks import RefusedError
from notebooks.canonical import canonical, canonical_source, dumps, loads, problems, write

ALL = samples.WHOLE | samples.REFUSED


def form(raw) -> nbformat.NotebookNode:
    return canonical(loads(json.dumps(raw)))


@pytest.mark.parametrize("name", ALL)
def test_valid_and_a_fixed_point(name):
    notebook = form(ALL[name])
    stored = json.loads(dumps(notebook))
    assert (stored["nbformat"], stored["nbformat_minor"]) == (4, 5)
    assert list(iter_validate(stored, version=4, version_minor=5)) == []
    ids = [cell["id"] for cell in stored["cells"]]
    assert len(set(ids)) == len(ids)
    assert dumps(canonical(loads(dumps(notebook).decode()))) == dumps(notebook)


@pytest.mark.parametrize("name", ALL)
def test_writing_once_is_enough(name, tmp_path):
    path = tmp_path / "01_a.ipynb"
    path.write_text(json.dumps(ALL[name]), encoding="utf-8")
    assert "not in canonical form" in problems(path)
    write(path, loads(path.read_text(encoding="utf-8")))
    assert set(problems(path)) <= {"outputs are not from one run in order"}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("minor", range(5))
def test_a_notebook_of_an_old_version_becomes_valid(minor):
    raw = samples.notebook(samples.markdown("# A"), samples.code("1", 1), minor=minor)
    first, second = form(raw), form(raw)
    assert first.nbformat_minor == 5
    assert [cell.id for cell in first.cells] == [cell.id for cell in second.cells], "ids must not be random"


def test_the_schema_is_checked(tmp_path):
    path = tmp_path / "01_a.ipynb"
    write(path, form(samples.notebook(samples.markdown("# A", id="a"))))
    raw = json.loads(path.read_text(encoding="utf-8"))
    raw["cells"][0]["outputs"] = []
    path.write_text(json.dumps(raw, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    before = path.read_bytes()
    assert "not valid by the schema of notebooks: cells/0" in problems(path)[0]
    with pytest.raises(RefusedError, match="schema"):
        write(path, loads(path.read_text(encoding="utf-8")))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "not valid JSON: Expecting value: line 1 column 1"),
        ('{"cells": [', "not valid JSON: "),
        ("[]", "not a notebook"),
        ("{}", "not a notebook"),
        ('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}', "not valid by the schema|not a notebook"),
    ],
)
def test_a_file_that_is_no_notebook(tmp_path, content, says):
    path = tmp_path / "01_a.ipynb"
    path.write_text(content, encoding="utf-8")
    [problem] = problems(path)
    assert any(part in problem for part in says.split("|"))
    assert "\n" not in problem


@pytest.mark.parametrize("change", [lambda text: b"\xef\xbb\xbf" + text, lambda text: text.replace(b"\n", b"\r\n")])
def test_marks_and_line_ends_of_windows_are_read_and_not_canonical(tmp_path, change):
    path = tmp_path / "01_a.ipynb"
    write(path, form(samples.notebook(samples.markdown("# A", id="a"))))
    path.write_bytes(change(path.read_bytes()))
    assert problems(path) == ["not in canonical form"]
    path.write_bytes("# é".encode("latin-1"))
    assert problems(path)[0].startswith("01_a.ipynb is not UTF-8")


def test_half_a_character_is_refused_before_anything_is_written(tmp_path):
    path = tmp_path / "01_a.ipynb"
    with pytest.raises(RefusedError, match="UTF-8"):
        write(path, form(samples.notebook(samples.code('"\ud800"', id="a"))))
    assert list(tmp_path.iterdir()) == []


def test_ids_once_given_are_kept():
    names = ["x8Qz_1", "Yz-7"]
    colab = form(samples.WHOLE["Colab: minor 0, ids in the metadata, widget state without its frame"])
    assert [cell.id for cell in colab.cells] == names
    for cell in colab.cells:
        cell.source += "  # edited"
    colab.cells.reverse()
    assert [cell.id for cell in canonical(colab).cells] == names[::-1]


def test_white_space_inside_a_cell_is_kept():
    notebook = form(samples.WHOLE["white space inside and around"])
    assert [cell.source for cell in notebook.cells] == [
        "# Heading  \nhard break  \nmore",
        'text = """a   \n\n   \nb\t\n"""',
        "if x:\n    pass",
    ]


def test_widget_models_are_named_by_where_they_are_shown():
    for name in ("widgets in random order", "Colab: minor 0, ids in the metadata, widget state without its frame"):
        notebook = form(samples.WHOLE[name])
        state = notebook.metadata.widgets[samples.STATE].state
        assert state["widget-01"].state.layout == "IPY_MODEL_widget-02"
        assert state["widget-02"].state.width == "3em"
        shown = notebook.cells[-1].outputs[0].data
        assert shown[samples.VIEW].model_id == "widget-01"


def test_no_source_and_no_other_output_is_changed_by_naming_models():
    raw = samples.notebook(
        samples.code("print('widget-01')", 1, [{"output_type": "stream", "name": "stdout", "text": "widget-01\n"}]),
        samples.code("b", 2, [samples.view("widget-02")]),
        samples.code("a", 3, [samples.view("widget-01")]),
        widgets={samples.STATE: {"state": {"widget-01": samples.model(a=1), "widget-02": samples.model(b=2)}}},
    )
    notebook = form(raw)
    assert notebook.cells[0].source == "print('widget-01')"
    assert notebook.cells[0].outputs[0].text == "widget-01\n"
    state = notebook.metadata.widgets[samples.STATE].state
    assert [state[f"widget-0{i}"].state for i in (1, 2)] == [{"b": 2}, {"a": 1}]


def test_counts_that_are_not_from_one_run_are_not_made_to_look_so(tmp_path):
    path = tmp_path / "01_a.ipynb"
    write(path, form(samples.notebook(*[samples.code(f"a = {i}", i) for i in (2, 3, 1)])))
    assert problems(path) == ["outputs are not from one run in order"]


TEXT = st.text(st.sampled_from('ab \t\n\r\f\u2028`+-:{}#é\\"') | st.characters(exclude_categories=["Cs"]), max_size=30)
WORDS = st.text("abc-_ .é", max_size=8)


@st.composite
def cells(draw):
    kind = draw(st.sampled_from(["markdown", "code", "raw"]))
    tags = draw(st.lists(st.sampled_from(["solution", "hide-input", "x"]), max_size=2, unique=True))
    cell = {"cell_type": kind, "metadata": {"tags": tags, draw(WORDS): draw(WORDS)}, "source": draw(TEXT)}
    cell["metadata"]["tags"] = tags
    cell["id"] = draw(WORDS)
    if kind == "code":
        cell |= {"execution_count": draw(st.none() | st.integers(1, 9)), "outputs": []}
        if draw(st.booleans()):
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": draw(TEXT)}]
    return cell


@given(st.lists(cells(), max_size=5), st.integers(0, 5))
@settings(deadline=None, max_examples=200)
def test_any_notebook_has_one_canonical_form(drawn, minor):
    raw = samples.notebook(*drawn, minor=minor)
    notebook = form(raw)
    assert list(iter_validate(notebook, version=4, version_minor=5)) == []
    assert dumps(canonical(loads(dumps(notebook).decode()))) == dumps(notebook)
    assert [cell.source for cell in notebook.cells] == [
        canonical_source(cell["source"]) for cell in drawn if canonical_source(cell["source"]).strip()
    ]


@given(TEXT)
def test_a_source_loses_only_white_space_around_it(source):
    kept = canonical_source(source)
    plain = source.replace("\r\n", "\n").replace("\r", "\n")
    assert kept in plain
    assert plain.replace(kept, "", 1).strip(" \t\n") == "" or not kept
    assert canonical_source(kept) == kept
