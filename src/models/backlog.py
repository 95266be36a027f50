"""What waits to be done for all schools, as numbers for the metrics."""

from __future__ import annotations

from typing import Final

from ..core.application import Application
from ..core.metrics import readings
from .delivery import Delivery
from .erasure import Erasure
from .export import Export
from .record import ANY_MOMENT, now

MOST: Final = 10_000
"""Counting further would cost the database more than the number is worth."""


def backlog(app: Application) -> None:
    """All nodes count the same records: of their numbers take the largest, not the sum."""

    async def due() -> float:
        return await Delivery.documents().count_documents(
            {"dueAt": {**ANY_MOMENT, "$lte": now()}}, limit=MOST
        )

    async def jobs() -> float:
        waiting = {"leaseUntil": {**ANY_MOMENT, "$lte": now()}}
        return sum(
            [await model.documents().count_documents(waiting, limit=MOST) for model in (Export, Erasure)]
        )

    numbers = readings(app)
    numbers.asked("outbox_due", "Events that should have been sent and were not, up to 10,000.", due)
    numbers.asked("jobs_waiting", "Exports and erasures that nobody works on, up to 10,000.", jobs)
