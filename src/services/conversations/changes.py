"""How a conversation is changed, and by whom."""

from __future__ import annotations

from typing import Any

from bson import ObjectId

from ...core.context import HookContext
from ...core.errors import BadRequest
from ...core.hooks import Next
from ...core.schema import invalid
from ...hooks.audit import changed_fields
from ...hooks.membership import refuse_archived, require_manager, require_role
from ...hooks.records import reached
from ...hooks.system_messages import tell
from ...hooks.team_places import OPENNESS, TEAMS, check_groups
from ...models.record import ANY_MOMENT, now


async def change_as_manager(context: HookContext) -> None:
    """Managers change a conversation, its admins archive it. ``archived`` becomes the time when it was.

    Raises Forbidden, BadRequest.
    """
    data = context.data
    context.params["before"] = before = await reached(context)
    if context.params.provider:
        await _check(context, before)
    if "archived" in data:
        archived = data.pop("archived")
        if archived != (before["archivedAt"] is not None):
            data["archivedAt"] = now() if archived else None


async def tell_of_change(context: HookContext, proceed: Next) -> None:
    """Write in the conversation that it has another name, is archived, or is so no longer."""
    await proceed()
    before, after = context.params.get("before"), context.result
    if before is None:
        return
    if after["name"] != before["name"]:
        await tell(context, after["_id"], f'renamed the conversation to "{after["name"]}"')
    if (after["archivedAt"] is None) != (before["archivedAt"] is None):
        done = "reopened" if after["archivedAt"] is None else "archived"
        await tell(context, after["_id"], f"{done} the conversation")


def find_archived(context: HookContext) -> None:
    """``archived`` finds what is, or what is not."""
    if context.params.provider and "archived" in context.params.query:
        query = dict(context.params.query)
        bounds = context.params.get("restrict", {})
        archived = query.pop("archived")
        context.params.query = query
        context.params["restrict"] = {**bounds, "archivedAt": ANY_MOMENT if archived else None}


async def own_id(context: HookContext) -> ObjectId | None:
    """The id of the conversation, where it is one."""
    return ObjectId(context.id) if ObjectId.is_valid(context.id) else None


def changing(context: HookContext, _: dict[str, Any]) -> bool:
    """Whether the call has changed anything: who archives what is archived has not."""
    return bool(context.data)


def what_has_changed(context: HookContext, record: dict[str, Any]) -> dict[str, Any]:
    """For the audit log: what is archived, and which other settings were given."""
    archived = {"archived": record["archivedAt"] is not None} if "archivedAt" in context.data else {}
    return {**changed_fields(context, record), **archived}


async def _check(context: HookContext, before: dict[str, Any]) -> None:
    data = context.data
    if before["kind"] == "direct":
        raise BadRequest("A direct conversation has no name or settings of its own")
    place = await require_manager(context, before)
    if "archived" in data:
        require_role(place, "admin")
    if data.get("archived") is not False and data.keys() - {"archived"}:
        refuse_archived(before)
    await _check_openness(context, before)
    if "writerRoles" in data and (before["kind"] != "announcement" or before.get("teamId") is not None):
        raise invalid("writerRoles", "only an announcement of the school has them")


async def _check_openness(context: HookContext, before: dict[str, Any]) -> None:
    """Raises BadRequest."""
    for name in OPENNESS:
        if name in context.data and before.get("teamId") is None:
            raise invalid(name, "only a channel of a team has them")
    if context.data.get("positionGroups"):
        await check_groups(context, before["teamId"], context.data["positionGroups"])


async def let_in_who_may(context: HookContext) -> None:
    """After a channel was opened to others: who is in it follows."""
    if not context.data.keys().isdisjoint(OPENNESS):
        await TEAMS.settle(context, context.result, "team-members")
