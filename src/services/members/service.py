from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, cast

from pymongo import ReturnDocument
from pymongo.asynchronous.client_session import AsyncClientSession

from ...core.adapters.beanie import BeanieService
from ...core.context import Params
from ...core.errors import Forbidden
from ...core.shapes import is_list
from ...models import Conversation, Member
from ...models.record import now

Cursors = dict[str, Any]


class MembersService(BeanieService):
    def __init__(self, paginate: Mapping[str, int | None]) -> None:
        super().__init__(Member, tenant="schoolId", paginate=paginate)

    async def create(self, data: Any, params: Params | None = None) -> Any:
        """Store the place and count it in its conversation, in one step."""
        create, params = super().create, params or Params()

        async def join(session: AsyncClientSession) -> Any:
            member = await create(data, Params(params, session=session))
            await self._count(member, 1, session)
            return member

        return await self._together(join)

    async def remove(self, id: Any, params: Params | None = None) -> Any:
        """Remove the place, or all that match, and count the conversations down, in one step."""
        remove, params = super().remove, params or Params()

        async def leave(session: AsyncClientSession) -> Any:
            removed = await remove(id, Params(params, session=session))
            await self._count(removed, -1, session)
            return removed

        return await self._together(leave)

    async def acknowledge(self, data: dict[str, Any], params: Params) -> Cursors:
        """Move the caller's cursors of a conversation forward; what was read was delivered too.

        ``data``: ``conversationId`` with ``deliveredSeq``, ``readSeq`` or both. Answers
        ``{conversationId, userId, deliveredSeq, readSeq, at, moved}``, ``moved`` being the names of
        the cursors that went forward. Raises Forbidden for who is not a member.
        """
        read = data.get("readSeq", 0)
        delivered = max(data.get("deliveredSeq", 0), read)
        user, at = cast("dict[str, Any]", params.user), now()
        member = await Member.documents().find_one_and_update(
            {"conversationId": data["conversationId"], "userId": user["_id"]},
            [
                {
                    "$set": {
                        "readAt": {"$cond": [{"$gt": [read, "$readSeq"]}, at, "$readAt"]},
                        "readSeq": {"$max": [read, "$readSeq"]},
                        "deliveredSeq": {"$max": [delivered, "$deliveredSeq"]},
                    }
                }
            ],
            return_document=ReturnDocument.BEFORE,
        )
        if member is None:
            raise Forbidden("You are not a member of this conversation")
        moved = [
            name for name, seq in (("delivered", delivered), ("read", read)) if seq > member[f"{name}Seq"]
        ]
        return {
            "conversationId": member["conversationId"],
            "userId": member["userId"],
            "deliveredSeq": max(delivered, member["deliveredSeq"]),
            "readSeq": max(read, member["readSeq"]),
            "at": at,
            "moved": moved,
        }

    async def _together(self, write: Callable[[AsyncClientSession], Coroutine[Any, Any, Any]]) -> Any:
        with self._errors():
            async with Member.session() as session:
                return await session.with_transaction(write)

    async def _count(self, places: Any, change: int, session: AsyncClientSession) -> None:
        for place in places if is_list(places) else [places]:
            await Conversation.documents().update_one(
                {"_id": place["conversationId"]}, {"$inc": {"memberCount": change}}, session=session
            )
