from __future__ import annotations

from typing import Any

from ...core.context import HookContext, Params
from ...core.errors import Forbidden, NotFound
from ...core.schema import invalid, validate_data, validate_query
from ...hooks.membership import caller, only_own, require_active
from ...hooks.repeats import answer_first
from .schema import ReactionData, ReactionQuery

answer_existing = answer_first("messageId", "userId", "emoji")


async def by_caller(context: HookContext) -> None:
    """Whoever calls reacts, where the message is. Raises BadRequest, Forbidden."""
    user = caller(context)
    school = context.params.get("tenant") or user["schoolId"]
    try:
        message = await context.app.service("messages").get(context.data["messageId"], Params(tenant=school))
    except NotFound:
        raise invalid("messageId", "no such message in your conversations") from None
    if message["deletedAt"] is not None:
        raise invalid("messageId", "the message was removed")
    if context.params.provider:
        await require_active(context, message["conversationId"])
    context.data.update(userId=user["_id"], conversationId=message["conversationId"])


async def own_one(context: HookContext) -> None:
    """Raises Forbidden."""
    if not context.params.provider:
        return
    params = Params(tenant=context.params["tenant"], restrict=context.params["restrict"])
    reaction = await context.service.get(context.id, params)
    if reaction["userId"] != caller(context)["_id"]:
        raise Forbidden("Only who has reacted takes it back")
    await require_active(context, reaction["conversationId"])


def in_order(context: HookContext) -> None:
    if context.params.provider:
        context.params.query.setdefault("$sort", {"createdAt": 1})


CHECKED = validate_query(ReactionQuery())
OWN = only_own("conversationId")

HOOKS: dict[str, Any] = {
    "before": {
        "find": [CHECKED, OWN, in_order],
        "get": [CHECKED, OWN],
        "create": [CHECKED, validate_data(ReactionData()), by_caller],
        "remove": [CHECKED, OWN, own_one],
    },
    "error": {"create": [answer_existing]},
}
