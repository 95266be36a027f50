from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4
from zoneinfo import ZoneInfo

import structlog
from pymongo.errors import PyMongoError

from ...core.application import Application
from ...core.errors import FeathersError
from ...models import School
from ...models.lease import last_done, let_go, take
from ...models.record import now
from .expiry import Expired, Progress, days_by_kind, expunge_expired

LOOKS_EVERY: Final = 10 * 60.0  # seconds
LEASE: Final = timedelta(minutes=5)
REST: Final = 0.1
"""Seconds between two batches at night: whoever is awake has precedence."""

logger = structlog.stdlib.get_logger(__name__)


class RetentionService:
    """Does it every night, at ``hour`` of each school's own clock, on one of the nodes."""

    def __init__(self, app: Application, hour: int) -> None:
        self.name = uuid4().hex
        self._app = app
        self._hour = hour
        self._task: asyncio.Task[None] | None = None

    async def setup(self, app: Application, path: str) -> None:
        if app.get("background"):
            self._task = app.tasks.start(self._every_night(), name="retention")

    async def teardown(self, app: Application, path: str) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def expunge_expired(
        self, school: Mapping[str, Any], progress: Progress, *, dry_run: bool = False
    ) -> Expired:
        """Take out of one school, now, what it no longer keeps; with ``dry_run`` count it."""
        return await expunge_expired(self._app, school, progress, dry_run=dry_run)

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

    async def _every_night(self) -> None:
        while True:
            await asyncio.sleep(LOOKS_EVERY)
            try:
                await self.run_due(now())
            except (FeathersError, PyMongoError):
                logger.exception("retention has to wait")


def last_turn(at: datetime, hour: int, timezone: str) -> datetime:
    """When it was ``hour`` o'clock in the time zone for the last time, in UTC."""
    local = at.astimezone(ZoneInfo(timezone))
    turn = local.replace(hour=hour, minute=0, second=0, microsecond=0)
    if turn > local:
        turn -= timedelta(days=1)
    return turn.astimezone(UTC)
