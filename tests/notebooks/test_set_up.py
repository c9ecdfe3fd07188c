"""The set-up cell: word for word the same, and it says so when the library could not be installed."""

import importlib.util

import pytest
from IPython.core.interactiveshell import InteractiveShell
from repository import configured

SET_UP = """\
# On Colab this installs the course's library and leaves torch and numpy as they are.
# Elsewhere it installs nothing.
import importlib.util

if importlib.util.find_spec("attn_utils") is None:
    %pip install --quiet "attn-utils @ git+https://github.com/{owner}/{name}"
    importlib.invalidate_caches()
    if importlib.util.find_spec("attn_utils") is None:
        raise ImportError("The library was not installed: read pip's message above.")

import torch

# One thread: the numbers stored here must not depend on how many cores you have.
torch.set_num_threads(1)"""


def test_the_set_up_cell_is_what_it_must_be_word_for_word(notebook):
    owner, name = configured()
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert cell.source == SET_UP.format(owner=owner, name=name)
    assert cell.outputs == [], "the set-up cell must print nothing"


@pytest.fixture
def shell():
    shell = InteractiveShell()  # not `instance()`: nothing is left behind
    yield shell
    shell.history_manager.end_session()


@pytest.mark.parametrize("missing", [0, 1, 2], ids=["there already", "installed", "installation fails"])
def test_the_set_up_cell_installs_once_and_stops_with_a_sentence(shell, monkeypatch, missing):
    asked, installed = [], []
    found = importlib.util.find_spec

    def find_spec(name, package=None):
        if name != "attn_utils":
            return found(name, package)
        asked.append(name)
        return None if len(asked) <= missing else found("attn_utils")

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    shell.register_magic_function(installed.append, magic_name="pip")
    result = shell.run_cell(SET_UP.format(owner="you", name="attention"), silent=True)
    assert installed == ['install --quiet "attn-utils @ git+https://github.com/you/attention"'][: min(missing, 1)]
    if missing == 2:
        assert isinstance(result.error_in_exec, ImportError)
        assert "was not installed: read pip's message" in str(result.error_in_exec)
        assert "torch" not in shell.user_ns  # it stopped there
    else:
        result.raise_error()
        assert shell.user_ns["torch"].get_num_threads() == 1
