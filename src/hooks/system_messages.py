"""What the application itself writes in a conversation: that somebody has changed it."""

from __future__ import annotations

from typing import Any

import structlog

from ..core.context import HookContext
from ..core.errors import FeathersError
from .transactions import joined

logger = structlog.stdlib.get_logger(__name__)


async def tell(context: HookContext, conversation_id: Any, content: str) -> None:
    """Write that the caller has done something, in the transaction of the call if it is in one.

    What was done stays done where the message about it fails.
    """
    user = context.params.user
    if user is None:
        return
    data = {"conversationId": conversation_id, "type": "system", "content": content}
    params = joined(context, user=user, tenant=user["schoolId"])
    try:
        await context.app.service("messages").create(data, params)
    except FeathersError as error:
        if "session" in params:
            raise
        logger.warning("a system message failed", conversation=str(conversation_id), reason=error.message)
