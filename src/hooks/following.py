"""Conversations whose members follow from places elsewhere: in classes, in teams.

Who gets such a place is let into the conversations that are for it, and leaves them with it. A place and what
follows from it are one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pymongo.asynchronous.client_session import AsyncClientSession

from ..core.context import HookContext
from ..core.schema import invalid
from ..core.shapes import is_list
from ..models.record import Record
from .places import FIXED
from .records import records
from .transactions import joined

Fields: TypeAlias = dict[str, Any]
Seat = Callable[[HookContext, Mapping[str, Any], Mapping[str, Any], str | None], Fields | None]
"""What somebody with a place is in a conversation, as fields of a member record; None for who is not in it.

It is given the call, the place, the conversation and the role that the person has there already.
"""


@dataclass(frozen=True, slots=True)
class Following:
    """``field`` names what there are places in, in a place and in a conversation; ``group`` is its model.

    Of the conversations that name it those of these ``kinds`` follow. ``seat`` looks at the fields
    ``opened_by`` of them. ``missing`` is said of what is there no more.
    """

    field: str
    kinds: tuple[str, ...]
    group: type[Record]
    seat: Seat
    missing: str
    opened_by: tuple[str, ...] = ()

    async def hold(self, ids: Iterable[Any], session: AsyncClientSession) -> int:
        """Let nobody else change who is in these, or make their conversations, until the commit.

        Two transactions that both write here meet as a conflict, and one of them is repeated: so neither
        misses what the other has added. Returns how many of them there are.
        """
        held = await self.group.documents().update_many(
            {"_id": {"$in": list(ids)}}, {"$inc": {"changes": 1}}, session=session
        )
        return held.matched_count

    async def follow(self, context: HookContext) -> None:
        """After a place was given or changed: its user is in the conversations that it is for, and no other.

        Raises BadRequest for a place in what was removed meanwhile.
        """
        place = context.result
        if not await self.hold([place[self.field]], context.params["session"]):
            raise invalid(self.field, self.missing)
        await self._seat(context, [place], await self._conversations(context, [place[self.field]]))

    async def settle(self, context: HookContext, conversation: Mapping[str, Any], path: str) -> None:
        """After a conversation was opened to others: those with a place at ``path`` are in it, or not."""
        group_id = conversation[self.field]
        await self.hold([group_id], context.params["session"])
        places = await records(context, path, {self.field: group_id})
        await self._seat(context, places, [conversation])

    async def leave(self, context: HookContext) -> None:
        """After places were taken."""
        left: dict[Any, list[Any]] = {}
        for place in context.result if is_list(context.result) else [context.result]:
            left.setdefault(place[self.field], []).append(place["userId"])
        if not left:
            return
        await self.hold(left, context.params["session"])
        for talk in await self._conversations(context, left):
            query = {"conversationId": talk["_id"], "userId": {"$in": left[talk[self.field]]}}
            params = joined(context, query=query, adapter={"multi": True})
            await context.app.service("members").remove(None, params)

    async def _seat(
        self,
        context: HookContext,
        places: Iterable[Mapping[str, Any]],
        conversations: Iterable[Mapping[str, Any]],
    ) -> None:
        places, talks = list(places), list(conversations)
        query = {
            "conversationId": {"$in": [talk["_id"] for talk in talks]},
            "userId": {"$in": [place["userId"] for place in places]},
        }
        members = await records(context, "members", query)
        there = {(member["conversationId"], member["userId"]): member for member in members}
        for talk in talks:
            for place in places:
                await self._seat_one(context, place, talk, there.get((talk["_id"], place["userId"])))

    async def _seat_one(
        self,
        context: HookContext,
        place: Mapping[str, Any],
        talk: Mapping[str, Any],
        member: Mapping[str, Any] | None,
    ) -> None:
        service = context.app.service("members")
        wanted = self.seat(context, place, talk, None if member is None else member["role"])
        if wanted is None:
            if member is not None:
                await service.remove(member["_id"], joined(context))
            return
        data, fixed = {"role": wanted["role"]}, {FIXED: wanted}
        if member is None:
            data |= {"conversationId": talk["_id"], "userId": place["userId"]}
            await service.create(data, joined(context, tenant=place["schoolId"], **fixed))
        elif any(member.get(name) != value for name, value in wanted.items()):
            await service.patch(member["_id"], data, joined(context, **fixed))

    async def _conversations(self, context: HookContext, ids: Iterable[Any]) -> list[dict[str, Any]]:
        shown = ["_id", "kind", self.field, *self.opened_by]
        query = {self.field: {"$in": list(ids)}, "kind": {"$in": list(self.kinds)}, "$select": shown}
        return await records(context, "conversations", query)
