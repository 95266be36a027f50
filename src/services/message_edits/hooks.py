from __future__ import annotations

from typing import Any

from ...core.context import HookContext
from ...core.errors import Forbidden
from ...core.schema import invalid, validate_query
from ...hooks.membership import readable_message
from ...hooks.ownership import sorted_by
from .schema import EditQuery


async def of_a_readable_message(context: HookContext) -> None:
    """Raises BadRequest, and Forbidden for who may not read the message; once it is removed, for all."""
    if not context.params.provider:
        return
    asked = context.params.query.get("messageId")
    if asked is None or isinstance(asked, dict):
        raise invalid("messageId", "Missing data for required field.")
    message = await readable_message(context, asked)
    if message["deletedAt"] is not None:
        raise Forbidden("The message was removed")


HOOKS: dict[str, Any] = {
    "before": {"find": [validate_query(EditQuery()), of_a_readable_message, sorted_by(number=1)]},
}
