from __future__ import annotations

from typing import Any

from ...core.context import HookContext
from ...core.errors import Forbidden
from ...core.schema import invalid, validate_data, validate_query
from ...hooks.access import allow
from ...hooks.audit import audited, values_of
from ...hooks.membership import require_people
from ...hooks.ownership import caller, own_only, sorted_by
from ...hooks.records import first, reached
from ...hooks.repeats import answered
from ...models.record import now
from .schema import WarningData, WarningPatch, WarningQuery


async def by_caller(context: HookContext) -> None:
    """Whoever calls warns, for own code ``params.user``. The message, if any, is one that the user wrote.

    Raises BadRequest.
    """
    data, user = context.data, caller(context)
    data["issuedBy"] = user["_id"]
    if not context.params.provider:
        return
    await require_people(context, "userId", [data["userId"]])
    if data.get("messageId") is not None and not await _wrote(context, data["userId"], data["messageId"]):
        raise invalid("messageId", "no such message of the user")


async def by_the_warned(context: HookContext) -> None:
    """Raises Forbidden. What was acknowledged before stays as it is."""
    if not context.params.provider:
        return
    warning = await reached(context)
    if warning["userId"] != caller(context)["_id"]:
        raise Forbidden("Only the warned user may acknowledge a warning")
    if warning["acknowledgedAt"] is not None:
        answered(context, warning)
    context.data = {"acknowledgedAt": now()}


async def _wrote(context: HookContext, user_id: Any, message_id: Any) -> bool:
    return await first(context, "messages", {"_id": message_id, "senderId": user_id}) is not None


own_but_for_admins = own_only("userId", but=("admin",))

HOOKS: dict[str, Any] = {
    "around": {"create": [audited(details=values_of("userId", "messageId"))]},
    "before": {
        "all": [validate_query(WarningQuery())],
        "find": [own_but_for_admins, sorted_by(createdAt=-1)],
        "get": [own_but_for_admins],
        "create": [allow("admin"), validate_data(WarningData()), by_caller],
        "patch": [own_but_for_admins, validate_data(WarningPatch()), by_the_warned],
    },
}
