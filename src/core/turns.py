"""Work of which there may be very much at once: so much of it in each turn of the event loop."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from weakref import WeakKeyDictionary


class Turns:
    """Does what it is given in the next turns, in its order and ``at_once`` pieces in each."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._waiting: deque[Callable[[], object]] = deque()

    def add(self, work: Callable[[], object]) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._turn)
        self._waiting.append(work)

    def _turn(self) -> None:
        waiting = self._waiting
        try:
            for _ in range(min(self._at_once, len(waiting))):
                try:
                    waiting[0]()
                finally:
                    waiting.popleft()
        finally:
            if waiting:
                asyncio.get_running_loop().call_soon(self._turn)


class TurnsOfLoops:
    """The ``Turns`` of one kind of work, of whichever event loop."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._of: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()

    def of(self, loop: asyncio.AbstractEventLoop) -> Turns:
        turns = self._of.get(loop)
        if turns is None:
            turns = self._of[loop] = Turns(self._at_once)
        return turns


class TimeOfTurn:
    """So many seconds of each turn, for work of which nobody knows beforehand how much it is."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end = 0.0

    async def wait(self) -> None:
        """Return in a turn that has time left: in this one, mostly."""
        while self._is_used_up():  # noqa: ASYNC110 - there is nothing to wait for but the turn
            await asyncio.sleep(0)

    def _is_used_up(self) -> bool:
        loop = asyncio.get_running_loop()
        if self._loop is loop:
            return time.perf_counter() >= self._end
        self._loop = loop
        self._end = time.perf_counter() + self._seconds
        loop.call_soon(self._next_turn)
        return False

    def _next_turn(self) -> None:
        self._loop = None
