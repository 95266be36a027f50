from __future__ import annotations

from typing import Any

from ...core.context import HookContext
from ...core.protect import protect
from ...core.schema import validate_data, validate_query
from ...hooks.access import PLACES, allow
from ...hooks.audit import audited, changed_fields
from ...hooks.transactions import joined
from .schema import ClassData, ClassQuery


async def remove_places(context: HookContext) -> None:
    """A class that is gone has neither students nor teachers."""
    # Students go first: who teaches them must not make one of them the admin of their conversation.
    for role in ("student", "teacher"):
        await context.app.service(PLACES[role]).remove(
            None, joined(context, query={"classId": context.result["_id"]}, adapter={"multi": True})
        )


HOOKS: dict[str, Any] = {
    "around": {
        "all": [protect("changes")],
        "create": [audited()],
        "patch": [audited(details=changed_fields)],
        "remove": [audited()],
    },
    "before": {
        "all": [validate_query(ClassQuery())],
        "create": [allow("admin"), validate_data(ClassData())],
        "patch": [allow("admin"), validate_data(ClassData(), partial=True)],
        "remove": [allow("admin")],
    },
    "after": {"remove": [remove_places]},
}
