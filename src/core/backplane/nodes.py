"""Many nodes, which hear of each other through streams of one Redis."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any, Final
from uuid import uuid4

import bson
import structlog
from bson import BSON
from bson.codec_options import CodecOptions
from bson.errors import InvalidDocument

from .alone import EVERYWHERE, Body, Taken
from .keys import Keys
from .link import BEGINNING, FAILURES, READ_AT_ONCE, Arrived, Epoch, Link, position
from .listeners import Listeners
from .mirror import Mirror
from .outgoing import DIED, GAP, HELD, RELEASED, Entry, Outgoing

OPTIONS: Final[CodecOptions[dict[str, Any]]] = CodecOptions(document_class=dict, tz_aware=True)
JOIN_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 1.0
FLUSH_SECONDS: Final = 2.0
PAUSES: Final = (0.05, 0.1, 0.2, 0.5, 1.0)
TURN_ENTRIES: Final = 100
"""After so many entries the loop gets a turn."""

logger = structlog.stdlib.get_logger(__name__)


class Nodes(Listeners):
    """A ``Backplane``. One task writes, one reads all joined topics, one renews the lease and reaps the dead.

    While Redis is away the node goes on alone. Afterwards it reads on from where it was; what can not be
    read any more is a gap. ``lease``: the seconds after which a node that is not heard of is dead.
    """

    def __init__(self, url: str, name: str, *, lease: float = 15.0) -> None:
        super().__init__()
        self.node = uuid4().hex
        self.lag = 0.0
        self.gaps = 0
        self.is_connected = False
        self.link = Link(url, Keys(name), self.node, lease)
        self._lease = lease
        self._outgoing = Outgoing()
        self._mirror = Mirror(self)
        self._joined: Counter[str] = Counter({EVERYWHERE: 1})
        self._own: dict[str, dict[str, Body]] = {}
        self._ids: dict[str, str] = {}  # topic → the id up to which it was read
        self._heard: dict[tuple[str, str], int] = {}  # (topic, node) → the number of its newest entry
        self._pinned: dict[str, asyncio.Event] = {}
        self._late: set[str] = set()
        self._bell = BEGINNING
        self._epoch: Epoch | None = None
        self._is_doubtful = False
        self._writing = 0
        self._compare_at: float | None = None
        self._lost_at: float | None = None
        self.tasks: list[asyncio.Task[None]] = []

    @property
    def queued(self) -> int:
        return len(self._outgoing) + self._writing

    def join(self, topic: str) -> None:
        self._joined[topic] += 1
        if self._joined[topic] == 1:
            self._pinned[topic] = asyncio.Event()
            self._outgoing.wake()

    def leave(self, topic: str) -> None:
        self._joined[topic] -= 1
        if self._joined[topic] > 0:
            return
        del self._joined[topic]
        self._ids.pop(topic, None)
        self._late.discard(topic)
        self._pinned.pop(topic, None)
        self._heard = {place: number for place, number in self._heard.items() if place[0] != topic}
        self._mirror.forget(topic)

    async def joined(self, topic: str) -> bool:
        pinned = self._pinned.get(topic)
        if pinned is None or pinned.is_set():
            return True
        if not self.is_connected:
            self._late.add(topic)
            return False
        try:
            await asyncio.wait_for(pinned.wait(), JOIN_SECONDS)
        except TimeoutError:
            self._late.add(topic)
            return False
        return True

    def send(self, topic: str, kind: str, body: Body, *, taken: Taken | None = None) -> None:
        self._outgoing.add(Entry(topic, kind, _encoded(body), taken))

    def hold(self, topic: str, key: str, value: Body) -> None:
        self._own.setdefault(topic, {})[key] = value
        self._outgoing.hold(HELD, topic, key, _encoded({"key": key, "value": value}))

    def release(self, topic: str, key: str, value: Body | None = None) -> None:
        own = self._own.get(topic, {})
        if own.pop(key, None) is not None and not own:
            del self._own[topic]
        self._outgoing.hold(RELEASED, topic, key, _encoded({"key": key, "value": value}))

    async def start(self) -> None:
        """Returns when the server answers, or does not: the node runs without it until it does."""
        self._pinned[EVERYWHERE] = asyncio.Event()
        self.tasks = [
            asyncio.create_task(work, name=f"backplane {name}")
            for name, work in (
                ("reader", self._again(self._read)),
                ("writer", self._write()),
                ("lease", self._again(self._renew)),
            )
        ]
        try:
            await asyncio.wait_for(self._pinned[EVERYWHERE].wait(), JOIN_SECONDS)
        except TimeoutError:
            self._late.add(EVERYWHERE)
            logger.warning("Redis does not answer: this node serves alone until it does")

    async def stop(self) -> None:
        """What is still to be said is said.

        What is held lives until the lease has run out, and is then reaped by another node: whoever has moved
        on to another one by then was never away.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS if self.is_connected else 0):
                while self.queued:  # noqa: ASYNC110 - the writer goes on meanwhile
                    await asyncio.sleep(0.01)
        while running := [task for task in self.tasks if not task.done()]:
            for task in running:
                task.cancel()
            # The package redis swallows a cancellation while it connects.
            await asyncio.wait(running, timeout=0.1)
        self.tasks = []
        with suppress(*FAILURES):
            await self.link.close()

    async def _again(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do it until this is cancelled, after pauses where the server is away."""
        failures = 0
        while True:
            try:
                await work()
                failures = 0
            except FAILURES as error:
                self._lost(error)
                await asyncio.sleep(PAUSES[min(failures, len(PAUSES) - 1)])
                failures += 1

    def _lost(self, error: BaseException) -> None:
        if self.is_connected:
            logger.warning("Redis does not answer: this node serves alone until it does", reason=repr(error))
            self.is_connected = False
        self._lost_at = time.monotonic()

    async def _write(self) -> None:
        while True:
            await self._outgoing.wait()
            batch, wakes = self._outgoing.take(), self._outgoing.wakes
            self._writing = len(batch)
            self._outgoing.wakes = False

            async def write(batch: list[Entry] = batch, wakes: bool = wakes) -> None:
                if await self.link.write(batch, wakes=wakes):
                    self._hold_anew()

            await self._until_done(write)
            for entry in batch:
                if entry.taken is not None:
                    entry.taken(True)
            self._writing = 0

    async def _until_done(self, work: Callable[[], Awaitable[None]]) -> None:
        failures = 0
        while True:
            try:
                await work()
            except FAILURES as error:
                # Written twice, for the answer was lost, it is known by its number.
                self._lost(error)
                await asyncio.sleep(PAUSES[min(failures, len(PAUSES) - 1)])
                failures += 1
            else:
                return

    async def _renew(self) -> None:
        unknown, memory, dead = await self.link.renew()
        if unknown:
            self._hold_anew()
        if self._epoch is not None and memory != self._epoch.memory:
            self._is_doubtful = True
            self._outgoing.wake()
        for node in dead:
            for topic, key, value in await self.link.reap(node):
                self.reaped(topic, key, _decoded(value)["value"])
        await asyncio.sleep(self._lease / 3)

    def _hold_anew(self) -> None:
        for topic, entries in self._own.items():
            for key, value in entries.items():
                self._outgoing.hold(HELD, topic, key, _encoded({"key": key, "value": value}))

    async def _read(self) -> None:
        if not self.is_connected or self._is_doubtful:
            await self._take_stock()
        for topic in [topic for topic in self._joined if topic not in self._ids]:
            await self._pin(topic)
        if self._compare_at is not None and time.monotonic() >= self._compare_at:
            self._compare_at = None
            await self._compare()
        came, self._bell = await self.link.read(self._ids, self._bell, LOOK_SECONDS)
        for topic, entries in came.items():
            await self._take(topic, entries)

    async def _take_stock(self) -> None:
        """After a connection was lost: whether the server still knows what it was told."""
        known, self._epoch = self._epoch, await self.link.epoch()
        self._is_doubtful = False
        if not self.is_connected and known is not None:
            logger.info("Redis answers again")
        self.is_connected = True
        if known is None or known == self._epoch:
            return
        self._heard.clear()
        self._bell = BEGINNING
        for topic in list(self._ids):
            newest = (await self.link.snapshot(topic)).newest
            if known.memory != self._epoch.memory or position(newest) < position(self._ids[topic]):
                self._ids[topic] = BEGINNING
        self._hold_anew()
        # The others hold anew what they held; until they all have, nothing is known to be released.
        self._compare_at = time.monotonic() + self._lease
        self._missed(self._ids)

    async def _pin(self, topic: str) -> None:
        snapshot = await self.link.snapshot(topic)
        if topic not in self._joined:
            return
        self._ids[topic] = snapshot.newest
        self._mirror.compare(topic, _values(snapshot.held))
        self._pinned.setdefault(topic, asyncio.Event()).set()
        if topic in self._late:
            self._late.discard(topic)
            self._missed([topic])

    async def _compare(self) -> None:
        for topic in list(self._ids):
            snapshot = await self.link.snapshot(topic)
            # What has come since is read before it is compared: a release must not be taken back.
            if topic in self._ids and position(self._ids[topic]) == position(snapshot.newest):
                self._mirror.compare(topic, _values(snapshot.held))
            else:
                self._compare_at = time.monotonic()

    async def _take(self, topic: str, entries: list[Arrived]) -> None:
        before = self._ids.get(topic)
        if before is None:
            return
        # So far behind, entries may have been cut off at the stream's beginning.
        if len(entries) == READ_AT_ONCE and before != BEGINNING:
            oldest = await self.link.oldest(topic)
            if position(oldest) > position(before):
                self._missed([topic])
        for at, entry in enumerate(entries, start=1):
            if topic not in self._ids:
                return
            self._ids[topic] = entry.id
            self._hear(topic, entry)
            if at % TURN_ENTRIES == 0:
                await asyncio.sleep(0)
        self.lag = max(0.0, time.time() - position(entries[-1].id)[0] / 1000)

    def _hear(self, topic: str, entry: Arrived) -> None:
        if entry.kind == DIED:
            self._died(topic, entry.node)
            return
        if entry.node == self.node:
            return
        last = self._heard.get((topic, entry.node))
        if last is not None and entry.number <= last:
            return
        self._heard[topic, entry.node] = entry.number
        if last is not None and entry.number > last + 1:
            self._missed([topic])
        if entry.kind == HELD:
            body = _decoded(entry.body)
            self._mirror.held(topic, entry.node, body["key"], body["value"])
        elif entry.kind == RELEASED:
            body = _decoded(entry.body)
            self._mirror.released(topic, entry.node, body["key"], body["value"])
        elif entry.kind != GAP:
            self.came(topic, entry.node, entry.kind, _decoded(entry.body))

    def _died(self, topic: str, node: str) -> None:
        if node == self.node:
            return
        self._mirror.died(topic, node)
        if topic == EVERYWHERE:
            self._heard = {place: number for place, number in self._heard.items() if place[1] != node}
            # What it had to say while Redis was away has died with it.
            if self._lost_at is not None and time.monotonic() - self._lost_at < 3 * self._lease:
                self._missed(self._ids)

    def _missed(self, topics: Iterable[str]) -> None:
        for topic in list(topics):
            self.gaps += 1
            logger.warning("events of other nodes were lost", topic=topic)
            self.gap(topic)


def _encoded(body: Body) -> bytes:
    try:
        return bson.encode(body)
    except (InvalidDocument, OverflowError) as error:
        raise ValueError(f"BSON can not hold it: {error}") from error


def _decoded(body: bytes) -> Body:
    return BSON(body).decode(OPTIONS)


def _values(held: dict[tuple[str, str], bytes]) -> dict[tuple[str, str], Body]:
    return {place: _decoded(value)["value"] for place, value in held.items()}
