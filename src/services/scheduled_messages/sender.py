"""Sends messages when their time has come, once each, as if their senders did it then."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from ...core.application import Application
from ...core.background import AT_ONCE
from ...core.context import HookContext, Params
from ...core.errors import FeathersError, TooManyRequests
from ...core.jobs import PutOff, Task
from ...core.service import Service
from ...core.shapes import is_mapping
from ...hooks.files import plain
from ...models.record import now
from .hooks import message_of
from .service import HIDDEN, Record, ScheduledMessagesService, settled

logger = structlog.stdlib.get_logger(__name__)

KIND: Final = "scheduled messages"
PROVIDER: Final = "schedule"
"""The rules hold as for a client that calls by this transport."""

LOOKS_EVERY: Final = 5.0
"""Seconds between two looks for what is due and not owed: its process was killed in between."""

PATIENCE: Final = timedelta(seconds=30)
"""How long a message waits that came too often, where the refusal does not say."""

MAX_ATTEMPTS: Final = 10


class Sender:
    """Sends what a school has to say, one message after the other, as a task that waits for the next one.

    A process that stops between sending and noting it leaves the claim to run out; the next one sends the
    same message, which its idempotency key tells from another.
    """

    def __init__(self, app: Application, service: Service, records: ScheduledMessagesService) -> None:
        self._app = app
        self._service = service
        self._records = records

    async def owe(self, context: HookContext) -> None:
        """After a call that schedules something, or changes when it is sent."""
        await self._owe(context.result["schoolId"], context.result["sendAt"])

    async def look(self) -> None:
        for school_id in await self._records.schools_due(now()):
            await self._owe(school_id, now())

    async def do(self, task: Task) -> None:
        """Send what is due in a school. Raises PutOff where something else waits there."""
        while (seconds := await self.send_next(schoolId=task.school_id)) == AT_ONCE:
            pass
        if seconds is not None:
            raise PutOff(now() + timedelta(seconds=seconds))

    async def send_next(self, **where: Any) -> float | None:
        """Send what was to be sent first of what is due by now; in how many seconds there is more."""
        claimed = await self._records.claim(now(), **where)
        if claimed is None:
            due = await self._records.next_due(**where)
            return None if due is None else max(AT_ONCE, (due - now()).total_seconds())
        outcome = await self._send(claimed)
        if outcome is not None:
            shown = {name: value for name, value in plain(outcome).items() if name not in HIDDEN}
            self._service.emit("patched", shown)
        return AT_ONCE

    async def _owe(self, school_id: Any, due: datetime) -> None:
        await self._app.jobs.owe(KIND, {}, key=str(school_id), school_id=school_id, due=due)

    async def _send(self, claimed: Record) -> Record | None:
        """The record as it is then; None where another process has it by now."""
        try:
            message = await self._create(claimed)
        except Exception as error:  # noqa: BLE001 - it becomes the reason, or is logged
            # It may be a message already that its sender would not be let send any more.
            earlier = await self._sent_before(claimed)
            if earlier is None:
                return await self._not_sent(claimed, error)
            message = earlier
        gone: Record = {"content": None, "attachments": [], "mentions": [], "replyTo": None}
        return await self._records.settle(claimed, **settled(state="SENT", messageId=message["_id"], **gone))

    async def _create(self, claimed: Record) -> Record:
        own = Params(tenant=claimed["schoolId"])
        user = await self._app.service("users").get(claimed["userId"], own)
        message: Record = await self._app.service("messages").create(
            {**message_of(claimed), "idempotencyKey": _key(claimed)},
            Params(provider=PROVIDER, user=user, authenticated=True),
        )
        return message

    async def _sent_before(self, claimed: Record) -> Record | None:
        query = {"senderId": claimed["userId"], "idempotencyKey": _key(claimed), "$limit": 1}
        found = await self._app.service("messages").find(
            Params(query=query, tenant=claimed["schoolId"], paginate=False)
        )
        return found[0] if found else None

    async def _not_sent(self, claimed: Record, error: Exception) -> Record | None:
        if isinstance(error, TooManyRequests):
            return await self._records.postpone(claimed, now() + _wait_of(error))
        if isinstance(error, FeathersError) and error.code < 500:
            return await self._fail(claimed, _reason(error))
        logger.error("a scheduled message was not sent", scheduled=str(claimed["_id"]), exc_info=error)
        if claimed["attempts"] >= MAX_ATTEMPTS:
            return await self._fail(claimed, "The message could not be sent")
        return await self._records.postpone(claimed, now() + timedelta(seconds=2 ** claimed["attempts"]))

    async def _fail(self, claimed: Record, reason: str) -> Record | None:
        return await self._records.settle(claimed, **settled(state="FAILED", reason=reason))


def _key(scheduled: Mapping[str, Any]) -> str:
    return f"scheduled:{scheduled['_id']}"


def _wait_of(refusal: TooManyRequests) -> timedelta:
    seconds: Any = refusal.data.get("retryAfter") if is_mapping(refusal.data) else None
    if not isinstance(seconds, int | float):
        return PATIENCE
    return timedelta(seconds=max(1, math.ceil(seconds)))


def _reason(refusal: FeathersError) -> str:
    if not is_mapping(refusal.errors):
        return refusal.message
    return "; ".join(f"{field}: {reason}" for field, reason in refusal.errors.items())
