from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from time import perf_counter
from typing import Any, Final, Literal

import structlog

from ..application import Application
from ..background import AT_ONCE, Background
from ..context import Params
from .ledger import Held, Ledger
from .task import ATTEMPTS, GivenUp, PutOff, Work

LOOKS_EVERY: Final = 1.0
"""Seconds between two looks for what nobody has told of: what was put off, or lost with a process."""

FIRST_WAIT: Final = 2.0
LONGEST_WAIT: Final = 600.0
GROWTH: Final = 4
"""Seconds before the second attempt, at most before any, and how many times longer than before."""

MOST_GROWN: Final = 10  # times

GRACE_SECONDS: Final = 5.0
REASON_LENGTH: Final = 500
WORN_OUT: Final = "The processes that began it were lost"

Outcome = Literal["done", "retried", "put off", "failed", "handed back", "lost"]

logger = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Definition:
    work: Work
    attempts: int


class Worker:
    """The jobs of an application, of which this process does some.

    ``places``: tasks that are done at a time; of one kind half of them at most, so that a long kind does not
    hold up all others. ``lease``: seconds after which others take what a process has been lost with; it is
    renewed three times in them. ``tell`` is how the nodes hear that a task is due; nobody has to.

    Emits ``job`` with kind, outcome and seconds on the application, once for every attempt.
    """

    def __init__(self, app: Application, ledger: Ledger, *, places: int = 8, lease: float = 15.0) -> None:
        self._app = app
        self._ledger = ledger
        self._places = places
        self._places_of_kind = max(1, places // 2)
        self._lease = timedelta(seconds=lease)
        self._definitions: dict[str, Definition] = {}
        self._doing: dict[asyncio.Task[None], str] = {}
        self._taking = asyncio.Lock()
        self._is_stopping = False
        self.tell: Callable[[str, str], object] = _nobody
        self.looking = Background(app, "jobs", self.look, every=LOOKS_EVERY, grace=GRACE_SECONDS)

    def define(self, kind: str, work: Work, *, attempts: int = ATTEMPTS) -> None:
        if kind in self._definitions:
            raise ValueError(f"'{kind}' is defined already")
        self._definitions[kind] = Definition(work, attempts)

    async def owe(
        self,
        kind: str,
        payload: Mapping[str, Any],
        *,
        key: str | None = None,
        school_id: Any = None,
        due: datetime | None = None,
        params: Params | None = None,
    ) -> None:
        if kind not in self._definitions:
            raise LookupError(f"nobody does '{kind}'")
        task_id = await self._ledger.add(
            kind, payload, key=key, school_id=school_id, due=due or datetime.now(UTC), params=params
        )
        wait: Callable[[Callable[[], object]], object] | None = (params or Params()).get("after_commit")
        # What is due later may be due before the next look.
        then = self.looking.wake if task_id is None else partial(self.tell, kind, task_id)
        if wait is None:
            then()
        else:
            wait(then)

    async def do(self, kind: str, key: str) -> bool:
        held = await self._ledger.take([kind], self._lease, key=key)
        if held is not None:
            await asyncio.wait({self._begin(held)})
        return held is not None

    async def told(self, kind: str, task_id: str) -> None:
        """Do the task that somebody says is due, where nobody has taken it and there is room for it here."""
        async with self._taking:
            held = None
            if kind in self._with_room():
                held = await self._ledger.take([kind], self._lease, task_id=task_id)
            doing = None if held is None else self._begin(held)
        if doing is not None:
            await asyncio.wait({doing})

    async def look(self) -> float | None:
        """Begin what has been due for the longest time."""
        async with self._taking:
            kinds = self._with_room()
            held = await self._ledger.take(kinds, self._lease) if kinds else None
            if held is not None:
                _ = self._begin(held)
                return AT_ONCE
        due = await self._ledger.next_due(kinds) if kinds else None
        return None if due is None else max(AT_ONCE, (due - datetime.now(UTC)).total_seconds())

    async def stop(self) -> None:
        """Begin nothing more; what is not done within some seconds is left as if nobody had begun."""
        self._is_stopping = True
        await self.looking.stop()
        if self._doing:
            _, late = await asyncio.wait(self._doing, timeout=GRACE_SECONDS)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    def start(self) -> None:
        self._is_stopping = False
        self.looking.start()

    def _with_room(self) -> list[str]:
        """The kinds that this process may begin a task of."""
        if self._is_stopping or len(self._doing) >= self._places:
            return []
        counts = Counter(self._doing.values())
        return [kind for kind in self._definitions if counts[kind] < self._places_of_kind]

    def _begin(self, held: Held) -> asyncio.Task[None]:
        doing = self._app.tasks.start(self._do(held), name=f"job {held.task.kind}")
        self._doing[doing] = held.task.kind
        doing.add_done_callback(self._ended)
        return doing

    def _ended(self, doing: asyncio.Task[None]) -> None:
        del self._doing[doing]
        # There is room again, and it may have been put off, or owed once more.
        self.looking.wake()

    async def _do(self, held: Held) -> None:
        """Do it while it is held, and note what came of it."""
        started = perf_counter()
        outcome: Outcome = "lost"
        working = asyncio.ensure_future(self._work(held))
        losing = asyncio.ensure_future(self._keep(held))
        try:
            await asyncio.wait({working, losing}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                outcome = await self._settle(held, _error_of(working))
            else:
                logger.warning("a job is another process's by now", kind=held.task.kind, id=held.id)
        except asyncio.CancelledError:
            await _cancel(working)
            await self._ledger.put_off(held, datetime.now(UTC), "", counts=False)
            outcome = "handed back"
            raise
        finally:
            await _cancel(working)
            await _cancel(losing)
            self._app.emit("job", held.task.kind, outcome, perf_counter() - started)

    async def _work(self, held: Held) -> None:
        definition = self._definitions[held.task.kind]
        if held.task.attempt > definition.attempts:
            raise GivenUp(WORN_OUT)
        await definition.work(held.task)

    async def _keep(self, held: Held) -> None:
        """Renew the lease; returns when another has the task, or may have it soon."""
        loop, third = asyncio.get_running_loop(), self._lease.total_seconds() / 3
        renewed = loop.time()
        while True:
            await asyncio.sleep(third)
            begun = loop.time()
            try:
                async with asyncio.timeout(third):
                    if not await self._ledger.renew(held, self._lease):
                        return
                renewed = begun
            except Exception:
                logger.exception("a job's lease could not be renewed", kind=held.task.kind, id=held.id)
                if loop.time() - renewed >= 2 * third:
                    return

    async def _settle(self, held: Held, error: BaseException | None) -> Outcome:
        task, reason = held.task, _reason(error)
        if error is None:
            return "done" if await self._ledger.done(held) else "lost"
        if isinstance(error, PutOff):
            is_noted = await self._ledger.put_off(held, error.until, reason, counts=False)
            return "put off" if is_noted else "lost"
        is_known = isinstance(error, GivenUp)
        facts = {"kind": task.kind, "id": held.id, "attempt": task.attempt, "reason": reason}
        if is_known or task.attempt >= self._definitions[task.kind].attempts:
            logger.error("a job has failed", **facts, exc_info=None if is_known else error)
            return "failed" if await self._ledger.fail(held, reason) else "lost"
        logger.warning("a job is tried again", **facts, exc_info=error)
        again = datetime.now(UTC) + wait_after(task.attempt)
        return "retried" if await self._ledger.put_off(held, again, reason, counts=True) else "lost"


def wait_after(attempt: int) -> timedelta:
    """How long to wait after an attempt that failed, give or take a half: who failed together comes apart."""
    seconds = min(LONGEST_WAIT, FIRST_WAIT * GROWTH ** min(attempt - 1, MOST_GROWN))
    return timedelta(seconds=seconds * random.uniform(0.5, 1.5))  # noqa: S311 - no secret


def _nobody(kind: str, task_id: str) -> None:
    """The next look finds it."""


def _error_of(working: asyncio.Future[None]) -> BaseException | None:
    return asyncio.CancelledError("cancelled") if working.cancelled() else working.exception()


def _reason(error: BaseException | None) -> str:
    if isinstance(error, GivenUp | PutOff):
        return str(error)[:REASON_LENGTH]
    return "" if error is None else f"{type(error).__name__}: {error}"[:REASON_LENGTH]


async def _cancel(future: asyncio.Future[None]) -> None:
    future.cancel()
    await asyncio.wait({future})
