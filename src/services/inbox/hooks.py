from __future__ import annotations

from typing import Any

from ...core.context import HookContext
from ...core.schema import invalid, validate_data, validate_query
from ...hooks.ownership import caller
from .schema import InboxQuery, TotalsData


def of_a_user(context: HookContext) -> None:
    """Raises NotAuthenticated: an inbox is somebody's, also for own code."""
    caller(context)


def in_its_own_order(context: HookContext) -> None:
    """Raises BadRequest: the newest come first, and cursors belong to that order."""
    for name in ("$sort", "$skip"):
        if name in context.params.query:
            raise invalid(name, "the inbox has one order, and goes on with $after")


HOOKS: dict[str, Any] = {
    "before": {
        "all": [of_a_user],
        "find": [validate_query(InboxQuery()), in_its_own_order],
        "totals": [validate_data(TotalsData())],
    },
}
