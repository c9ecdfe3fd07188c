"""The course's own Sphinx extension, a module a topic.

It does what the site needs and neither Jupyter Book nor its theme does.
"""

from typing import Any

from sphinx.application import Sphinx

from . import demos, formulas, pages, reference, references


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect each topic to the build."""
    for topic in (formulas, references, reference, pages, demos):
        topic.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
