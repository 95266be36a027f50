from __future__ import annotations

from typing import Any, Final, cast

from ...core.context import HookContext, Params
from ...core.errors import BadRequest, Forbidden
from ...core.schema import invalid, validate_data, validate_query
from ...hooks.audit import audited, changed_fields, of_another, values_of
from ...hooks.blocking import not_blocked
from ...hooks.limits import limited
from ...hooks.membership import (
    conversation_of,
    only_own,
    refuse_archived,
    require_people,
    require_place,
    require_role,
    require_writer,
)
from ...hooks.places import MANAGERS
from ...hooks.records import reached
from ...hooks.seats import seat_of
from ...hooks.team_places import refuse_channel
from ...hooks.turns import in_turn_of_conversation
from ...models.journal import Journal
from .schema import Acknowledgement, ConversationName, MemberData, MemberPatch, MemberQuery
from .visibility import show_what_is_ones_own

CURSORS: Final = ("deliveredSeq", "readSeq")


async def managers_invite(context: HookContext) -> None:
    """Raises Forbidden, BadRequest: managers of a conversation let people of the school in."""
    data = context.data
    if not context.params.provider:
        return
    place = await require_place(context, data["conversationId"])
    conversation = await conversation_of(context, data["conversationId"])
    if conversation["kind"] == "direct":
        raise BadRequest("A direct conversation is between two people")
    refuse_channel(conversation)
    require_role(place, *MANAGERS)
    if data.get("role", "member") != "member":
        require_role(place, "admin")
    refuse_archived(conversation)
    await require_people(context, "userId", [data["userId"]])
    if conversation["kind"] != "class":
        # How many there are is known for certain only in the write itself.
        school = await context.app.service("schools").get(conversation["schoolId"])
        context.params["maxMembers"] = school["settings"]["maxGroupMembers"]


async def change_own_or_as_manager(context: HookContext) -> None:
    """One's own mute is one's own, roles are given by the conversation's admins, silence is for managers.

    Raises Forbidden.
    """
    data = context.data
    if data.get("role", "member") != "member":
        data["silencedUntil"] = None  # who manages a conversation is not silent in it
    if not context.params.provider:
        return
    member = await reached(context)
    own = _is_own(context, member)
    if "mutedUntil" in data and not own:
        raise Forbidden("Only the member may change mutedUntil")
    if own and data.keys() <= {"mutedUntil"}:
        return
    place = await require_place(context, member["conversationId"], *MANAGERS)
    if "role" in data or not data:
        refuse_channel(await conversation_of(context, member["conversationId"]))
        require_role(place, "admin")
    if data.get("silencedUntil") is not None:
        await _require_ordinary(context, member)


async def leave_or_be_removed(context: HookContext) -> None:
    """Raises Forbidden, BadRequest."""
    if not context.params.provider:
        return
    member = await reached(context)
    conversation = await conversation_of(context, member["conversationId"])
    if conversation["kind"] == "direct":
        raise BadRequest("Nobody leaves a direct conversation")
    refuse_channel(conversation)
    if not _is_own(context, member):
        place = await require_place(context, member["conversationId"], *MANAGERS)
        if member["role"] in MANAGERS:
            require_role(place, "admin")


async def within_the_clock(context: HookContext) -> None:
    """Nobody has read what is not written. Raises Forbidden, BadRequest naming the field.

    Where it is known that it is written, the write itself sees to who is a member.
    """
    data, journal = context.data, cast("Journal", context.app.get("journal"))
    if journal.has_reached(data["conversationId"], max(data.get(field, 0) for field in CURSORS)):
        return
    _, conversation = await seat_of(context, data["conversationId"])
    for field in CURSORS:
        if data.get(field, 0) > conversation["clock"]:
            raise invalid(field, f"is beyond the newest message, {conversation['clock']}")


async def writers_only(context: HookContext) -> None:
    """Raises Forbidden: see ``require_writer``."""
    await require_writer(context, context.data["conversationId"])


def emit_receipts(context: HookContext) -> None:
    cursors = context.result
    for event in cursors["moved"]:
        seq = cursors[f"{event}Seq"]
        receipt = {key: cursors[key] for key in ("conversationId", "userId", "at")}
        context.service.emit(event, {**receipt, "seq": seq})


async def conversation_id(context: HookContext) -> Any:
    """That of the place which the call is about, or None."""
    query = {"_id": context.id, "$limit": 1, "$select": ["conversationId"]}
    tenant = context.params.get("tenant")
    try:
        found = await context.service.find(Params(query=query, tenant=tenant, paginate=False))
    except BadRequest:  # what is no id at all is the id of nothing
        return None
    return found[0]["conversationId"] if found else None


def of_power(context: HookContext, _: dict[str, Any]) -> bool:
    """Whether a patch is more than a wish of one's own."""
    return not context.data.keys() <= {"mutedUntil"}


def with_power(_: HookContext, member: dict[str, Any]) -> bool:
    return member["role"] in MANAGERS


async def _require_ordinary(context: HookContext, member: dict[str, Any]) -> None:
    (user,) = await require_people(context, "userId", [member["userId"]])
    if member["role"] in MANAGERS or user["role"] != "student":
        raise Forbidden("Managers of the conversation and staff cannot be silenced")


def _is_own(context: HookContext, member: dict[str, Any]) -> bool:
    user = context.params.user
    return user is not None and member["userId"] == user["_id"]


not_too_often = limited("changes")

HOOKS: dict[str, Any] = {
    "around": {
        "all": [show_what_is_ones_own],
        "create": [audited(details=values_of("userId", "role"), when=with_power)],
        "patch": [audited(details=changed_fields, when=of_power), in_turn_of_conversation(conversation_id)],
        "remove": [audited(when=of_another("userId")), in_turn_of_conversation(conversation_id)],
    },
    "before": {
        "find": [validate_query(MemberQuery()), only_own("conversationId")],
        "get": [validate_query(MemberQuery()), only_own("conversationId")],
        "create": [
            validate_query(MemberQuery()),
            not_too_often,
            validate_data(MemberData()),
            managers_invite,
            not_blocked("userId"),
        ],
        "patch": [
            validate_query(MemberQuery()),
            not_too_often,
            validate_data(MemberPatch(), partial=True),
            only_own("conversationId"),
            change_own_or_as_manager,
        ],
        "remove": [
            validate_query(MemberQuery()),
            not_too_often,
            only_own("conversationId"),
            leave_or_be_removed,
        ],
        "acknowledge": [validate_data(Acknowledgement()), within_the_clock],
        "writable": [validate_data(ConversationName()), writers_only],
    },
    "after": {"acknowledge": [emit_receipts]},
}
