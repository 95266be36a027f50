"""The load itself: everybody connects, and writes at a fixed rate whatever the server does."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any, Final, TextIO, TypeVar

from .accounts import Login
from .address import Address
from .churn import Churn
from .client import CallError, ConnectError
from .errors import BenchError
from .figures import SAMPLE_COLUMNS, Figures, Sample
from .people import Person, Talk, talks_of
from .plan import Plan
from .process import Processes, usage

CONNECTS_AT_ONCE: Final = 32
TICK_SECONDS: Final = 0.001
SAMPLE_SECONDS: Final = 5.0
TELL_SECONDS: Final = 1.0
SILENT_SECONDS: Final = 10.0
DRAIN_POLL_SECONDS: Final = 0.02
MOST_UNANSWERED: Final = 50_000
"""Beyond that a message is not sent: a server that has stopped answering must not fill this process."""
SECOND: Final = 1_000_000_000

Tell = Callable[[str], None]
T = TypeVar("T")


class Load:
    def __init__(
        self,
        plan: Plan,
        address: Address,
        logins: Iterable[Login],
        *,
        own: Processes | None = None,
        tell: Tell,
    ) -> None:
        self.figures = Figures()
        self._plan = plan
        self._own = own
        self._tell = tell
        self._background: set[asyncio.Task[None]] = set()
        self._people = [
            Person(login, address, self.figures, plan.read, self._lost_by_server) for login in logins
        ]
        self._talks = talks_of(self._people, plan.conversations)
        self._churn = Churn(self._people, self.figures, self._start)
        self._began = 0.0

    async def run(self, samples: TextIO | None) -> float:
        """The seconds that messages were sent for. Raises BenchError where nothing can be measured."""
        try:
            await self._connect()
            await _some_at_once(self._talks, self._make)
            self._began = time.monotonic()
            side = [
                asyncio.create_task(self._sample(samples)),
                asyncio.create_task(self._show()),
            ]
            if self._plan.churn:
                side.append(asyncio.create_task(self._churn.run(self._plan.churn)))
            await self._write()
            lasted = time.monotonic() - self._began
            await _cancel(side)
            await self._drain()
            self._take_sample(samples)
            if self._plan.url is not None:
                await _some_at_once(self._talks, self._archive)
            return lasted
        finally:
            self._churn.is_over = True
            await _cancel(self._background)
            for person in self._people:
                person.leave(politely=True)

    async def _connect(self) -> None:
        done = 0

        async def connect(person: Person) -> None:
            nonlocal done
            _ = await person.connect()
            done += 1
            if done % CONNECTS_AT_ONCE == 0:
                self._tell(f"connected {done} of {len(self._people)}")

        await _some_at_once(self._people, connect)
        if not any(person.is_there for person in self._people):
            raise BenchError(f"nobody could connect: {', '.join(self.figures.errors)}")

    async def _make(self, talk: Talk) -> None:
        present = sorted(talk.people, key=lambda person: person.client is None)
        talk.people[:] = present
        if talk.creator.client is None:
            return
        members = [person.login.user_id for person in talk.people[1:]]
        data = {"kind": "group", "name": "stonechat bench", "memberIds": members}
        try:
            made = await talk.creator.client.call("create", "conversations", data)
        except (CallError, ConnectError) as error:
            raise BenchError(
                f"{talk.creator.login.account.email} cannot make a conversation: {error}"
            ) from None
        talk.id = made["_id"]
        for person in talk.people:
            person.begin_stay()

    async def _archive(self, talk: Talk) -> None:
        if talk.creator.client is not None:
            with suppress(CallError, ConnectError):
                await talk.creator.client.call("patch", "conversations", talk.id, {"archived": True}, {})

    async def _write(self) -> None:
        """Each message has its time; what could not be sent then is sent at once, and counts from then."""
        rate, total = self._plan.rate, math.ceil(self._plan.rate * self._plan.seconds)
        talks = [talk for talk in self._talks if talk.id]
        start, number = time.monotonic_ns(), 0
        while number < total:
            due = start + int(number / rate * SECOND)
            wait = (due - time.monotonic_ns()) / SECOND
            if wait > 0:
                await asyncio.sleep(max(wait, TICK_SECONDS))
                continue
            talk = talks[number % len(talks)]
            writer = talk.someone(number // len(talks))
            if writer is None:
                self.figures.errors["nobody there to write"] += 1
            elif self._unanswered() > MOST_UNANSWERED:
                self.figures.errors["not sent: too many unanswered"] += 1
            else:
                writer.write(due)
            number += 1
            if number % 64 == 0:
                await asyncio.sleep(0)  # behind its schedule the load still has to read
        rest = start / SECOND + self._plan.seconds - time.monotonic()
        await asyncio.sleep(max(rest, 0))

    def _unanswered(self) -> int:
        return self.figures.sent - self.figures.acknowledged - self.figures.abandoned

    async def _drain(self) -> None:
        """Wait as long as something of what was sent arrives; what has not by then is missing."""
        self._churn.is_over = True
        arrived, since = -1, time.monotonic()
        while not self._is_drained():
            figures = self.figures
            now = figures.acknowledged + figures.delivered + figures.read + figures.errors.total()
            if now != arrived:
                arrived, since = now, time.monotonic()
            elif time.monotonic() - since > SILENT_SECONDS:
                break
            await asyncio.sleep(DRAIN_POLL_SECONDS)
        unanswered = sum(0 if one.client is None else one.client.unanswered for one in self._people)
        if unanswered:
            self.figures.errors["never answered"] += unanswered
        for person in self._people:
            if not person.has_all:
                person.sequence.end(person.talk.newest)
            person.end_stay()

    def _is_drained(self) -> bool:
        return not self._background and all(
            person.has_all and (person.client is None or not person.client.unanswered)
            for person in self._people
        )

    async def _sample(self, samples: TextIO | None) -> None:
        if samples is not None:
            samples.write(f"{SAMPLE_COLUMNS}\n")
        while True:
            self._take_sample(samples)
            await asyncio.sleep(SAMPLE_SECONDS)

    def _take_sample(self, samples: TextIO | None) -> None:
        figures, own = self.figures, self._own
        used = None if own is None else usage(own.server)
        database = None if own is None else usage(own.database)
        p50, p99 = (figures.recent.quantile(share) for share in (0.5, 0.99))
        figures.recent.clear()
        sample = Sample(
            seconds=time.monotonic() - self._began,
            rss_kib=None if used is None else used.rss_kib,
            cpu_seconds=None if used is None else used.cpu_seconds,
            connections=sum(person.client is not None for person in self._people),
            sent=figures.sent,
            delivered=figures.delivered,
            p50_ms=None if p50 is None else p50 / 1000,
            p99_ms=None if p99 is None else p99 / 1000,
            errors=figures.errors.total(),
            duplicates=figures.duplicates + sum(one.sequence.duplicates for one in self._people),
            gaps=figures.gaps,
            reconnects=figures.reconnects,
            left_and_added=figures.left_and_added,
            database_rss_kib=None if database is None else database.rss_kib,
            database_cpu_seconds=None if database is None else database.cpu_seconds,
        )
        figures.samples.append(sample)
        if samples is not None:
            samples.write(f"{sample.row()}\n")
            samples.flush()

    async def _show(self) -> None:
        while True:
            await asyncio.sleep(TELL_SECONDS)
            figures = self.figures
            p99 = figures.deliveries.quantile(0.99)
            there = sum(person.client is not None for person in self._people)
            latency = "" if p99 is None else f", p99 {p99 / 1000:.1f} ms"
            failed = f", {figures.errors.total()} errors" if figures.errors else ""
            self._tell(
                f"{time.monotonic() - self._began:.0f} of {self._plan.seconds:.0f} s, {there} connected, "
                f"{figures.sent:,} sent, {figures.delivered:,} delivered{latency}{failed}"
            )

    def _lost_by_server(self, person: Person) -> None:
        self._churn.lost(person)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def _some_at_once(items: Iterable[T], work: Callable[[T], Awaitable[None]]) -> None:
    """Raises what one of them raises."""
    turns = asyncio.Semaphore(CONNECTS_AT_ONCE)

    async def in_turn(item: T) -> None:
        async with turns:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for item in items:
                _ = group.create_task(in_turn(item))
    except* BenchError as errors:
        raise errors.exceptions[0] from None


async def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    ended = list(tasks)
    for task in ended:
        task.cancel()
    _ = await asyncio.gather(*ended, return_exceptions=True)
