from __future__ import annotations

from typing import Any, Final

from ...core.context import HookContext
from ...core.errors import BadRequest, Forbidden
from ...core.protect import protect
from ...core.rate_limit import rate_limit
from ...core.schema import validate_data, validate_query
from ...hooks.audit import audited, of_another, values_of
from ...hooks.jobs import OF_THE_RUNNER, refuse_second
from ...hooks.membership import require_people
from ...hooks.ownership import caller
from ...hooks.records import reached
from .schema import ExportData, ExportName, ExportQuery

OFTEN: Final = "20/hour"


def own_unless_admin(context: HookContext) -> None:
    """Others than admins, and who is none any more, see what they have asked for about themselves."""
    user = context.params.user
    if context.params.provider and user is not None and user["role"] != "admin":
        context.params["restrict"] = {"requestedBy": user["_id"], "userId": user["_id"]}


async def of_whom(context: HookContext) -> None:
    """Raises Forbidden, BadRequest."""
    user = caller(context)
    user_id = context.data.get("userId", user["_id"])
    if user_id != user["_id"]:
        if user["role"] != "admin":
            raise Forbidden("Only admin may export what is kept of others")
        await require_people(context, "userId", [user_id])
    context.data = {
        "userId": user_id,
        "requestedBy": user["_id"],
        "openKey": f"export {user_id} {user['_id']}",
    }


async def finished(context: HookContext) -> None:
    """Raises NotFound for who may not see the export, BadRequest where it has no archive."""
    export = await reached(context, context.data["exportId"])
    if export["state"] != "DONE":
        raise BadRequest(f"The export is {export['state']}", {"state": export["state"]})
    context.params["export"] = export


def linked(context: HookContext, _: dict[str, Any]) -> tuple[str, Any]:
    return context.path, context.data["exportId"]


def anothers(context: HookContext, _: dict[str, Any]) -> bool:
    another: bool = context.params["export"]["userId"] != caller(context)["_id"]
    return another


HOOKS: dict[str, Any] = {
    "around": {
        "all": [protect(*OF_THE_RUNNER, "linkHash", "linkUntil", "masterId", "wrapped")],
        "create": [audited(details=values_of("userId"), when=of_another("userId"))],
        "link": [audited(subject=linked, when=anothers)],
    },
    "before": {
        "find": [validate_query(ExportQuery()), own_unless_admin],
        "get": [validate_query(ExportQuery()), own_unless_admin],
        "create": [rate_limit(OFTEN), validate_data(ExportData()), of_whom],
        "remove": [validate_query(ExportQuery()), own_unless_admin],
        "link": [validate_data(ExportName()), own_unless_admin, finished],
    },
    "error": {"create": [refuse_second]},
}
