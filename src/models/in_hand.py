"""What this process has written and is about to tell, or is telling: nobody has to tell it once more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..core.errors import Unavailable

Key = tuple[Any, int]
"""A conversation's id and a revision of it: what a delivery goes by."""

MOST: Final = 500
"""While so many changes wait for being told, nothing new is written."""

PATIENCE_SECONDS: Final = 30.0
FORGOTTEN_SECONDS: Final = 60.0
"""After so long a call that has written, and told nothing, has failed: its event is the outbox's to send."""

RENEWED_SECONDS: Final = 2.0
"""So often what is in hand is to be made due later, so that no other process takes it."""


def key_of(delivery: Mapping[str, Any]) -> Key:
    return delivery["conversationId"], delivery["revision"]


@dataclass(slots=True)
class _Held:
    delivery_id: Any
    renewed: float
    forgotten: float | None  # None once it is being told


class InHand:
    """The deliveries that this process works at, by their keys."""

    def __init__(
        self,
        *,
        most: int = MOST,
        patience: float = PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._patience = patience
        self._clock = clock
        self._held: dict[Key, _Held] = {}
        self._room = asyncio.Event()
        self._room.set()

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, key: Key) -> bool:
        return key in self._held

    def take(self, deliveries: Iterable[Mapping[str, Any]]) -> None:
        at = self._clock()
        for delivery in deliveries:
            self._held[key_of(delivery)] = _Held(delivery["_id"], at, at + FORGOTTEN_SECONDS)
        self._count()

    def telling(self, key: Key) -> None:
        """From now on it is in hand until it is let go, however long that takes."""
        if (held := self._held.get(key)) is not None:
            held.forgotten = None

    def delivery_id(self, key: Key) -> Any:
        """None for what is not in hand."""
        held = self._held.get(key)
        return None if held is None else held.delivery_id

    def let_go(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self._held.pop(key, None)
        self._count()

    def to_renew(self) -> list[Any]:
        """The ids of deliveries that have been in hand for long; what nobody tells is let go."""
        at = self._clock()
        self.let_go([key for key, held in self._held.items() if held.forgotten and at >= held.forgotten])
        old = [held for held in self._held.values() if at - held.renewed >= RENEWED_SECONDS]
        for held in old:
            held.renewed = at
        return [held.delivery_id for held in old]

    async def room(self) -> None:
        """Wait until there is less to tell: who writes must not be faster than who tells.

        Raises Unavailable where that takes too long.
        """
        if self._room.is_set():
            return
        try:
            async with asyncio.timeout(self._patience):
                while not self._room.is_set():
                    await self._room.wait()
        except TimeoutError:
            raise Unavailable("The server has too much to do, try again") from None

    def _count(self) -> None:
        if len(self._held) < self._most:
            self._room.set()
        else:
            self._room.clear()
