from __future__ import annotations

from typing import Any

from ...core.context import HookContext
from ...core.schema import validate_data, validate_query
from ...hooks.access import allow
from ...hooks.finding import sorted_only_by
from .schema import DeliveryName, DeliveryQuery


def newest_first(context: HookContext) -> None:
    if context.params.provider:
        context.params.query.setdefault("$sort", {"createdAt": -1})


in_index_order = sorted_only_by(("createdAt",), ("conversationId", "revision"), skip_by="revision")

HOOKS: dict[str, Any] = {
    "before": {
        "all": [allow("admin")],
        "find": [validate_query(DeliveryQuery()), in_index_order, newest_first],
        "get": [validate_query(DeliveryQuery())],
        "retry": [validate_data(DeliveryName())],
    },
}
