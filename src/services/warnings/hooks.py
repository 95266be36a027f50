from __future__ import annotations

from typing import Any

from ...core.context import HookContext, Params
from ...core.errors import Forbidden, NotFound
from ...core.schema import invalid, validate_data, validate_query
from ...hooks.access import allow
from ...hooks.audit import audited
from ...hooks.membership import caller, require_people
from ...models.record import now
from .schema import WarningData, WarningPatch, WarningQuery


def own_but_for_admins(context: HookContext) -> None:
    user = caller(context) if context.params.provider else None
    if user is not None and user["role"] != "admin":
        context.params["restrict"] = {"userId": user["_id"]}


def newest_first(context: HookContext) -> None:
    if context.params.provider:
        context.params.query.setdefault("$sort", {"createdAt": -1})


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
    seen = Params(tenant=context.params["tenant"], restrict=context.params.get("restrict"))
    warning = await context.service.get(context.id, seen)
    if warning["userId"] != caller(context)["_id"]:
        raise Forbidden("Only the warned user may acknowledge a warning")
    if warning["acknowledgedAt"] is not None:
        context.result = warning
        context.event = None
    context.data = {"acknowledgedAt": now()}


def about(context: HookContext, warning: dict[str, Any]) -> dict[str, Any]:
    return {"userId": warning["userId"], "messageId": warning["messageId"]}


async def _wrote(context: HookContext, user_id: Any, message_id: Any) -> bool:
    try:
        message = await context.app.service("messages").get(
            message_id, Params(tenant=context.params["tenant"])
        )
    except NotFound:
        return False
    return bool(message["senderId"] == user_id)


HOOKS: dict[str, Any] = {
    "around": {"create": [audited(details=about)]},
    "before": {
        "all": [validate_query(WarningQuery())],
        "find": [own_but_for_admins, newest_first],
        "get": [own_but_for_admins],
        "create": [allow("admin"), validate_data(WarningData()), by_caller],
        "patch": [own_but_for_admins, validate_data(WarningPatch()), by_the_warned],
    },
}
