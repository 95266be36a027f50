"""One socket of the real-time transport: what it sends in turn, what it is sent in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

from ...context import Connection
from ...events import Tasks
from ...websocket import text_frame

if TYPE_CHECKING:
    from .session import Session

Handler = Callable[["Client", int | None, list[Any]], Awaitable[None]]


class Frame:
    """One Engine.IO message, encoded once and shared by all who get it.

    Stands where engineio expects one of its packets: ``packet_type`` 4 is a message.
    """

    __slots__ = ("_wire", "data", "ephemeral")

    packet_type = 4
    binary = False

    def __init__(self, packet: bytes, *, ephemeral: bool = False) -> None:
        self.data = packet
        self.ephemeral = ephemeral
        self._wire = b""

    @property
    def wire(self) -> bytes:
        """As one frame of a websocket."""
        if not self._wire:
            self._wire = text_frame(b"4" + self.data)
        return self._wire

    def encode(self, *, b64: bool = False) -> str:
        return "4" + self.data.decode()


def prefix_of(namespace: str) -> bytes:
    """What stands behind the type of each Socket.IO packet."""
    return f"{namespace},".encode() if namespace else b""


class Outlet(Protocol):
    """Where frames leave: the queue of the client's Engine.IO socket."""

    def put(self, frame: Frame) -> bool:
        """False where the socket is closed or its reader has fallen too far behind."""
        ...

    @property
    def buffered(self) -> int:
        """How many bytes wait for the client to read them."""
        ...

    def cut(self, last: Frame) -> None: ...

    def close(self) -> None: ...


class Client:
    """A connected socket. Its calls run one after the other, so that they cannot overtake each other.

    Until ``open`` (the handshake is not answered yet) whatever it is to be sent waits.
    """

    __slots__ = (
        "_inbox",
        "_is_cut",
        "_waiting",
        "connection",
        "has_left",
        "is_slow",
        "limit",
        "namespace",
        "outlet",
        "session",
        "work",
    )

    def __init__(
        self, session: Session, connection: Connection, outlet: Outlet, limit: int, namespace: str = ""
    ) -> None:
        self.session = session
        self.namespace = namespace
        """With its slash; empty for the one that everybody has."""
        self.connection = connection
        self.limit = limit
        self.work: asyncio.Task[None] | None = None
        """What works its calls off, while there are any."""
        self.outlet = outlet
        self.has_left = False
        """Whether the client has said goodbye."""
        self.is_slow = False
        """Whether it is sent away for not reading."""
        self._is_cut = False
        # Only while calls wait: an empty deque is the greater part of what a client costs.
        self._inbox: deque[tuple[int | None, list[Any]]] | None = None
        self._waiting: list[Frame] | None = []

    @property
    def sid(self) -> str:
        """Of Socket.IO; the session of Engine.IO has its own."""
        return self.connection.id

    @property
    def is_open(self) -> bool:
        return self._waiting is None

    def send(self, frame: Frame) -> bool:
        """False where the frame cannot be taken: the socket is closed or reads too slowly."""
        if self._waiting is not None:
            self._waiting.append(frame)
            return True
        return self._is_cut or self.outlet.put(frame)

    def open(self, welcome: Frame) -> None:
        waiting, self._waiting = self._waiting or [], None
        for frame in (welcome, *waiting):
            self.outlet.put(frame)

    def cut(self, last: Frame) -> None:
        """Forget what it has not read. There is nothing after ``last``."""
        self._is_cut = True
        self.outlet.cut(last)

    def accept(self, ack: int | None, arguments: list[Any]) -> bool:
        """Queue a call. False where more than ``limit`` are waiting already."""
        if self._inbox is None:
            self._inbox = deque()
        if len(self._inbox) >= self.limit:
            return False
        self._inbox.append((ack, arguments))
        return True

    def start(self, tasks: Tasks, handle: Handler) -> None:
        """Have the queue worked off, by one worker at a time, however many calls come at once."""
        if self.work is None:
            self.work = tasks.start(self._work(handle), name="socket calls")

    async def _work(self, handle: Handler) -> None:
        try:
            while self._inbox:
                ack, arguments = self._inbox.popleft()
                await handle(self, ack, arguments)
        finally:
            self.work = None
            self._inbox = None

    def forget(self) -> None:
        """Drop what has not been started: the socket is gone."""
        self.outlet.close()
        if self._inbox is not None:
            self._inbox.clear()
