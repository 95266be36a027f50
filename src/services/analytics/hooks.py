from __future__ import annotations

from typing import Any

from ...core.context import HookContext
from ...core.protect import protect
from ...core.schema import validate_query
from ...hooks.finding import asked_within, sorted_only_by
from ...hooks.ownership import caller, sorted_by
from ...hooks.records import records
from .schema import AnalyticsQuery


async def of_own_conversations(context: HookContext) -> None:
    """Admins of the school read all; teachers what they are in; others where they are the admins."""
    if not context.params.provider:
        return
    user = caller(context)
    if user["role"] == "admin":
        return
    query = {"userId": user["_id"], "$select": ["conversationId"]}
    if user["role"] != "teacher":
        query["role"] = "admin"
    places = await records(context, "members", query)
    context.params["restrict"] = {"conversationId": {"$in": [place["conversationId"] for place in places]}}


HOOKS: dict[str, Any] = {
    "before": {
        "all": [validate_query(AnalyticsQuery())],
        "find": [
            sorted_only_by(("lastMessageAt",), skip_by="lastMessageAt"),
            asked_within(("totalMessages",), ("conversationId", "_id")),
            sorted_by(lastMessageAt=-1),
            of_own_conversations,
        ],
        "get": [of_own_conversations],
    },
    "after": {"all": [protect("clock", "earlierMessages", "copiedClock", "copiedUntil")]},
}
