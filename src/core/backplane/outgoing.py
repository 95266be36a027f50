"""What a node has to say and the server has not taken yet."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import dataclass
from typing import Final, Literal

from .alone import Taken

MOST_ENTRIES: Final = 50_000
MOST_BYTES: Final = 32 * 1024 * 1024
BATCH: Final = 500

HELD: Final = ":held"
RELEASED: Final = ":released"
DIED: Final = ":died"
GAP: Final = ":gap"
"""Kinds of the backplane's own; a node's first entry behind some that it had to drop is a GAP."""


@dataclass(slots=True)
class Entry:
    """``number`` counts what this node says in the topic: who reads 7 after 5 knows that one is lost.

    Of what is held, ``key`` is the key and ``stored`` the value to keep, or None to forget it.
    """

    topic: str
    kind: str
    body: bytes
    taken: Taken | None = None
    number: int = 0
    key: str | None = None
    stored: bytes | None = None


class Outgoing:
    """Bounded: where too much has come together, the oldest entries are dropped, which their readers see.

    What is held is never dropped; of several changes to one key only the last is sent.
    """

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self._held: dict[tuple[str, str], Entry] = {}
        self._dropped: set[str] = set()
        self._numbers: Counter[str] = Counter()
        self._filled = asyncio.Event()
        self.wakes = False

    def __len__(self) -> int:
        return len(self._entries) + len(self._held)

    def add(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._bytes += len(entry.body)
        while len(self._entries) > MOST_ENTRIES or self._bytes > MOST_BYTES:
            oldest = self._entries.popleft()
            self._bytes -= len(oldest.body)
            self._dropped.add(oldest.topic)
            if oldest.taken is not None:
                oldest.taken(False)
        self._filled.set()

    def hold(self, kind: Literal[":held", ":released"], topic: str, key: str, body: bytes) -> None:
        stored = body if kind == HELD else None
        self._held.pop((topic, key), None)
        self._held[topic, key] = Entry(topic, kind, body, key=key, stored=stored)
        self._filled.set()

    def wake(self) -> None:
        """Have the node's own reader woken, which waits at the server."""
        self.wakes = True
        self._filled.set()

    async def wait(self) -> None:
        await self._filled.wait()

    def take(self) -> list[Entry]:
        """The next entries to write, numbered. Whoever takes them writes them before taking more."""
        batch = [Entry(topic, GAP, b"") for topic in self._dropped]
        for entry in batch:
            self._numbers[entry.topic] += 1
        self._dropped.clear()
        batch.extend(self._held.pop(place) for place in list(self._held)[: BATCH // 2])
        while self._entries and len(batch) < BATCH:
            entry = self._entries.popleft()
            self._bytes -= len(entry.body)
            batch.append(entry)
        for entry in batch:
            self._numbers[entry.topic] += 1
            entry.number = self._numbers[entry.topic]
        if not len(self):
            self._filled.clear()
        return batch
