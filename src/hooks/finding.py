"""What clients may ask a large collection for: what an index answers."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final

from ..core.context import HookContext
from ..core.schema import invalid
from ..core.shapes import is_list, is_mapping

Check = Callable[[HookContext], None]
Order = tuple[str, ...]

MAX_SKIP: Final = 10_000


def sorted_only_by(*orders: Order, skip_by: str) -> Check:
    """Refuse every other ``$sort``, and a ``$skip`` beyond 10,000: every record that is skipped is read.

    An index is read in one direction, so all fields of an order have the same. The first of them may be
    left out where it is asked for by one value; who asks by ids may have what they find in their order.
    ``skip_by`` is the field to page by instead. Raises BadRequest.
    """

    def check(context: HookContext) -> None:
        if not context.params.provider:
            return
        query = context.params.query
        if query.get("$skip", 0) > MAX_SKIP:
            raise invalid("$skip", f"is at most {MAX_SKIP}; ask for what has a greater {skip_by} instead")
        sort: dict[str, int] = query.get("$sort") or {}
        if tuple(sort) == ("_id",) and "_id" in query:
            return
        fields = tuple(sort)
        led = [(name, *fields) for name, value in query.items() if not is_mapping(value)]
        if sort and (len(set(sort.values())) > 1 or not {fields, *led} & set(orders)):
            allowed = " or ".join(" and ".join(order) for order in orders)
            raise invalid("$sort", f"can only be by {allowed}, in one direction")

    return check


def asked_within(fields: Collection[str], places: Collection[str]) -> Check:
    """Refuse a condition for one of ``fields`` unless one of ``places`` is asked for by one value.

    Raises BadRequest naming the field.
    """

    def check(context: HookContext) -> None:
        if not context.params.provider:
            return
        query = context.params.query
        if any(name in query and not is_mapping(query[name]) for name in places):
            return
        for name in sorted(fields):
            if asks_for(name, query):
                raise invalid(name, f"can only be asked for with one {' or '.join(places)}")

    return check


def asks_for(name: str, query: Any) -> bool:
    """Whether a query has a condition for a field, at whatever depth."""
    if is_list(query):
        return any(asks_for(name, part) for part in query)
    if not is_mapping(query):
        return False
    return any(
        key == name or (key in {"$and", "$or"} and asks_for(name, part)) for key, part in query.items()
    )
