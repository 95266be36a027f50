"""Frames on their way to many clients at once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from .client import Client, Frame

AT_ONCE: Final = 1024
"""Deliveries within one turn of the event loop."""
MAX_WAITING: Final = 100_000
"""Deliveries that wait, until whoever sends more has to wait for as many."""


class Deliveries:
    """Hands out so much in each turn, and everything in the order in which it was sent.

    While something waits, what is sent to a single client waits behind it: whatever is sent through here
    overtakes nothing.
    """

    on_slow: Callable[[Client], None]
    """Gets a client that can not take a frame."""

    def __init__(self) -> None:
        self.broadcasts = 0
        self.sent = 0
        self._queue: deque[_Delivery] = deque()
        self._waiting = 0
        self._share = AT_ONCE
        """What is left of this turn's."""
        self._is_scheduled = False
        self._is_working = False

    def broadcast(self, clients: list[Client], frame: Frame) -> None:
        self.broadcasts += 1
        self.sent += len(clients)
        if len(clients) == 1:
            self.send(clients[0], frame)
        elif clients:
            self._add(clients, frame)

    def send(self, client: Client, frame: Frame) -> None:
        if self._queue:
            self._add([client], frame)
        elif not client.send(frame):
            self.on_slow(client)

    def afterwards(self, work: Callable[[], object]) -> None:
        """Do ``work`` when all that has been sent by now is handed out: at once, mostly."""
        if self._queue:
            self._queue[-1].afterwards.append(work)
        else:
            _ = work()

    async def settled(self) -> None:
        """Return when all that has been sent by now is handed out."""
        done = asyncio.Event()
        self.afterwards(done.set)
        _ = await done.wait()

    def _add(self, clients: list[Client], frame: Frame) -> None:
        self._queue.append(_Delivery(clients, frame))
        self._waiting += len(clients)
        if not self._is_working:
            self._work(max(self._share, self._waiting - MAX_WAITING))

    def _work(self, most: int) -> None:
        self._is_working = True
        try:
            while self._queue and most > 0:
                delivery = self._queue[0]
                part = delivery.next(most)
                most -= len(part)
                self._share -= len(part)
                self._waiting -= len(part)
                for client in part:
                    if not client.send(delivery.frame):
                        self.on_slow(client)
                if delivery.is_done:
                    _ = self._queue.popleft()
                    for work in delivery.afterwards:
                        _ = work()
        finally:
            self._is_working = False
        if not self._is_scheduled:
            self._is_scheduled = True
            _ = asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._is_scheduled = False
        self._share = AT_ONCE
        if self._queue:
            self._work(AT_ONCE)


class _Delivery:
    __slots__ = ("_at", "_clients", "afterwards", "frame")

    def __init__(self, clients: list[Client], frame: Frame) -> None:
        self.frame = frame
        self.afterwards: list[Callable[[], object]] = []
        self._clients = clients
        self._at = 0

    @property
    def is_done(self) -> bool:
        return self._at >= len(self._clients)

    def next(self, most: int) -> list[Client]:
        part = self._clients[self._at : self._at + most]
        self._at += len(part)
        return part
