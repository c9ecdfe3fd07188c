"""The canonical form of a notebook: valid by the schema, and nothing in the file that differs from run to run.

It is a fixed point, and it is made *before* a chapter is run, so that what is stored is what ran. Therefore it touches
little: a source loses blank lines at its beginning and white space at its end, and nothing inside; a cell keeps the id
that it was once given.
"""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.validator import iter_validate

from notebooks import RefusedError

WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
# The first minor version of the format in which a cell has an id.
MINOR = 5
ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
REFERENCE = re.compile(r"IPY_MODEL_([\w-]+)")


def loads(text: str) -> NotebookNode:
    """Read a notebook of any version as one of version 4.5, with the ids that its file has and no others."""
    try:
        raw = json.loads(text)
        notebook = nbformat.convert(nbformat.reader.reads(text), 4)
        if (raw["nbformat"], raw["nbformat_minor"]) < (4, MINOR):
            for cell in notebook.cells:  # nbformat gave random ones; Colab and VS Code keep theirs in the metadata
                cell.id = cell.metadata.get("id")
    except json.JSONDecodeError as error:
        raise RefusedError(f"not valid JSON: {error}") from error
    except Exception as error:  # whatever nbformat trips over in a file that is JSON but no notebook
        raise RefusedError(f"not a notebook: {type(error).__name__}: {error}") from error
    return notebook


def load(path: Path) -> NotebookNode:
    """Read a notebook's file."""
    return loads(read(path))


def read(path: Path) -> str:
    """Read a file of text, with or without the mark that Windows puts at its beginning."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise RefusedError(f"{path.name} is not UTF-8: {error}") from error


def canonical(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook without what changes from run to run, and with each figure's alt text in its cell.

    Raises:
        RefusedError: If a cell shows two figures, or the schema of nbformat has no place for something in the notebook.
    """
    notebook = nbformat.from_dict(json.loads(json.dumps(notebook)))
    notebook.nbformat, notebook.nbformat_minor = 4, MINOR
    for cell in notebook.cells:
        cell.source = canonical_source("".join(cell.source))
    # An empty cell holds nothing and does not run, so that counts after a run would have a gap.
    notebook.cells = [cell for cell in notebook.cells if cell.source.strip() or cell.get("attachments")]
    _name_cells(notebook.cells)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict(_cell_metadata(cell))
    notebook.metadata = nbformat.from_dict(_metadata(notebook))
    _name_models(notebook)
    for problem in iter_validate(notebook, version=4, version_minor=MINOR):
        place = "/".join(map(str, problem.absolute_path))
        raise RefusedError(f"not valid by the schema of notebooks: {place}: {problem.message[:200]}")
    return notebook


def canonical_source(source: str) -> str:
    """Return a cell's source with plain line ends, as Python reads it, and without white space around it."""
    source = re.sub(r"\r\n?", "\n", source).rstrip(" \t\n")
    return re.sub(r"\A(?:[ \t]*\n)+", "", source)


def dumps(notebook: NotebookNode) -> bytes:
    """Return the content of the notebook's file: sorted keys, readable characters."""
    plain = json.loads(nbformat.versions[4].writes_json(notebook))
    try:
        return (json.dumps(plain, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
    except UnicodeEncodeError as error:
        raise RefusedError(f"half of a character that UTF-8 cannot hold: {error}") from error


def write(path: Path, notebook: NotebookNode) -> None:
    """Write a notebook in canonical form: all of it or, whatever happens meanwhile, nothing."""
    content = dumps(canonical(notebook))
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def ran_in_order(notebook: NotebookNode) -> bool:
    """Say whether all outputs are from one run from top to bottom."""
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    return counts == list(range(1, len(counts) + 1))


def problems(path: Path) -> list[str]:
    """Say what keeps a notebook from being canonical. A canonical one is valid by the schema of nbformat."""
    try:
        notebook = load(path)
        expected = dumps(canonical(notebook))
    except RefusedError as refused:
        return [str(refused)]
    found = [] if ran_in_order(notebook) else ["outputs are not from one run in order"]
    if path.read_bytes() != expected:
        found.append("not in canonical form")
    return found


def _name_cells(cells: list[NotebookNode]) -> None:
    """Give an id to each cell that has none of its own. One that was given is kept, whatever becomes of the source."""
    taken: set[str] = set()
    unnamed = []
    for cell in cells:
        name = cell.get("id")
        if isinstance(name, str) and ID.fullmatch(name) and name not in taken:
            taken.add(name)
        else:
            unnamed.append(cell)
    for cell in unnamed:
        digest = hashlib.sha1(f"{cell.cell_type}\n{cell.source}".encode(errors="surrogatepass")).hexdigest()[:8]
        name, count = digest, 1
        while name in taken:
            count += 1
            name = f"{digest}-{count}"
        taken.add(name)
        cell.id = name


def _cell_metadata(cell: NotebookNode) -> dict[str, Any]:
    tags = cell.metadata.get("tags") or []
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise RefusedError(f"tags must be a list of words, got {tags!r}")
    kept: dict[str, Any] = {"tags": sorted(set(tags))} if tags else {}
    alt = [figure.metadata["image/png"]["alt"] for figure in cell.get("outputs", []) if is_figure(figure)]
    if len(alt) > 1:
        raise RefusedError(f"a cell shows {len(alt)} figures, but one alt text is all a cell can have:\n{cell.source}")
    return kept | ({"mystnb": {"image": {"alt": alt[0]}}} if alt else {})


def is_figure(output: NotebookNode) -> bool:
    """Say whether an output is a figure of ours, which brings its alt text."""
    return "alt" in output.get("metadata", {}).get("image/png", {})


def _metadata(notebook: NotebookNode) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    if "myst" in notebook.metadata:
        metadata["myst"] = notebook.metadata["myst"]
    state = notebook.metadata.get("widgets", {}).get(WIDGET_STATE)
    if state and "state" not in state:  # so Colab stores it
        state = {"state": state, "version_major": 2, "version_minor": 0}
    if state and state["state"]:
        metadata["widgets"] = {WIDGET_STATE: state}
    return metadata


def _name_models(notebook: NotebookNode) -> None:
    """Name widget models in the order in which the notebook shows them, instead of by random numbers."""
    if "widgets" not in notebook.metadata:
        return
    stored = notebook.metadata["widgets"][WIDGET_STATE]
    state = stored["state"]
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    data = [output.get("data", {}) for cell in cells for output in cell.outputs]
    views = [bundle[WIDGET_VIEW] for bundle in data if WIDGET_VIEW in bundle]
    plain = {model: json.dumps(state[model], sort_keys=True) for model in state}
    # Models that no cell shows (layouts, styles) come after the one that refers to them.
    pending, names = [view["model_id"] for view in views], dict[str, str]()
    while pending:
        model = pending.pop(0)
        if model not in names and model in state:
            names[model] = f"widget-{len(names) + 1:02d}"
            pending = REFERENCE.findall(plain[model]) + pending
    leftover = sorted(set(state) - set(names), key=lambda model: (REFERENCE.sub("", plain[model]), model))
    names |= {model: f"widget-{len(names) + i:02d}" for i, model in enumerate(leftover, start=1)}

    def renamed(text: str) -> Any:
        return json.loads(REFERENCE.sub(lambda found: f"IPY_MODEL_{names.get(found[1], found[1])}", text))

    stored["state"] = nbformat.from_dict({names[model]: renamed(plain[model]) for model in state})
    for view in views:
        view["model_id"] = names.get(view["model_id"], view["model_id"])
