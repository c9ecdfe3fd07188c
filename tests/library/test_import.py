"""Importing the library says nothing, draws nothing, and changes no global state."""

import ast
import doctest
import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import attn_utils

PACKAGE = Path(attn_utils.__file__).parent

PROGRAM = """
import importlib, pkgutil, random, torch
before = torch.random.get_rng_state(), random.getstate(), torch.get_default_dtype()
import attn_utils
modules = [module.name for module in pkgutil.walk_packages(attn_utils.__path__, "attn_utils.")]
assert {"attn_utils.scoring", "attn_utils.data.parallel", "attn_utils.results"} <= set(modules)
for module in modules:
    importlib.import_module(module)
after = torch.random.get_rng_state(), random.getstate(), torch.get_default_dtype()
assert torch.equal(before[0], after[0]) and before[1:] == after[1:]
import sys
assert "matplotlib.pyplot" not in sys.modules
"""


def test_import_is_silent_and_leaves_everything_alone():
    done = subprocess.run([sys.executable, "-W", "error", "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def imports(path):
    """The modules that a file imports, with the names it takes from each."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module, alias.name) for alias in node.names)


def test_the_one_idea_stands_at_the_bottom():
    bottom = {"attention": {"dot_form", "masks"}, "dot_form": {"masks"}, "masks": set()}
    for module, below in bottom.items():
        modules = {module for module, _ in imports(PACKAGE / f"{module}.py")}
        ours = {name for name in modules if name.startswith("attn_utils")}
        assert ours == {"attn_utils._checks", *(f"attn_utils.{name}" for name in below)}
        assert modules - ours <= {"torch", "math", "typing", "functools"}


def private(name):
    return name is not None and name.startswith("_") and not name.endswith("__")


def reaches_into(path):
    """Private names of other modules of the package that a file uses, imported or by a dot."""
    ours, found = {}, []
    for module, name in imports(path):
        if module.split(".")[0] != "attn_utils":
            continue
        if private(name) and name != "_checks":
            found.append(f"{module}.{name}")
        ours[name or module.split(".")[0]] = module
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and private(node.attr) and node.attr != "_checks":
            root = node.value
            while isinstance(root, ast.Attribute):
                root = root.value
            if isinstance(root, ast.Name) and root.id in ours:
                found.append(f"{root.id}.{node.attr}")
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_reaches_into_another(path):
    assert reaches_into(path) == []


def test_reaching_into_another_module_is_noticed(tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text(
        "import attn_utils.scoring\nfrom attn_utils import attention\nfrom attn_utils.masks import _x\n"
        "attention._y(attn_utils.scoring._z, attention.__name__, self._own)\n"
    )
    assert reaches_into(bad) == ["attn_utils.masks._x", "attention._y", "attn_utils._z"]


@pytest.mark.parametrize("name", ["data.tokens", "data.vocabulary", "metrics"])
def test_examples_in_docstrings_are_true(name):
    done = doctest.testmod(importlib.import_module(f"attn_utils.{name}"), extraglobs={"torch": torch})
    assert done.attempted > 0
    assert done.failed == 0
