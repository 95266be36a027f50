from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymongo.asynchronous.client_session import AsyncClientSession

from ...core.application import Application
from ...core.schema import invalid
from ...hooks.class_places import CLASSES
from ...hooks.following import Fields
from ...hooks.team_places import TEAMS, seat_in_channel
from ...models import ClassEnrollment, ClassTeacher, TeamMember

Places = dict[Any, Fields]


async def first_members(app: Application, data: Mapping[str, Any], session: AsyncClientSession) -> Places:
    """Who is in a new conversation, by user id, and the fields of their places: the creator is its admin.

    Of two people who talk neither is above the other. In a class's conversation is, named or not, who is
    enrolled in it, and who teaches it is a moderator. In a channel of a team is who it is open to, and nobody
    else. Raises BadRequest for a class or a team that is gone.
    """
    if "teamId" in data:
        return await _people_of_team(app, data, session)
    places: Places = {data["createdBy"]: {"role": "member"}}
    places.update({person: {"role": "member"} for person in data["memberIds"]})
    if data["kind"] == "class":
        places.update(await _people_of_class(data["classId"], session))
    if data["kind"] != "direct":
        places[data["createdBy"]] = {"role": "admin"}
    return places


async def _people_of_class(class_id: Any, session: AsyncClientSession) -> Places:
    if not await CLASSES.hold([class_id], session):
        raise invalid("classId", CLASSES.missing)
    here, only_whom = {"classId": class_id}, {"userId": 1}
    enrolled = await ClassEnrollment.documents().find(here, only_whom, session=session).to_list()
    teaching = await ClassTeacher.documents().find(here, only_whom, session=session).to_list()
    places: Places = {place["userId"]: {"role": "member"} for place in enrolled}
    places.update({place["userId"]: {"role": "moderator"} for place in teaching})
    return places


async def _people_of_team(
    app: Application, channel: Mapping[str, Any], session: AsyncClientSession
) -> Places:
    if not await TEAMS.hold([channel["teamId"]], session):
        raise invalid("teamId", TEAMS.missing)
    places = await TeamMember.documents().find({"teamId": channel["teamId"]}, session=session).to_list()
    seats = {place["userId"]: seat_in_channel(app, place, channel) for place in places}
    return {person: seat for person, seat in seats.items() if seat is not None}
