"""What the tests of the built site share: which pages there are, a page's elements, and a page that has come to rest.

The pages are those of `_toc.yml`, so a page that was not built fails too.
"""

from html.parser import HTMLParser
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
PAGES = [TOC["root"], *(chapter["file"] for part in TOC["parts"] for chapter in part["chapters"])]
CHAPTERS = [name for name in PAGES if name.startswith("chapters/")]
NOTEBOOKS = [name for name in PAGES if (ROOT / f"{name}.ipynb").exists()]  # chapters, and what the appendix runs
VIEW = "application/vnd.jupyter.widget-view+json"


class Reader(HTMLParser):
    """A page as a list of its elements, with the few texts that the tests ask for."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, {name: value or "" for name, value in attributes}))
        self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, {name: value or "" for name, value in attributes}))

    def handle_data(self, data):
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)

    def all(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag in tags]

    @property
    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]

    def meta(self, name: str) -> str | None:
        found = [tag["content"] for tag in self.all("meta") if name in (tag.get("name"), tag.get("property"))]
        return found[0] if found else None


_read: dict[Path, Reader] = {}


def read(path: Path) -> Reader:
    if path not in _read:
        _read[path] = Reader(path)
    return _read[path]


def at_rest(tab) -> None:
    """Wait until fonts are there and every demo has drawn itself."""
    tab.wait_for_load_state("load")
    tab.evaluate("document.fonts.ready.then(() => true)")
    tab.wait_for_timeout(100)
