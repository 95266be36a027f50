from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from bson import ObjectId
from pymongo import ReturnDocument

from ...core.adapters.beanie import BeanieService
from ...core.context import Params
from ...core.errors import BadRequest
from ...core.shapes import is_list
from ...hooks.places import FIXED
from ...hooks.seats import not_a_member
from ...models import Member
from ...models.journal import Journal, Writing
from ...models.record import now
from .succession import keep_an_admin

PATH: Final = "members"

Cursors = dict[str, Any]
Place = dict[str, Any]


class MembersService(BeanieService):
    """Places in conversations, and the count of them there, change together."""

    def __init__(self, journal: Journal, paginate: Mapping[str, int | None]) -> None:
        super().__init__(Member, tenant="schoolId", paginate=paginate)
        self._journal = journal

    async def create(self, data: Any, params: Params | None = None) -> Any:
        """Store the place, with own code's fields ``params["fixed"]``. All written before counts as read.

        Raises BadRequest where there are ``params["maxMembers"]`` already, Conflict for who is a member,
        NotFound for a conversation of another school.
        """
        params = params or Params()
        own_id, conversation_id = ObjectId(), data["conversationId"]

        async def join(writing: Writing) -> Any:
            conversation = await writing.revise(
                conversation_id, update=[_count(1)], **self._tenant_values(params)
            )
            limit: int | None = params.get("maxMembers")
            if limit is not None and conversation["memberCount"] > limit:
                raise BadRequest(f"The conversation is full: {limit} members", {"limit": limit})
            seqs = dict.fromkeys(("joinedSeq", "deliveredSeq", "readSeq"), conversation["clock"])
            revision = writing.note(conversation_id, PATH, "created", own_id)
            fixed = {"_id": own_id, "schoolId": conversation["schoolId"], "revision": revision, **seqs}
            fixed |= params.get(FIXED, {})
            place: Any = await super(MembersService, self).create({**data, **fixed}, writing.params)
            if data.get("role") == "moderator":
                # Staff that comes to teach a class may find it without an admin.
                await keep_an_admin(conversation, writing, by_itself=True)
            return place

        return await self._journal.write(join, params, turn=conversation_id)

    async def patch(self, id: Any, data: Any, params: Params | None = None) -> Any:
        """Raises BadRequest where a client would leave the conversation without an admin."""
        params = params or Params()
        if id is None:
            return await super().patch(id, data, params)
        conversation_id = (await self._there(id, params))["conversationId"]

        async def change(writing: Writing) -> Any:
            conversation = await writing.revise(conversation_id)
            revision = writing.note(conversation_id, PATH, "patched", self._stored_id(id))
            place: Any = await super(MembersService, self).patch(
                id, {**data, **params.get(FIXED, {}), "revision": revision}, writing.params
            )
            if data.get("role", "admin") != "admin":
                await keep_an_admin(conversation, writing, by_itself=params.provider is None)
            return place

        return await self._journal.write(change, params, turn=conversation_id)

    async def remove(self, id: Any, params: Params | None = None) -> Any:
        """Remove the place, or all that match.

        Raises BadRequest where a client would leave the conversation without an admin.
        """
        params = params or Params()
        turn = None if id is None else (await self._there(id, params))["conversationId"]

        async def leave(writing: Writing) -> Any:
            removed: Any = await super(MembersService, self).remove(id, writing.params)
            by_conversation: dict[Any, list[Place]] = {}
            for place in removed if is_list(removed) else [removed]:
                by_conversation.setdefault(place["conversationId"], []).append(place)
            for places in by_conversation.values():
                await _note_gone(places, writing, by_itself=params.provider is None)
            return removed

        return await self._journal.write(leave, params, turn=turn)

    async def acknowledge(self, data: dict[str, Any], params: Params) -> Cursors:
        """Move the caller's cursors of a conversation forward; what was read was delivered too.

        ``data``: ``conversationId`` with ``deliveredSeq``, ``readSeq`` or both. Answers
        ``{conversationId, userId, deliveredSeq, readSeq, at, moved}``, ``moved`` being the names of
        the cursors that went forward. Raises Forbidden for who is not a member.
        """
        read = data.get("readSeq", 0)
        delivered = max(data.get("deliveredSeq", 0), read)
        user, at = cast("dict[str, Any]", params.user), now()
        has_read, has_got = {"$gt": [read, "$readSeq"]}, {"$gt": [delivered, "$deliveredSeq"]}
        member = await Member.documents().find_one_and_update(
            {"conversationId": data["conversationId"], "userId": user["_id"]},
            [
                {
                    "$set": {
                        "readAt": {"$cond": [has_read, at, "$readAt"]},
                        # The database's own time: sync asks by it what has moved since.
                        "touchedAt": {"$cond": [{"$or": [has_read, has_got]}, "$$NOW", "$touchedAt"]},
                        "readSeq": {"$max": [read, "$readSeq"]},
                        "deliveredSeq": {"$max": [delivered, "$deliveredSeq"]},
                    }
                }
            ],
            return_document=ReturnDocument.BEFORE,
        )
        if member is None:
            raise not_a_member(data["conversationId"])
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

    async def writable(self, data: dict[str, Any], params: Params) -> dict[str, Any]:
        """Whether the caller may write in a conversation now, and if not, why; the hooks decide.

        ``data``: ``conversationId``. Answers ``{conversationId, userId}``.
        """
        user = cast("dict[str, Any]", params.user)
        return {"conversationId": data["conversationId"], "userId": user["_id"]}

    async def _there(self, id: Any, params: Params) -> Place:
        """The whole place, whatever the call selects. Raises NotFound."""
        query = {name: value for name, value in params.query.items() if name != "$select"}
        found: Any = await super().get(id, Params(params, query=query))
        place: Place = found
        return place


async def _note_gone(places: list[Place], writing: Writing, *, by_itself: bool) -> None:
    """Note what was removed from one conversation; the places get its revisions."""
    conversation_id = places[0]["conversationId"]
    conversation = await writing.revise(conversation_id, len(places), [_count(-len(places))])
    for place in places:
        gone = {name: place[name] for name in ("_id", "conversationId", "userId", "schoolId")}
        place["revision"] = writing.note(conversation_id, PATH, "removed", place["_id"], gone=gone)
    if any(place["role"] == "admin" for place in places):
        await keep_an_admin(conversation, writing, by_itself=by_itself)


def _count(change: int) -> dict[str, Any]:
    return {"$set": {"memberCount": {"$add": ["$memberCount", change]}}}
