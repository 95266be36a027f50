"""Who is connected."""

from __future__ import annotations

from collections.abc import Iterable

from ...context import Connection
from .client import Client


class Roster:
    """The clients, by the id of their Engine.IO session and by connection."""

    def __init__(self) -> None:
        self.clients: dict[str, Client] = {}
        self.by_connection: dict[Connection, Client] = {}

    def add(self, client: Client) -> None:
        self.clients[client.session.sid] = client
        self.by_connection[client.connection] = client

    def remove(self, connection: Connection) -> Client | None:
        client = self.by_connection.pop(connection, None)
        if client is not None:
            del self.clients[client.session.sid]
        return client

    def of(self, connections: Iterable[Connection]) -> list[Client]:
        """The clients of those connections that have one still."""
        find = self.by_connection.get
        return [client for connection in connections if (client := find(connection)) is not None]

    def has(self, client: Client) -> bool:
        return client.connection in self.by_connection
