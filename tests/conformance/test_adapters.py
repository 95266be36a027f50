"""Feathers' adapter tests, 79 of them, by the official clients on every adapter and transport."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
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
OFTEN: Final = {"fetch", "websocket"}
"""The transports by which each adapter is tried at every `make test`; the first service by all of them."""

CELLS: Final = [
    cell if cell[1] in OFTEN or cell[0] == SERVICES[0] else pytest.param(*cell, marks=pytest.mark.long)
    for cell in RUNS
]
Run = Callable[[str, str], Awaitable[dict[str, Any]]]


@pytest.fixture(scope="module")
def run(node: str, url: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run on a service by a transport: its report."""
    folder = tmp_path_factory.mktemp("mocha")

    async def one(service: str, transport: str) -> dict[str, Any]:
        variables = {"FEATHERS_URL": url, "SERVICE": service, "ID": "_id", **TRANSPORTS[transport]}
        return await mocha(
            node, "adapter.conformance.js", folder / f"{service}-{transport}.json", **variables
        )

    return one


@pytest.mark.parametrize(("service", "transport"), CELLS)
async def test_an_adapter_passes_all_adapter_tests(run: Run, service: str, transport: str) -> None:
    report = await run(service, transport)
    assert failures(report) == {}
    assert report["stats"]["passes"] == TESTS
