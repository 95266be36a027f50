from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from stonechat.core.application import Application
from stonechat.core.background import AT_ONCE, HAS_RECORDS, Background, Work

NEVER = 3600.0  # seconds


@asynccontextmanager
async def working(
    app: Application, work: Work, *, every: float = NEVER, grace: float = 0.0
) -> AsyncGenerator[Background]:
    background = Background(app, "work", work, every=every, grace=grace)
    background.start()
    async with asyncio.timeout(5):
        yield background
    await background.stop()


class Turns:
    """Work that counts its turns, and says after each what it is told to say."""

    def __init__(self, *answers: float | None) -> None:
        self._answers = list(answers)
        self._done = asyncio.Condition()
        self.count = 0

    async def __call__(self) -> float | None:
        async with self._done:
            self.count += 1
            self._done.notify_all()
        return self._answers.pop(0) if self._answers else None

    async def reach(self, count: int) -> None:
        async with self._done:
            await self._done.wait_for(lambda: self.count >= count)


async def test_it_works_at_once_while_there_is_more_to_do() -> None:
    turns = Turns(AT_ONCE, AT_ONCE)
    async with working(Application(), turns):
        await turns.reach(3)
    assert turns.count == 3


@pytest.mark.parametrize(("says", "every"), [(None, 0.01), (0.01, NEVER), (NEVER, 0.01)])
async def test_it_looks_again_when_the_work_says_and_as_often_as_it_must(
    says: float | None, every: float
) -> None:
    turns = Turns(says, says)
    async with working(Application(), turns, every=every):
        await turns.reach(3)


async def test_woken_it_does_not_wait() -> None:
    turns = Turns()
    async with working(Application(), turns) as background:
        await turns.reach(1)
        background.wake("what", "was", "emitted")
        await turns.reach(2)


async def test_woken_while_it_works_it_looks_again() -> None:
    begun, go_on, turns = asyncio.Event(), asyncio.Event(), Turns()

    async def slow() -> float | None:
        begun.set()
        await go_on.wait()
        return await turns()

    async with working(Application(), slow) as background:
        await begun.wait()
        background.wake()
        go_on.set()
        await turns.reach(2)


async def test_a_failure_is_logged_and_tried_again() -> None:
    turns = Turns()

    async def fail_first() -> float | None:
        await turns()
        if turns.count == 1:
            raise ConnectionError
        return None

    with capture_logs() as logs:
        async with working(Application(), fail_first, every=0.01):
            await turns.reach(2)
    assert [(log["log_level"], log["work"]) for log in logs] == [("error", "work")]


@pytest.mark.parametrize("grace", [0.0, 5.0])
async def test_stopping_gives_the_piece_at_hand_its_time_and_begins_no_other(grace: float) -> None:
    begun, ended = asyncio.Event(), list[str]()

    async def piece() -> float:
        begun.set()
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            # Whoever stops it waits for this too.
            await asyncio.sleep(0.01)
            ended.append("cancelled")
            raise
        ended.append("done")
        return AT_ONCE

    async with working(Application(), piece, grace=grace):
        await begun.wait()
    assert ended == ["done" if grace else "cancelled"]


async def test_stopped_it_can_be_started_again() -> None:
    turns = Turns()
    async with working(Application(), turns) as background:
        await turns.reach(1)
        await background.stop()
        background.wake()
        background.start()
        await turns.reach(2)
    assert turns.count == 2


async def test_attached_it_works_from_the_end_of_the_setup_to_the_begin_of_the_teardown() -> None:
    order: list[str] = []
    worked = asyncio.Event()

    class Notes:
        async def find(self) -> list[str]:
            return []

        async def setup(self, app: Application, path: str) -> None:
            await asyncio.sleep(0)
            order.append("set up")

        async def teardown(self, app: Application, path: str) -> None:
            order.append("torn down")

    async def work() -> None:
        order.append("at work")
        worked.set()
        try:
            await asyncio.sleep(NEVER)
        finally:
            order.append("stopped")

    app = Application()
    Background(app, "work", work, every=NEVER).attach()
    app.use("notes", Notes())
    await app.setup()
    await asyncio.wait_for(worked.wait(), 5)
    await app.teardown()
    assert order == ["set up", "at work", "stopped", "torn down"]


async def test_an_application_without_a_background_does_nothing() -> None:
    app, turns = Application({"background": False}), Turns()
    Background(app, "work", turns, every=NEVER).attach()
    await app.setup()
    await app.teardown()
    assert turns.count == 0


async def test_while_another_application_has_the_records_it_does_nothing() -> None:
    app, work, own = Application(), Turns(AT_ONCE, AT_ONCE, None), False
    app.set(HAS_RECORDS, lambda: own)
    async with working(app, work, every=0.01) as background:
        background.wake()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert work.count == 0
        own = True
        background.wake()
        await work.reach(3)
