from __future__ import annotations

from typing import Any, Final

from ...core.context import HookContext
from ...core.errors import NotFound
from ...core.protect import protect
from ...core.schema import validate_data, validate_query
from ...hooks.ownership import caller
from .schema import NotificationPreferenceData, NotificationPreferenceQuery

ME: Final = "me"


def only_ones_own(context: HookContext) -> None:
    """Clients reach their own preferences, as ``me`` or by their user's id. Raises NotFound."""
    if not context.params.provider:
        return
    own = caller(context)["_id"]
    if str(context.id).lower() not in {ME, str(own)}:
        raise NotFound(f"No record found for id '{context.id}'")
    context.id = own


HOOKS: dict[str, Any] = {
    "around": {"all": [protect("digestedAt")]},
    "before": {
        "get": [validate_query(NotificationPreferenceQuery()), only_ones_own],
        "patch": [
            validate_query(NotificationPreferenceQuery()),
            validate_data(NotificationPreferenceData(), partial=True),
            only_ones_own,
        ],
    },
}
