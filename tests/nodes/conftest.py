from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.nodes.nodes import Cluster, serve_nodes


@pytest.fixture(scope="session")
async def nodes(
    tmp_path_factory: pytest.TempPathFactory, mongodb_url: str, redis_url: str
) -> AsyncIterator[Cluster]:
    """Two nodes for the whole run; tests leave them running."""
    folder: Path = tmp_path_factory.mktemp("nodes")
    async with serve_nodes(folder, mongodb_url, "test_nodes", redis_url) as cluster:
        yield cluster
