from __future__ import annotations

from typing import Any

from ...core.context import HookContext, Params
from ...core.errors import NotFound
from ...core.protect import protect
from ...core.schema import invalid, validate_data, validate_query
from ...hooks.access import allow
from ...hooks.audit import audited, values_of
from ...hooks.jobs import OF_THE_RUNNER, refuse_second
from ...hooks.standing import still_in_role
from .rules import require_erasable
from .schema import ErasureData, ErasureQuery


async def of_whom(context: HookContext) -> None:
    """Raises BadRequest, Conflict."""
    user_id, by = context.data["userId"], (context.params.user or {}).get("_id")
    if user_id == by:
        raise invalid("userId", "you cannot erase yourself")
    try:
        user = await context.app.service("users").get(user_id, Params(tenant=context.params.get("tenant")))
    except NotFound:
        raise invalid("userId", "no such user") from None
    await require_erasable(user)
    context.data = {"userId": user_id, "requestedBy": by, "openKey": f"erasure {user_id}"}


HOOKS: dict[str, Any] = {
    "around": {"all": [protect(*OF_THE_RUNNER)], "create": [audited(details=values_of("userId"))]},
    "before": {
        "find": [allow("admin"), validate_query(ErasureQuery())],
        "get": [allow("admin"), validate_query(ErasureQuery())],
        "create": [allow("admin"), still_in_role, validate_data(ErasureData()), of_whom],
    },
    "error": {"create": [refuse_second]},
}
