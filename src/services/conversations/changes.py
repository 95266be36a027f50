"""How a conversation is changed, and by whom."""

from __future__ import annotations

from typing import Any

from bson import ObjectId

from ...core.context import HookContext
from ...core.errors import BadRequest
from ...core.hooks import Next
from ...core.schema import invalid
from ...hooks.membership import require_place, require_role
from ...hooks.places import MANAGERS
from ...hooks.system_messages import tell
from ...hooks.transactions import joined
from ...models.record import ANY_MOMENT, now


async def change_as_manager(context: HookContext) -> None:
    """Managers change a conversation, its admins archive it. ``archived`` becomes the time when it was.

    Raises Forbidden, BadRequest.
    """
    data = context.data
    bounds = {name: context.params[name] for name in ("tenant", "restrict") if name in context.params}
    before: dict[str, Any] = await context.service.get(context.id, joined(context, **bounds))
    context.params["before"] = before
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


def archiving(context: HookContext, _: dict[str, Any]) -> bool:
    return "archivedAt" in context.data


def archived_or_not(context: HookContext, record: dict[str, Any]) -> dict[str, Any]:
    return {"archived": record["archivedAt"] is not None}


async def _check(context: HookContext, before: dict[str, Any]) -> None:
    data = context.data
    if before["kind"] == "direct":
        raise BadRequest("A direct conversation has no name or settings of its own")
    place = await require_place(context, before["_id"], *MANAGERS)
    if "archived" in data:
        require_role(place, "admin")
    if before["archivedAt"] is not None and data.get("archived") is not False and data.keys() - {"archived"}:
        raise BadRequest("The conversation is archived", {"code": "ARCHIVED"})
    if "writerRoles" in data and before["kind"] != "announcement":
        raise invalid("writerRoles", "only an announcement has them")
