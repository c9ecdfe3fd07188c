"""The API reference: what it shows of a module, and markup that HTML allows."""

import re
from typing import Any

from sphinx.application import Sphinx


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


def setup(app: Sphinx) -> None:
    """Connect the reference to the build."""
    app.connect("autodoc-process-docstring", keep_first_line, priority=400)  # napoleon has 500
    app.connect("autodoc-skip-member", skip_unlisted)
    app.connect("html-page-context", valid_markup)
