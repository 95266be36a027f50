from __future__ import annotations

from typing import Any

from ...core.context import HookContext
from ...core.schema import validate_data, validate_query
from ...hooks.access import allow
from .schema import DeliveryName, DeliveryQuery


def newest_first(context: HookContext) -> None:
    if context.params.provider:
        context.params.query.setdefault("$sort", {"createdAt": -1})


HOOKS: dict[str, Any] = {
    "before": {
        "all": [allow("admin")],
        "find": [validate_query(DeliveryQuery()), newest_first],
        "get": [validate_query(DeliveryQuery())],
        "retry": [validate_data(DeliveryName())],
    },
}
