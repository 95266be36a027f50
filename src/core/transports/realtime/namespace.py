"""A namespace beside the one that everybody has: other events over the same application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...application import Application
from ...context import Connection
from ...encoding import encode
from ...errors import BadRequest
from .calls import NamedHandler, only_object
from .client import Frame, prefix_of
from .deliveries import Deliveries
from .roster import Roster

Hear = Callable[[list[Connection], str, Any, bool], None]
Fail = Callable[[Connection, str, Exception], Any]


class Namespace:
    """``hear(connections, event, payload, ephemeral)`` gets what the application sends to its sockets.

    What it hears is not sent: it tells them of it in its own way, by ``send``, or not at all.
    ``fail(connection, event, error)`` answers a client whose event has failed, or is none.
    """

    def __init__(
        self, name: str, app: Application, roster: Roster, deliveries: Deliveries, hear: Hear, fail: Fail
    ) -> None:
        self.name = name
        self.hear = hear
        self._app = app
        self._roster = roster
        self._deliveries = deliveries
        self._fail = fail
        self._handlers: dict[str, NamedHandler] = {}

    def on(self, event: str, handler: NamedHandler) -> None:
        """Answer a client's event: it brings one object and is acknowledged with the handler's result.

        Raises ValueError for an event that is handled already.
        """
        if event in self._handlers:
            raise ValueError(f"the event '{event}' is taken in {self.name}")
        for observer in self._app.observers:
            handler = observer.event(f"{self.name} {event}", handler)
        self._handlers[event] = handler

    def send(
        self, connections: list[Connection], event: str, payload: Any, *, ephemeral: bool = False
    ) -> None:
        """Send one event to sockets of this namespace, encoded once."""
        clients = self._roster.of(connections)
        if clients:
            packet = b"2" + prefix_of(self.name) + encode([event, payload])
            self._deliveries.broadcast(clients, Frame(packet, ephemeral=ephemeral))

    async def answer(self, connection: Connection, event: str, arguments: list[Any]) -> list[Any]:
        try:
            return [await self._handler(event)(connection, only_object(arguments))]
        except Exception as error:  # noqa: BLE001 - every failure is answered
            return [self._fail(connection, event, error)]

    def _handler(self, event: str) -> NamedHandler:
        handler = self._handlers.get(event)
        if handler is None:
            raise BadRequest(f"Unknown event '{event}'")
        return handler
