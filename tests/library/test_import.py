"""Importing the library says nothing, draws nothing, and changes no global state."""

import doctest
import importlib
import subprocess
import sys

import pytest
import torch

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


def test_the_one_idea_imports_only_torch():
    program = (
        "import ast, attn_utils.attention as a;"
        "tree = ast.parse(open(a.__file__).read());"
        "names = {n.module if isinstance(n, ast.ImportFrom) else n.names[0].name for n in ast.walk(tree)"
        " if isinstance(n, (ast.Import, ast.ImportFrom))};"
        "assert names == {'torch'}, names"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("name", ["data.tokens", "data.vocabulary", "metrics"])
def test_examples_in_docstrings_are_true(name):
    done = doctest.testmod(importlib.import_module(f"attn_utils.{name}"), extraglobs={"torch": torch})
    assert done.attempted > 0
    assert done.failed == 0
