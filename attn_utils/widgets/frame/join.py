"""Join the modules of a front end into the one module that a notebook can carry.

The sources are modules that import from each other, as editors, linters and type checkers want them. A widget's state
holds one text, and it is made here, when a demo's class is defined: by Python alone, because the library has to work
where there is no node. So it is not a bundler, but a join with a narrow syntax:

* ``import { a, b } from "./other.js";``, over one or several lines, from a file by a relative path;
* ``export const …``, ``export function …``, ``export async function …`` and ``export class …``, at the start of a line;
* ``export default …`` in the first module, which stays as it is.

Whatever else starts a line with ``import`` or ``export`` is refused. An imported module becomes the value of a function
that is called once, so its names stay its own::

    const m1_math = (() => {
    …
    return { sum, dot };
    })();
    const { dot } = m1_math;
"""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["join"]

IMPORT = re.compile(r'^import \{([\w$,\s]*)\} from "(\.{1,2}/[^"]*)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:const|(?:async )?function|class) ([\w$]+))", re.MULTILINE)
DEFAULT = re.compile(r"^export default ", re.MULTILINE)
LEFT_OVER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


class _Joined:
    """The modules seen so far: for each its name in the text, and what it exports."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.modules: dict[Path, tuple[str, list[str]]] = {}
        self.open: list[Path] = []

    def read(self, path: Path) -> tuple[str, list[str]]:
        """Give the module's text with its imports and exports written as plain statements, and the names it exports."""
        if path in self.open:
            circle = " -> ".join(module.name for module in [*self.open[self.open.index(path) :], path])
            raise ValueError(f"modules must not import each other in a circle, got {circle}")
        self.open.append(path)
        text = path.read_text(encoding="utf-8")
        names: list[str] = EXPORT.findall(text)
        text = IMPORT.sub(lambda found: self.take(path, found[1], found[2]), text)
        text = EXPORT.sub("", text)
        left = LEFT_OVER.search(DEFAULT.sub("", text) if len(self.open) == 1 else text)
        if left:
            raise ValueError(f"{path.name} must import and export in the ways that join() knows, got {left[0]!r}")
        self.open.pop()
        return text, names

    def take(self, importer: Path, names: str, address: str) -> str:
        """Give the statement that takes names out of a module, which is read before if it has not been."""
        path = (importer.parent / address).resolve()
        if path not in self.modules:
            if not path.is_file():
                raise ValueError(f"{importer.name} imports from {address}, which is not there")
            text, exported = self.read(path)
            name = f"m{len(self.modules) + 1}_{re.sub(r'[^a-zA-Z0-9]', '_', path.stem)}"
            self.modules[path] = name, exported
            self.texts.append(
                f"const {name} = (() => {{\n{text.rstrip()}\nreturn {{ {', '.join(exported)} }};\n}})();\n"
            )
        name, exported = self.modules[path]
        wanted = [part for part in re.split(r"[,\s]+", names) if part]
        missing = [part for part in wanted if part not in exported]
        if missing:
            raise ValueError(
                f"{importer.name} imports {missing[0]} from {address}, which exports {', '.join(exported)}"
            )
        return f"const {{ {', '.join(wanted)} }} = {name};"


def join(path: Path) -> str:
    """Give the text of one module that does what the module at ``path`` does with all that it imports.

    Args:
        path: The first module: the one that has the default export.

    Returns:
        The text, modules before those that import them, each once.

    Raises:
        ValueError: If a module imports or exports in another way than this file's first lines say, imports a name that
            is not exported or a file that is not there, or if modules import each other in a circle.
    """
    joined = _Joined()
    text, _ = joined.read(path.resolve())
    return "\n".join([*joined.texts, text])
