from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ...core.context import UNSET, HookContext, Params
from ...core.errors import BadRequest, Forbidden
from ...core.hooks import HookFunction
from ...core.rate_limit import rate_limit
from ...core.schema import invalid, validate_data, validate_query
from ...core.shapes import is_list
from ...hooks.idempotency import Idempotency
from ...hooks.membership import MANAGERS, caller, conversation_of, only_own, require_place
from ...models.record import now
from .presentation import present
from .schema import MessageQuery, message_data, message_patch

once = Idempotency("senderId")


def by_caller(context: HookContext) -> None:
    """Whoever calls is the sender. Own code says for whom it calls by ``params.user``."""
    context.data["senderId"] = caller(context)["_id"]


async def members_write(context: HookContext) -> None:
    """Raises Forbidden: only members write, and only managers where it is an announcement."""
    if not context.params.provider:
        return
    place = await require_place(context, context.data["conversationId"])
    conversation = await conversation_of(context, context.data["conversationId"])
    if conversation["kind"] == "announcement" and place["role"] not in MANAGERS:
        raise Forbidden("Only a moderator or admin of the conversation may write announcements")


async def check_references(context: HookContext) -> None:
    """A reply is to a message of the conversation, a mention of one of its members. Raises BadRequest.

    A repeat was checked when it came first: who was mentioned then may have left since.
    """
    if context.result is not UNSET:
        return
    data = context.data
    here = {"conversationId": data["conversationId"]}
    if data.get("replyTo") is not None:
        query = {"_id": data["replyTo"], **here, "$limit": 1}
        if not await context.service.find(Params(query=query, paginate=False)):
            raise invalid("replyTo", "no such message in the conversation")
    if mentions := data.get("mentions"):
        query = {**here, "userId": {"$in": mentions}, "$select": ["userId"]}
        members = await context.app.service("members").find(Params(query=query, paginate=False))
        missing = set(mentions) - {member["userId"] for member in members}
        if missing:
            raise invalid("mentions", f"not members: {', '.join(sorted(map(str, missing)))}")


async def senders_edit(context: HookContext) -> None:
    """Raises Forbidden for another's message and after the school's edit window, BadRequest if it is gone."""
    if not context.params.provider:
        return
    message = await _message(context)
    if message["senderId"] != (context.params.user or {}).get("_id"):
        raise Forbidden("Only the sender may edit a message")
    if message["deletedAt"] is not None:
        raise BadRequest("The message was removed")
    school = await context.app.service("schools").get(message["schoolId"])
    minutes = school["settings"]["editWindowMinutes"]
    if minutes is not None and now() - message["createdAt"] > timedelta(minutes=minutes):
        raise Forbidden(f"A message can be edited for {minutes} minutes", {"editWindowMinutes": minutes})
    context.data["editedAt"] = now()
    _only_if_there(context)


async def senders_and_managers_remove(context: HookContext) -> None:
    """Raises Forbidden. A message that is gone already stays as it is, and nobody is told again."""
    if not context.params.provider:
        return
    message = await _message(context)
    if message["senderId"] != (context.params.user or {}).get("_id"):
        await require_place(context, message["conversationId"], *MANAGERS)
    if message["deletedAt"] is not None:
        context.result = message
        context.event = None
    else:
        _only_if_there(context)


def in_order(context: HookContext) -> None:
    """Messages come by ``seq``, conversation by conversation, unless something else is asked for."""
    if context.params.provider:
        context.params.query.setdefault("$sort", {"conversationId": 1, "seq": 1})


def with_tombstone(context: HookContext) -> None:
    """Whatever a client selects, ``deletedAt`` comes too: without it nothing tells what is to be hidden."""
    selected = context.params.query.get("$select")
    if context.params.provider and selected is not None:
        names: list[str] = selected if is_list(selected) else [selected]
        context.params.query["$select"] = [*names, "deletedAt"]


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
    return {
        "around": {"all": [present]},
        "before": {
            "all": [validate_query(MessageQuery())],
            "find": [with_tombstone, only_own("conversationId"), in_order],
            "get": [with_tombstone, only_own("conversationId")],
            "create": [
                *not_too_often(limits),
                once.read_header,
                validate_data(message_data(max_length)),
                by_caller,
                members_write,
                once.answer_repeat,
                check_references,
            ],
            "patch": [only_own("conversationId"), validate_data(message_patch(max_length)), senders_edit],
            "remove": [only_own("conversationId"), senders_and_managers_remove],
        },
        "error": {"create": [once.answer_race]},
    }
