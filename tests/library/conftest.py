"""Settings of the library's tests: one thread, the same examples at each run."""

import pytest
import torch
from file_server import serving
from hypothesis import HealthCheck, settings

from attn_utils.data.download import download

# Derandomized: a failure seen once is seen again, on every machine.
settings.register_profile(
    "course", derandomize=True, deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("course")
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def server(monkeypatch):
    """A file server on this computer, see :mod:`file_server`."""
    monkeypatch.setenv("no_proxy", "*")
    with serving() as state:
        yield state


@pytest.fixture
def get(server, tmp_path):
    """Download what the server has, patiently but fast."""

    def call(**options):
        options = {"progress": False, "timeout": 5.0, "backoff": 0.0} | options
        return download(options.pop("url", server.url), tmp_path / "cache", **options)

    return call
