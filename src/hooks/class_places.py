"""Places in classes, of teachers and of students: both follow the same rules.

A class's conversation has the people of the class for members, its teachers as moderators: they join and
leave with it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from marshmallow import Schema

from ..core.context import HookContext
from ..core.schema import Id, invalid, moment
from ..models import SchoolClass
from .access import PLACES
from .following import Fields, Following
from .membership import require_people
from .records import first


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


def _seat(context: HookContext, _: Mapping[str, Any], __: Mapping[str, Any], held: str | None) -> Fields:
    """Who manages the conversation already goes on doing so."""
    if context.path == PLACES["teacher"] and held in {None, "member"}:
        return {"role": "moderator"}
    return {"role": held or "member"}


CLASSES: Final = Following("classId", ("class",), SchoolClass, _seat, "no such class")
