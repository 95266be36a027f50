"""What waits to be done for all schools, as numbers for the metrics."""

from __future__ import annotations

from typing import Final

from ..core.application import Application
from ..core.metrics import readings
from .delivery import Delivery
from .record import ANY_MOMENT, now
from .task import OwedTask

MOST: Final = 10_000
"""Counting further would cost the database more than the number is worth."""


def backlog(app: Application) -> None:
    """All nodes count the same records: of their numbers take the largest, not the sum."""

    async def due() -> float:
        return await Delivery.documents().count_documents(
            {"dueAt": {**ANY_MOMENT, "$lte": now()}}, limit=MOST
        )

    async def jobs() -> float:
        return await OwedTask.documents().count_documents(
            {"dueAt": {**ANY_MOMENT, "$lte": now()}}, limit=MOST
        )

    async def failed() -> float:
        return await OwedTask.documents().count_documents({"state": "FAILED"}, limit=MOST)

    numbers = readings(app)
    numbers.asked("outbox_due", "Events that should have been sent and were not, up to 10,000.", due)
    numbers.asked("jobs_waiting", "Tasks that are due and that nobody works on, up to 10,000.", jobs)
    numbers.asked("jobs_failed", "Tasks that were given up, up to 10,000.", failed)
