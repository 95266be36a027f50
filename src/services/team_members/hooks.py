from __future__ import annotations

from typing import Any

from ...core.context import HookContext
from ...core.errors import Forbidden
from ...core.schema import validate_data, validate_query
from ...hooks.audit import audited, values_of
from ...hooks.membership import require_people
from ...hooks.ownership import caller
from ...hooks.records import reached
from ...hooks.team_places import TEAMS, check_groups, only_own_teams
from ...hooks.team_rights import require_right_in_team, rights_of
from .schema import TeamMemberData, TeamMemberPatch, TeamMemberQuery


async def let_in_by_who_manages(context: HookContext) -> None:
    """Raises Forbidden, and BadRequest for who is not of the school."""
    data = context.data
    if not context.params.provider:
        return
    await _require_power_over(context, data["teamId"], data["role"])
    await require_people(context, "userId", [data["userId"]])
    await _check_group(context, data["teamId"])


async def change_by_who_manages(context: HookContext) -> None:
    """Raises Forbidden, BadRequest, NotFound."""
    if not context.params.provider:
        return
    place = await reached(context)
    await _require_power_over(context, place["teamId"], place["role"], context.data.get("role"))
    await _check_group(context, place["teamId"])


async def leave_or_be_removed(context: HookContext) -> None:
    """Raises Forbidden, NotFound."""
    if not context.params.provider:
        return
    place = await reached(context)
    if place["userId"] != caller(context)["_id"]:
        await _require_power_over(context, place["teamId"], place["role"])


async def _require_power_over(context: HookContext, team_id: Any, *roles: str | None) -> None:
    """Nobody gives or takes more rights than the own ones. Raises Forbidden."""
    own = await require_right_in_team(context, team_id, "manage_team")
    for role in filter(None, roles):
        if not rights_of(context.app, role) <= own:
            raise Forbidden(f"Only who may do as much decides who is {role}", {"code": "PERMISSION_DENIED"})


async def _check_group(context: HookContext, team_id: Any) -> None:
    group = context.data.get("positionGroup")
    await check_groups(context, team_id, [] if group is None else [group])


def of_the_team(_: HookContext, place: dict[str, Any]) -> tuple[str, Any]:
    return "teams", place["teamId"]


CHECKED = validate_query(TeamMemberQuery())
PLACE = values_of("userId", "role", "positionGroup")
in_own_teams = only_own_teams("teamId")

HOOKS: dict[str, Any] = {
    "around": {
        "create": [audited(subject=of_the_team, details=PLACE)],
        "patch": [audited(subject=of_the_team, details=PLACE)],
        "remove": [audited(subject=of_the_team, details=PLACE)],
    },
    "before": {
        "all": [CHECKED],
        "find": [in_own_teams],
        "get": [in_own_teams],
        "create": [validate_data(TeamMemberData()), let_in_by_who_manages],
        "patch": [in_own_teams, validate_data(TeamMemberPatch(), partial=True), change_by_who_manages],
        "remove": [in_own_teams, leave_or_be_removed],
    },
    "after": {"create": [TEAMS.follow], "patch": [TEAMS.follow], "remove": [TEAMS.leave]},
}
