from __future__ import annotations

from typing import Any

from ...core.context import HookContext
from ...core.errors import Forbidden
from ...core.schema import invalid, validate_data, validate_query
from ...hooks.blocking import STAFF
from ...hooks.membership import caller, require_people
from ...hooks.repeats import answer_first
from .schema import BlockData, BlockQuery


def own_only(context: HookContext) -> None:
    if context.params.provider:
        context.params["restrict"] = {"userId": caller(context)["_id"]}


async def by_caller(context: HookContext) -> None:
    """Whoever calls blocks, for own code ``params.user``. Raises BadRequest, and Forbidden for staff."""
    user_id, blocked_id = caller(context)["_id"], context.data["blockedId"]
    if blocked_id == user_id:
        raise invalid("blockedId", "is yourself")
    (blocked,) = await require_people(context, "blockedId", [blocked_id])
    if blocked["role"] in STAFF:
        raise Forbidden("Staff cannot be blocked")
    context.data["userId"] = user_id


answer_existing = answer_first("userId", "blockedId")

HOOKS: dict[str, Any] = {
    "before": {
        "all": [validate_query(BlockQuery())],
        "find": [own_only],
        "get": [own_only],
        "create": [validate_data(BlockData()), by_caller, answer_existing],
        "remove": [own_only],
    },
    "error": {"create": [answer_existing]},
}
