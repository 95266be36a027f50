"""A school's sockets from login to close: indexed, announced, answered."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, cast

import structlog

from ..core.application import Application, Realtime
from ..core.authentication.service import authentication_of
from ..core.context import Connection, HookContext, Params
from ..core.errors import BadRequest, NotAuthenticated, NotFound, TooManyRequests
from ..core.shapes import is_list, is_mapping
from ..hooks.access import PLACES, require_unsuspended
from .channels import Audiences
from .collecting import Collector
from .connections import ConnectionManager, Identity, Role
from .events import ClientEvent, ServerEvent
from .notifications import Notifications
from .presence import Presence
from .status import Status, parse_status
from .typing_status import TypingStatus

logger = structlog.stdlib.get_logger(__name__)

CLOSE_SECONDS: Final = 5.0
MAX_ASKED: Final = 1000
ID: Final = re.compile(r"[0-9a-fA-F]{24}")

Payload = dict[str, Any]


class SchoolSockets:
    """Connects the application's socket events with presence, typing and the services.

    It holds no rule about records: what a client asks for by a named event is a call of a service
    on its behalf, with that service's hooks.
    """

    def __init__(
        self,
        app: Application,
        realtime: Realtime,
        *,
        grace: float,
        collect: float,
        expires: float,
        every: float,
        most: int,
    ) -> None:
        self._app = app
        self._realtime = realtime
        self.connections: ConnectionManager[Connection] = ConnectionManager()
        self.audiences = Audiences(app, self.connections)
        self.notifications = Notifications(app, realtime, self.audiences, self.connections)
        self.collector: Collector[Connection] = Collector(self._send, seconds=collect)
        self.presence: Presence[Connection] = Presence(
            self.connections, self.collector.tell, on_offline=self._left, grace=grace
        )
        self.typing: TypingStatus[Connection] = TypingStatus(
            self._forward_typing, expires=expires, every=every
        )
        self._most = most
        self._changes: Counter[str] = Counter()  # how often each user's role or places changed
        self._typing_turn: asyncio.Task[None] | None = None

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
        app.service("messages").on("created", self._message_created)
        app.backplane.on_gap(self._missed)
        handlers = {
            ClientEvent.MESSAGE_SEND: self.send_message,
            ClientEvent.MESSAGE_DELIVERED: self.message_delivered,
            ClientEvent.MESSAGE_READ: self.message_read,
            ClientEvent.TYPING_START: self.typing_start,
            ClientEvent.TYPING_STOP: self.typing_stop,
            ClientEvent.PRESENCE_GET: self.presence_get,
            ClientEvent.PRESENCE_SET: self.presence_set,
            ClientEvent.SYNC: self.sync,
        }
        for event, handler in handlers.items():
            self._realtime.on(event, handler)
        self.audiences.register()
        self.notifications.register()

    async def close(self) -> None:
        """Note when everybody was seen last, unless the database keeps the server from stopping."""
        self.typing.close()
        self.collector.close()
        left = self.presence.close()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                for user_id, last_seen in left.items():
                    await self._mark_seen(user_id, last_seen)
        except TimeoutError:
            logger.warning("the database is too slow to note who was seen last", users=len(left))

    async def send_message(self, connection: Connection, data: Payload) -> Payload:
        message: Payload = await self._call("messages", "create", connection, data)
        duplicate = {"duplicate": True} if message.pop("duplicate", False) else {}
        return {"message": message, **duplicate}

    async def message_delivered(self, connection: Connection, data: Payload) -> Payload:
        return await self._acknowledge(connection, data, "deliveredSeq")

    async def message_read(self, connection: Connection, data: Payload) -> Payload:
        return await self._acknowledge(connection, data, "readSeq")

    async def typing_start(self, connection: Connection, data: Payload) -> Payload:
        writer = await self._call("members", "writable", connection, data)
        user_id, conversation_id = str(writer["userId"]), str(writer["conversationId"])
        if await self._is_crowded(writer["conversationId"]):
            return {}
        if self._identity(connection).status.is_invisible:
            return {}
        if not self.typing.start(connection, user_id, conversation_id):
            raise TooManyRequests("You are typing in too many conversations")
        return {}

    async def typing_stop(self, connection: Connection, data: Payload) -> Payload:
        conversation_id = data.get("conversationId")
        if not isinstance(conversation_id, str) or not ID.fullmatch(conversation_id):
            raise BadRequest("validation failed", {"errors": {"conversationId": "is not an id"}})
        # Whoever may write no more may still stop. Only what this connection has started is stopped.
        self.typing.stop(connection, self._identity(connection).user_id, conversation_id.lower())
        return {}

    async def presence_get(self, connection: Connection, data: Payload) -> Payload:
        identity = self._identity(connection)
        asked = data.get("userIds")
        if asked is not None and not _are_ids(asked):
            reason = f"must be a list of at most {MAX_ASKED} ids"
            raise BadRequest("validation failed", {"errors": {"userIds": reason}})
        self.collector.hasten(connection)
        return self._others_online(identity, asked)

    async def presence_set(self, connection: Connection, data: Payload) -> Payload:
        """Raises BadRequest, and Forbidden for who is suspended: others read the text."""
        user_id, status = self._identity(connection).user_id, parse_status(data)
        users = self._app.service("users")
        require_unsuspended(await users.get(user_id))
        await users.set_status(user_id, status.name, status.text)
        await self._refresh(user_id)
        return status.told()

    async def sync(self, connection: Connection, data: Payload) -> Payload:
        return await self._call("sync", "create", connection, data)

    async def _logged_in(self, result: Payload, params: Params, _: HookContext) -> None:
        connection = params.connection
        user = None if connection is None else connection.user
        if connection is None or user is None:
            return
        user_id = str(user["_id"])
        bound = self.connections.identity(connection)
        if bound is not None and bound.user_id != user_id:
            self._forget(connection)
        try:
            identity = await self._stored_identity(user_id)
        except Exception:
            # Logged in but not indexed it would hear nothing, and not know: a new connection may.
            self._app.emit("disconnect", connection)
            raise
        if identity is None or not self._is_logged_in(connection, user_id):
            return
        self.presence.connect(connection, identity)
        self.collector.forget(connection)
        welcome = {
            "socketId": connection.id,
            "userId": user_id,
            "status": identity.status.told(),
            **self._others_online(identity, None),
        }
        self._realtime.send([connection], ServerEvent.CONNECTED, welcome)

    def _is_logged_in(self, connection: Connection, user_id: str) -> bool:
        """Whether the connection is still there, by whichever transport it came, and this user's."""
        service = authentication_of(self._app)
        return service is not None and service.logins.user_of(connection) == user_id

    def _forget(self, connection: Connection) -> None:
        self.typing.disconnect(connection)
        self.presence.disconnect(connection, logout=True)
        self.collector.forget(connection)

    def _logged_out(self, result: Payload, params: Params, _: HookContext) -> None:
        if params.connection is not None:
            self._forget(params.connection)

    def _disconnected(self, connection: Connection) -> None:
        self.typing.disconnect(connection)
        self.presence.disconnect(connection)
        self.collector.forget(connection)

    async def _user_changed(self, user: Payload, _: HookContext) -> None:
        await self._refresh(str(user["_id"]))

    def _user_removed(self, user: Payload, _: HookContext) -> None:
        for connection in self.presence.removed(str(user["_id"])):
            self.collector.forget(connection)
            self._app.emit("disconnect", connection)

    async def _place_changed(self, place: Payload, _: HookContext) -> None:
        await self._refresh(str(place["userId"]))

    async def _refresh(self, user_id: str) -> None:
        """Bring the index in step with what is stored of a user's role and classes."""
        self._changes[user_id] += 1
        if not self.presence.knows(user_id):
            return
        identity = await self._stored_identity(user_id)
        if identity is not None:
            self.presence.changed(
                user_id, role=identity.role, class_ids=identity.class_ids, status=identity.status
            )
            if identity.status.is_invisible:
                for connection in self.connections.of_user(user_id):
                    self.typing.disconnect(connection)

    def _missed(self, school_id: str) -> None:
        """Events of other nodes were lost: read again who is who, and have the clients sync."""
        _ = self._app.tasks.start(self._catch_up(school_id), name="catch up")

    async def _catch_up(self, school_id: str) -> None:
        for user_id in {self._identity(one).user_id for one in self.connections.in_school(school_id)}:
            await self._refresh(user_id)
        behind = list(self.connections.in_school(school_id))
        self._realtime.send(behind, ServerEvent.RESYNC, {"reason": "gap"})

    def _message_created(self, message: Payload, _: HookContext) -> None:
        self.typing.sent(str(message["senderId"]), str(message["conversationId"]))

    async def _stored_identity(self, user_id: str) -> Identity | None:
        """The user's identity as it is stored, with nothing changed while it was read; None if removed."""
        while True:
            changes = self._changes[user_id]
            try:
                user = await self._app.service("users").get(user_id)
            except NotFound:
                return None
            class_ids = await self._class_ids(user_id, user["role"])
            if changes == self._changes[user_id]:
                status = Status(user.get("status", "available"), user.get("statusText", ""))
                return Identity(user_id, str(user["schoolId"]), user["role"], class_ids, status)

    async def _class_ids(self, user_id: str, role: Role) -> frozenset[str]:
        if role not in PLACES:
            return frozenset()
        query = {"userId": user_id, "$select": ["classId"]}
        places = await self._app.service(PLACES[role]).find(Params(query=query, paginate=False))
        return frozenset(str(place["classId"]) for place in places)

    async def _acknowledge(self, connection: Connection, data: Payload, cursor: str) -> Payload:
        if "seq" not in data:
            raise BadRequest("validation failed", {"errors": {"seq": "Missing data for required field."}})
        moved = {"conversationId": data.get("conversationId"), cursor: data["seq"]}
        unknown = sorted(set(data) - {"conversationId", "seq"})
        if unknown:
            raise BadRequest("validation failed", {"errors": dict.fromkeys(unknown, "Unknown field.")})
        try:
            cursors = await self._call("members", "acknowledge", connection, moved)
        except BadRequest as error:
            if is_mapping(error.errors) and cursor in error.errors:
                error.errors = {"seq": error.errors[cursor]}
            raise
        return {key: cursors[key] for key in ("conversationId", "deliveredSeq", "readSeq")}

    async def _call(self, path: str, method: str, connection: Connection, data: Payload) -> Payload:
        """Call a service for the client of ``connection``, just as if it had called it itself."""
        service = self._app.service(path)
        params = Params(connection, query={}, route={}, connection=connection)
        context = await service.run(HookContext(service, method, data=data, params=params))
        return cast("Payload", context.outcome)

    async def _is_crowded(self, conversation_id: Any) -> bool:
        """Whether too many would be told of everybody who types there."""
        query = {"_id": conversation_id, "$select": ["memberCount"]}
        found = await self._app.service("conversations").find(Params(query=query, paginate=False))
        return any(conversation["memberCount"] > self._most for conversation in found)

    def _forward_typing(self, event: str, conversation_id: str, user_id: str) -> None:
        previous = self._typing_turn

        async def forward() -> None:
            channel = await self.audiences.members(conversation_id, but=[user_id])
            if previous is not None:
                await asyncio.wait([previous])  # a stop must not overtake its start
            payload = {"conversationId": conversation_id, "userId": user_id}
            self._realtime.send(channel.connections, event, payload, ephemeral=True)

        self._typing_turn = self._app.tasks.start(forward(), name=event)

    def _identity(self, connection: Connection) -> Identity:
        identity = self.connections.identity(connection)
        if identity is None:
            raise NotAuthenticated("Not authenticated")
        return identity

    def _others_online(self, viewer: Identity, asked: Iterable[str] | None) -> Payload:
        online = self.presence.online(viewer, asked)
        statuses = self.presence.statuses(online)
        return {
            "online": online,
            "statuses": {user_id: status.told() for user_id, status in statuses.items()},
        }

    def _send(self, connections: Iterable[Connection], event: str, payload: Payload) -> None:
        self._realtime.send(list(connections), event, payload)

    def _left(self, user_id: str, last_seen: datetime) -> None:
        _ = self._app.tasks.start(self._mark_seen(user_id, last_seen), name="mark seen")

    async def _mark_seen(self, user_id: str, last_seen: datetime) -> None:
        await self._app.service("users").mark_seen(user_id, last_seen)


def _are_ids(value: object) -> bool:
    return is_list(value) and len(value) <= MAX_ASKED and all(isinstance(one, str) for one in value)
