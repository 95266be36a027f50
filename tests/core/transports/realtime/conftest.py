from collections.abc import AsyncIterator

import pytest

from tests.support.live import Demo, serve_demo


@pytest.fixture
async def demo() -> AsyncIterator[Demo]:
    async with serve_demo() as demo:
        yield demo
