"""For how long what was written can be changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ..core.context import HookContext
from ..core.errors import Forbidden
from ..models.record import now


async def within_window(
    context: HookContext,
    message: Mapping[str, Any],
    done: str,
    conversation: Mapping[str, Any] | None = None,
) -> None:
    """Raises Forbidden. A team's channel, where that is told, has an end of its own besides the school's."""
    school = await context.app.service("schools").get(message["schoolId"])
    ends = [school["settings"]["editWindowMinutes"]]
    if conversation is not None and conversation.get("teamId") is not None:
        ends.append(context.app.settings["teams"]["edit_window_minutes"])
    minutes = min((end for end in ends if end is not None), default=None)
    if minutes is not None and now() - message["createdAt"] > timedelta(minutes=minutes):
        raise Forbidden(
            f"A message can be {done} for {minutes} minutes",
            {"code": "EDIT_WINDOW_EXPIRED", "editWindowMinutes": minutes},
        )
