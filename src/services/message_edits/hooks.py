from __future__ import annotations

from typing import Any

from ...core.context import HookContext, Params
from ...core.errors import Forbidden, NotFound
from ...core.schema import invalid, validate_query
from ...hooks.membership import require_place
from .schema import EditQuery


async def of_a_readable_message(context: HookContext) -> None:
    """Raises BadRequest, and Forbidden for who may not read the message; once it is removed, for all."""
    if not context.params.provider:
        return
    asked = context.params.query.get("messageId")
    if asked is None or isinstance(asked, dict):
        raise invalid("messageId", "Missing data for required field.")
    try:
        message = await context.app.service("messages").get(asked, Params(tenant=context.params["tenant"]))
    except NotFound:
        raise Forbidden("You cannot read this message") from None
    await require_place(context, message["conversationId"])
    if message["deletedAt"] is not None:
        raise Forbidden("The message was removed")


def in_order(context: HookContext) -> None:
    if context.params.provider:
        context.params.query.setdefault("$sort", {"number": 1})


HOOKS: dict[str, Any] = {
    "before": {"find": [validate_query(EditQuery()), of_a_readable_message, in_order]},
}
