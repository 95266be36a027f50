"""What a new conversation has to be like, and who may make it."""

from __future__ import annotations

from typing import Final

from ...core.context import HookContext
from ...core.errors import Forbidden
from ...core.schema import invalid
from ...hooks.membership import require_people
from ...hooks.records import first
from ...hooks.team_places import OPENNESS, check_channel
from ...models.user import STAFF

OPEN_TO_STUDENTS: Final = frozenset({"direct", "group"})


def kinds_by_role(context: HookContext) -> None:
    user, kind = context.params.user, context.data["kind"]
    if "teamId" in context.data:
        return  # which the team's own roles decide
    student = context.params.provider and user is not None and user["role"] == "student"
    if student and kind not in OPEN_TO_STUDENTS:
        raise Forbidden(f"Only teacher or admin may create a {kind} conversation")


async def check_shape(context: HookContext) -> None:
    """What each kind needs: two people, a class that one teaches, or a name. Raises BadRequest, Forbidden."""
    data, kind = context.data, context.data["kind"]
    others = [one for one in dict.fromkeys(data["memberIds"]) if one != data["createdBy"]]
    data["memberIds"] = others
    if kind == "direct":
        if len(others) != 1:
            raise invalid("memberIds", "a direct conversation has exactly one other person")
        first, second = sorted((str(data["createdBy"]), str(others[0])))
        data["directKey"] = f"{first}:{second}"
        data.pop("name", None)
    elif "name" not in data:
        raise invalid("name", "Missing data for required field.")
    if kind == "class":
        await _check_class(context)
    elif "classId" in data:
        raise invalid("classId", "only a class conversation has a class")
    await _check_openness(context)
    if context.params.provider and others:
        await require_people(context, "memberIds", others)
        await _check_room(context, 1 + len(others))


async def _check_openness(context: HookContext) -> None:
    """To whom it is open, and who writes in it: a team's own roles, or the school's in an announcement."""
    data = context.data
    if "teamId" in data:
        await check_channel(context)
    elif misplaced := data.keys() & set(OPENNESS):
        raise invalid(min(misplaced), "only a channel of a team has them")
    elif data["kind"] == "announcement":
        data.setdefault("writerRoles", list(STAFF))
    elif "writerRoles" in data:
        raise invalid("writerRoles", "only an announcement has them")


async def _check_class(context: HookContext) -> None:
    data, user = context.data, context.params.user
    if "classId" not in data:
        raise invalid("classId", "Missing data for required field.")
    if not context.params.provider or user is None:
        return
    if await first(context, "classes", {"_id": data["classId"]}) is None:
        raise invalid("classId", "no such class")
    if user["role"] != "admin":
        place = {"classId": data["classId"], "userId": user["_id"]}
        if await first(context, "class-teachers", place) is None:
            raise Forbidden("Only a teacher of the class or admin may create its conversation")


async def _check_room(context: HookContext, count: int) -> None:
    school = await context.app.service("schools").get(context.params["tenant"])
    limit = school["settings"]["maxGroupMembers"]
    if context.data["kind"] != "class" and count > limit:
        raise invalid("memberIds", f"a conversation has at most {limit} members")
