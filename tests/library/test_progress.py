"""The progress bar: where somebody watches."""

import re
import sys

import pytest
from small_trainings import line, squares
from torch import nn

from attn_utils.training import fit


class Terminal:
    """A stream that says whether it is a terminal, and keeps what is written to it."""

    def __init__(self, terminal):
        self.terminal, self.text, self.encoding = terminal, "", "utf-8"

    def isatty(self):
        return self.terminal

    def write(self, text):
        self.text += text

    def flush(self):
        pass


@pytest.mark.parametrize(
    ("terminal", "progress", "shown"), [(True, None, 1), (False, None, 0), (True, False, 0), (False, True, 1)]
)
def test_the_progress_bar_is_for_a_terminal(monkeypatch, capsys, terminal, progress, shown):
    stream, data = Terminal(terminal), line()
    monkeypatch.setattr(sys, "stderr", stream)
    fit(nn.Linear(2, 1), [data], steps=30, loss=squares, held_out=[data], every=10, progress=progress)
    assert bool(stream.text) == shown
    if shown:
        assert re.search(r"30/30 .*loss=\S+, held-out loss=\S+", stream.text.splitlines()[-1])
    assert capsys.readouterr().out == ""


CELL = """
import torch
from attn_utils.training import fit
x = torch.ones(4, 1)
_ = fit(torch.nn.Linear(1, 1), [x], steps=30, loss=lambda model, batch: ((model(batch) ** 2).sum(), 4))
"""


OUTPUTS = "stream", "display_data", "execute_result", "error"


def test_the_progress_bar_is_for_a_notebook_that_a_person_runs():
    """A program that runs a notebook would store it, different each time."""
    manager = pytest.importorskip("jupyter_client.manager")
    kernel, client = manager.start_new_kernel(kernel_name="python3", extra_arguments=["--log-level=ERROR"])
    try:
        shown = []
        for person in (True, False):
            messages = []
            reply = client.execute_interactive(
                CELL, allow_stdin=person, stdin_hook=print, output_hook=messages.append, timeout=60
            )
            assert reply["content"]["status"] == "ok"
            shown.append([m["msg_type"] for m in messages if m["msg_type"] in OUTPUTS])
        assert shown == [["display_data"], []]
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)
