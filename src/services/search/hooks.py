from __future__ import annotations

from typing import Any, Final

from ...core.context import HookContext
from ...core.schema import invalid, validate_query
from ...core.shapes import is_list, is_mapping
from ...hooks.membership import caller, conversations_of
from .schema import SearchQuery

FILTERS: Final = frozenset({"$limit", "$after"})


def plain_values(context: HookContext) -> None:
    """A search has an order and a language of its own. Raises BadRequest for Feathers' other ones."""
    for name, value in context.params.query.items():
        if name.startswith("$") and name not in FILTERS:
            raise invalid(name, "is not for a search")
        if is_mapping(value) or is_list(value):
            raise invalid(name, "must be a single value")


async def in_own_conversations(context: HookContext) -> None:
    """Only where the caller is a member now."""
    caller(context)
    context.params["conversations"] = await conversations_of(context)


HOOKS: dict[str, Any] = {
    "before": {"find": [plain_values, validate_query(SearchQuery()), in_own_conversations]},
}
