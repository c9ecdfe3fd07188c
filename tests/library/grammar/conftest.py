"""The corpus that the chapters train on, drawn once for all tests of the grammar."""

import pytest

from attn_utils.data.parallel import generate


@pytest.fixture(scope="session")
def corpus():
    return generate(40_000, seed=0)


@pytest.fixture(scope="session")
def pairs(corpus):
    return corpus[:12_000]
