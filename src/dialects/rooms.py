"""Which sockets of a dialect have joined which rooms."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

from ..core.context import Connection
from ..core.errors import TooManyRequests

MOST: Final = 500
"""Rooms of one socket."""
MOST_A_MINUTE: Final = 600
"""Joins of one socket: the others in a room are told of each."""

MINUTE: Final = 60.0


class Rooms:
    """Rooms are a school's: the same name in another school is another room."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._joins: dict[Connection, tuple[float, int]] = {}  # since when, how many
        self._members: dict[tuple[str, str], dict[Connection, None]] = {}
        self._rooms: dict[Connection, set[tuple[str, str]]] = {}

    def join(self, school_id: str, room: str, connection: Connection) -> bool:
        key = school_id, room
        joined = self._rooms.get(connection, set())
        if key in joined:
            return False
        if len(joined) >= MOST:
            raise TooManyRequests("You are in too many rooms", {"limit": MOST})
        self._count(connection)
        joined.add(key)
        self._rooms[connection] = joined
        self._members.setdefault(key, {})[connection] = None
        return True

    def leave(self, school_id: str, room: str, connection: Connection) -> bool:
        key, joined = (school_id, room), self._rooms.get(connection)
        if joined is None or key not in joined:
            return False
        joined.remove(key)
        if not joined:
            del self._rooms[connection]
        self._drop(key, connection)
        return True

    def leave_all(self, connection: Connection) -> list[str]:
        """The rooms that it was in."""
        self._joins.pop(connection, None)
        left = self._rooms.pop(connection, set())
        for key in left:
            self._drop(key, connection)
        return [room for _, room in left]

    def of(self, connection: Connection) -> set[str]:
        return {room for _, room in self._rooms.get(connection, ())}

    def members(self, school_id: str, room: str) -> list[Connection]:
        return list(self._members.get((school_id, room), ()))

    def has(self, school_id: str, room: str, connection: Connection) -> bool:
        return connection in self._members.get((school_id, room), ())

    def _count(self, connection: Connection) -> None:
        now = self._clock()
        since, count = self._joins.get(connection, (now, 0))
        if now - since >= MINUTE:
            since, count = now, 0
        if count >= MOST_A_MINUTE:
            raise TooManyRequests("You join rooms too often", {"retryAfter": math.ceil(since + MINUTE - now)})
        self._joins[connection] = since, count + 1

    def _drop(self, key: tuple[str, str], connection: Connection) -> None:
        members = self._members[key]
        del members[connection]
        if not members:
            del self._members[key]
