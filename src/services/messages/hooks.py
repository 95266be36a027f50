from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from ...core.context import HookContext, Params
from ...core.errors import BadRequest, Forbidden, NotFound
from ...core.hooks import HookFunction
from ...core.rate_limit import rate_limit
from ...core.schema import invalid, validate_data, validate_query
from ...core.shapes import is_list, is_mapping
from ...hooks.access import allow
from ...hooks.audit import audited, values_of
from ...hooks.blocking import require_free_to_write
from ...hooks.idempotency import Idempotency
from ...hooks.membership import caller, conversation_of, only_own, require_place, require_writer
from ...hooks.places import MANAGERS
from ...hooks.turns import in_turn_of_conversation
from ...models.record import ANY_MOMENT, now
from .presentation import present
from .references import check_mentions, copy_forwarded, find_thread
from .schema import MessageName, MessageQuery, message_data, message_patch

once = Idempotency("senderId")
WHERE: Final = values_of("conversationId", "seq")
NEEDED: Final = ("deletedAt", "conversationId", "senderId", "seq")
"""What tells who may see which part of a message: it comes whatever a client selects."""


def by_caller(context: HookContext) -> None:
    """Whoever calls is the sender. Own code says for whom it calls by ``params.user``.

    Raises BadRequest for a client's ``system`` message: those are own code's.
    """
    if context.params.provider and context.data["type"] == "system":
        raise invalid("type", "must be of a kind that people write")
    context.data["senderId"] = caller(context)["_id"]


async def members_write(context: HookContext) -> None:
    """Raises Forbidden: see ``require_writer``, and blocks. How often, the write itself sees to."""
    if not context.params.provider:
        return
    place, conversation = await require_writer(context, context.data["conversationId"])
    await require_free_to_write(context, conversation)
    if conversation["slowModeSeconds"] and place["role"] not in MANAGERS:
        context.params["pace"] = timedelta(seconds=conversation["slowModeSeconds"])


async def edit_or_pin(context: HookContext) -> None:
    """A client's ``content`` is an edit, its ``pinned`` becomes when and by whom.

    Raises Forbidden, and BadRequest where the message is gone.
    """
    if not context.params.provider:
        return
    context.params["message"] = message = await _message(context)
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
    message = await _message(context)
    if message["deletedAt"] is not None:
        context.result = message
        context.event = None
        return
    if not await _is_managed(context, message):
        if message["senderId"] != caller(context)["_id"]:
            await require_place(context, message["conversationId"], *MANAGERS)
        await _within_window(context, message, "removed")
    _only_if_there(context)


def of_own_school(context: HookContext) -> None:
    """Who restores need not be a member."""
    context.params["restrict"] = {}


def in_order(context: HookContext) -> None:
    """Messages come by ``seq``, conversation by conversation, unless something else is asked for."""
    if context.params.provider:
        asked = context.params.query
        order = {"seq": 1} if "threadId" in asked else {"conversationId": 1, "seq": 1}
        asked.setdefault("$sort", order)


def by_what_is_shown(context: HookContext) -> None:
    """Find by what a client sees: ``pinned``, and no mentions in what was removed."""
    query = context.params.query
    if not context.params.provider or not query.keys() & {"pinned", "mentions"}:
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
        raise Forbidden("Only the sender may edit a message")
    if message["type"] == "system" or message["forwardedFrom"] is not None:
        raise BadRequest("Only what one has written oneself can be edited")
    await require_writer(context, message["conversationId"])
    await _within_window(context, message, "edited")


async def _check_pin(context: HookContext, message: dict[str, Any]) -> None:
    conversation = await conversation_of(context, message["conversationId"])
    if conversation["kind"] != "direct":
        await require_place(context, message["conversationId"], *MANAGERS)


async def _within_window(context: HookContext, message: dict[str, Any], done: str) -> None:
    school = await context.app.service("schools").get(message["schoolId"])
    minutes = school["settings"]["editWindowMinutes"]
    if minutes is not None and now() - message["createdAt"] > timedelta(minutes=minutes):
        raise Forbidden(
            f"A message can be {done} for {minutes} minutes",
            {"code": "EDIT_WINDOW_EXPIRED", "editWindowMinutes": minutes},
        )


async def _is_managed(context: HookContext, message: dict[str, Any]) -> bool:
    place = await require_place(context, message["conversationId"])
    return place["role"] in MANAGERS


def _only_if_there(context: HookContext) -> None:
    """Whoever removes the message between this check and the write wins."""
    context.params["restrict"] = {**context.params["restrict"], "deletedAt": None}


async def _message(context: HookContext) -> dict[str, Any]:
    params = Params(tenant=context.params["tenant"], restrict=context.params["restrict"])
    message: dict[str, Any] = await context.service.get(context.id, params)
    return message


def not_too_often(limits: Mapping[str, str]) -> list[HookFunction]:
    """One for each user, one for the whole school; without those that the settings leave empty."""
    found: list[HookFunction] = []
    if limits["messages"]:
        found.append(rate_limit(limits["messages"]))
    if limits["school_messages"]:
        found.append(
            rate_limit(limits["school_messages"], key=lambda context: f"school {context.params['tenant']}")
        )
    return found


def hooks(max_length: int, limits: Mapping[str, str]) -> dict[str, Any]:
    """``max_length`` of a message, in characters; ``limits`` are those of the settings."""
    checked, own = validate_query(MessageQuery()), only_own("conversationId")
    return {
        "around": {
            "all": [present],
            "remove": [audited(details=WHERE, when=_of_anothers), in_turn_of_conversation(_place_named)],
            "restore": [audited(details=WHERE), in_turn_of_conversation(_place_named)],
        },
        "before": {
            "find": [checked, by_what_is_shown, with_what_is_needed, own, in_order],
            "get": [checked, with_what_is_needed, own],
            "create": [
                checked,
                *not_too_often(limits),
                once.read_header,
                validate_data(message_data(max_length)),
                by_caller,
                members_write,
                once.answer_repeat,
                find_thread,
                copy_forwarded,
                check_mentions,
            ],
            "patch": [
                checked,
                own,
                validate_data(message_patch(max_length), partial=True),
                edit_or_pin,
                check_mentions,
            ],
            "remove": [checked, own, remove_own_or_as_manager],
            "restore": [allow("admin"), validate_data(MessageName()), of_own_school],
            "seen": [validate_data(MessageName()), own],
        },
        "error": {"create": [once.answer_race]},
    }
