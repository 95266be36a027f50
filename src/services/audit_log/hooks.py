from __future__ import annotations

from typing import Any, Final

from ...core.context import HookContext
from ...core.errors import MethodNotAllowed
from ...core.schema import validate_query
from ...hooks.access import allow
from ...hooks.finding import sorted_only_by
from ...hooks.selection import WRITING
from .schema import AuditQuery

BY_TIME: Final = {"at": -1, "number": -1}
BY_NUMBER: Final = {"number": -1}


def newest_first(context: HookContext) -> None:
    """A time is asked for in the order of an index that has it."""
    query = context.params.query
    query.setdefault("$sort", BY_TIME if "at" in query else BY_NUMBER)


def refuse(context: HookContext) -> None:
    """Raises MethodNotAllowed, to own code too."""
    raise MethodNotAllowed("Entries are written by what they tell of, and stay as they are")


in_index_order = sorted_only_by(("number",), ("at",), ("at", "number"), skip_by="number")

HOOKS: dict[str, Any] = {
    "before": {
        "all": [validate_query(AuditQuery())],
        "find": [allow("admin"), in_index_order, newest_first],
        "get": [allow("admin")],
        **{method: [refuse] for method in WRITING},
    },
}
