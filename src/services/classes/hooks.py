from __future__ import annotations

from typing import Any

from ...core.context import HookContext, Params
from ...core.schema import validate_data, validate_query
from ...hooks.access import PLACES, allow
from .schema import ClassData, ClassQuery


async def remove_places(context: HookContext) -> None:
    """A class that is gone has neither teachers nor students."""
    for path in PLACES.values():
        await context.app.service(path).remove(
            None, Params(query={"classId": context.result["_id"]}, adapter={"multi": True})
        )


HOOKS: dict[str, Any] = {
    "before": {
        "all": [validate_query(ClassQuery())],
        "create": [allow("admin"), validate_data(ClassData())],
        "patch": [allow("admin"), validate_data(ClassData(), partial=True)],
        "remove": [allow("admin")],
    },
    "after": {"remove": [remove_places]},
}
