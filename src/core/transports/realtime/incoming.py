"""The Socket.IO packets of connected clients: calls, which are queued, run in turn and acknowledged."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Protocol

import structlog

from ...application import Application
from ...context import Connection
from ...encoding import decode, encode
from ...errors import BadRequest, TooManyRequests
from ...logs import new_request_id, request_id
from ...shapes import is_list
from ...turns import TimeOfTurn
from ..calls import public_error
from .client import Client, Frame, prefix_of
from .deliveries import Deliveries
from .roster import Roster

logger = structlog.stdlib.get_logger(__name__)

EVENT: Final = "2"  # of Socket.IO
BINARY_PACKETS: Final = ("5", "6")
BINARY_CALL: Final = re.compile(r"5[0-9]+-(?:(/[^,]*),)?([0-9]{1,15})\[")  # that waits for an acknowledgement
MAX_ACK_DIGITS: Final = 15
CALLS_SECONDS: Final = 0.005
"""What calls that come at once may take of one turn: no more of them are started in it then."""


class Answers(Protocol):
    """Answers the events of one namespace."""

    async def answer(self, connection: Connection, event: str, arguments: list[Any], /) -> list[Any]:
        """The arguments of the acknowledgement; whatever fails is one of them."""
        ...


class Incoming:
    """``calls``: who answers in each namespace."""

    def __init__(
        self,
        app: Application,
        calls: Mapping[str, Answers],
        roster: Roster,
        deliveries: Deliveries,
        max_pending: int,
    ) -> None:
        self._app = app
        self._calls = calls
        self._roster = roster
        self._deliveries = deliveries
        self._max_pending = max_pending
        self._time = TimeOfTurn(CALLS_SECONDS)

    def take(self, session_id: str, packet: str) -> bool:
        """Start the call of an event, which nearly every packet is."""
        start = packet.find("[")
        namespace, number = "", packet[1:start]
        if number[:1] == "/":
            namespace, _, number = number.partition(",")
        client = self._roster.find(session_id, namespace)
        if packet[:1] != EVENT or client is None or not client.is_open:
            return False
        if number and not (number.isascii() and number.isdecimal() and len(number) <= MAX_ACK_DIGITS):
            return False
        ack = int(number) if number else None
        try:
            data = decode(packet[start:])
        except ValueError as error:
            logger.info("malformed packet", session=session_id, reason=str(error))
            self._acknowledge(client, ack, [BadRequest("The packet is not valid JSON").to_json()])
        else:
            self._accept(client, ack, data)
        return True

    def event(self, session_id: str, namespace: str, ack: int | None, data: Any) -> None:
        """One that somebody else has parsed. Nobody's is nothing."""
        client = self._roster.find(session_id, namespace)
        if client is not None and client.is_open:
            self._accept(client, ack, data)

    def check(self, session_id: str, data: Any) -> None:
        """Raises ValueError for a binary packet, and tells who waits for its acknowledgement."""
        if isinstance(data, str) and data[:1] not in BINARY_PACKETS:
            return
        call = BINARY_CALL.match(data) if isinstance(data, str) else None
        client = None if call is None else self._roster.find(session_id, call[1] or "")
        if client is not None and client.is_open and call is not None:
            self._acknowledge(client, int(call[2]), [BadRequest("Binary data is not accepted").to_json()])
        raise ValueError("only text packets are part of the protocol")

    def _accept(self, client: Client, ack: int | None, data: Any) -> None:
        if not is_list(data) or not data or not isinstance(data[0], str):
            self._acknowledge(client, ack, [BadRequest("An event needs a name").to_json()])
        elif not client.accept(ack, data):
            waiting = TooManyRequests("Too many calls are waiting", {"limit": self._max_pending})
            self._acknowledge(client, ack, [waiting.to_json()])
        else:
            client.start(self._app.tasks, self._answer)

    async def _answer(self, client: Client, ack: int | None, arguments: list[Any]) -> None:
        await self._time.wait()
        request_id.set(new_request_id())
        answer = await self._calls[client.namespace].answer(client.connection, arguments[0], arguments[1:])
        self._acknowledge(client, ack, answer)

    def _acknowledge(self, client: Client, ack: int | None, answer: list[Any]) -> None:
        if ack is None:
            return
        try:
            text = encode(answer)
        except TypeError as error:
            text = encode([public_error(error).to_json()])
        self._deliveries.send(client, Frame(b"3%b%d%b" % (prefix_of(client.namespace), ack, text)))
