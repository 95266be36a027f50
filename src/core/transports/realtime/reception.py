"""How an Engine.IO session becomes a client: it is authenticated, and the application is told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from ...application import Application, Scope
from ...context import Connection, Params
from ...encoding import decode, encode
from ...errors import NotAuthenticated
from ...shapes import is_mapping
from ..arrivals import address_of
from ..calls import authenticator, public_error
from .client import Client, Frame, prefix_of
from .engine import Engine
from .outlet import Bounds, Outlet
from .roster import Roster
from .session import Session

CONNECT_ERROR: Final = b"4"  # of Socket.IO
NAMESPACE: Final = "namespace"
"""The key of a connection that is not in the one that everybody has."""
MAX_REFUSALS: Final = 16
"""Unread packets of a client, beyond which it is not told of more namespaces that it cannot have."""

Handshake = Callable[[Connection, Scope], None]


class Reception:
    def __init__(
        self,
        app: Application,
        engine: Engine,
        roster: Roster,
        *,
        handshake: Handshake | None,
        bounds: Bounds,
        max_pending: int,
        namespaces: Collection[str],
    ) -> None:
        self._namespaces = namespaces
        self._app = app
        self._engine = engine
        self._roster = roster
        self._handshake = handshake
        self._bounds = bounds
        self._max_pending = max_pending

    async def welcome(self, session: Session, auth: Any, namespace: str = "") -> None:
        """Make it a client in ``namespace``. Only in the one that everybody has it may log in later."""
        scope = session.scope
        if scope is None or self._roster.find(session.sid, namespace) is not None:
            self.refuse(session, {"message": "Unable to connect"}, namespace)
            return
        if len(self._namespaces) == 1:
            session.scope = None  # whoever has one namespace may come for another
        client = self._add(session, scope, namespace)
        connection = client.connection
        try:
            if self._handshake is not None:
                self._handshake(connection, scope)
            await self._log_in(connection, auth)
            _require_login(connection, namespace)
        except Exception as error:  # noqa: BLE001 - whatever it is, it refuses the client
            self._app.emit("disconnect", connection)
            if self._engine.has(session):
                public = public_error(error)
                data = {} if public.data is None else {"data": _plain(public.data)}
                self.refuse(session, {"message": public.message, **data}, namespace)
            return
        if not self._roster.has(client):
            # It was told to go while it was logged in: whoever has indexed it since is to hear of it.
            self._app.emit("disconnect", connection)
            return
        self._app.emit("connection", connection)
        if not self._roster.has(client):
            return
        if self._engine.has(session):
            client.open(Frame(b"0" + prefix_of(namespace) + encode({"sid": client.sid})))
        else:
            # The client left while it was being authenticated: its end went unheard.
            self._app.emit("disconnect", connection)

    def refuse(self, session: Session, reason: Mapping[str, Any], namespace: str) -> None:
        queue = session.queue
        if queue.qsize() < MAX_REFUSALS and queue.buffered < self._bounds.max_bytes:
            queue.put_nowait(Frame(CONNECT_ERROR + prefix_of(namespace) + encode(reason)))

    def _add(self, session: Session, scope: Scope, namespace: str) -> Client:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        connection = Connection(
            id=self._engine.generate_id(), provider="socketio", headers=headers, address=address_of(scope)
        )
        if namespace:
            connection[NAMESPACE] = namespace
        client = Client(session, connection, Outlet(session, self._bounds), self._max_pending, namespace)
        self._roster.add(client)
        return client

    async def _log_in(self, connection: Connection, auth: Any) -> None:
        service = self._app.default_authentication()
        parser = authenticator(self._app)
        if service is None or parser is None:
            return
        token = (auth.get("token") or auth.get("accessToken")) if is_mapping(auth) else None
        given = (
            parser.parse(connection.headers) if token is None else {"strategy": "jwt", "accessToken": token}
        )
        if given is not None:
            await service.create(given, Params(connection, connection=connection, query={}))


def _require_login(connection: Connection, namespace: str) -> None:
    if namespace and connection.user is None:
        raise NotAuthenticated("Not authenticated")


def _plain(data: Any) -> Any:
    return decode(encode(data))
