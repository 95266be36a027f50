"""Engine.IO below the Socket.IO server: sessions, their queues, and the packets that concern them alone."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from functools import partial
from typing import Any, Final

import engineio
import structlog
from engineio.payload import Payload

from ...application import Receive
from ...encoding import decode, encode
from .driver import Driver
from .queue import SendQueue

logger = structlog.stdlib.get_logger(__name__)

MESSAGE: Final = "4"
PONG: Final = "3"
PACKETS: Final = frozenset("0123456")

# The default of 16 drops whole requests of a polling client that has more to say at once, and answers
# them with 200. It is one for the process; what bounds a request is its size.
Payload.max_decode_packets = 4096


class Json:
    """The codec in the shape that python-socketio wants; it is one class attribute for the process."""

    @staticmethod
    def dumps(value: Any, **_: Any) -> str:
        return encode(value).decode()

    @staticmethod
    def loads(text: str | bytes, **_: Any) -> Any:
        return decode(text)


class Engine(engineio.AsyncServer):
    """Engine.IO with queues that know their size, and without waiting for a client that is to go."""

    on_message: Callable[[str, str], bool]
    """Gets a session's id and a Socket.IO packet; whether it has taken it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._async = {**self._async, "websocket": partial(Driver, on_packet=self._offer)}

    def create_queue(self, *_: Any, **__: Any) -> SendQueue:
        return SendQueue()

    def _offer(self, session: Any, packet: str) -> bool:
        if packet[:1] == MESSAGE:
            return self.on_message(session.sid, packet[1:])
        if packet == PONG:
            session.schedule_ping()
            return True
        return False

    async def disconnect(self, sid: str | None = None) -> None:
        """End the session of who breaks the protocol. A polling one may never fetch its goodbye."""
        session = self.sockets.pop(sid or "", None)
        if session is not None:
            await session.close(wait=False, reason="server disconnect")


def packets_only(receive: Receive) -> Receive:
    """Leave out what is no packet at all: it would end engineio's reader and leave its session behind."""

    async def receive_packet() -> MutableMapping[str, Any]:
        while True:
            message = await receive()
            text = message.get("text")
            if text is None or text[:1] in PACKETS:
                return message
            logger.info("malformed packet", reason="no packet type")

    return receive_packet
