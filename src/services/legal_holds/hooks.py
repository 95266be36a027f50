from __future__ import annotations

from typing import Any

from ...core.context import HookContext
from ...core.errors import NotFound
from ...core.schema import invalid, validate_data, validate_query
from ...hooks.access import allow
from ...hooks.audit import audited
from ...hooks.membership import conversation_of, require_people
from ...hooks.ownership import caller
from .schema import LegalHoldData, LegalHoldQuery


async def of_own_school(context: HookContext) -> None:
    """What is held exists in the caller's school. Raises BadRequest."""
    data = context.data
    data["createdBy"] = caller(context)["_id"]
    if "userId" in data:
        await require_people(context, "userId", [data["userId"]], leaving=True)
        return
    try:
        await conversation_of(context, data["conversationId"])
    except NotFound:
        raise invalid("conversationId", "no such conversation") from None


def held(context: HookContext, hold: dict[str, Any]) -> dict[str, Any]:
    return {name: hold[name] for name in ("userId", "conversationId") if hold[name] is not None}


HOOKS: dict[str, Any] = {
    "around": {"create": [audited(details=held)], "remove": [audited(details=held)]},
    "before": {
        "all": [allow("admin"), validate_query(LegalHoldQuery())],
        "create": [validate_data(LegalHoldData()), of_own_school],
    },
}
