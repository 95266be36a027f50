"""Where nobody is logged in any more, nothing is pushed any more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ...core.application import Application
from ...core.context import Params


def forget_at_logout(app: Application) -> Callable[[str, str], Awaitable[None]]:
    """A listener to the end of sessions."""

    async def forget(user_id: str, session_id: str) -> None:
        devices = app.service("devices")
        query = {"userId": user_id, "sessionId": session_id, "$select": ["_id"]}
        for device in await devices.find(Params(query=query, paginate=False)):
            await devices.remove(device["_id"])

    return forget
