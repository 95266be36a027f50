from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.live import Demo, serve_demo


@pytest.fixture(scope="module")
async def demo() -> AsyncIterator[Demo]:
    async with serve_demo() as served:
        yield served
