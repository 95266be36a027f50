"""The official clients on each transport: clients.conformance.js, one process each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.conformance.kit import failures, mocha

TRANSPORTS: Final = ("fetch", "axios", "websocket", "polling")
LEAST: Final = 19
Runs = dict[str, asyncio.Task[dict[str, Any]]]


@pytest.fixture(scope="module")
async def runs(
    node: str, url: str, short_lived_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Runs]:
    """All transports at once: what takes time in them is mostly a token's life."""
    folder: Path = tmp_path_factory.mktemp("clients")
    script = "clients.conformance.js"
    started = {
        transport: asyncio.create_task(
            mocha(
                node,
                script,
                folder / f"{transport}.json",
                FEATHERS_URL=url,
                SHORT_URL=short_lived_url,
                TRANSPORT=transport,
            )
        )
        for transport in TRANSPORTS
    }
    yield started
    for task in started.values():
        task.cancel()
    await asyncio.gather(*started.values(), return_exceptions=True)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_the_official_clients_are_served(runs: Runs, transport: str) -> None:
    report = await runs[transport]
    assert failures(report) == {}
    assert report["stats"]["passes"] >= LEAST
