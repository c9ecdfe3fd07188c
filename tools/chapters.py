"""Run the chapters, keep their notebooks canonical, and edit them as text.

    python tools/chapters.py run [NN ...]        run in a clean kernel, write back canonical
    python tools/chapters.py check [NN ...]      say which notebooks are not canonical
    python tools/chapters.py text NN             write _build/text/NN_slug.md, to edit in any editor
    python tools/chapters.py notebook NN         take that text back; unchanged cells keep their outputs

Canonical: outputs from one run in order, and nothing in the file that differs from one run to the next. Running a
chapter twice leaves no diff.
"""

import argparse
import hashlib
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = ROOT / "chapters"
TEXT = ROOT / "_build" / "text"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def find(names: list[str]) -> list[Path]:
    """Return the notebooks whose names start with one of ``names``, or all of them."""
    notebooks = sorted(CHAPTERS.glob("[0-9][0-9]_*.ipynb"))
    if not names:
        return notebooks
    found = []
    for name in names:
        matches = [path for path in notebooks if path.name.startswith(Path(name).name)]
        if not matches:
            have = ", ".join(path.stem for path in notebooks) or "none"
            raise SystemExit(f"no chapter starts with {name!r}; there are: {have}")
        found += matches
    return found


def canonical(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook without what changes from run to run, and with each figure's alt text in its cell."""
    notebook = nbformat.from_dict(json.loads(json.dumps(notebook)))
    models = _model_names(notebook)
    metadata: dict[str, Any] = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    if "myst" in notebook.metadata:
        metadata["myst"] = notebook.metadata["myst"]
    state = notebook.metadata.get("widgets", {}).get(WIDGET_STATE)
    if state and state.get("state"):
        state["state"] = {
            models[old]: model for old, model in sorted(state["state"].items(), key=lambda m: models[m[0]])
        }
        metadata["widgets"] = {WIDGET_STATE: state}
    notebook.metadata = nbformat.from_dict(metadata)

    seen: dict[str, int] = {}
    count = 0
    for cell in notebook.cells:
        cell.source = "\n".join(line.rstrip() for line in cell.source.strip("\n").split("\n"))
        # An id that depends on the cell alone: moving or adding another cell does not change it.
        digest = hashlib.sha1(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
        seen[digest] = seen.get(digest, 0) + 1
        cell.id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
        kept: dict[str, Any] = {"tags": sorted(cell.metadata["tags"])} if cell.metadata.get("tags") else {}
        if cell.cell_type == "code":
            count += 1
            cell.execution_count = count if cell.execution_count is not None else None
            for output in cell.outputs:
                if output.output_type == "execute_result":
                    output.execution_count = cell.execution_count
            alt = [output.metadata["image/png"]["alt"] for output in cell.outputs if _is_figure(output)]
            if len(alt) > 1:
                raise SystemExit(
                    f"a cell shows {len(alt)} figures, but one alt text is all a cell can have:\n{cell.source}"
                )
            if alt:
                kept["mystnb"] = {"image": {"alt": alt[0]}}
        cell.metadata = nbformat.from_dict(kept)
    text = nbformat.writes(notebook, version=4)
    if models:
        text = re.sub("|".join(map(re.escape, models)), lambda match: models[match[0]], text)
    return nbformat.reads(text, as_version=4)


def write(path: Path, notebook: NotebookNode) -> None:
    """Write a notebook the way :func:`canonical` notebooks are stored: sorted keys, readable characters."""
    path.write_text(dumps(notebook), encoding="utf-8")


def dumps(notebook: NotebookNode) -> str:
    """Return the text of the notebook file."""
    plain = json.loads(nbformat.writes(notebook, version=4))
    return json.dumps(plain, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def run(path: Path, timeout: int = 600) -> float:
    """Run a chapter from top to bottom in a new kernel, write it back, return the seconds it took."""
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata.pop("widgets", None)
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        extra_arguments=["--log-level=ERROR"],  # not that a kernel on this machine's loopback is unencrypted
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
        coalesce_streams=True,
    )
    start = time.perf_counter()
    client.execute()
    write(path, canonical(notebook))
    return time.perf_counter() - start


def problems(path: Path) -> list[str]:
    """Say what keeps a notebook from being canonical."""
    text = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    found = []
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    if counts != list(range(1, len(counts) + 1)):
        found.append("outputs are not from one run in order")
    if text != dumps(canonical(notebook)):
        found.append("not in canonical form")
    return found


def to_text(path: Path) -> Path:
    """Write a chapter as MyST Markdown with its code in fenced cells."""
    import jupytext

    TEXT.mkdir(parents=True, exist_ok=True)
    target = TEXT / f"{path.stem}.md"
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        cell.metadata.pop("mystnb", None)  # the alt text comes back when the cell runs
    jupytext.write(notebook, target, fmt="md:myst")
    return target


def from_text(path: Path) -> None:
    """Take the text of a chapter back. Cells whose source is unchanged keep their outputs."""
    import jupytext

    source = TEXT / f"{path.stem}.md"
    if not source.exists():
        raise SystemExit(f"{source.relative_to(ROOT)} is missing: write it with `make text CH={path.name[:2]}`")
    edited = jupytext.read(source, fmt="md:myst")
    stored = nbformat.read(path, as_version=4)
    outputs: dict[str, list[NotebookNode]] = {}
    for cell in stored.cells:
        if cell.cell_type == "code":
            outputs.setdefault(cell.source.strip(), []).append(cell)
    stale = 0
    for cell in edited.cells:
        if cell.cell_type == "code":
            same = outputs.get(cell.source.strip())
            if same:
                cell.outputs, cell.execution_count = same[0].outputs, same[0].execution_count
                same.pop(0) if len(same) > 1 else None
            else:
                stale += 1
    edited.metadata = stored.metadata
    write(path, canonical(edited))
    if stale:
        print(f"{path.name}: {stale} code cells are new or changed; run them with `make chapters CH={path.name[:2]}`")


def _is_figure(output: NotebookNode) -> bool:
    return output.get("output_type") in ("display_data", "execute_result") and "alt" in output.metadata.get(
        "image/png", {}
    )


def _model_names(notebook: NotebookNode) -> dict[str, str]:
    """Name widget models in the order in which the notebook shows them, instead of by random numbers."""
    state = notebook.metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    order = [
        output.data[WIDGET_VIEW]["model_id"]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if WIDGET_VIEW in output.get("data", {})
    ]
    # Models that no cell shows (layouts, styles) come after the one that refers to them.
    pending, named = list(order), dict[str, str]()
    while pending:
        model = pending.pop(0)
        if model not in named and model in state:
            named[model] = f"widget-{len(named) + 1:02d}"
            pending = re.findall(r"IPY_MODEL_([\w-]+)", json.dumps(state[model])) + pending
    leftover = sorted(set(state) - set(named), key=lambda model: json.dumps(state[model], sort_keys=True))
    return named | {model: f"widget-{len(named) + i:02d}" for i, model in enumerate(leftover, start=1)}


def main() -> int:
    """Read the command line and do what it says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["run", "check", "text", "notebook"])
    parser.add_argument("chapters", nargs="*", metavar="NN", help="numbers or names of chapters; all if none is given")
    arguments = parser.parse_args()
    failed = False
    for path in find(arguments.chapters):
        match arguments.command:
            case "run":
                print(f"{path.name} … ", end="", flush=True)
                print(f"{run(path):.0f} s")
            case "check":
                for problem in problems(path):
                    failed = True
                    print(f"{path.name}: {problem}; mend it with `make chapters CH={path.name[:2]}`")
            case "text":
                print(to_text(path).relative_to(ROOT))
            case "notebook":
                from_text(path)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
