"""The server's side: the few things that are asked of Redis, each in one round trip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import Any, Final, NamedTuple, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from .keys import REAP, SEPARATOR, Keys
from .outgoing import Entry

LONGEST: Final = 10_000
"""Entries that a stream keeps, about: how far behind a node may be."""

READ_AT_ONCE: Final = 500
KEEP_SECONDS: Final = 24 * 60 * 60
BELL_SECONDS: Final = 60
ANSWER_SECONDS: Final = 5.0
BEGINNING: Final = "0-0"

FAILURES: Final = (RedisError, OSError, TimeoutError)


class Epoch(NamedTuple):
    """``memory`` is another one after everything was lost, ``process`` after the server was started anew."""

    memory: str
    process: str


class Snapshot(NamedTuple):
    """A topic at one moment: its newest id, and what is held, as (node, key) → value."""

    newest: str
    held: dict[tuple[str, str], bytes]


class Arrived(NamedTuple):
    id: str
    node: str
    number: int
    kind: str
    body: bytes


class Link:
    def __init__(self, url: str, keys: Keys, node: str, lease: float) -> None:
        def client(patience: float) -> Any:
            connect: Any = cast("Any", Redis).from_url
            return connect(
                url,
                protocol=2,
                socket_timeout=patience,
                socket_connect_timeout=ANSWER_SECONDS,
                # Who calls tries again, and knows then that the connection was lost.
                retry=Retry(NoBackoff(), 0),
            )

        self._keys = keys
        self._node = node
        self._lease = int(lease * 1000)
        self._redis = client(ANSWER_SECONDS)
        # A read waits at the server, and must not hold up what is asked besides.
        self._reading = client(ANSWER_SECONDS * 2)

    async def close(self) -> None:
        await self._redis.aclose()
        await self._reading.aclose()

    async def write(self, batch: Sequence[Entry], *, wakes: bool) -> bool:
        """All or nothing. Whether the node was unknown: what it holds is to be told anew then."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.sadd(self._keys.nodes, self._node)
            # Known without a lease, as after the server lost everything, the node would be taken for dead.
            pipe.set(self._keys.lease(self._node), 1, px=self._lease)
            for entry in batch:
                self._hold(pipe, entry)
                fields = {"n": self._node, "s": entry.number, "k": entry.kind, "b": entry.body}
                pipe.xadd(self._keys.stream(entry.topic), fields, maxlen=LONGEST, approximate=True)
            for topic in {entry.topic for entry in batch}:
                pipe.expire(self._keys.stream(topic), KEEP_SECONDS)
            if wakes:
                bell = self._keys.bell(self._node)
                pipe.xadd(bell, {"k": ""}, maxlen=1, approximate=False)
                pipe.expire(bell, BELL_SECONDS)
            answers = await pipe.execute()
        return bool(answers[0])

    async def renew(self) -> tuple[bool, str | None, list[str]]:
        """Renew the lease. Whether the node was unknown, the memory's epoch, the nodes without a lease."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.sadd(self._keys.nodes, self._node)
            pipe.set(self._keys.lease(self._node), 1, px=self._lease)
            pipe.smembers(self._keys.nodes)
            pipe.get(self._keys.epoch)
            added, _, members, epoch = await pipe.execute()
        others = sorted(one.decode() for one in members if one.decode() != self._node)
        memory = None if epoch is None else epoch.decode()
        if not others:
            return bool(added), memory, []
        leases = await self._redis.mget([self._keys.lease(one) for one in others])
        dead = [one for one, lease in zip(others, leases, strict=True) if lease is None]
        return bool(added), memory, dead

    async def reap(self, node: str) -> list[tuple[str, str, bytes]]:
        left = await self._redis.eval(REAP, 0, self._keys.root, node, LONGEST)
        return [(topic.decode(), key.decode(), value) for topic, key, value in left or ()]

    async def epoch(self) -> Epoch:
        await self._redis.set(self._keys.epoch, token_hex(8), nx=True)
        memory = await self._redis.get(self._keys.epoch)
        server = await self._redis.info("server")
        return Epoch(memory.decode(), str(server["run_id"]))

    async def snapshot(self, topic: str) -> Snapshot:
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.xrevrange(self._keys.stream(topic), count=1)
            pipe.hgetall(self._keys.held(topic))
            newest, fields = await pipe.execute()
        held: dict[tuple[str, str], bytes] = {}
        for field, value in fields.items():
            node, _, key = field.partition(SEPARATOR)
            if node.decode() != self._node:
                held[node.decode(), key.decode()] = value
        return Snapshot(newest[0][0].decode() if newest else BEGINNING, held)

    async def oldest(self, topic: str) -> str:
        found = await self._redis.xrange(self._keys.stream(topic), count=1)
        return found[0][0].decode() if found else BEGINNING

    async def read(
        self, after: Mapping[str, str], bell: str, wait: float
    ) -> tuple[dict[str, list[Arrived]], str]:
        """What came by topic, and the bell's newest id; waits up to so many seconds for it."""
        topics = {self._keys.stream(topic): topic for topic in after}
        rung = self._keys.bell(self._node)
        streams = {rung: bell, **{stream: after[topic] for stream, topic in topics.items()}}
        answer = await self._reading.xread(streams, count=READ_AT_ONCE, block=int(wait * 1000))
        came: dict[str, list[Arrived]] = {}
        for stream, entries in answer:
            if stream.decode() == rung:
                bell = entries[-1][0].decode()
                continue
            came[topics[stream.decode()]] = [
                Arrived(
                    identifier.decode(),
                    fields[b"n"].decode(),
                    int(fields[b"s"]),
                    fields[b"k"].decode(),
                    fields[b"b"],
                )
                for identifier, fields in entries
            ]
        return came, bell

    def _hold(self, pipe: Any, entry: Entry) -> None:
        if entry.key is None:
            return
        held, field = self._keys.held(entry.topic), f"{self._node}|{entry.key}"
        if entry.stored is None:
            pipe.hdel(held, field)
        else:
            pipe.hset(held, field, entry.stored)
            pipe.sadd(self._keys.places(self._node), entry.topic)


def position(id: str) -> tuple[int, int]:
    """A stream's id, to be compared: its milliseconds and the place within them."""
    milliseconds, _, place = id.partition("-")
    return int(milliseconds), int(place)
