"""A chapter as text: MyST Markdown with its code in fenced cells, to edit in any editor and to take back.

The first lines of the text name its notebook and hold a digest of it, the last line says that the text is whole:

    ---
    notebook: 02_kernel_regression
    sha256: 4f1c…
    myst: …
    ---
    (cells)
    % end of 02_kernel_regression

The digest is that of the cells' sources and tags, so it tells which side was edited since the text was written: a side
whose digest is another one. Nothing is written over a side that was edited and not taken into the other.
"""

import hashlib
import json
import re
import warnings
from pathlib import Path
from typing import Any

import nbformat
import yaml
from jupytext.myst import myst_to_notebook, notebook_to_myst
from nbformat import NotebookNode

from notebooks import RefusedError, short
from notebooks.canonical import canonical, load, ran_in_order, read, write

# Where Python breaks lines and Markdown does not, and NUL, which Markdown replaces.
UNSAFE = re.compile("[\0\v\f\x1c-\x1e\x85\u2028\u2029]")
HEADER = re.compile(r"---\n(.*?\n)---\n", re.DOTALL)


def to_text(notebook: Path, target: Path) -> None:
    """Write the text of a notebook.

    Raises:
        RefusedError: If the target holds edits that the notebook does not have, or if the text would not give the
            notebook back as it is. Nothing is written then.
    """
    stored = canonical(load(notebook))
    if target.exists():
        try:
            there, written_from = parse(read(target), notebook.stem)
            edited = digest(there) not in (written_from, digest(stored))
        except RefusedError as refused:
            raise RefusedError(
                f"{target.name} is there and is not what `make text` writes ({refused}); move it"
            ) from None
        if edited:
            raise RefusedError(f"{target.name} holds edits; take them back with `make notebook`, or delete it")
    text = render(stored, notebook.stem)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def from_text(source: Path, notebook: Path) -> str:
    """Take the text of a notebook back and say what changed. Unchanged cells keep their ids and outputs.

    Raises:
        RefusedError: If the text is not whole or not of this notebook, or the notebook was edited since the text was
            written. Nothing is written then.
    """
    text, written_from = parse(read(source), notebook.stem)
    stored = canonical(load(notebook))
    if digest(stored) not in (written_from, digest(text)):
        raise RefusedError(
            f"the notebook was edited after {source.name} was written, and taking the text back would undo that; "
            "rename the text, run `make text`, and carry your edits over"
        )
    have: dict[tuple[str, str], list[NotebookNode]] = {}
    for cell in stored.cells:
        have.setdefault((cell.cell_type, cell.source), []).append(cell)
    changed = 0
    for cell in text.cells:
        same = have.get((cell.cell_type, cell.source))
        if same:
            old = same.pop(0)
            cell.id = old.id
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = old.outputs, old.execution_count
        else:
            changed += 1
            del cell["id"]  # a new one, from its source
    text.metadata = text.metadata | {key: value for key, value in stored.metadata.items() if key != "myst"}
    text = canonical(text)
    again = render(text, notebook.stem)
    write(notebook, text)
    source.write_text(again, encoding="utf-8")
    gone = sum(map(len, have.values()))
    run = "" if ran_in_order(text) else f"; run it with `make chapters CH={short(notebook)}`"
    return f"{changed} cells new or changed, {gone} gone, {len(text.cells) - changed} kept{run}"


def render(notebook: NotebookNode, name: str) -> str:
    """Return the text of a canonical notebook.

    Raises:
        RefusedError: If the text would not give the notebook back as it is: it names the first cell that would be lost.
    """
    plain = nbformat.v4.new_notebook(cells=[_bare(cell) for cell in notebook.cells])
    header: dict[str, Any] = {"notebook": name, "sha256": digest(notebook)}
    if "myst" in notebook.metadata:
        header["myst"] = json.loads(json.dumps(notebook.metadata.myst))
    lines = yaml.safe_dump(header, sort_keys=False, allow_unicode=True, width=10_000)
    cells = notebook_to_myst(plain, default_lexer="python") if plain.cells else ""
    text = f"---\n{lines}---\n\n{cells}\n{_end(name)}\n"
    try:
        back, _ = parse(text, name)
    except RefusedError as refused:
        raise RefusedError(f"text cannot hold this notebook, edit it in JupyterLab ({refused})") from None
    if digest(back) != digest(notebook):
        for number, cell in enumerate(notebook.cells, start=1):
            if len(back.cells) < number or _content(cell) != _content(back.cells[number - 1]):
                what = "its pasted picture" if cell.get("attachments") else repr(cell.source[:60])
                raise RefusedError(f"text cannot hold cell {number} ({what}), edit this notebook in JupyterLab")
        raise RefusedError("text cannot hold this notebook, edit it in JupyterLab")
    return text


def parse(text: str, name: str) -> tuple[NotebookNode, str]:
    """Return the notebook in a text, canonical and without outputs, and the digest of the one it was written from.

    Raises:
        RefusedError: If the text is not whole, is of another notebook, or cannot be read.
    """
    unsafe = UNSAFE.search(text)
    if unsafe:
        raise RefusedError(
            f"it holds the character U+{ord(unsafe[0]):04X}, which no two programs read alike; write an escape"
        )
    header = HEADER.match(text)
    if not header:
        raise RefusedError("the lines at its beginning, which `make text` writes, are missing")
    body = text[header.end() :].rstrip()
    if body.rsplit("\n", 1)[-1] != _end(name):
        raise RefusedError(f"its last line must be {_end(name)!r}: it was cut, or is of another chapter")
    # Blank lines for the header, so that a line named in an error is the line of the file.
    body = "\n" * header[0].count("\n") + body.removesuffix(_end(name))
    try:
        with warnings.catch_warnings(action="ignore"):
            fields = yaml.safe_load(header[1])
            notebook = myst_to_notebook(body)
    except Exception as error:  # jupytext, YAML and markdown-it raise what they like
        raise RefusedError(f"it cannot be read: {' '.join(str(error).split())}") from error
    if not isinstance(fields, dict) or fields.get("notebook") != name or not isinstance(fields.get("sha256"), str):
        raise RefusedError(f"its first lines must name {name!r} and the digest that `make text` wrote")
    unknown = fields.keys() - {"notebook", "sha256", "myst"}
    unknown = unknown.union(*(cell.metadata.keys() - {"tags"} for cell in notebook.cells))
    if unknown:
        raise RefusedError(f"a notebook keeps no such options: {', '.join(sorted(map(str, unknown)))}")
    if not notebook.cells:
        raise RefusedError("it holds no cells")
    notebook.metadata = nbformat.from_dict({"myst": fields["myst"]} if "myst" in fields else {})
    return canonical(notebook), fields["sha256"]


def digest(notebook: NotebookNode) -> str:
    """Return a digest of what the text of a notebook holds."""
    held = [notebook.metadata.get("myst"), [_content(cell) for cell in notebook.cells]]
    return hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()


def _content(cell: NotebookNode) -> list[Any]:
    return [cell.cell_type, cell.source, cell.metadata.get("tags", []), cell.get("attachments", {})]


def _bare(cell: NotebookNode) -> NotebookNode:
    """Return the cell without outputs and without the alt text, which comes back when the cell runs."""
    new = {"code": nbformat.v4.new_code_cell, "raw": nbformat.v4.new_raw_cell}
    tags = {"tags": list(cell.metadata.tags)} if cell.metadata.get("tags") else {}
    return new.get(cell.cell_type, nbformat.v4.new_markdown_cell)(cell.source, metadata=tags)


def _end(name: str) -> str:
    return f"% end of {name}"
