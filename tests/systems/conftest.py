"""One server for the clients of all systems, and node to run them."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest

from tests.support.school import School, serve_school, test_settings


@pytest.fixture(scope="session")
async def school(mongodb_url: str) -> AsyncIterator[School]:
    """A school in which who leaves is soon offline: the programs wait for that."""
    settings = test_settings(mongodb_url, "test_systems", presence={"grace_seconds": 0.2})
    async with serve_school(settings) as served:
        yield served


@pytest.fixture(scope="session")
def node() -> str:
    found = shutil.which("node")
    assert found is not None, "the client programs need node 20 or newer"
    return found
