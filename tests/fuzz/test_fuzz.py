"""A short run at every test; ``python -m tests.fuzz --minutes 5`` looks longer, and at memory too."""

from __future__ import annotations

import asyncio

from tests.fuzz.served import Served
from tests.fuzz.sockets import SocketFuzz, until


async def test_no_request_fails_the_server_or_is_answered_otherwise_than_documented(fuzzed: Served) -> None:
    from tests.fuzz.rest import RestFuzz  # noqa: PLC0415 - who only collects the tests loads no schemathesis

    fuzz = RestFuzz(fuzzed)
    await asyncio.to_thread(fuzz.run, 4.0, examples=2)
    assert fuzz.failures == []
    assert fuzz.statuses
    assert {status // 100 for _, status in fuzz.statuses} <= {2, 4}
    assert fuzzed.complaints() == []


async def test_every_call_of_a_socket_is_acknowledged_and_none_fails_the_server(fuzzed: Served) -> None:
    fuzz = SocketFuzz(fuzzed)
    await fuzz.run(until(2.5))
    assert fuzz.failures == []
    assert {200, 400} <= fuzz.codes.keys()
    assert fuzzed.complaints() == []
