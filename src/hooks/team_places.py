"""Places in teams, and the channels of a team that are open to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from ..core.application import Application
from ..core.context import HookContext
from ..core.errors import BadRequest
from ..core.schema import invalid
from ..models import Team
from ..models.team_member import TEAM_ROLES
from .following import Fields, Following
from .records import first, records
from .team_rights import require_right_in_team, rights_of, role_in_channel

CHANNELS: Final = ("channel", "announcement")
"""The kinds of conversations that belong to a team."""

OPENNESS: Final = ("teamRoles", "positionGroups")
"""The fields of a channel that tell whom it is open to."""


def seat_in_channel(app: Application, place: Mapping[str, Any], channel: Mapping[str, Any]) -> Fields | None:
    """The place in a channel of who has one in its team: it is open to the role, or to the position group."""
    groups: list[str] = channel.get("positionGroups") or []
    if place["role"] in (channel.get("teamRoles") or ()) or place["positionGroup"] in groups:
        return {"role": role_in_channel(app, place["role"]), "teamRole": place["role"]}
    return None


def _seat(
    context: HookContext, place: Mapping[str, Any], channel: Mapping[str, Any], _: str | None
) -> Fields | None:
    return seat_in_channel(context.app, place, channel)


TEAMS: Final = Following("teamId", CHANNELS, Team, _seat, "no such team", OPENNESS)


def only_own_teams(field: str) -> Callable[[HookContext], Awaitable[None]]:
    """Let clients reach records whose ``field`` is a team that they are in. The school's admins reach all."""

    async def restrict(context: HookContext) -> None:
        user = context.params.user
        if not context.params.provider or user is None or user["role"] == "admin":
            return
        asked = context.id if field == "_id" and context.id is not None else context.params.query.get(field)
        query: dict[str, Any] = {"userId": user["_id"], "$select": ["teamId"]}
        if asked is not None and not isinstance(asked, dict):
            query["teamId"] = asked
        try:
            places = await records(context, "team-members", query)
        except BadRequest:  # what is no id at all is the id of nothing
            places = []
        context.params["restrict"] = {field: {"$in": [place["teamId"] for place in places]}}

    return restrict


async def check_channel(context: HookContext) -> None:
    """A new channel of a team. Raises BadRequest, and Forbidden for who may not make one."""
    data = context.data
    if data["kind"] not in CHANNELS:
        raise invalid("teamId", f"only a {' or '.join(CHANNELS)} conversation is a team's")
    if data["memberIds"]:
        raise invalid("memberIds", "who is in a channel follows from the team")
    if "writerRoles" in data:
        raise invalid("writerRoles", "who writes in a channel follows from the team")
    if context.params.provider:
        await require_right_in_team(context, data["teamId"], "manage_channels")
    open_to_groups = bool(data.get("positionGroups"))
    data.setdefault("teamRoles", leading_roles(context.app) if open_to_groups else list(TEAM_ROLES))
    await check_groups(context, data["teamId"], data.get("positionGroups", []))


async def check_groups(context: HookContext, team_id: Any, groups: list[str]) -> None:
    """Raises BadRequest for a position group that the team does not have, or a team that there is not."""
    team = await first(context, "teams", {"_id": team_id})
    if team is None:
        raise invalid("teamId", "no such team")
    if unknown := [group for group in groups if group not in team["positionGroups"]]:
        raise invalid("positionGroups", f"not of the team: {', '.join(unknown)}")


def leading_roles(app: Application) -> list[str]:
    """Those that are in every channel: they manage the channels."""
    return [role for role in TEAM_ROLES if "manage_channels" in rights_of(app, role)]


def refuse_channel(conversation: Mapping[str, Any]) -> None:
    """Raises BadRequest for a team's channel, whose members are not chosen one by one."""
    if conversation.get("teamId") is not None:
        raise BadRequest("Who is in a channel of a team follows from the team")
