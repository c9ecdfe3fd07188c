"""A chapter as text comes back whole or is refused before anything is written, and no edit is lost on either side."""

import json
import re
from pathlib import Path

import pytest
import samples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from notebooks import RefusedError
from notebooks.canonical import canonical, dumps, load, loads, write
from notebooks.text import digest, from_text, parse, render, to_text
from test_canonical import cells

import chapters

OUTPUT = {"output_type": "stream", "name": "stdout", "text": "2\n"}
CHAPTER = samples.notebook(
    samples.markdown("# Heading", id="a"),
    samples.code("print(2)", 1, [OUTPUT], id="b"),
    samples.markdown("middle", id="c"),
    samples.code("x = 1", 2, id="d", metadata={"tags": ["solution"]}),
    samples.markdown("end", id="e"),
    myst={"html_meta": {"description lang=en": "about it"}},
)


def form(raw):
    return canonical(loads(json.dumps(raw)))


@pytest.fixture
def pair(tmp_path):
    """A notebook and its text."""
    notebook, text = tmp_path / "02_a.ipynb", tmp_path / "text" / "02_a.md"
    write(notebook, form(CHAPTER))
    to_text(notebook, text)
    return notebook, text


def edit(text: Path, old: str, new: str) -> None:
    before = text.read_text(encoding="utf-8")
    assert old in before
    text.write_text(before.replace(old, new, 1), encoding="utf-8")


def edit_notebook(notebook: Path) -> None:
    """What JupyterLab does: another source, other metadata."""
    raw = json.loads(notebook.read_text(encoding="utf-8"))
    raw["cells"][2]["source"] = ["saved in JupyterLab"]
    notebook.write_text(json.dumps(raw), encoding="utf-8")


def refused(pair, says, action) -> None:
    """The action is refused in one line that says why, and both files stay as they are."""
    before = [path.read_bytes() for path in pair]
    with pytest.raises(RefusedError, match=says) as problem:
        action()
    assert "\n" not in str(problem.value)
    assert [path.read_bytes() for path in pair] == before


# ---------------------------------------------------------------------------------------------------- round trips
@pytest.mark.parametrize("path", chapters.notebooks(), ids=lambda path: path.stem)
def test_the_chapters_come_back_byte_by_byte(path, tmp_path):
    copy, text = tmp_path / path.name, tmp_path / "text.md"
    copy.write_bytes(path.read_bytes())
    to_text(copy, text)
    assert from_text(text, copy).startswith("0 cells new or changed, 0 gone")
    assert copy.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", samples.WHOLE)
def test_comes_back_whole(name, tmp_path):
    notebook, text = tmp_path / "01_a.ipynb", tmp_path / "01_a.md"
    write(notebook, form(samples.WHOLE[name]))
    before = notebook.read_bytes()
    to_text(notebook, text)
    from_text(text, notebook)
    assert notebook.read_bytes() == before


@pytest.mark.parametrize("name", samples.REFUSED)
def test_refused_before_anything_is_written(name, tmp_path):
    notebook, text = tmp_path / "01_a.ipynb", tmp_path / "01_a.md"
    write(notebook, form(samples.REFUSED[name]))
    with pytest.raises(RefusedError, match="JupyterLab"):
        to_text(notebook, text)
    assert not text.exists()


@given(st.lists(cells(), max_size=5))
@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
def test_any_notebook_comes_back_whole_or_is_refused(drawn):
    notebook = form(samples.notebook(*drawn))
    try:
        text = render(notebook, "01_a")
    except RefusedError:
        return
    back, written_from = parse(text, "01_a")
    assert written_from == digest(notebook)
    have = [[(cell.cell_type, cell.source, cell.metadata) for cell in one.cells] for one in (notebook, back)]
    assert have[0] == have[1]


# ---------------------------------------------------------------------------------------------------------- edits
def test_edits_of_the_text_are_taken_back_and_what_is_unchanged_keeps_its_output(pair):
    notebook, text = pair
    edit(text, "middle", "in the *middle*")
    assert from_text(text, notebook) == "1 cells new or changed, 1 gone, 4 kept"
    stored = load(notebook)
    assert [cell.source for cell in stored.cells][2] == "in the *middle*"
    assert [cell.id for cell in stored.cells if cell.cell_type == "code"] == ["b", "d"]
    assert stored.cells[1].outputs[0].text == "2\n"
    edit(text, "in the *middle*", "again")  # one may go on in the same text
    from_text(text, notebook)
    assert load(notebook).cells[2].source == "again"


def test_edits_of_tags_and_of_the_description_are_taken_back(pair):
    notebook, text = pair
    edit(text, ":tags: [solution]", ":tags: [hide-input]")
    edit(text, "about it", "about something else")
    from_text(text, notebook)
    stored = load(notebook)
    assert stored.cells[3].metadata.tags == ["hide-input"]
    assert stored.metadata.myst.html_meta["description lang=en"] == "about something else"


def test_changed_or_copied_code_has_no_output_and_the_author_is_told(pair):
    notebook, text = pair
    edit(text, "print(2)\n```\n", "print(2)\n```\n\n```{code-cell} python\nprint(2)\n```\n")
    assert from_text(text, notebook).endswith("run it with `make chapters CH=02`")
    assert [(cell.execution_count, len(cell.outputs)) for cell in load(notebook).cells if cell.cell_type == "code"] == [
        (1, 1),
        (None, 0),
        (2, 0),
    ]


def test_deleted_code_must_run_again(pair):
    notebook, text = pair
    edit(text, "```{code-cell} python\nprint(2)\n```\n", "")
    assert "run it with" in from_text(text, notebook)


def test_a_notebook_saved_meanwhile_is_not_overwritten(pair):
    notebook, text = pair
    edit_notebook(notebook)
    refused(pair, "the notebook was edited after 02_a.md was written", lambda: from_text(text, notebook))
    edit(text, "end", "the end")
    refused(pair, "the notebook was edited after 02_a.md was written", lambda: from_text(text, notebook))
    refused(pair, "holds edits", lambda: to_text(notebook, text))


def test_a_text_with_edits_is_not_overwritten(pair):
    notebook, text = pair
    edit(text, "middle", "edited")
    refused(pair, "02_a.md holds edits", lambda: to_text(notebook, text))
    edit(text, "```\n", "``\n")
    refused(pair, "02_a.md", lambda: to_text(notebook, text))
    text.write_text("my own notes", encoding="utf-8")
    refused(pair, "is not what `make text` writes", lambda: to_text(notebook, text))


def test_a_text_without_edits_is_renewed(pair):
    notebook, text = pair
    edit_notebook(notebook)
    to_text(notebook, text)
    assert "saved in JupyterLab" in text.read_text(encoding="utf-8")


def test_running_the_chapter_meanwhile_is_no_edit(pair):
    notebook, text = pair
    raw = json.loads(notebook.read_text(encoding="utf-8"))
    raw["cells"][1]["outputs"] = []
    notebook.write_text(json.dumps(raw), encoding="utf-8")
    edit(text, "middle", "edited")
    from_text(text, notebook)
    assert load(notebook).cells[2].source == "edited"


def test_an_interruption_between_the_two_files_is_no_edit(pair):
    notebook, text = pair
    edit(text, "middle", "edited")
    half_done = text.read_bytes()
    from_text(text, notebook)
    text.write_bytes(half_done)
    edit(text, "edited", "edited")
    from_text(text, notebook)
    text.write_bytes(half_done)
    to_text(notebook, text)


# ---------------------------------------------------------------------------------- texts that are not the chapter
@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: "", "lines at its beginning"),
        (lambda text: "\n\n", "lines at its beginning"),
        (lambda text: "# Shopping\n\n- milk\n", "lines at its beginning"),
        (lambda text: text[: len(text) * 3 // 4], "it was cut"),
        (lambda text: text[: text.index("# Heading")], "it was cut"),
        (lambda text: text[:-5], "it was cut"),
        (lambda text: text[text.index("# Heading") :], "lines at its beginning"),
        (lambda text: text.replace("02_a", "03_b"), "of another chapter"),
        (lambda text: text.replace("notebook: 02_a", "notebook: 03_b"), "must name '02_a'"),
        (lambda text: re.sub("sha256: .*\n", "", text), "must name '02_a'"),
        (lambda text: re.sub("sha256: .*\n", "sha256: 0\n", text), "must name '02_a'"),
        (lambda text: re.sub("# Heading.*(?=% end)", "", text, flags=re.DOTALL), "holds no cells"),
        (lambda text: text.replace("middle", "mid\u2028dle"), r"U\+2028"),
        (lambda text: text.replace("x = 1", "x = 1\f"), r"U\+000C"),
        (lambda text: text.replace("middle", "+++ words\n\nmiddle"), "cannot be read"),
        (lambda text: text.replace("tags: [solution]", "tags: [solution"), "cannot be read"),
        (lambda text: text.replace("tags: [solution]", "tags: solution"), "cannot be read: 'solution'"),
        (lambda text: text.replace(":tags:", ":tag:"), "no such options: tag"),
        (lambda text: text.replace("myst:", "mist:"), "no such options: mist"),
        (lambda text: text.replace("notebook:", "notebook: ]"), "cannot be read"),
    ],
)
def test_a_text_that_is_not_the_whole_chapter_is_refused(pair, change, says):
    notebook, text = pair
    text.write_text(change(text.read_text(encoding="utf-8")), encoding="utf-8")
    refused(pair, says, lambda: from_text(text, notebook))


def test_a_text_saved_on_windows_is_read_and_one_in_another_encoding_is_refused(pair):
    notebook, text = pair
    edit(text, "middle", "édité")
    plain = text.read_bytes()
    text.write_bytes(plain.decode().encode("cp1252"))
    refused(pair, "02_a.md is not UTF-8", lambda: from_text(text, notebook))
    text.write_bytes(b"\xef\xbb\xbf" + plain.replace(b"\n", b"\r\n"))
    from_text(text, notebook)
    assert load(notebook).cells[2].source == "édité"


def test_the_text_of_another_version_of_the_notebook_is_refused(pair, tmp_path):
    notebook, text = pair
    other = tmp_path / "other" / "02_a.ipynb"
    other.parent.mkdir()
    write(other, form(samples.notebook(samples.markdown("# Another", id="a"))))
    refused((other, text), "the notebook was edited", lambda: from_text(text, other))
    assert dumps(load(notebook)) == dumps(form(CHAPTER))
