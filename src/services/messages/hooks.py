from __future__ import annotations

from typing import Any, Final

from ...core.context import HookContext, Params
from ...core.errors import BadRequest, Forbidden, NotFound
from ...core.schema import invalid, validate_data, validate_query
from ...core.shapes import is_list, is_mapping
from ...hooks.access import allow
from ...hooks.audit import audited, values_of
from ...hooks.edit_window import within_window
from ...hooks.finding import asked_within, asks_for, sorted_only_by
from ...hooks.limits import limited, of_school
from ...hooks.membership import (
    only_own,
    require_active,
    require_place,
    require_role,
    require_writer,
    still_own,
)
from ...hooks.ownership import by_caller, caller
from ...hooks.places import MANAGERS
from ...hooks.records import reached
from ...hooks.repeats import answered
from ...hooks.team_rights import keeps_order, require_right
from ...hooks.turns import in_turn_of_conversation
from ...models.record import ANY_MOMENT, now
from .files import name_files
from .judging import answer_refused, judged_by_rules, of_a_kind_people_write, once, refuse_first
from .presentation import present
from .references import check_mentions, copy_forwarded, find_thread
from .schema import MessageName, MessageQuery, message_data, message_patch

SHOWN: Final = ("pinned", "mentions")
UNINDEXED: Final = ("type", "replyTo", "editedAt", "deletedAt", "createdAt", "pinned", "pinnedAt")
"""What only few messages are looked through for: those of one of PLACES."""

PLACES: Final = ("conversationId", "threadId", "senderId", "_id")
WHERE: Final = values_of("conversationId", "seq")
EXACT: Final = 2**53 - 1
"""What JavaScript counts exactly, and no clock gets beyond."""

NEEDED: Final = ("deletedAt", "editedAt", "conversationId", "senderId", "seq")
"""What tells who may see which part of a message: it comes whatever a client selects."""


def by_own_clock(context: HookContext) -> None:
    """A client's clock is no part of what it says: a repeat may come with a later one."""
    given = context.data.pop("lamport", 0)
    if 0 < given <= EXACT:
        context.params["lamport"] = given


async def edit_or_pin(context: HookContext) -> None:
    """A client's ``content`` is an edit, its ``pinned`` becomes when and by whom.

    Raises Forbidden, and BadRequest where the message is gone.
    """
    if not context.params.provider:
        return
    context.params["message"] = message = await reached(context)
    if message["deletedAt"] is not None:
        raise BadRequest("The message was removed")
    if "content" in context.data:
        await _check_edit(context, message)
        context.data["editedAt"] = now()
    if "pinned" in context.data:
        await _check_pin(context, message)
        pinned = context.data.pop("pinned")
        context.data["pinnedAt"] = now() if pinned else None
        context.data["pinnedBy"] = caller(context)["_id"] if pinned else None
    _only_if_there(context)


async def remove_own_or_as_manager(context: HookContext) -> None:
    """Senders remove within the school's window, managers always. Raises Forbidden.

    A message that is gone already stays as it is, and nobody is told again.
    """
    if not context.params.provider:
        return
    message = await reached(context)
    if message["deletedAt"] is not None:
        answered(context, message)
        return
    if not await _is_managed(context, message):
        if message["senderId"] != caller(context)["_id"]:
            raise Forbidden("Only who keeps order here may remove it", {"code": "PERMISSION_DENIED"})
        await within_window(context, message, "removed")
    _only_if_there(context)


def nothing_asked(context: HookContext) -> None:
    """A method of its own finds by its data: a query could ask for what is hidden. Raises BadRequest."""
    if context.params.provider and context.params.query:
        raise invalid(min(context.params.query), "cannot be asked for here")


def of_own_school(context: HookContext) -> None:
    """Who restores need not be a member."""
    context.params["restrict"] = {}


def in_order(context: HookContext) -> None:
    """Messages come by ``seq``, conversation by conversation, unless something else is asked for."""
    if context.params.provider:
        asked = context.params.query
        order = {"seq": 1} if "threadId" in asked else {"conversationId": 1, "seq": 1}
        asked.setdefault("$sort", order)


indexed = asked_within(UNINDEXED, PLACES)
in_index_order = sorted_only_by(("seq",), ("createdAt",), ("conversationId", "seq"), skip_by="seq")


def by_what_is_shown(context: HookContext) -> None:
    """Find by what a client sees: ``pinned``, and no mentions in what was removed. Raises BadRequest."""
    query = context.params.query
    if not context.params.provider:
        return
    for name in SHOWN:
        if any(asks_for(name, query.get(key)) for key in ("$and", "$or")):
            raise invalid(name, "stands beside $and and $or, not in them")
    if not query.keys() & set(SHOWN):
        return
    query = dict(query)
    if "mentions" in query:
        query.setdefault("deletedAt", None)
    pinned = query.pop("pinned", None)
    if pinned is not None:
        query["pinnedAt"] = ANY_MOMENT if pinned else None
    context.params.query = query


def with_what_is_needed(context: HookContext) -> None:
    """Without ``deletedAt`` nothing tells what is to be hidden, without the others whose it is."""
    selected = context.params.query.get("$select")
    if context.params.provider and selected is not None:
        names: list[str] = selected if is_list(selected) else [selected]
        context.params.query["$select"] = [*names, *NEEDED]


async def _place_named(context: HookContext) -> Any:
    """The id of the conversation of the message that a call names, if there is one of the caller's school."""
    data: Any = context.data
    named = context.id if context.method == "remove" else is_mapping(data) and data.get("messageId")
    school = context.params.get("tenant")
    try:
        message = await context.service.get(
            named, Params(tenant=school, query={"$select": ["conversationId"]})
        )
    except (NotFound, BadRequest):
        return None
    return message["conversationId"]


def _of_anothers(context: HookContext, message: dict[str, Any]) -> bool:
    """Whether a moderator has removed what somebody else wrote, and just now."""
    return context.event is not None and message["senderId"] != caller(context)["_id"]


async def _check_edit(context: HookContext, message: dict[str, Any]) -> None:
    if message["senderId"] != caller(context)["_id"]:
        raise Forbidden("Only the sender may edit a message", {"code": "PERMISSION_DENIED"})
    if message["type"] == "system" or message["forwardedFrom"] is not None:
        raise BadRequest("Only what one has written oneself can be edited")
    _, conversation = await require_writer(context, message["conversationId"])
    await within_window(context, message, "edited", conversation)


async def _check_pin(context: HookContext, message: dict[str, Any]) -> None:
    place, conversation = await require_active(context, message["conversationId"])
    if conversation.get("teamId") is not None:
        require_right(context, place["teamRole"], "pin")
    elif conversation["kind"] != "direct":
        require_role(place, *MANAGERS)


async def _is_managed(context: HookContext, message: dict[str, Any]) -> bool:
    return keeps_order(context, await require_place(context, message["conversationId"]))


def _only_if_there(context: HookContext) -> None:
    """Whoever removes the message between this check and the write wins."""
    context.params["restrict"] = {**context.params["restrict"], "deletedAt": None}


def hooks(max_length: int) -> dict[str, Any]:
    """``max_length`` of a message, in characters."""
    checked, own = validate_query(MessageQuery()), only_own("conversationId")
    not_too_often = limited("changes")
    return {
        "around": {
            "all": [present],
            "remove": [audited(details=WHERE, when=_of_anothers), in_turn_of_conversation(_place_named)],
            "restore": [audited(details=WHERE), in_turn_of_conversation(_place_named)],
        },
        "before": {
            "find": [checked, indexed, in_index_order, by_what_is_shown, with_what_is_needed, own, in_order],
            "get": [checked, by_what_is_shown, with_what_is_needed, own],
            "create": [
                checked,
                limited("messages"),
                limited("school_messages", key=of_school),
                once.read_header,
                validate_data(message_data(max_length)),
                by_own_clock,
                of_a_kind_people_write,
                by_caller("senderId"),
                once.mark,
                refuse_first,
                judged_by_rules,
                find_thread,
                copy_forwarded,
                name_files,
                check_mentions,
            ],
            "patch": [
                checked,
                not_too_often,
                own,
                validate_data(message_patch(max_length), partial=True),
                edit_or_pin,
                check_mentions,
            ],
            "remove": [checked, not_too_often, own, remove_own_or_as_manager],
            "restore": [nothing_asked, allow("admin"), validate_data(MessageName()), of_own_school],
            "seen": [nothing_asked, validate_data(MessageName()), own],
        },
        "after": {"find": [still_own], "get": [still_own]},
        "error": {"create": [once.answer_race, answer_refused]},
    }
