"""Notebooks as other programs write them, each with something that a careless tool would lose or break.

Each is small and made by hand after what Colab, VS Code, JupyterLab and old Jupyter store. `WHOLE` go through text and
back as they are, `REFUSED` cannot be text. All of them have one canonical form.
"""

from typing import Any

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
STATE, VIEW = "application/vnd.jupyter.widget-state+json", "application/vnd.jupyter.widget-view+json"


def markdown(source: Any, **more: Any) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source} | more


def code(source: Any, count: int | None = None, outputs: Any = (), **more: Any) -> dict[str, Any]:
    base = {"cell_type": "code", "metadata": {}, "source": source, "execution_count": count, "outputs": list(outputs)}
    return base | more


def notebook(*cells: dict[str, Any], minor: int = 5, **metadata: Any) -> dict[str, Any]:
    return {"nbformat": 4, "nbformat_minor": minor, "metadata": metadata, "cells": list(cells)}


def view(model: str) -> dict[str, Any]:
    data = {VIEW: {"model_id": model, "version_major": 2, "version_minor": 1}, "text/plain": f"Demo({model})"}
    return {"output_type": "display_data", "metadata": {}, "data": data}


def model(**state: Any) -> dict[str, Any]:
    return {"model_module": "anywidget", "model_module_version": "~0.9", "model_name": "AnyModel", "state": state}


WIDGETS = {"f00d" * 8: model(value=1, layout="IPY_MODEL_" + "beef" * 8), "beef" * 8: model(width="3em")}

WHOLE = {
    "Colab: minor 0, ids in the metadata, widget state without its frame": notebook(
        markdown(["# Heading\n", "text"], metadata={"id": "x8Qz_1", "colab_type": "text"}),
        code(
            ["demo"],
            1,
            [view("f00d" * 8)],
            metadata={"id": "Yz-7", "colab": {"height": 10}, "executionInfo": {"elapsed": 7, "user": {"id": "1"}}},
        ),
        minor=0,
        colab={"provenance": []},
        kernelspec={"name": "python3", "display_name": "Python 3"},
        widgets={STATE: WIDGETS},
    ),
    "VS Code: minor 2, language in each cell": notebook(
        markdown("# Heading", metadata={"id": "#VSC-1"}),
        code("print(1)", 3, metadata={"vscode": {"languageId": "python"}, "id": "not an id!"}),
        minor=2,
        language_info={"codemirror_mode": {"name": "ipython", "version": 3}, "version": "3.13.1"},
    ),
    "minor 4, none has an id": notebook(markdown("# Heading"), code("1 + 1", 1), code("1 + 1", 2), minor=4),
    "minor 4 with ids, invalid by its schema": notebook(markdown("# Heading", id="abc"), minor=4),
    "JupyterLab: random ids, an empty cell at the end": notebook(
        markdown("# Heading", id="6c5c8a1e-74b4-4f9c-9c0f-0e6e7d1c2f11"),
        code("x = 1", 1, id="1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed", metadata={"trusted": True, "scrolled": False}),
        code("", id="33a9f1b0-2f6e-4c2b-8a44-111111111111"),
    ),
    "two cells of one id": notebook(markdown("# Heading", id="same"), code("a = 1", id="same"), code("b", id="same")),
    "widgets in random order": notebook(
        code("demo", 1, [view("f00d" * 8)], id="a"), widgets={STATE: {"state": WIDGETS, "version_major": 2}}
    ),
    "widgets that refer to others, not in the order of the alphabet": notebook(
        code("demo", 1, [view("m0")], id="a"),
        widgets={
            STATE: {
                "state": {
                    "m2": model(b=2),
                    "m1": model(a=1),
                    "m0": model(style="IPY_MODEL_m1", layout="IPY_MODEL_m2"),
                    "left": model(z=1, a="IPY_MODEL_over"),
                    "over": model(y=1),
                },
                "version_major": 2,
            }
        },
    ),
    "white space inside and around": notebook(
        markdown("\n\n# Heading  \nhard break  \nmore\n\n\n", id="a"),
        code('text = """a   \n\n   \nb\t\n"""\n    \n', id="b"),
        code("\n\nif x:\n    pass\n\n\n    \n", id="c"),
    ),
    "line ends of Windows": notebook(markdown("# A\r\nb", id="a"), code("a = 1\r\nb = 2\r\n", id="b")),
    "fences and directives": notebook(
        markdown("# A\n\n```python\n# no cell\n```\n\n:::{note}\nnote\n:::\n\n- item\n\n      indented", id="a"),
        code('fence = """\n```\n````\n"""', id="b"),
        code("%%bash\n---\n: no option", id="c", metadata={"tags": ["solution", "hide-input", "solution"]}),
        markdown("tagged", id="d", metadata={"tags": ["remove-cell"]}),
        {"cell_type": "raw", "id": "e", "metadata": {}, "source": "raw *text*"},
    ),
    "a description": notebook(markdown("# A", id="a"), myst={"html_meta": {"description lang=en": "é: “words” – √d"}}),
    "version 3": {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": "old"},
        "worksheets": [
            {
                "metadata": {},
                "cells": [
                    {"cell_type": "heading", "level": 2, "metadata": {}, "source": ["Heading"]},
                    {
                        "cell_type": "code",
                        "language": "python",
                        "collapsed": False,
                        "input": ["1 + 1"],
                        "prompt_number": 4,
                        "metadata": {},
                        "outputs": [{"output_type": "pyout", "prompt_number": 4, "text": ["2"], "metadata": {}}],
                    },
                ],
            }
        ],
    },
}

REFUSED = {
    "a pasted picture": notebook(
        markdown("# A\n\n![x](attachment:image.png)", id="a", attachments={"image.png": {"image/png": PIXEL}})
    ),
    "a line separator in a string": notebook(code('s = "a\u2028b"', id="a")),
    "a form feed in code": notebook(code("a = 1\n\f\nb = 2", id="a")),
    "a block break in Markdown": notebook(markdown("above\n\n+++\n\nbelow", id="a")),
    "a block break with words": notebook(markdown("above\n\n+++ words\n\nbelow", id="a")),
    "a bare directive in Markdown": notebook(markdown("write\n\n```{code-cell}\n1 + 1\n```\n", id="a")),
    "a directive that is not closed": notebook(markdown("write\n\n```{code-cell}\n---\n: [", id="a")),
    "code that looks like options": notebook(code("x", id="b"), markdown("```python\nnever closed", id="a"), code("y")),
}
