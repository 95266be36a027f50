from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog

from ...core.application import Application
from ...core.jobs import Task
from ...models import School
from ...models.lease import last_done, note_done
from ...models.record import now
from .expiry import days_by_kind, expunge_expired

KIND: Final = "retention"
LOOKS_EVERY: Final = 10 * 60.0  # seconds
REST: Final = 0.1
"""Seconds between two batches at night: whoever is awake has precedence."""

logger = structlog.stdlib.get_logger(__name__)


class Retention:
    """Has it done every night, at ``hour`` of each school's own clock."""

    def __init__(self, app: Application, hour: int) -> None:
        self._app = app
        self._hour = hour

    async def look(self) -> None:
        await self.owe_due(now())

    async def owe_due(self, at: datetime) -> list[str]:
        """Owe it to the schools whose turn has come since it was last done; their slugs.

        ``at`` is the time. A school that begins to take out what is old waits for its next turn.
        """
        owed: list[str] = []
        async for school in School.documents().find().sort("slug"):
            if not days_by_kind(school["settings"]):
                continue
            turn = last_turn(at, self._hour, school["timezone"])
            if await last_done(_name(school), at) < turn:
                payload = {"schoolId": school["_id"], "turn": turn}
                await self._app.jobs.owe(KIND, payload, key=str(school["_id"]), school_id=school["_id"])
                owed.append(school["slug"])
        return owed

    async def do(self, task: Task) -> None:
        """Begun again, it goes on where it ended."""
        school = await School.documents().find_one({"_id": task.payload["schoolId"]})
        turn: datetime = task.payload["turn"]
        # Between the look of another node and now it may have been done.
        if school is None or await last_done(_name(school), now()) >= turn:
            return

        async def progress(messages: int, conversations: int) -> None:
            await asyncio.sleep(REST)

        expired = await expunge_expired(self._app, school, progress)
        await note_done(_name(school), turn)
        logger.info("retention", school=school["slug"], messages=expired.messages)


def last_turn(at: datetime, hour: int, timezone: str) -> datetime:
    """When it was ``hour`` o'clock in the time zone for the last time, in UTC."""
    local = at.astimezone(ZoneInfo(timezone))
    turn = local.replace(hour=hour, minute=0, second=0, microsecond=0)
    if turn > local:
        turn -= timedelta(days=1)
    return turn.astimezone(UTC)


def _name(school: Mapping[str, Any]) -> str:
    return f"retention {school['_id']}"
