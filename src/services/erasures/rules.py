"""Who may not be erased."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.errors import Conflict
from ...hooks.leaving import require_another_admin, require_not_held


async def require_erasable(user: Mapping[str, Any]) -> None:
    """Raises Conflict for the last admin of a school, and for what a legal hold keeps."""
    if user.get("erasedAt") is not None:
        raise Conflict("The user is erased already", {"erasedAt": user["erasedAt"]})
    if user["role"] == "admin" and user.get("erasingAt") is None:
        await require_another_admin(user["schoolId"], [user["_id"]])
    await require_not_held(user)
