"""A school's sockets from login to close."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import structlog

from ..core.application import Application, Realtime
from ..core.context import Connection, HookContext
from .absent import SETTING as ABSENT, Absent
from .attendance import Attendance
from .channels import Audiences
from .connections import ConnectionManager
from .notifications import Notifications
from .requests import Requests
from .typists import Typists

logger = structlog.stdlib.get_logger(__name__)

CLOSE_SECONDS: Final = 5.0


class SchoolSockets:
    """What is told to whom, by the one index of the connections of this process."""

    def __init__(
        self,
        app: Application,
        realtime: Realtime,
        *,
        grace: float,
        collect: float,
        expires: float,
        every: float,
        most: int,
    ) -> None:
        self._app = app
        self._realtime = realtime
        connections: ConnectionManager[Connection] = ConnectionManager()
        self.audiences = Audiences(app, connections)
        self.notifications = Notifications(app, realtime, self.audiences, connections)
        self.typists = Typists(app, realtime, self.audiences, connections, expires=expires, every=every)
        self.attendance = Attendance(app, realtime, connections, self.typists, grace=grace, collect=collect)
        known = self.notifications
        self.absent = Absent(
            app, self.attendance.presence, known.preferences, known.schools, known.conversations
        )
        self.requests = Requests(app, connections, self.attendance, self.typists, most=most)

    def register(self) -> None:
        self.attendance.register()
        self.typists.register()
        self._app.service("messages").on("created", self._message_created)
        self.requests.register(self._realtime)
        self.audiences.register()
        self.notifications.register()
        self._app.set(ABSENT, self.absent)

    async def close(self) -> None:
        """Note when everybody was seen last, unless the database keeps the server from stopping."""
        self.typists.close()
        self.attendance.collector.close()
        left = self.attendance.presence.close()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                for user_id, last_seen in left.items():
                    await self.attendance.mark_seen([user_id], last_seen)
        except TimeoutError:
            logger.warning("the database is too slow to note who was seen last", users=len(left))

    def _message_created(self, message: dict[str, Any], _: HookContext) -> None:
        self.typists.sent(str(message["senderId"]), str(message["conversationId"]))
