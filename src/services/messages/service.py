from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from weakref import WeakValueDictionary

from beanie import PydanticObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.client_session import AsyncClientSession

from ...core.adapters.beanie import BeanieService
from ...core.context import Params
from ...core.errors import NotFound
from ...models import Conversation, Message
from ...models.record import now

MAX_AHEAD: Final = 1000
PREVIEW: Final = 200


class MessagesService(BeanieService):
    def __init__(self, paginate: Mapping[str, int | None]) -> None:
        super().__init__(Message, tenant="schoolId", paginate=paginate)
        # Own senders of one conversation take turns here instead of meeting as conflicts in the database.
        self._turns: WeakValueDictionary[PydanticObjectId, asyncio.Lock] = WeakValueDictionary()

    async def create(self, data: Any, params: Params | None = None) -> Any:
        """Store the message under the conversation's next ``seq``; clock, preview and message in one step.

        ``params["lamport"]``, the clock of a client that keeps one, is merged up to 1,000 ahead and
        ignored beyond: only then are numbers left out.
        Raises NotFound for a conversation of another school, Conflict for an idempotency key in use.
        """
        params = params or Params()
        turn = self._turns.setdefault(data["conversationId"], asyncio.Lock())

        async def append(session: AsyncClientSession) -> Any:
            within = Params(params, session=session)
            message = {**data, "createdAt": now()}
            message["seq"] = await self._next_seq(message, params.get("lamport", 0), within)
            return await super(MessagesService, self).create(message, within)

        with self._errors():
            async with turn, Message.session() as session:
                return await session.with_transaction(append)

    async def patch(self, id: Any, data: Any, params: Params | None = None) -> Any:
        """Change the message and what is shown of it in lists of conversations, in one step."""
        if "content" not in data:
            return await super().patch(id, data, params)
        return await self._change(id, data, params or Params(), data["content"])

    async def remove(self, id: Any, params: Params | None = None) -> Any:
        """Leave a tombstone: the record stays, with who removed it and when."""
        params = params or Params()
        who = (params.user or {}).get("_id")
        return await self._change(id, {"deletedAt": now(), "deletedBy": who}, params, None)

    async def _change(self, id: Any, data: Any, params: Params, content: str | None) -> Any:
        """Patch a message whose preview becomes ``content`` where it is the newest."""

        async def change(session: AsyncClientSession) -> Any:
            within = Params(params, session=session)
            message: Any = await super(MessagesService, self).patch(id, data, within)
            await Conversation.documents().update_one(
                {"_id": message["conversationId"], "lastMessage.seq": message["seq"]},
                {"$set": {"lastMessage.content": _preview(content)}},
                session=session,
            )
            return message

        with self._errors():
            async with Message.session() as session:
                return await session.with_transaction(change)

    async def _next_seq(self, message: dict[str, Any], lamport: int, params: Params) -> int:
        ahead = {"$and": [{"$gt": [lamport, "$clock"]}, {"$lte": [lamport, {"$add": ["$clock", MAX_AHEAD]}]}]}
        preview = {
            "seq": "$clock",
            "senderId": message["senderId"],
            "type": {"$literal": message.get("type", "text")},
            "content": {"$literal": _preview(message.get("content"))},
            "createdAt": message["createdAt"],
        }
        conversation = await Conversation.documents().find_one_and_update(
            {"_id": message["conversationId"], **self._tenant_values(params)},
            [
                {"$set": {"clock": {"$add": [{"$cond": [ahead, lamport, "$clock"]}, 1]}}},
                {"$set": {"lastMessage": preview, "lastMessageAt": message["createdAt"]}},
            ],
            projection={"clock": 1},
            return_document=ReturnDocument.AFTER,
            session=params["session"],
        )
        if conversation is None:
            raise NotFound(f"No record found for id '{message['conversationId']}'")
        seq: int = conversation["clock"]
        return seq


def _preview(content: str | None) -> str | None:
    return None if content is None else content[:PREVIEW]
