"""Demos: ``{demo}`` puts the live demo of a chapter on another page, and each demo has a place before it is alive."""

import html
import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

LOGGER = logging.getLogger(__name__)
STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"


def script(mime_type: str, content: Any) -> str:
    """JSON in a script element, as myst-nb writes it."""
    return f'<script type="{mime_type}">{safe_json(content)}</script>'


def safe_json(content: Any) -> str:
    """JSON that can stand inside a script element, which `</` would end early."""
    return json.dumps(content).replace("</", "<\\/")


class Demo(SphinxDirective):
    """Put a chapter's live demo on this page, from the state stored in its notebook.

    The argument is the notebook, relative to the root of the book, and the class of the demo::

        ```{demo} chapters/01_queries_keys_values.ipynb PointAndAttend
        ```
    """

    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        """Find the first demo of that class in the notebook, and leave its view here and its state on the page."""
        notebook, name = self.arguments
        path = Path(self.env.srcdir, notebook)
        self.env.note_dependency(notebook)
        if not path.is_file():
            return self.refuse(f"demo: there is no notebook {notebook}")
        metadata = json.loads(path.read_text(encoding="utf-8"))["metadata"]
        stored = metadata.get("widgets", {}).get(STATE, {})
        models: dict[str, Any] = stored.get("state", {})
        model_id = next(
            (
                key
                for key, model in models.items()
                if str(model["state"].get("_anywidget_id", "")).rsplit(".", 1)[-1] == name
            ),
            None,
        )
        if model_id is None:
            return self.refuse(f"demo: {notebook} holds no state of a demo named {name}; run it with `make chapters`")
        page = page_state(self.env.metadata[self.env.docname].setdefault("demo_state", {"state": {}}), stored)
        wanted = [model_id]
        while wanted:  # a model names the models it needs, such as its layout
            key = wanted.pop()
            if key not in page["state"] and key in models:
                page["state"][key] = models[key]
                wanted += re.findall(r"IPY_MODEL_([\w-]+)", json.dumps(models[key]["state"]))
        view = {"version_major": 2, "version_minor": 0, "model_id": model_id}
        return [nodes.container("", nodes.raw("", script(VIEW, view), format="html"), classes=["demo", "cell_output"])]

    def refuse(self, message: str) -> list[nodes.Node]:
        """Warn with the place of the directive; with ``-W`` the build fails."""
        LOGGER.warning(message, location=self.get_location())
        return []


def page_state(page: dict[str, Any], stored: dict[str, Any]) -> dict[str, Any]:
    """The page's own widget state, with the version numbers of the one it is taken from."""
    page.update({key: value for key, value in stored.items() if key != "state"})
    return page


def add_demo_state(app: Sphinx, pagename: str, _template: str, _context: dict[str, Any], _doctree: Any) -> None:
    """Give a page with ``{demo}`` what myst-nb gives a notebook with widgets: their state, and the host's script."""
    state = app.env.metadata.get(pagename, {}).get("demo_state")
    if state:
        app.add_js_file(None, type=STATE, body=safe_json(state))
        for path, attributes in app.config.nb_ipywidgets_js.items():
            app.add_js_file(path, **attributes)


def place_for(model: dict[str, Any]) -> str:
    """The box that demo-host.js draws a demo in, as high as the demo will be: nothing moves when it comes alive.

    ``course.css`` says at which width which height counts. A page without JavaScript has no use for the room.
    """
    sizes = [f"--h{i}: {int(height)}px" for i, height in enumerate(str(model.get("_heights", "")).split())]
    style = f' style="{"; ".join(sizes)}"' if sizes else ""
    return f'<div class="demo-place"><div class="demo-host"{style}></div></div>'


def describe_views(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Before each demo's view make room for it, after it say what is there, for a page read without JavaScript."""
    states: dict[str, Any] = dict(app.env.metadata[docname].get("demo_state", {}).get("state", {}))
    stored = getattr(app.env, "nb_metadata", {}).get(docname, {}).get("js_files", {}).get("ipywidgets_state")
    if stored:
        states |= json.loads(stored[1]["body"])["state"]
    for node in list(doctree.findall(nodes.raw)):
        found = re.match(rf'<script type="{re.escape(VIEW)}">(.*)</script>', node.astext(), re.DOTALL)
        if not found:
            continue
        model = states.get(json.loads(found[1])["model_id"], {}).get("state", {})
        description = model.get("description")
        if not description:
            LOGGER.warning("a demo on this page has no description to show without JavaScript", location=docname)
            continue
        sentence = f"Live demo, needs JavaScript: {html.escape(description)}"
        text = f'<noscript><p class="demo-description">{sentence}</p></noscript>'
        node.parent.insert(node.parent.index(node) + 1, nodes.raw("", text, format="html"))
        node.parent.insert(node.parent.index(node), nodes.raw("", place_for(model), format="html"))


def setup(app: Sphinx) -> None:
    """Connect the demos to the build."""
    app.connect("html-page-context", add_demo_state)
    app.connect("doctree-resolved", describe_views)
    app.add_directive("demo", Demo)
