from __future__ import annotations

from typing import Any

from ...core.context import HookContext
from ...core.errors import Forbidden
from ...core.schema import invalid, validate_data, validate_query
from ...hooks.membership import require_people
from ...hooks.ownership import by_caller, own_only
from ...hooks.repeats import answer_first
from ...models.user import STAFF
from .schema import BlockData, BlockQuery


async def blockable(context: HookContext) -> None:
    """Raises BadRequest, and Forbidden for staff."""
    blocked_id = context.data["blockedId"]
    if blocked_id == context.data["userId"]:
        raise invalid("blockedId", "is yourself")
    (blocked,) = await require_people(context, "blockedId", [blocked_id])
    if blocked["role"] in STAFF:
        raise Forbidden("Staff cannot be blocked")


own = own_only("userId")
answer_existing = answer_first("userId", "blockedId")

HOOKS: dict[str, Any] = {
    "before": {
        "all": [validate_query(BlockQuery())],
        "find": [own],
        "get": [own],
        "create": [validate_data(BlockData()), by_caller("userId"), blockable, answer_existing],
        "remove": [own],
    },
    "error": {"create": [answer_existing]},
}
