"""Who is connected."""

from __future__ import annotations

from collections.abc import Iterable, KeysView

from ...context import Connection
from .client import Client


class Roster:
    """The clients, by connection, and by the id of their Engine.IO session and namespace."""

    def __init__(self) -> None:
        self.clients: dict[str, Client] = {}
        """By session, those in the namespace that everybody has."""
        self.by_connection: dict[Connection, Client] = {}
        self._elsewhere: dict[str, dict[str, Client]] = {}  # by session and namespace

    def add(self, client: Client) -> None:
        if client.namespace:
            self._elsewhere.setdefault(client.session.sid, {})[client.namespace] = client
        else:
            self.clients[client.session.sid] = client
        self.by_connection[client.connection] = client

    def remove(self, connection: Connection) -> Client | None:
        client = self.by_connection.pop(connection, None)
        if client is not None:
            session_id = client.session.sid
            if client.namespace:
                del self._elsewhere[session_id][client.namespace]
                if not self._elsewhere[session_id]:
                    del self._elsewhere[session_id]
            else:
                del self.clients[session_id]
        return client

    def find(self, session_id: str, namespace: str) -> Client | None:
        if not namespace:
            return self.clients.get(session_id)
        return self._elsewhere.get(session_id, {}).get(namespace)

    def of_session(self, session_id: str) -> list[Client]:
        """In whatever namespaces."""
        client = self.clients.get(session_id)
        elsewhere = self._elsewhere.get(session_id, {}).values() if self._elsewhere else ()
        return list(elsewhere) if client is None else [client, *elsewhere]

    @property
    def is_elsewhere(self) -> bool:
        """Whether there is anybody in a namespace that not everybody has."""
        return bool(self._elsewhere)

    @property
    def sessions(self) -> KeysView[str] | set[str]:
        return self.clients.keys() | self._elsewhere.keys()

    def of(self, connections: Iterable[Connection]) -> list[Client]:
        """The clients of those connections that have one still."""
        find = self.by_connection.get
        return [client for connection in connections if (client := find(connection)) is not None]

    def has(self, client: Client) -> bool:
        return client.connection in self.by_connection
