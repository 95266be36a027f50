"""Feathers' adapter tests, 79 of them, by the official clients on every adapter and transport."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from tests.conformance.kit import failures, mocha

TESTS: Final = 79

SERVICES: Final = ("people", "people-mongo", "people-beanie", "people-sql")
TRANSPORTS: Final = {
    "fetch": {"TRANSPORT": "rest"},
    "axios": {"TRANSPORT": "axios"},
    "websocket": {"TRANSPORT": "socketio", "SIO_TRANSPORT": "websocket"},
    "polling": {"TRANSPORT": "socketio", "SIO_TRANSPORT": "polling"},
}
RUNS: Final = [
    *((service, transport) for service in SERVICES for transport in TRANSPORTS),
    ("people-schema", "fetch"),  # its schema gives the texts of a query string their types
]
Runs = dict[tuple[str, str], asyncio.Task[dict[str, Any]]]


@pytest.fixture(scope="module")
async def runs(node: str, url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Runs]:
    """All runs, under way: one after the other on each service, whose records they share."""
    folder = tmp_path_factory.mktemp("mocha")
    turns = {service: asyncio.Lock() for service, _ in RUNS}

    async def run(service: str, transport: str) -> dict[str, Any]:
        variables = {"FEATHERS_URL": url, "SERVICE": service, "ID": "_id", **TRANSPORTS[transport]}
        report = folder / f"{service}-{transport}.json"
        async with turns[service]:
            return await mocha(node, "adapter.conformance.js", report, **variables)

    started = {cell: asyncio.create_task(run(*cell)) for cell in RUNS}
    yield started
    for task in started.values():
        task.cancel()
    await asyncio.gather(*started.values(), return_exceptions=True)


@pytest.mark.parametrize(("service", "transport"), RUNS)
async def test_an_adapter_passes_all_adapter_tests(runs: Runs, service: str, transport: str) -> None:
    report = await runs[service, transport]
    assert failures(report) == {}
    assert report["stats"]["passes"] == TESTS
