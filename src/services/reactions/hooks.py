from __future__ import annotations

from typing import Any

from ...core.context import HookContext
from ...core.errors import Forbidden, NotFound
from ...core.pagination import records_of
from ...core.schema import invalid, validate_data, validate_query
from ...core.shapes import is_mapping
from ...hooks.finding import sorted_only_by
from ...hooks.limits import limited
from ...hooks.membership import only_own, readable_message, require_active
from ...hooks.ownership import caller, sorted_by
from ...hooks.records import reached, records
from ...hooks.repeats import answer_first
from .schema import ReactionData, ReactionQuery

answer_existing = answer_first("messageId", "userId", "emoji")


async def by_caller(context: HookContext) -> None:
    """Whoever calls reacts, where the message is. Raises BadRequest, Forbidden."""
    user = caller(context)
    message = await readable_message(context, context.data["messageId"])
    if message["deletedAt"] is not None:
        raise invalid("messageId", "the message was removed")
    if context.params.provider:
        await require_active(context, message["conversationId"])
    context.data.update(userId=user["_id"], conversationId=message["conversationId"])


async def own_one(context: HookContext) -> None:
    """Raises Forbidden."""
    if not context.params.provider:
        return
    reaction = await reached(context)
    if reaction["userId"] != caller(context)["_id"]:
        raise Forbidden("Only who has reacted takes it back")
    await require_active(context, reaction["conversationId"])


async def not_of_the_removed_asked_for(context: HookContext) -> None:
    """What was removed shows no reactions, and does not tell how many there were."""
    named = _named(context)
    if context.params.provider and named:
        restriction = {**context.params["restrict"], "messageId": {"$nin": await _removed(context, named)}}
        context.params["restrict"] = restriction


async def not_of_the_removed(context: HookContext) -> None:
    """As long as a message is removed its reactions are not shown. Raises NotFound."""
    if not context.params.provider or (context.method == "find" and _named(context)):
        return
    found = records_of(context.result)
    removed = await _removed(context, [one["messageId"] for one in found])
    kept = [one for one in found if one["messageId"] not in removed]
    if len(kept) == len(found):
        return
    if context.method == "get":
        raise NotFound(f"No record found for id '{context.id}'")
    total = context.result["total"] - (len(found) - len(kept))
    context.result = {**context.result, "total": total, "data": kept}


def with_its_message(context: HookContext) -> None:
    """Without it nothing tells whether a reaction is to be shown: it comes whatever a client selects."""
    selected = context.params.query.get("$select")
    if context.params.provider and selected is not None:
        context.params.query["$select"] = [*selected, "messageId"]


def _named(context: HookContext) -> list[Any]:
    """The messages that a query names."""
    asked: Any = context.params.query.get("messageId")
    if is_mapping(asked):
        named: list[Any] = asked.get("$in", [])
        return named
    return [] if asked is None else [asked]


async def _removed(context: HookContext, ids: list[Any]) -> list[Any]:
    """Those of the messages that are removed."""
    query = {"_id": {"$in": ids}, "deletedAt": {"$ne": None}, "$select": ["_id"]}
    return [one["_id"] for one in await records(context, "messages", query)] if ids else []


CHECKED = validate_query(ReactionQuery())
OWN = only_own("conversationId")
in_index_order = sorted_only_by(("createdAt",), ("_id",), skip_by="createdAt")
not_too_often = limited("changes")

HOOKS: dict[str, Any] = {
    "before": {
        "find": [
            CHECKED,
            in_index_order,
            with_its_message,
            OWN,
            not_of_the_removed_asked_for,
            sorted_by(createdAt=1),
        ],
        "get": [CHECKED, with_its_message, OWN],
        "create": [CHECKED, not_too_often, validate_data(ReactionData()), by_caller],
        "remove": [CHECKED, not_too_often, OWN, own_one],
    },
    "after": {"find": [not_of_the_removed], "get": [not_of_the_removed]},
    "error": {"create": [answer_existing]},
}
