from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from ...core.application import Application
from ...core.errors import Unavailable
from ...core.jobs import Task
from ...models import Analytics, School
from ...models.record import now
from .counting import count, uncounted

if TYPE_CHECKING:
    from .warehouse import Warehouse

KIND: Final = "analytics.count"
BEGINNING: Final = datetime.fromtimestamp(0, UTC)


class CountingJob:
    """Counts every school's messages every so many minutes, on one of the nodes.

    ``warehouse`` answers where to copy the numbers, or None.
    """

    def __init__(
        self, app: Application, *, every_minutes: int, warehouse: Callable[[], Warehouse | None]
    ) -> None:
        self._app = app
        self._every = timedelta(minutes=every_minutes)
        self._warehouse = warehouse

    async def owe(self) -> None:
        """Have each school counted at its next turn, once whoever says it."""
        due = next_turn(now(), self._every)
        async for school in School.documents().find({}, {"_id": 1}).sort("slug"):
            await self._app.jobs.owe(
                KIND, {"schoolId": school["_id"]}, key=str(school["_id"]), school_id=school["_id"], due=due
            )

    async def work(self, task: Task) -> None:
        """The numbers stay right where it ends in the middle, and where it is done twice."""
        school = await School.documents().find_one({"_id": task.payload["schoolId"]})
        if school is not None:
            await count_school(school, self._warehouse())


def next_turn(at: datetime, every: timedelta) -> datetime:
    return BEGINNING + ((at - BEGINNING) // every + 1) * every


async def count_school(school: Mapping[str, Any], warehouse: Warehouse | None = None) -> int:
    """Count what is new, and copy what is not copied; of how many conversations.

    Raises Unavailable, when everything is counted, where it could not be copied.
    """
    done, away = 0, None
    async for conversation, before in uncounted(school, copied=warehouse is not None):
        numbers = await count(conversation, before, school["timezone"])
        if warehouse is not None and away is None:
            try:
                await warehouse.copy(numbers)
            except Unavailable as error:
                away = error
            else:
                await _note_copied(numbers)
        done += 1
    if away is not None:
        raise away
    return done


async def _note_copied(numbers: Mapping[str, Any]) -> None:
    these = {name: numbers[name] for name in ("conversationId", "clock", "timezone")}
    copied = {"copiedClock": numbers["clock"], "copiedUntil": numbers["lastMessageAt"]}
    await Analytics.documents().update_one(these, {"$set": copied})
