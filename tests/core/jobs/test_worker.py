"""Owed work is done, tried again, put off, given up and handed back, as its kind says."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from stonechat.core.application import Application
from stonechat.core.context import Params
from stonechat.core.jobs import GivenUp, Held, PutOff, Task, jobs
from stonechat.core.jobs.memory import MemoryLedger
from stonechat.core.jobs.worker import LONGEST_WAIT, Worker, wait_after
from tests.support.waiting import until

HOUR = timedelta(hours=1)


class Desk:
    """An application with jobs of the kind ``post``; ``done`` are the tasks that work was begun at."""

    def __init__(
        self,
        work: Callable[[Task], Awaitable[None]] | None = None,
        *,
        ledger: MemoryLedger | None = None,
        attempts: int = 5,
        **options: Any,
    ) -> None:
        self.ledger = MemoryLedger() if ledger is None else ledger
        self.app = Application().configure(jobs(self.ledger, **options))
        self.done: list[Task] = []
        self.outcomes: list[str] = []
        self._work = work
        self.app.jobs.define("post", self.do, attempts=attempts)
        self.app.on("job", self._note)

    async def owe(self, **payload: Any) -> None:
        await self.app.jobs.owe("post", payload)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[Desk]:
        await self.app.setup()
        try:
            yield self
        finally:
            await self.app.teardown()

    def _note(self, _kind: str, outcome: str, _seconds: float) -> None:
        self.outcomes.append(outcome)

    async def do(self, task: Task) -> None:
        self.done.append(task)
        if self._work is not None:
            await self._work(task)


async def test_what_is_owed_is_done_with_what_it_was_given() -> None:
    async with Desk().open() as desk:
        await desk.app.jobs.owe("post", {"to": "Ada"}, key="letter", school_id=7)
        await until(lambda: desk.outcomes == ["done"])
    assert desk.done == [Task("post", {"to": "Ada"}, school_id=7, key="letter", attempt=1)]
    assert len(desk.ledger) == 0


async def test_what_is_due_later_is_done_then() -> None:
    async with Desk().open() as desk:
        await desk.app.jobs.owe("post", {"at": "night"}, due=datetime.now(UTC) + HOUR)
        await desk.app.jobs.owe("post", {"at": "once"}, due=datetime.now(UTC) + timedelta(seconds=0.05))
        await until(lambda: desk.outcomes == ["done"])
    assert [task.payload["at"] for task in desk.done] == ["once"]


async def test_owed_in_a_transaction_it_is_told_of_after_the_commit() -> None:
    waiting: list[Callable[[], object]] = []
    desk = Desk()
    told: list[str] = []
    assert isinstance(desk.app.jobs, Worker)
    desk.app.jobs.tell = lambda kind, _id: told.append(kind)
    await desk.app.jobs.owe("post", {}, params=Params(after_commit=waiting.append))
    assert told == []
    waiting.pop()()
    assert told == ["post"]


async def test_what_is_owed_before_somebody_works_is_found_by_the_first_look() -> None:
    desk = Desk()
    await desk.owe()
    async with desk.open():
        await until(lambda: desk.outcomes == ["done"])


async def test_a_kind_is_defined_once_and_nobody_owes_one_that_is_not() -> None:
    desk = Desk()
    with pytest.raises(ValueError, match="'post' is defined already"):
        desk.app.jobs.define("post", desk.do)
    with pytest.raises(LookupError, match="nobody does 'parcel'"):
        await desk.app.jobs.owe("parcel", {})


async def test_an_application_without_jobs_says_so() -> None:
    app = Application()
    with pytest.raises(RuntimeError, match=r"configure\(jobs"):
        app.jobs.define("post", Desk().do)
    with pytest.raises(LookupError):
        await app.jobs.owe("post", {})
    assert not await app.jobs.do("post", "a")


async def test_what_fails_is_tried_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stonechat.core.jobs.worker.FIRST_WAIT", 0.01)

    async def fail_first(task: Task) -> None:
        if task.attempt == 1:
            raise ConnectionError("the post office is closed")

    with capture_logs() as logs:
        async with Desk(fail_first).open() as desk:
            await desk.owe()
            await until(lambda: desk.outcomes == ["retried", "done"])
    assert [task.attempt for task in desk.done] == [1, 2]
    (line,) = [log for log in logs if log["event"] == "a job is tried again"]
    assert (line["kind"], line["reason"]) == ("post", "ConnectionError: the post office is closed")


async def test_after_the_last_attempt_it_has_failed_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stonechat.core.jobs.worker.FIRST_WAIT", 0.001)

    async def fail(task: Task) -> None:
        raise ConnectionError("closed")

    async with Desk(fail).open() as desk:
        await desk.owe()
        await until(lambda: desk.outcomes == [*["retried"] * 4, "failed"])
    assert [reason for _, reason in desk.ledger.failed] == ["ConnectionError: closed"]


async def test_what_is_given_up_is_not_tried_again() -> None:
    async def give_up(task: Task) -> None:
        raise GivenUp("no such address")

    async with Desk(give_up).open() as desk:
        await desk.owe()
        await until(lambda: desk.outcomes == ["failed"])
    assert [(task.attempt, reason) for task, reason in desk.ledger.failed] == [(1, "no such address")]


async def test_what_is_put_off_waits_and_loses_no_attempt() -> None:
    async def put_off_first(task: Task) -> None:
        if len(desk.done) < 3:
            raise PutOff(datetime.now(UTC) + timedelta(seconds=0.01))

    desk = Desk(put_off_first)
    async with desk.open():
        await desk.owe()
        await until(lambda: desk.outcomes == ["put off", "put off", "done"])
    assert [task.attempt for task in desk.done] == [1, 1, 1]


async def test_what_is_owed_again_while_it_is_put_off_is_done_at_the_earlier_time() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def put_off(task: Task) -> None:
        begun.set()
        await go_on.wait()
        if task.payload["number"] == 1:
            raise PutOff(datetime.now(UTC) + HOUR)

    async with Desk(put_off).open() as desk:
        for number in (1, 2):
            await desk.app.jobs.owe("post", {"number": number}, key="same")
            await begun.wait()
        go_on.set()
        await until(lambda: desk.outcomes == ["put off", "done"])


async def test_owed_while_it_waits_it_is_done_once_at_the_earlier_time_and_while_it_runs_once_more() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def wait(task: Task) -> None:
        begun.set()
        await go_on.wait()

    desk = Desk(wait)
    await desk.app.jobs.owe("post", {"number": 1}, key="same", due=datetime.now(UTC) + HOUR)
    await desk.app.jobs.owe("post", {"number": 2}, key="same")
    async with desk.open():
        await begun.wait()
        for number in (3, 4):
            await desk.app.jobs.owe("post", {"number": number}, key="same")
        go_on.set()
        await until(lambda: desk.outcomes == ["done", "done"])
    assert [task.payload["number"] for task in desk.done] == [1, 4]


async def test_of_one_kind_half_of_the_places_are_taken_and_all_others_wait() -> None:
    going, most, go_on = Counter[str](), Counter[str](), asyncio.Event()

    async def count(task: Task) -> None:
        going[task.kind] += 1
        most[task.kind] = max(most[task.kind], going[task.kind])
        await go_on.wait()
        going[task.kind] -= 1

    desk = Desk(count, places=4)
    desk.app.jobs.define("parcel", desk.do)
    async with desk.open():
        for kind in ("post", "parcel"):
            for number in range(6):
                await desk.app.jobs.owe(kind, {"number": number})
        await until(lambda: going.total() == 4)
        go_on.set()
        await until(lambda: desk.outcomes == ["done"] * 12)
    assert most == {"post": 2, "parcel": 2}


async def test_stopping_waits_for_what_is_being_done() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def wait(task: Task) -> None:
        begun.set()
        await go_on.wait()

    desk = Desk(wait)
    async with desk.open():
        await desk.owe()
        await begun.wait()
        asyncio.get_running_loop().call_later(0.02, go_on.set)
    assert desk.outcomes == ["done"]


async def test_what_is_not_done_in_time_is_handed_back_as_if_nobody_had_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stonechat.core.jobs.worker.GRACE_SECONDS", 0.01)
    begun = asyncio.Event()

    async def wait_for_ever(task: Task) -> None:
        begun.set()
        await asyncio.Event().wait()

    desk = Desk(wait_for_ever)
    async with desk.open():
        await desk.owe()
        await begun.wait()
    assert desk.outcomes == ["handed back"]
    held = await desk.ledger.take(["post"], HOUR)
    assert held is not None
    assert held.task.attempt == 1


async def test_a_long_task_stays_its_holder_s() -> None:
    async def last(task: Task) -> None:
        await asyncio.sleep(0.2)

    async with Desk(last, lease=0.06).open() as desk:
        await desk.owe()
        await until(lambda: bool(desk.outcomes))
    assert (len(desk.done), desk.outcomes) == (1, ["done"])


async def test_who_has_lost_the_lease_stops() -> None:
    stopped: list[Task] = []

    async def wait_for_ever(task: Task) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(task)

    class Forgetful(MemoryLedger):
        async def renew(self, held: Held, lease: timedelta) -> bool:
            return False

    desk = Desk(wait_for_ever, ledger=Forgetful(), lease=0.03)
    async with desk.open():
        await desk.owe()
        await until(lambda: "lost" in desk.outcomes)
        assert stopped


async def test_who_cannot_renew_the_lease_stops_before_it_ends() -> None:
    class Away(MemoryLedger):
        async def renew(self, held: Held, lease: timedelta) -> bool:
            raise ConnectionError

    async def wait_for_ever(task: Task) -> None:
        await asyncio.Event().wait()

    desk = Desk(wait_for_ever, ledger=Away(), lease=0.09)
    with capture_logs() as logs:
        async with desk.open():
            await desk.owe()
            await until(lambda: "lost" in desk.outcomes)
    assert "a job's lease could not be renewed" in {log["event"] for log in logs}


async def test_what_kills_its_process_each_time_is_not_begun_for_ever() -> None:
    desk = Desk(attempts=2)
    await desk.owe()
    for _ in range(2):
        assert await desk.ledger.take(["post"], timedelta()) is not None
    async with desk.open():
        await until(lambda: desk.outcomes == ["failed"])
    assert desk.done == []
    assert desk.ledger.failed[0][1] == "The processes that began it were lost"


async def test_without_a_background_nothing_is_done_but_what_is_asked_for() -> None:
    ledger = MemoryLedger()
    app = Application({"background": False}).configure(jobs(ledger))
    done: list[Task] = []

    async def do(task: Task) -> None:
        done.append(task)

    app.jobs.define("post", do)
    await app.setup()
    for key in "ab":
        await app.jobs.owe("post", {}, key=key)
    assert await app.jobs.do("post", "b")
    assert not await app.jobs.do("post", "b")
    await app.teardown()
    assert [task.key for task in done] == ["b"]
    assert len(ledger) == 1


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 2), (2, 8), (3, 32), (5000, LONGEST_WAIT)])
def test_the_waits_grow_and_scatter(attempt: int, seconds: float) -> None:
    waits = {wait_after(attempt).total_seconds() for _ in range(50)}
    assert len(waits) > 40
    assert all(0.5 * seconds <= wait <= 1.5 * seconds for wait in waits)
