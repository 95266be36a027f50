from __future__ import annotations

from typing import Any

from ...core.context import HookContext
from ...core.errors import Forbidden
from ...core.protect import protect
from ...core.schema import invalid, validate_data, validate_query
from ...hooks.access import allow
from ...hooks.audit import audited, changed_fields
from ...hooks.ownership import by_caller, caller
from ...hooks.records import first, reached
from ...hooks.team_places import only_own_teams
from ...hooks.team_rights import require_right_in_team, rights_of
from ...hooks.transactions import joined
from ...models.user import STAFF
from .channels import default_channels
from .schema import TeamData, TeamName, TeamQuery


def each_group_once(context: HookContext) -> None:
    if "positionGroups" in context.data:
        context.data["positionGroups"] = list(dict.fromkeys(context.data["positionGroups"]))


async def by_who_manages(context: HookContext) -> None:
    """Raises Forbidden, NotFound."""
    if context.params.provider:
        team = await reached(context)
        await require_right_in_team(context, team["_id"], "manage_team")


async def by_who_may_end_it(context: HookContext) -> None:
    """The places of its admins end with it. Raises Forbidden, NotFound."""
    if context.params.provider:
        team = await reached(context)
        own = await require_right_in_team(context, team["_id"], "manage_team")
        if not own >= rights_of(context.app, "admin"):
            raise Forbidden("Only an admin of the team removes it", {"code": "PERMISSION_DENIED"})


async def keep_groups_in_use(context: HookContext) -> None:
    """Raises BadRequest where a position group is left out that somebody is in, or a channel open to."""
    if "positionGroups" not in context.data:
        return
    team = await reached(context)
    gone = set(team["positionGroups"]) - set(context.data["positionGroups"])
    for group in sorted(gone):
        for path, field in (("team-members", "positionGroup"), ("conversations", "positionGroups")):
            if await first(context, path, {"teamId": team["_id"], field: group}) is not None:
                raise invalid("positionGroups", f"{group} is in use")


async def may_read_audit(context: HookContext) -> None:
    """Raises Forbidden."""
    if context.params.provider:
        await require_right_in_team(context, context.data["teamId"], "read_audit")


async def make_what_a_team_needs(context: HookContext) -> None:
    """Who makes a team is its first admin, and it has its first channels."""
    team, user = context.result, caller(context)
    within = {"user": user, "tenant": team["schoolId"]}
    place = {"teamId": team["_id"], "userId": user["_id"], "role": "admin"}
    await context.app.service("team-members").create(place, joined(context, **within))
    for channel in default_channels(context.app, team):
        await context.app.service("conversations").create(channel, joined(context, **within))


async def remove_places(context: HookContext) -> None:
    """Nobody is in a team that is gone, nor in its channels."""
    query = {"teamId": context.result["_id"]}
    params = joined(context, query=query, adapter={"multi": True})
    await context.app.service("team-members").remove(None, params)


own_teams = only_own_teams("_id")

HOOKS: dict[str, Any] = {
    "around": {
        "all": [protect("changes")],
        "create": [audited()],
        "patch": [audited(details=changed_fields)],
        "remove": [audited()],
    },
    "before": {
        "find": [validate_query(TeamQuery()), own_teams],
        "get": [validate_query(TeamQuery()), own_teams],
        "create": [
            validate_query(TeamQuery()),
            allow(*STAFF),
            validate_data(TeamData()),
            each_group_once,
            by_caller("createdBy"),
        ],
        "patch": [
            validate_query(TeamQuery()),
            own_teams,
            validate_data(TeamData(), partial=True),
            each_group_once,
            by_who_manages,
            keep_groups_in_use,
        ],
        "remove": [validate_query(TeamQuery()), own_teams, by_who_may_end_it],
        "audit": [validate_data(TeamName()), may_read_audit],
    },
    "after": {"create": [make_what_a_team_needs], "remove": [remove_places]},
}
