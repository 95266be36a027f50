"""Places in classes, of teachers and of students: both follow the same rules.

A class's conversation has the people of the class for members: they join and leave with it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from marshmallow import Schema

from ..core.context import HookContext, Params
from ..core.errors import Conflict, NotFound
from ..core.schema import Id, invalid, moment
from ..core.shapes import is_list
from .membership import require_people


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
        tenant = context.params["tenant"]
        try:
            await context.app.service("classes").get(context.data["classId"], Params(tenant=tenant))
        except NotFound:
            raise invalid("classId", "no such class") from None
        (user,) = await require_people(context, "userId", [context.data["userId"]])
        if user["role"] != role:
            raise invalid("userId", f"is not a {role}")

    return check


async def join_conversation(context: HookContext) -> None:
    place = context.result
    for conversation in await _conversations(context, place):
        member = {"conversationId": conversation["_id"], "userId": place["userId"]}
        with suppress(Conflict):  # who was invited before is a member already
            await context.app.service("members").create(member, Params(tenant=place["schoolId"]))


async def leave_conversation(context: HookContext) -> None:
    for place in context.result if is_list(context.result) else [context.result]:
        for conversation in await _conversations(context, place):
            query = {"conversationId": conversation["_id"], "userId": place["userId"]}
            await context.app.service("members").remove(None, Params(query=query, adapter={"multi": True}))


async def _conversations(context: HookContext, place: dict[str, Any]) -> list[dict[str, Any]]:
    query = {"kind": "class", "classId": place["classId"], "$select": ["_id"]}
    found: list[dict[str, Any]] = await context.app.service("conversations").find(
        Params(query=query, tenant=place["schoolId"], paginate=False)
    )
    return found
