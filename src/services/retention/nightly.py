from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4
from zoneinfo import ZoneInfo

import structlog

from ...core.application import Application
from ...models import School
from ...models.lease import last_done, let_go, take
from ...models.record import now
from .expiry import Expired, days_by_kind, expunge_expired

LOOKS_EVERY: Final = 10 * 60.0  # seconds
LEASE: Final = timedelta(minutes=5)
REST: Final = 0.1
"""Seconds between two batches at night: whoever is awake has precedence."""

logger = structlog.stdlib.get_logger(__name__)


class Retention:
    """Does it every night, at ``hour`` of each school's own clock, on one of the nodes."""

    def __init__(self, app: Application, hour: int) -> None:
        self.name = uuid4().hex
        self._app = app
        self._hour = hour

    async def run(self) -> None:
        await self.run_due(now())

    async def run_due(self, at: datetime) -> dict[str, Expired]:
        """Do it for the schools whose turn has come since it was last done; by slug what was taken out.

        ``at`` is the time. A school that begins to take out what is old waits for its next turn. What another
        node is doing is left to it; what a node has left undone is taken up.
        """
        found: dict[str, Expired] = {}
        async for school in School.documents().find().sort("slug"):
            if not days_by_kind(school["settings"]):
                continue
            key = f"retention {school['_id']}"
            turn = last_turn(at, self._hour, school["timezone"])
            if await last_done(key, at) < turn and await take(key, self.name, LEASE):
                # Between the look and the lease another node may have been through with it.
                if await last_done(key, at) < turn:
                    found[school["slug"]] = await self._do(school, key, at)
                else:
                    await let_go(key, self.name)
        return found

    async def _do(self, school: Mapping[str, Any], key: str, at: datetime) -> Expired:
        renewed = now()

        async def progress(messages: int, conversations: int) -> None:
            nonlocal renewed
            if now() - renewed > LEASE / 5:
                renewed = now()
                await take(key, self.name, LEASE)
            await asyncio.sleep(REST)

        done: datetime | None = None
        try:
            expired = await expunge_expired(self._app, school, progress)
            done = at
        finally:
            await let_go(key, self.name, done=done)
        logger.info("retention", school=school["slug"], messages=expired.messages)
        return expired


def last_turn(at: datetime, hour: int, timezone: str) -> datetime:
    """When it was ``hour`` o'clock in the time zone for the last time, in UTC."""
    local = at.astimezone(ZoneInfo(timezone))
    turn = local.replace(hour=hour, minute=0, second=0, microsecond=0)
    if turn > local:
        turn -= timedelta(days=1)
    return turn.astimezone(UTC)
