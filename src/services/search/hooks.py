from __future__ import annotations

from typing import Any, Final

from ...core.context import HookContext
from ...core.query import QueryRules, parse_query
from ...core.schema import invalid, validate_query
from ...core.shapes import is_list, is_mapping
from ...hooks.limits import limited
from ...hooks.membership import conversations_of
from ...hooks.ownership import caller
from ...hooks.records import records
from .schema import SearchQuery

FILTERS: Final = frozenset({"$limit", "$after"})


def plain_values(context: HookContext) -> None:
    """A search has an order and a language of its own. Raises BadRequest for Feathers' other ones."""
    for name, value in context.params.query.items():
        if name.startswith("$") and name not in FILTERS:
            raise invalid(name, "is not for a search")
        if is_mapping(value) or is_list(value):
            raise invalid(name, "must be a single value")


def parsed(context: HookContext) -> None:
    """A page has a whole number of results, as with adapters. Raises BadRequest."""
    context.params.query = parse_query(context.params.query, QueryRules(keyset=True))


async def in_own_conversations(context: HookContext) -> None:
    """Only where the caller is a member now; with ``kind``, in those of the kind."""
    caller(context)
    own, kind = await conversations_of(context), context.params.query.get("kind")
    if kind is not None:
        of_kind = {"_id": {"$in": own}, "kind": kind, "$select": ["_id"]}
        own = [one["_id"] for one in await records(context, "conversations", of_kind)]
    context.params["conversations"] = own


HOOKS: dict[str, Any] = {
    "before": {
        "find": [limited("search"), plain_values, validate_query(SearchQuery()), parsed, in_own_conversations]
    },
}
