from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymongo.asynchronous.client_session import AsyncClientSession

from ...core.schema import invalid
from ...hooks.class_places import hold_classes
from ...models import ClassEnrollment, ClassTeacher
from ...models.member import MemberRole


async def first_members(data: Mapping[str, Any], session: AsyncClientSession) -> dict[Any, MemberRole]:
    """Who is in a new conversation, by user id, and as what: the creator is its admin.

    Of two people who talk neither is above the other. In a class's conversation is, named or not, who is
    enrolled in it, and who teaches it is a moderator. Raises BadRequest for a class that is gone.
    """
    roles: dict[Any, MemberRole] = {data["createdBy"]: "member"}
    roles.update(dict.fromkeys(data["memberIds"], "member"))
    if data["kind"] == "class":
        roles.update(await _people_of_class(data["classId"], session))
    if data["kind"] != "direct":
        roles[data["createdBy"]] = "admin"
    return roles


async def _people_of_class(class_id: Any, session: AsyncClientSession) -> dict[Any, MemberRole]:
    if not await hold_classes([class_id], session):
        raise invalid("classId", "no such class")
    here, only_whom = {"classId": class_id}, {"userId": 1}
    enrolled = await ClassEnrollment.documents().find(here, only_whom, session=session).to_list()
    teaching = await ClassTeacher.documents().find(here, only_whom, session=session).to_list()
    roles: dict[Any, MemberRole] = {place["userId"]: "member" for place in enrolled}
    roles.update({place["userId"]: "moderator" for place in teaching})
    return roles
