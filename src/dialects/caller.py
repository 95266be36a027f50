"""Whoever speaks a dialect: calls services just as a client of the school would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast

from ..core.application import Application, Realtime, RealtimeNamespace
from ..core.context import UNSET, Connection, Params
from ..core.errors import MethodNotAllowed
from ..core.transports.calls import call_context
from .dialect import Data
from .rooms import Rooms


class Lookup:
    """Reads what an event does not say; for who may hear the event."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def find(self, path: str, query: Mapping[str, Any]) -> list[Data]:
        found: list[Data] = await self._app.service(path).find(Params(query=dict(query), paginate=False))
        return found


def school_of(params: Params) -> str:
    """The school of its user; empty in an application that has none."""
    return str((params.user or {}).get("schoolId", ""))


class Caller:
    """``params`` are those of the request or the socket, with its user."""

    def __init__(self, app: Application, params: Params) -> None:
        self.app = app
        self.params = params

    @property
    def user(self) -> Data:
        return cast("Data", self.params["user"])

    @property
    def user_id(self) -> str:
        return str(self.user["_id"])

    @property
    def school_id(self) -> str:
        return school_of(self.params)

    async def call(
        self,
        path: str,
        method: str,
        data: Any = UNSET,
        *,
        id: Any = UNSET,
        query: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a service as this client: every hook and every rule holds. Raises what it raises."""
        service = self.app.service(path)
        if method not in service.methods:
            raise MethodNotAllowed(f"Method '{method}' not allowed on service '{path}'")
        params = Params(self.params, query=dict(query or {}), route={})
        context = call_context(service, method, params, id=id, data=data)
        await service.run(context)
        return context.outcome


class Speaks(Protocol):
    """The sockets of a dialect, as those who speak on them need them."""

    realtime: Realtime
    namespace: RealtimeNamespace
    rooms: Rooms

    def tell(
        self, school_id: str, room: str, event: str, payload: Data, *, but: Connection | None
    ) -> None: ...


class SocketCaller(Caller):
    """On a socket: it can be answered by events, and be in rooms."""

    def __init__(self, app: Application, connection: Connection, sockets: Speaks) -> None:
        super().__init__(app, Params(connection, connection=connection))
        self.connection = connection
        self._sockets = sockets

    async def ask(self, event: str, data: Data) -> Any:
        """Say one of the school's own events, as a client in ``/`` does. Raises what it raises."""
        return await self._sockets.realtime.ask(self.connection, event, data)

    def reply(self, event: str, payload: Data) -> None:
        """Tell this socket alone."""
        self._sockets.namespace.send([self.connection], event, payload)

    @property
    def rooms(self) -> set[str]:
        return self._sockets.rooms.of(self.connection)

    def join(self, room: str) -> bool:
        """Whether it was not in the room, and is now. Raises TooManyRequests where it is in too many."""
        return self._sockets.realtime.is_open(self.connection) and self._sockets.rooms.join(
            self.school_id, room, self.connection
        )

    def leave(self, room: str) -> bool:
        """Whether it was in the room."""
        return self._sockets.rooms.leave(self.school_id, room, self.connection)

    def everyone(self, room: str, event: str, payload: Data) -> None:
        """Tell all who are in the room, on every node."""
        self._sockets.tell(self.school_id, room, event, payload, but=None)

    def others(self, room: str, event: str, payload: Data) -> None:
        """Tell all but this socket who are in the room, on every node."""
        self._sockets.tell(self.school_id, room, event, payload, but=self.connection)
