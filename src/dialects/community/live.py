"""The school's events once more, in the shapes of Community: for exactly those who were told."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Final
from weakref import WeakValueDictionary

from ...core.application import Application
from ...core.context import Connection, Params
from ...core.service import Service
from .hooks import SPEAKS
from .shapes import SENT, Data, group_of, message_of, status_of

RECEIPTS: Final = frozenset({"delivered", "read"})
MANY: Final = 200
SEATING: Final = frozenset({"created", "removed"})


def live(app: Application, *, groups: Service, messages: Service) -> None:
    told = Live(app, groups, messages)
    app.on("publish", told.published)


class Live:
    def __init__(self, app: Application, groups: Service, messages: Service) -> None:
        self._app = app
        self._groups = groups
        self._messages = messages
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def published(
        self, service: Service, event: str, payload: Any, connections: Sequence[Connection]
    ) -> Coroutine[Any, Any, None] | None:
        """Listens to the application's ``publish``. What an event does not say has to be read."""
        if not connections:
            return None
        match service.path:
            case "messages" if event == "created":
                self._tell(self._messages, event, message_of(payload, SENT), connections)
            case "messages":
                return self._in_turn(payload["conversationId"], self._message(event, payload, connections))
            case "conversations":
                return self._in_turn(payload["_id"], self._group(event, payload, connections))
            case "members" if event in RECEIPTS:
                # Of receipts there are very many: only who speaks Community is told the status of a message.
                if speaking := [one for one in connections if one.get(SPEAKS)]:
                    return self._in_turn(payload["conversationId"], self._status(payload, speaking))
            case "members" if event in SEATING:
                return self._in_turn(payload["conversationId"], self._seating(event, payload, connections))
            case _:
                pass
        return None

    async def _in_turn(self, conversation_id: Any, telling: Coroutine[Any, Any, None]) -> None:
        """What is read for one event of a conversation must not be overtaken by the next."""
        async with self._turns.setdefault(str(conversation_id), asyncio.Lock()):
            await telling

    async def _message(self, event: str, message: Data, to: Sequence[Connection]) -> None:
        status = status_of(message, await self._places(message["conversationId"]))
        self._tell(self._messages, event, message_of(message, status), to)

    async def _group(self, event: str, conversation: Data, to: Sequence[Connection]) -> None:
        if conversation["memberCount"] > MANY:
            # Of a list so long only those are told who speak Community.
            to = [one for one in to if one.get(SPEAKS)]
            if not to:
                return
        places = await self._places(conversation["_id"])
        self._tell(self._groups, event, group_of(conversation, (place["userId"] for place in places)), to)

    async def _status(self, receipt: Data, to: Sequence[Connection]) -> None:
        """Of the newest message that somebody has got or read; those before it have come as far."""
        named = {"conversationId": receipt["conversationId"], "seq": receipt["seq"]}
        for message in await self._read("messages", named):
            if message["deletedAt"] is None:
                await self._message("patched", message, to)

    async def _seating(self, event: str, place: Data, to: Sequence[Connection]) -> None:
        """Who is in a group is no business of who has left it."""
        gone = [one for one in to if event == "removed" and _user_id(one) == str(place["userId"])]
        self._tell(self._groups, "removed", {"_id": place["conversationId"]}, gone)
        staying = [one for one in to if one not in gone]
        if staying:
            for conversation in await self._read("conversations", {"_id": place["conversationId"]}):
                await self._group("patched", conversation, staying)

    async def _places(self, conversation_id: Any) -> list[Data]:
        fields = ["userId", "deliveredSeq", "readSeq"]
        return await self._read("members", {"conversationId": conversation_id, "$select": fields})

    async def _read(self, path: str, query: Data) -> list[Data]:
        found: list[Data] = await self._app.service(path).find(Params(query=query, paginate=False))
        return found

    def _tell(self, service: Service, event: str, payload: Data, to: Sequence[Connection]) -> None:
        if to:
            self._app.emit("publish", service, event, payload, to)


def _user_id(connection: Connection) -> str:
    return str((connection.user or {}).get("_id"))
