from __future__ import annotations

from typing import Any

from ...core.context import HookContext
from ...core.schema import validate_data
from ...hooks.limits import limited
from .schema import SyncData

check = validate_data(SyncData())


def query_as_data(context: HookContext) -> None:
    """A GET says in its query what a call over a socket says in its data. Raises BadRequest."""
    context.data = context.params.query
    check(context)
    context.params["asked"], context.params.query = context.data, {}
    context.data = None


def no_event(context: HookContext) -> None:
    """Nothing is created: the method is a question that is too long for a query."""
    context.event = None


HOOKS: dict[str, Any] = {
    "before": {"all": [limited("sync")], "find": [query_as_data], "create": [check, no_event]},
}
