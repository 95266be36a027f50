"""Channels: sets of connections that events are sent to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from .context import UNSET, Connection

Predicate = Callable[[Connection], bool]
NOBODY: Final[dict[Connection, None]] = {}


class Channel:
    """A set of connections in order of joining, and optionally the payload they get instead."""

    def __init__(self, connections: Iterable[Connection] = (), data: Any = UNSET) -> None:
        self._own: dict[Connection, None] = dict.fromkeys(connections)
        self.data = data

    @property
    def _connections(self) -> dict[Connection, None]:
        return self._own

    @property
    def connections(self) -> list[Connection]:
        return list(self._connections)

    def join(self, *connections: Connection) -> Channel:
        self._connections.update(dict.fromkeys(connections))
        return self

    def leave(self, *leaving: Connection | Predicate) -> Channel:
        for one in leaving:
            gone = [one] if isinstance(one, Connection) else [c for c in self._connections if one(c)]
            for connection in gone:
                self._connections.pop(connection, None)
        return self

    def filter(self, predicate: Predicate) -> Channel:
        return Channel((c for c in self._connections if predicate(c)), self.data)

    def send(self, data: Any) -> Channel:
        """The same connections, which get ``data`` instead of the result."""
        return Channel(self._connections, data)

    def __len__(self) -> int:
        return len(self._connections)

    def __contains__(self, connection: object) -> bool:
        return connection in self._connections


class CombinedChannel(Channel):
    """Several channels as one; who is in more than one gets the payload of the first."""

    def __init__(self, children: Sequence[Channel]) -> None:
        super().__init__(connection for child in children for connection in child.connections)
        self.children = tuple(children)

    def join(self, *connections: Connection) -> Channel:
        for child in self.children:
            child.join(*connections)
        return super().join(*connections)

    def leave(self, *leaving: Connection | Predicate) -> Channel:
        for child in self.children:
            child.leave(*leaving)
        return super().leave(*leaving)

    def payloads(self) -> Iterable[tuple[Any, list[Connection]]]:
        """The connections grouped by the payload they are to get, each connection once."""
        seen: set[Connection] = set()
        for child in self.children:
            fresh = [c for c in child.connections if c not in seen]
            seen.update(fresh)
            if fresh:
                yield child.data, fresh


class NamedChannel(Channel):
    """A name of the registry and whoever is in it; there may be many for one name."""

    def __init__(self, name: str, registry: ChannelRegistry) -> None:
        self.name = name
        self.data = UNSET
        self._registry = registry

    @property
    def _connections(self) -> dict[Connection, None]:
        return self._registry.members(self.name)

    def join(self, *connections: Connection) -> Channel:
        self._registry.join(self.name, connections)
        return self

    def leave(self, *leaving: Connection | Predicate) -> Channel:
        for one in leaving:
            gone = [one] if isinstance(one, Connection) else [c for c in self._connections if one(c)]
            for connection in gone:
                self._registry.leave(self.name, connection)
        return self


class ChannelRegistry:
    """Who is in which channel. A channel is there for as long as somebody is in it.

    ``_members[name]`` are the connections of a channel, ``_names[connection]`` the channels of a
    connection: it leaves them all without a look at any other.
    """

    def __init__(self) -> None:
        self._members: dict[str, dict[Connection, None]] = {}
        self._names: dict[Connection, set[str]] = {}

    @property
    def names(self) -> list[str]:
        return list(self._members)

    def named(self, name: str) -> Channel:
        return NamedChannel(name, self)

    def channel(self, names: Iterable[str]) -> Channel:
        """One channel, or several combined. Raises ValueError without a name."""
        found = [self.named(name) for name in names]
        if not found:
            raise ValueError("app.channel needs at least one channel name")
        return found[0] if len(found) == 1 else CombinedChannel(found)

    def members(self, name: str) -> dict[Connection, None]:
        return self._members.get(name, NOBODY)

    def join(self, name: str, connections: Iterable[Connection]) -> None:
        for connection in connections:
            self._members.setdefault(name, {})[connection] = None
            self._names.setdefault(connection, set()).add(name)

    def leave(self, name: str, connection: Connection) -> None:
        names = self._names.get(connection)
        if names is None or name not in names:
            return
        names.remove(name)
        if not names:
            del self._names[connection]
        self._drop(name, connection)

    def leave_all(self, connection: Connection) -> None:
        for name in self._names.pop(connection, ()):
            self._drop(name, connection)

    def _drop(self, name: str, connection: Connection) -> None:
        members = self._members[name]
        del members[connection]
        if not members:
            del self._members[name]
