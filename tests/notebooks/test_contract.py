"""Each chapter keeps the contract of CONTRIBUTING.md: what a reader may rely on in every one of them.

What is not about a chapter's shape holds for the notebooks of the appendix too.
"""

import ast
import importlib
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import chapters

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "chapters").glob("*.ipynb"))
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

# nbval compares the text output of every cell but those listed here, by chapter and by how their source begins.
NOT_COMPARED: dict[tuple[str, str], str] = {}


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def outputs(notebook):
    return [(cell, output) for cell in code_cells(notebook) for output in cell.outputs]


def plain_text(output) -> str:
    return output.text if output.output_type == "stream" else output.get("data", {}).get("text/plain", "")


def test_there_are_chapters():
    assert [path.name[:2] for path in NOTEBOOKS] == [f"{i:02d}" for i in range(1, len(NOTEBOOKS) + 1)]
    assert len(NOTEBOOKS) >= 3


def test_canonical(path):
    assert chapters.problems(path) == [], f"mend it with `make chapters CH={path.name[:2]}`"


@pytest.mark.of_chapters
def test_opens_with_what_the_reader_needs(notebook):
    opening = notebook.cells[0].source
    assert re.match(r"# \S", opening), "the first cell must begin with the chapter's heading"
    able = re.search(r"You will be able to\b.*?\n((?:[ \t]*\n|- .*\n|  .*\n)+)", opening, flags=re.DOTALL)
    assert able, "say “You will be able to”, then three bullets"
    assert len(re.findall(r"^- ", able[1], flags=re.MULTILINE)) == 3
    assert re.search(r"· \d+ seconds to run\*$", opening, flags=re.MULTILINE)
    assert "What to know first" in opening


@pytest.mark.of_chapters
def test_closes_with_summary_measurements_exercises_reading(notebook):
    headings = re.findall(r"^## (.+)$", prose(notebook), flags=re.MULTILINE)
    closing = [heading for heading in headings if heading in CLOSING]
    assert closing == CLOSING, f"the chapter must close with {CLOSING}, has {headings[-6:]}"


CLOSING = ["Summary", "What was measured", "Exercises", "Further reading"]


@pytest.mark.of_chapters
def test_demos_are_there_and_up_to_date(path, notebook):
    state = notebook.metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    shown = [
        output.data[WIDGET_VIEW]["model_id"] for _, output in outputs(notebook) if WIDGET_VIEW in output.get("data", {})
    ]
    assert shown, "a chapter has at least one demo"
    assert set(shown) <= set(state), "the state of a demo is not stored"
    for model in shown:
        stored = state[model]["state"]
        module, _, name = stored["_anywidget_id"].rpartition(".")
        demo = getattr(importlib.import_module(module), name)
        for key in ("_esm", "_css"):
            if key in stored:
                assert stored[key] == str(getattr(demo, key)), (
                    f"{name} changed since the chapter was run: `make chapters CH={path.name[:2]}`"
                )
        assert len(stored["description"]) > 40, f"{name} must say in its description what is to be seen"


def test_figures_have_alt_text(path, notebook):
    found = 0
    for cell, output in outputs(notebook):
        if "image/png" not in output.get("data", {}):
            continue
        found += 1
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        assert 30 <= len(alt) <= 500, f"alt text must say what is to be seen, in one to three sentences: {alt!r}"
        assert not re.match(r"(?i)(a |an |the )?(figure|image|picture|plot|graph|heatmap|diagram)\b", alt), (
            f"alt text must say what is to be seen, not that it is a picture: {alt!r}"
        )
        assert output.data["text/plain"] == f"Figure: {alt}", "the alt text is not the one that the cell gave"
    assert found >= 3 or path.parent.name != "chapters", "a chapter shows figures"


def test_outputs_do_not_depend_on_the_machine(notebook):
    for cell, output in outputs(notebook):
        assert output.output_type != "error", f"a cell fails:\n{cell.source}"
        if output.output_type == "stream":
            assert output.name == "stdout", f"a cell warns:\n{cell.source}\n{output.text}"
        text = plain_text(output)
        for pattern, what in {
            r"0x[0-9a-f]{6,}": "an address",
            r"\d\.\d{7,}": "more digits than all machines agree on",
            r"grad_fn=": "a graph's node",
            r"/(home|root|tmp|usr|content)/": "a path of one machine",
            r"\bcuda\b|\bcpu\b": "a device",
            r"\d ?(ms|µs|seconds)\b": "a time",
        }.items():
            assert not re.search(pattern, text), f"the output holds {what}:\n{cell.source}\n→ {text}"


def test_every_cell_is_compared(path, notebook):
    for cell in code_cells(notebook):
        tags = set(cell.metadata.get("tags", []))
        marked = any(tag.startswith(("nbval-", "raises-exception")) for tag in tags) or "NBVAL_" in cell.source
        reason = NOT_COMPARED.get((path.stem, cell.source.splitlines()[0]))
        assert not marked or reason, f"this cell is not compared, and no reason is given:\n{cell.source}"


@pytest.mark.of_chapters
def test_few_cells_are_compared_coarsely(path, notebook):
    """What a trained model draws and prints is compared coarsely (tools/stored_outputs.py): that is an exception."""
    tagged = [cell for cell in notebook.cells if "trained" in cell.metadata.get("tags", [])]
    assert len(tagged) == TRAINED.get(path.stem, 0)
    figures = [cell for cell, output in outputs(notebook) if "image/png" in output.get("data", {})]
    assert len(tagged) <= len(figures) / 2


# Cells that train for hundreds of steps: rounding of another processor's sums grows into the second digit.
TRAINED = {
    "01_queries_keys_values": 2,
    "02_kernel_regression": 3,
    "03_scoring_functions": 1,
    "04_seq2seq_bahdanau": 3,
    "06_self_attention": 2,
    "08_attention_in_vision": 3,
    "09_transformer": 2,
}


def test_prose_is_common_markdown(notebook):
    text = re.sub(r"```.*?```|`[^`\n]*`", "", prose(notebook), flags=re.DOTALL)
    directives = set(re.findall(r"^\s*:::+\s*\{([\w-]+)\}", text, flags=re.MULTILINE))
    assert directives <= {"note"}, f"directives show raw in Colab: {directives}"
    assert not re.findall(r"\{[\w:-]+\}`", text), "roles show raw in Colab"
    assert text.count("<details>") == text.count("</details>") == text.count("<summary>")
    assert text.count("$") % 2 == 0, "a formula is not closed"
    assert not re.findall(r"\\\(|\\\[|^```\{math\}", text, flags=re.MULTILINE), "write formulas between dollars"


def test_headings_step_by_one(notebook):
    text = re.sub(r"```.*?```", "", prose(notebook), flags=re.DOTALL)
    levels = [len(marks) for marks in re.findall(r"^(#+) ", text, flags=re.MULTILINE)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    for before, after in itertools.pairwise(levels):
        assert after <= before + 1, f"a heading of level {after} follows one of level {before}"


def test_local_links_lead_somewhere(path, notebook):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(notebook)):
        if "://" in target or target.startswith(("#", "mailto:")):
            continue
        assert (path.parent / target.split("#")[0]).resolve().exists(), f"dead link to {target}"


def test_description_for_search_engines(notebook):
    description = notebook.metadata["myst"]["html_meta"]["description lang=en"]
    assert 50 <= len(description) <= 160


def test_code_is_clean(path):
    command = [sys.executable, "-m", "ruff", "check", "--quiet", "--output-format=concise", "--isolated"]
    rules = "--select=E4,E7,E9,F,W,I,UP,B,C4", "--ignore=B018,E402,E741", "--line-length=120"
    result = subprocess.run([*command, *rules, str(path)], capture_output=True, text=True, cwd=ROOT, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_imports_come_from_the_library_or_its_needs(notebook):
    allowed = set(sys.stdlib_module_names) | {"attn_utils", "torch", "numpy", "matplotlib", "ipywidgets", "sklearn"}
    for cell in code_cells(notebook):
        tree = ast.parse(re.sub(r"^(\s*)[%!].*$", r"\1pass", cell.source, flags=re.MULTILINE))
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] in allowed, f"{name} is not installed where the library is"


def test_notebook_is_not_heavy(path):
    assert path.stat().st_size < 2_000_000, "figures too large: fewer points, smaller size, or fewer panels"


def test_widget_state_is_plain(notebook):
    """The page's host reads the state with JSON.parse: NaN and Infinity would leave every demo of the page dead."""
    json.dumps(notebook.metadata.get("widgets", {}), allow_nan=False)
