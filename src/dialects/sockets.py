"""A dialect's namespace: its clients' events, and what they are told of the school's."""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog

from ..core.application import Application, Realtime
from ..core.backplane.alone import Body
from ..core.context import Connection
from ..core.schema import checked
from ..core.shapes import is_mapping
from ..core.transports.calls import public_error
from .caller import Lookup, SocketCaller, school_of
from .dialect import Data, Dialect, Event, Tell
from .rooms import Rooms

MOST_WAITING: Final = 1000
"""So many events wait for a look-up, until passing ones are left out."""

Done = Callable[[SocketCaller, Any], Awaitable[None]]

logger = structlog.stdlib.get_logger(__name__)


class DialectSockets:
    """The sockets in the namespace of one dialect. Raises ValueError for a namespace that is taken."""

    def __init__(self, app: Application, realtime: Realtime, dialect: Dialect, namespace: str) -> None:
        self.realtime = realtime
        self.rooms = Rooms()
        self._app = app
        self._dialect = dialect
        self._lookup = Lookup(app)
        self._tells: dict[str, list[Tell]] = {}
        for tell in dialect.tells:
            self._tells.setdefault(tell.of, []).append(tell)
        self._heard: deque[tuple[list[Connection], str, Any, bool]] = deque()
        self._telling: asyncio.Task[None] | None = None
        self._newest: dict[tuple[Connection, str | None], Any] = {}
        self._kind = f"dialect {dialect.name}"
        self.namespace = realtime.namespace(namespace, self._hear, self._fail)
        for event in dialect.events:
            self.namespace.on(event.name, self._handler(event))
        app.on("disconnect", self._left)
        app.on("connection", self._came)
        app.backplane.on(self._kind, self._told_elsewhere)

    def tell(self, school_id: str, room: str, event: str, payload: Data, *, but: Connection | None) -> None:
        """Tell those who are in the room, here and on the other nodes."""
        self._tell_here(school_id, room, event, payload, but)
        self._app.backplane.send(school_id, self._kind, {"room": room, "event": event, "payload": payload})

    def _handler(self, event: Event) -> Callable[[Connection, Data], Awaitable[Any]]:
        schema = event.takes()

        async def handle(connection: Connection, data: Data) -> Any:
            return await event.does(self._caller(connection), checked(schema, data))

        return handle

    def _caller(self, connection: Connection) -> SocketCaller:
        return SocketCaller(self._app, connection, self)

    def _fail(self, connection: Connection, event: str, error: Exception) -> Any:
        public = public_error(error)
        failure = dict(self._dialect.failure(public))
        if self._dialect.error_event is not None:
            self.namespace.send([connection], self._dialect.error_event, failure)
        return {"error": failure}

    def _came(self, connection: Connection) -> Awaitable[None] | None:
        if not self._is_here(connection):
            return None
        connection.update(self._dialect.marks)
        return None if self._dialect.welcome is None else self._dialect.welcome(self._caller(connection))

    def _left(self, connection: Connection) -> None:
        rooms = self.rooms.leave_all(connection)
        if rooms and self._dialect.left is not None:
            self._dialect.left(self._caller(connection), rooms)

    def _is_here(self, connection: Connection) -> bool:
        return connection.get("namespace") == self._dialect.namespace

    def _hear(self, connections: list[Connection], event: str, payload: Any, ephemeral: bool) -> None:
        if event == "members removed":
            self._put_out(connections, payload)
        # What nobody is to be told is not looked up either.
        tells = [tell for tell in self._tells.get(event, ()) if self._told(tell, connections, payload)]
        if not tells or (ephemeral and len(self._heard) >= MOST_WAITING):
            return
        if self._telling is None and not any(map(_asks, tells)):
            for tell in tells:
                self._send(tell, connections, payload, tell.payload(payload), ephemeral=ephemeral)
            return
        self._heard.append((connections, event, payload, ephemeral))
        if self._telling is None:
            self._telling = self._app.tasks.start(self._tell_in_turn(), name=self._kind)

    async def _tell_in_turn(self) -> None:
        """What has to be looked up must not be overtaken by what has not."""
        try:
            while self._heard:
                connections, event, payload, ephemeral = self._heard.popleft()
                for tell in self._tells[event]:
                    if not self._told(tell, connections, payload):
                        continue
                    try:
                        told = tell.payload(payload, self._lookup) if _asks(tell) else tell.payload(payload)
                        data = await told if inspect.isawaitable(told) else told
                    except Exception:
                        logger.exception("event not told", dialect=self._dialect.name, event_name=event)
                        continue
                    self._send(tell, connections, payload, data, ephemeral=ephemeral)
        finally:
            self._telling = None

    def _send(
        self, tell: Tell, connections: list[Connection], payload: Any, data: Any, *, ephemeral: bool
    ) -> None:
        if data is None:
            return
        told = self._told(tell, connections, payload)
        self.namespace.send(told, tell.event, data, ephemeral=ephemeral)
        if tell.done is not None:
            for one in told:
                self._after(tell.done, one, payload, tell.room(payload) if tell.room else None)

    def _told(self, tell: Tell, connections: list[Connection], payload: Any) -> list[Connection]:
        """Those of the connections that are in the room, and whom the dialect tells at all."""
        if tell.room is not None:
            room = tell.room(payload)
            if room is None:
                return []
            connections = [one for one in connections if self.rooms.has(school_of(one), room, one)]
        if tell.only is None:
            return connections
        return [one for one in connections if tell.only(one, payload)]

    def _after(self, done: Done, connection: Connection, payload: Any, room: str | None) -> None:
        """Do it for the newest of what a socket was told in a room, one at a time."""
        key = connection, room
        is_at_it = key in self._newest
        self._newest[key] = payload
        if not is_at_it:
            _ = self._app.tasks.start(self._do(done, key), name=self._kind)

    async def _do(self, done: Done, key: tuple[Connection, str | None]) -> None:
        payload: Any = None
        try:
            while payload is not self._newest[key]:
                payload = self._newest[key]
                await done(self._caller(key[0]), payload)
        finally:
            del self._newest[key]

    def _put_out(self, connections: list[Connection], member: Any) -> None:
        """Whoever is no member any more is in the room of the conversation no more."""
        if not is_mapping(member):
            return
        room = self._dialect.room_of(str(member["conversationId"]))
        for connection in connections:
            if str(_user_of(connection).get("_id")) == str(member["userId"]):
                self.rooms.leave(school_of(connection), room, connection)

    def _told_elsewhere(self, topic: str, node: str, body: Body) -> None:
        self._tell_here(topic, body["room"], body["event"], body["payload"], None)

    def _tell_here(
        self, school_id: str, room: str, event: str, payload: Data, but: Connection | None
    ) -> None:
        told = [one for one in self.rooms.members(school_id, room) if one is not but]
        self.namespace.send(told, event, payload)


def _asks(tell: Tell) -> bool:
    return inspect.iscoroutinefunction(tell.payload)


def _user_of(connection: Connection) -> Data:
    return connection.user or {}
