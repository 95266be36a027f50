from __future__ import annotations

from typing import Any

from ...core.context import HookContext
from ...core.schema import invalid, validate_query
from ...hooks.membership import conversations_of
from ...hooks.ownership import caller
from .schema import FeedQuery


def in_its_own_order(context: HookContext) -> None:
    """Raises BadRequest: the newest come first, and cursors belong to that order."""
    for name in ("$sort", "$skip", "$select", "$or", "$and"):
        if name in context.params.query:
            raise invalid(name, "the feed has one order, and goes on with $after")


async def of_own_conversations(context: HookContext) -> None:
    """Only where the caller is a member now. Raises NotAuthenticated for own code that names nobody."""
    caller(context)
    context.params["conversations"] = await conversations_of(context)


HOOKS: dict[str, Any] = {
    "before": {"find": [validate_query(FeedQuery()), in_its_own_order, of_own_conversations]},
}
