from __future__ import annotations

from typing import Any

from ...core.context import HookContext, Params
from ...core.errors import BadRequest, Forbidden
from ...core.hooks import Next
from ...core.pagination import records_of, with_records
from ...core.schema import invalid, validate_data, validate_query
from ...hooks.membership import (
    MANAGERS,
    conversation_of,
    only_own,
    require_people,
    require_place,
    require_role,
)
from .schema import Acknowledgement, MemberData, MemberPatch, MemberQuery


async def mute_is_ones_own(context: HookContext, proceed: Next) -> None:
    """Only who has muted a conversation reads until when."""
    await proceed()
    reader = (context.params.user or {}).get("_id")

    def shown(member: dict[str, Any]) -> dict[str, Any]:
        if reader is not None and member.get("userId") == reader:
            return member
        return {name: value for name, value in member.items() if name != "mutedUntil"}

    if context.result is not None:
        records = [shown(member) for member in records_of(context.result)]
        context.dispatch = with_records(context.result, records)


async def managers_invite(context: HookContext) -> None:
    """Raises Forbidden, BadRequest: managers of a conversation let people of the school in."""
    data = context.data
    if not context.params.provider:
        return
    place = await require_place(context, data["conversationId"])
    conversation = await conversation_of(context, data["conversationId"])
    if conversation["kind"] == "direct":
        raise BadRequest("A direct conversation is between two people")
    require_role(place, *MANAGERS)
    if data.get("role", "member") != "member":
        require_role(place, "admin")
    await require_people(context, "userId", [data["userId"]])
    await _check_room(context, conversation)


async def change_own_or_as_admin(context: HookContext) -> None:
    """One's own mute is one's own; roles are given by the conversation's admins. Raises Forbidden."""
    if not context.params.provider:
        return
    member = await _member(context)
    if "mutedUntil" in context.data and not _is_own(context, member):
        raise Forbidden("Only the member may change mutedUntil")
    if "role" in context.data or not _is_own(context, member):
        await require_place(context, member["conversationId"], "admin")


async def leave_or_be_removed(context: HookContext) -> None:
    """Raises Forbidden, BadRequest."""
    if not context.params.provider:
        return
    member = await _member(context)
    conversation = await conversation_of(context, member["conversationId"])
    if conversation["kind"] == "direct":
        raise BadRequest("Nobody leaves a direct conversation")
    if not _is_own(context, member):
        await require_place(context, member["conversationId"], *MANAGERS)


async def within_the_clock(context: HookContext) -> None:
    """Nobody has read what is not written. Raises Forbidden, BadRequest naming the field."""
    await require_place(context, context.data["conversationId"])
    clock = (await conversation_of(context, context.data["conversationId"]))["clock"]
    for field in ("deliveredSeq", "readSeq"):
        if context.data.get(field, 0) > clock:
            raise invalid(field, f"is beyond the newest message, {clock}")


def emit_receipts(context: HookContext) -> None:
    cursors = context.result
    for event in cursors["moved"]:
        seq = cursors[f"{event}Seq"]
        receipt = {key: cursors[key] for key in ("conversationId", "userId", "at")}
        context.service.emit(event, {**receipt, "seq": seq})


async def _member(context: HookContext) -> dict[str, Any]:
    params = Params(tenant=context.params["tenant"], restrict=context.params["restrict"])
    member: dict[str, Any] = await context.service.get(context.id, params)
    return member


def _is_own(context: HookContext, member: dict[str, Any]) -> bool:
    user = context.params.user
    return user is not None and member["userId"] == user["_id"]


async def _check_room(context: HookContext, conversation: dict[str, Any]) -> None:
    school = await context.app.service("schools").get(conversation["schoolId"])
    limit = school["settings"]["maxGroupMembers"]
    if conversation["memberCount"] >= limit:
        raise BadRequest(f"The conversation is full: {limit} members", {"limit": limit})


HOOKS: dict[str, Any] = {
    "around": {"all": [mute_is_ones_own]},
    "before": {
        "find": [validate_query(MemberQuery()), only_own("conversationId")],
        "get": [validate_query(MemberQuery()), only_own("conversationId")],
        "create": [validate_query(MemberQuery()), validate_data(MemberData()), managers_invite],
        "patch": [
            validate_query(MemberQuery()),
            validate_data(MemberPatch(), partial=True),
            only_own("conversationId"),
            change_own_or_as_admin,
        ],
        "remove": [validate_query(MemberQuery()), only_own("conversationId"), leave_or_be_removed],
        "acknowledge": [validate_data(Acknowledgement()), within_the_clock],
    },
    "after": {"acknowledge": [emit_receipts]},
}
