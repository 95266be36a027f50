"""Keeps who is here in step with logins, with what is stored and with the other nodes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any, Final

from ..core.application import Application, Realtime
from ..core.authentication.service import authentication_of
from ..core.backplane.alone import Body
from ..core.context import Connection, HookContext, Params
from ..hooks.access import PLACES
from .changes import Change
from .collecting import Collector
from .connections import ConnectionManager, Identity
from .events import ServerEvent
from .identities import Identities, as_value, of_value
from .presence import Presence
from .subscriptions import Subscriptions
from .typists import Typists

KEY: Final = "presence "
"""Before the user's id in the key of what a node holds in the school's topic."""

Payload = dict[str, Any]


class Attendance:
    """Indexes connections, announces their users, welcomes them; and hears of users on other nodes."""

    def __init__(
        self,
        app: Application,
        realtime: Realtime,
        connections: ConnectionManager[Connection],
        typists: Typists,
        *,
        grace: float,
        collect: float,
    ) -> None:
        self._app = app
        self._realtime = realtime
        self._connections = connections
        self._typists = typists
        self._identities = Identities(app)
        self._schools: dict[Connection, str] = {}  # whose topic is heard for the connection
        self._lost: list[str] = []  # users of dead nodes, of whom is to be noted when they were seen last
        self.collector: Collector[Connection] = Collector(self._send, seconds=collect)
        self.subscriptions: Subscriptions[Connection] = Subscriptions()
        self.presence: Presence[Connection] = Presence(
            connections,
            self._tell,
            on_offline=self._left,
            hold=self._hold,
            release=self._release,
            grace=grace,
        )

    def register(self) -> None:
        app = self._app
        app.on("login", self._logged_in)
        app.on("logout", self._logged_out)
        app.on("disconnect", self._disconnected)
        app.service("users").on("patched", self._user_changed)
        app.service("users").on("removed", self._user_removed)
        for path in PLACES.values():
            app.service(path).on("created", self._place_changed)
            app.service(path).on("removed", self._place_changed)
        app.backplane.on_gap(self._missed)
        app.backplane.on_held(self._held)
        app.backplane.on_released(self._released)
        app.backplane.on_reaped(self._reaped)

    def online(self, viewer: Identity, asked: Iterable[str] | None = None) -> Payload:
        """``{online, statuses}`` of all whom the viewer may see, or of those ``asked`` for."""
        online = self.presence.online(viewer, asked)
        statuses = self.presence.statuses(online)
        return {
            "online": online,
            "statuses": {user_id: status.told() for user_id, status in statuses.items()},
        }

    async def refresh(self, user_id: str) -> None:
        """Bring in step what is known of a user who is here with what is stored."""
        self._identities.noted(user_id)
        if not self.presence.is_here(user_id):
            return
        identity = await self._identities.stored(user_id)
        if identity is None or not self.presence.is_here(user_id):
            return
        self.presence.changed(
            user_id, role=identity.role, class_ids=identity.class_ids, status=identity.status
        )
        if identity.status.is_invisible:
            for connection in self._connections.of_user(user_id):
                self._typists.disconnect(connection)

    async def mark_seen(self, user_ids: Iterable[str], last_seen: datetime) -> None:
        await self._app.service("users").mark_seen(user_ids, last_seen)

    async def _logged_in(self, result: Payload, params: Params, _: HookContext) -> None:
        connection = params.connection
        user = None if connection is None else connection.user
        if connection is None or user is None:
            return
        user_id, school_id = str(user["_id"]), str(user["schoolId"])
        bound = self._connections.identity(connection)
        if bound is not None and bound.user_id != user_id:
            self._forget(connection)
        if not self._is_logged_in(connection, user_id):
            return
        self._hear(connection, school_id)
        try:
            # Before the user is read: who changes it afterwards is heard.
            await self._app.backplane.joined(school_id)
            identity = await self._identities.stored(user_id)
        except Exception:
            # Logged in but not indexed it would hear nothing, and not know: a new connection may.
            self._app.emit("disconnect", connection)
            raise
        if identity is None or not self._is_logged_in(connection, user_id):
            return
        self.presence.connect(connection, identity)
        self.collector.forget(connection)
        self.subscriptions.clear(connection)
        welcome = {
            "socketId": connection.id,
            "userId": user_id,
            "status": identity.status.told(),
            **self.online(identity),
        }
        self._realtime.send([connection], ServerEvent.CONNECTED, welcome)

    def _is_logged_in(self, connection: Connection, user_id: str) -> bool:
        """Whether the connection is still there, by whichever transport it came, and this user's."""
        service = authentication_of(self._app)
        return service is not None and service.logins.user_of(connection) == user_id

    def _hear(self, connection: Connection, school_id: str) -> None:
        if self._schools.get(connection) != school_id:
            self._app.backplane.join(school_id)
            self._hear_no_more(connection)
            self._schools[connection] = school_id

    def _hear_no_more(self, connection: Connection) -> None:
        school_id = self._schools.pop(connection, None)
        if school_id is not None:
            self._app.backplane.leave(school_id)

    def _logged_out(self, result: Payload, params: Params, _: HookContext) -> None:
        if params.connection is not None:
            self._forget(params.connection)

    def _disconnected(self, connection: Connection) -> None:
        self._forget(connection, logout=False)

    def _forget(self, connection: Connection, *, logout: bool = True) -> None:
        self._typists.disconnect(connection)
        self.presence.disconnect(connection, logout=logout)
        self.collector.forget(connection)
        self.subscriptions.clear(connection)
        self._hear_no_more(connection)

    async def _user_changed(self, user: Payload, _: HookContext) -> None:
        await self.refresh(str(user["_id"]))

    async def _place_changed(self, place: Payload, _: HookContext) -> None:
        await self.refresh(str(place["userId"]))

    def _user_removed(self, user: Payload, _: HookContext) -> None:
        user_id = str(user["_id"])
        for connection in self._connections.of_user(user_id):
            self._typists.disconnect(connection)
        for connection in self.presence.removed(user_id):
            self.collector.forget(connection)
            self._app.emit("disconnect", connection)

    def _missed(self, school_id: str) -> None:
        """Events of other nodes were lost: read again who is who, and have the clients sync."""
        _ = self._app.tasks.start(self._catch_up(school_id), name="catch up")

    async def _catch_up(self, school_id: str) -> None:
        connections = self._connections.in_school(school_id)
        identities = [self._connections.identity(connection) for connection in connections]
        for user_id in {identity.user_id for identity in identities if identity is not None}:
            await self.refresh(user_id)
        behind = list(self._connections.in_school(school_id))
        self._realtime.send(behind, ServerEvent.RESYNC, {"reason": "gap"})

    def _hold(self, identity: Identity) -> None:
        self._app.backplane.hold(identity.school_id, KEY + identity.user_id, as_value(identity))

    def _release(self, identity: Identity, last_seen: datetime) -> None:
        self._app.backplane.release(identity.school_id, KEY + identity.user_id, {"lastSeenAt": last_seen})

    def _held(self, topic: str, node: str, key: str, value: Body) -> None:
        if not key.startswith(KEY):
            return
        identity = of_value(key.removeprefix(KEY), topic, value)
        self._identities.noted(identity.user_id)
        if not self.presence.held(node, identity):
            _ = self._app.tasks.start(self.refresh(identity.user_id), name="refresh a user")

    def _released(self, topic: str, node: str, key: str, value: Body, died: bool) -> None:
        if key.startswith(KEY):
            self.presence.released(node, key.removeprefix(KEY), value.get("lastSeenAt"))

    def _reaped(self, topic: str, key: str, value: Body) -> None:
        """Note when somebody was seen last whose node can not any more."""
        if not key.startswith(KEY):
            return
        identity = of_value(key.removeprefix(KEY), topic, value)
        if identity.status.is_invisible or self.presence.is_here(identity.user_id):
            return
        if not self._lost:
            _ = self._app.tasks.start(self._mark_lost(), name="mark seen")
        self._lost.append(identity.user_id)

    async def _mark_lost(self) -> None:
        """Those of a whole node at once."""
        lost, self._lost = self._lost, []
        await self.mark_seen(lost, datetime.now(UTC))

    def _tell(self, connections: Collection[Connection], change: Change) -> None:
        if wanting := self.subscriptions.wanting(connections, change.user_id):
            self.collector.tell(wanting, change)

    def _send(self, connections: Iterable[Connection], event: str, payload: Payload) -> None:
        self._realtime.send(list(connections), event, payload)

    def _left(self, user_id: str, last_seen: datetime) -> None:
        _ = self._app.tasks.start(self.mark_seen([user_id], last_seen), name="mark seen")
