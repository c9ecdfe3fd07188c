"""Settings of the library's tests: one thread, the same examples at each run."""

import pytest
import torch
from hypothesis import HealthCheck, settings

# Derandomized: a failure seen once is seen again, on every machine.
settings.register_profile(
    "course", derandomize=True, deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("course")
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)
