"""What clients ask for by the school's own events."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, cast

from ..core.application import Application, Realtime
from ..core.context import Connection, HookContext, Params
from ..core.errors import BadRequest, NotAuthenticated, TooManyRequests
from ..core.shapes import is_list, is_mapping
from ..hooks.access import require_unsuspended
from ..hooks.limits import limited
from .attendance import Attendance
from .connections import ConnectionManager, Identity
from .events import ClientEvent
from .status import parse_status
from .subscriptions import MOST
from .typists import Typists

MAX_ASKED: Final = 1000
ID_LENGTH: Final = 24
ID: Final = re.compile(rf"[0-9a-fA-F]{{{ID_LENGTH}}}")

Payload = dict[str, Any]


class Requests:
    """Answers them. It holds no rule about records: it calls services for the client, with their hooks.

    In conversations of more than ``most`` members nobody is told who types.
    """

    def __init__(
        self,
        app: Application,
        connections: ConnectionManager[Connection],
        attendance: Attendance,
        typists: Typists,
        *,
        most: int,
    ) -> None:
        self._app = app
        self._connections = connections
        self._attendance = attendance
        self._typists = typists
        self._most = most
        self._limit_status = limited("presence")

    def register(self, realtime: Realtime) -> None:
        handlers = {
            ClientEvent.MESSAGE_SEND: self.send_message,
            ClientEvent.MESSAGE_DELIVERED: self.message_delivered,
            ClientEvent.MESSAGE_READ: self.message_read,
            ClientEvent.TYPING_START: self.typing_start,
            ClientEvent.TYPING_STOP: self.typing_stop,
            ClientEvent.PRESENCE_GET: self.presence_get,
            ClientEvent.PRESENCE_SET: self.presence_set,
            ClientEvent.PRESENCE_SUBSCRIBE: self.presence_subscribe,
            ClientEvent.PRESENCE_UNSUBSCRIBE: self.presence_unsubscribe,
            ClientEvent.SYNC: self.sync,
        }
        for event, handler in handlers.items():
            realtime.on(event, handler)

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
        if not self._typists.start(connection, user_id, conversation_id):
            raise TooManyRequests("You are typing in too many conversations")
        return {}

    async def typing_stop(self, connection: Connection, data: Payload) -> Payload:
        conversation_id = data.get("conversationId")
        if not isinstance(conversation_id, str) or not ID.fullmatch(conversation_id):
            raise BadRequest("validation failed", {"errors": {"conversationId": "is not an id"}})
        # Whoever may write no more may still stop. Only what this connection has started is stopped.
        self._typists.stop(connection, self._identity(connection).user_id, conversation_id.lower())
        return {}

    async def presence_get(self, connection: Connection, data: Payload) -> Payload:
        return self._online(connection, _ids(data))

    async def presence_subscribe(self, connection: Connection, data: Payload) -> Payload:
        """Be told of these too, and no more of everybody. Answers how all are that were subscribed to."""
        self._identity(connection)
        if not self._attendance.subscriptions.add(connection, _ids(data, required=True) or []):
            raise _invalid_ids(f"may be {MOST} in all at most")
        return self._online(connection, self._attendance.subscriptions.of(connection))

    async def presence_unsubscribe(self, connection: Connection, data: Payload) -> Payload:
        """Be told no more of these; without ids, of everybody again. Answers as ``presence_subscribe``."""
        self._identity(connection)
        user_ids = _ids(data)
        if user_ids is None:
            self._attendance.subscriptions.clear(connection)
        else:
            self._attendance.subscriptions.remove(connection, user_ids)
        return self._online(connection, self._attendance.subscriptions.of(connection))

    async def presence_set(self, connection: Connection, data: Payload) -> Payload:
        """Raises BadRequest, TooManyRequests, and Forbidden for who is suspended: others read the text."""
        user_id, status = self._identity(connection).user_id, parse_status(data)
        users = self._app.service("users")
        await self._limit_status(HookContext(users, "set_status", params=_params(connection)))
        require_unsuspended(await users.get(user_id))
        await users.set_status(user_id, status.name, status.text)
        await self._attendance.refresh(user_id)
        return status.told()

    async def sync(self, connection: Connection, data: Payload) -> Payload:
        return await self._call("sync", "create", connection, data)

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
        context = await service.run(HookContext(service, method, data=data, params=_params(connection)))
        return cast("Payload", context.outcome)

    async def _is_crowded(self, conversation_id: Any) -> bool:
        """Whether too many would be told of everybody who types there."""
        query = {"_id": conversation_id, "$select": ["memberCount"]}
        found = await self._app.service("conversations").find(Params(query=query, paginate=False))
        return any(conversation["memberCount"] > self._most for conversation in found)

    def _online(self, connection: Connection, asked: Iterable[str] | None) -> Payload:
        identity = self._identity(connection)
        self._attendance.collector.hasten(connection)
        return self._attendance.online(identity, asked)

    def _identity(self, connection: Connection) -> Identity:
        identity = self._connections.identity(connection)
        if identity is None:
            raise NotAuthenticated("Not authenticated")
        return identity


def _params(connection: Connection) -> Params:
    return Params(connection, query={}, route={}, connection=connection)


def _ids(data: Payload, *, required: bool = False) -> list[str] | None:
    """``userIds``, None where they are left out. Raises BadRequest."""
    asked = data.get("userIds")
    if asked is None and not required:
        return None
    if not is_list(asked) or len(asked) > MAX_ASKED or not all(map(_may_be_id, asked)):
        raise _invalid_ids(f"must be a list of at most {MAX_ASKED} ids")
    return asked


def _may_be_id(one: object) -> bool:
    """What is no id is nobody's, but it is kept: it must not be long."""
    return isinstance(one, str) and len(one) <= ID_LENGTH


def _invalid_ids(reason: str) -> BadRequest:
    return BadRequest("validation failed", {"errors": {"userIds": reason}})
