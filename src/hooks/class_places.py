"""Places in classes, of teachers and of students: both follow the same rules.

A class's conversation has the people of the class for members, its teachers as moderators: they join and
leave with it. A place and what follows from it are one transaction.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from marshmallow import Schema
from pymongo.asynchronous.client_session import AsyncClientSession

from ..core.context import HookContext
from ..core.schema import Id, invalid, moment
from ..core.shapes import is_list
from ..models import SchoolClass
from .access import PLACES
from .membership import require_people
from .records import first, records
from .transactions import joined


class PlaceData(Schema):
    classId = Id(required=True)
    userId = Id(required=True)


class PlaceQuery(Schema):
    _id = Id()
    classId = Id()
    userId = Id()
    createdAt = moment()


class PlaceResult(PlaceQuery):
    schoolId = Id()


def check_place(role: str) -> Callable[[HookContext], Awaitable[None]]:
    """The class and the user are of the school, and the user has ``role``. Raises BadRequest."""

    async def check(context: HookContext) -> None:
        if not context.params.provider:
            return
        if await first(context, "classes", {"_id": context.data["classId"]}) is None:
            raise invalid("classId", "no such class")
        (user,) = await require_people(context, "userId", [context.data["userId"]])
        if user["role"] != role:
            raise invalid("userId", f"is not a {role}")

    return check


async def hold_classes(class_ids: Iterable[Any], session: AsyncClientSession) -> int:
    """Let nobody else change who is in these classes, or make their conversations, until the commit.

    Two transactions that both write here meet as a conflict, and one of them is repeated: so neither
    misses what the other has added. Returns how many of the classes there are.
    """
    held = await SchoolClass.documents().update_many(
        {"_id": {"$in": list(class_ids)}}, {"$inc": {"changes": 1}}, session=session
    )
    return held.matched_count


async def join_conversation(context: HookContext) -> None:
    """After a place was given: it is one in the conversation of the class too.

    Raises BadRequest for a class that was removed meanwhile.
    """
    place = context.result
    if not await hold_classes([place["classId"]], context.params["session"]):
        raise invalid("classId", "no such class")
    talks = [talk["_id"] for talk in await _conversations(context, [place["classId"]])]
    members = context.app.service("members")
    query = {"conversationId": {"$in": talks}, "userId": place["userId"]}
    there = {member["conversationId"]: member for member in await records(context, "members", query)}
    role = "moderator" if context.path == PLACES["teacher"] else "member"
    for talk in talks:
        if talk not in there:
            member = {"conversationId": talk, "userId": place["userId"], "role": role}
            await members.create(member, joined(context, tenant=place["schoolId"]))
        elif role == "moderator" and there[talk]["role"] == "member":
            await members.patch(there[talk]["_id"], {"role": role}, joined(context))


async def leave_conversation(context: HookContext) -> None:
    """After places were taken."""
    left: dict[Any, list[Any]] = {}
    for place in context.result if is_list(context.result) else [context.result]:
        left.setdefault(place["classId"], []).append(place["userId"])
    if not left:
        return
    await hold_classes(left, context.params["session"])
    for talk in await _conversations(context, left):
        query = {"conversationId": talk["_id"], "userId": {"$in": left[talk["classId"]]}}
        params = joined(context, query=query, adapter={"multi": True})
        await context.app.service("members").remove(None, params)


async def _conversations(context: HookContext, class_ids: Iterable[Any]) -> list[dict[str, Any]]:
    query = {"classId": {"$in": list(class_ids)}, "kind": "class", "$select": ["_id", "classId"]}
    return await records(context, "conversations", query)
