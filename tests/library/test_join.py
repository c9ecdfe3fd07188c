"""The join of a front end's modules: what it takes, what it refuses, and that its result is what the modules say."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from attn_utils.widgets.frame.join import join

WIDGETS = Path(__file__).resolve().parents[2] / "attn_utils" / "widgets"
SOURCES = sorted(WIDGETS.rglob("*.js"))


@pytest.fixture
def write(tmp_path):
    """Write modules into a folder, and give the path of the first."""

    def write_all(**texts: str) -> Path:
        for name, text in texts.items():
            (tmp_path / f"{name}.js").write_text(text, encoding="utf-8")
        return tmp_path / f"{next(iter(texts))}.js"

    return write_all


GOOD = {
    "view": 'import { twice } from "./math.js";\nimport {\n  name,\n  Counter,\n} from "./names.js";\n'
    "const hidden = 1;\nexport default { text: `${name} ${twice(hidden)} ${new Counter().next()}` };\n",
    "math": 'import { two } from "./names.js";\nconst hidden = 10;\nexport const twice = (x) => two() * x + hidden;\n',
    "names": "export const name = 'é';\nexport function two() {\n  return 2;\n}\n"
    "export class Counter {\n  next() {\n    return 7;\n  }\n}\nexport async function later() {}\n",
}


def test_each_module_comes_once_before_who_imports_it_and_keeps_its_names(write, tmp_path):
    text = join(write(**GOOD))
    order = [text.index(part) for part in ("function two", "const twice", "export default")]
    assert order == sorted(order)
    assert text.count("function two") == 1
    assert not re.search(r"^import|^export (?!default)", text, re.MULTILINE)
    assert "return { name, two, Counter, later };" in text
    joined = tmp_path / "joined.mjs"
    joined.write_text(text, encoding="utf-8")
    node = shutil.which("node", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if node:  # the library's tests also run where there is none; the site's tests run every demo
        program = "import(process.argv[1]).then((module) => console.log(module.default.text))"
        said = subprocess.run([node, "-e", program, joined.as_uri()], check=True, capture_output=True, text=True)
        assert said.stdout.strip() == "é 12 7"


UNKNOWN = r"must import and export in the ways that join\(\) knows"


@pytest.mark.parametrize(
    ("part", "change", "wanted"),
    [
        ("view", 'import twice from "./math.js";', UNKNOWN),
        ("view", 'import * as math from "./math.js";', UNKNOWN),
        ("view", 'import { twice as double } from "./math.js";', "imports as from ./math.js, which exports twice"),
        ("view", 'import { thrice } from "./math.js";', "view.js imports thrice from ./math.js, which exports twice"),
        ("view", 'import { twice } from "./maths.js";', "view.js imports from ./maths.js, which is not there"),
        ("view", 'import { twice } from "math";', UNKNOWN),
        ("view", 'import { twice } from "https://cdn.example/math.js";', UNKNOWN),
        ("view", 'import "./math.js";', UNKNOWN),
        ("view", 'export { a } from "./math.js";', UNKNOWN),
        ("math", "export default 3;", f"math.js {UNKNOWN}, got 'export default 3;'"),
        ("math", "export { hidden };", UNKNOWN),
        ("math", "export let hidden = 3;", UNKNOWN),
        ("math", 'import { a } from "./view.js";', "in a circle, got view.js -> math.js -> view.js"),
    ],
)  # fmt: skip
def test_another_syntax_is_refused(write, part, change, wanted):
    with pytest.raises(ValueError, match=wanted):
        join(write(**GOOD | {part: f"{change}\n{GOOD[part]}"}))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: "/".join(path.parts[-2:]))
def test_lines_are_short_enough_to_be_read_side_by_side(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > 100] == []
    assert len(lines) <= 300
