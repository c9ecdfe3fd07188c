"""Each page gets a plain title, a description, social-card tags and the buttons of its header.

What no page uses is not shipped. The markup of the page itself is in ``assets/templates/layout.html``.
"""

import html
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sphinx.application import Sphinx
from sphinx.util import logging

from .formulas import plain

LOGGER = logging.getLogger(__name__)


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


def setup(app: Sphinx) -> None:
    """Connect the pages to the build."""
    app.connect("html-page-context", page_context, priority=900)  # after the theme has filled in its own
    app.connect("build-finished", prune)
