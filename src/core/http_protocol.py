"""The server's HTTP: uvicorn's, with a share of each turn of the event loop for those who are new."""

from __future__ import annotations

import asyncio
import sys
from typing import Final, cast

from httptools import HttpParserUpgrade
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from .application import Scope
from .turns import TurnsOfLoops
from .websocket import HandshakeError, WebSocketProtocol
from .writes import joined

# Thousands may come at once, as when a network is back: those who are there already go on meanwhile.
newcomers: Final = TurnsOfLoops(at_once=16)

MAX_HEAD: Final = 65_536  # bytes; of more, what comes in one piece is read to its end
PATIENCE_SECONDS: Final = 30.0
"""For so long may nothing of a body come, and may a head take to come to its end."""

HEAD_TOO_LONG: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)
TOO_LATE: Final = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class HttpProtocol(HttpToolsProtocol):
    """Writes head and body of a response together, and so do the websockets that come of it.

    A request has an end, and within some time: the library would read any head, and wait for ever.
    """

    _early: bytes | None = None
    _has_arrived = False
    _is_whole = False
    """Whether the newest request has come to its end."""
    _got_on = False
    _patience: asyncio.TimerHandle | None = None
    _piece = b""
    """What is being read."""
    _unended = 0
    """Bytes since the last that ended a head or belonged to a body."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(joined(transport, self.loop))
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._has_arrived:
            self._read(data)
        elif self._early is None:
            self._early = data
            newcomers.of(self.loop).add(self._arrive)
        else:
            self._early += data
            self.transport.pause_reading()

    def on_message_begin(self) -> None:
        self._is_whole = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._got_on = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._got_on = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._got_on = self._is_whole = True
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        if self._is_answering:
            self._hang_up(b"")  # two protocols cannot share what is still to be written
            return
        rest = self._after_head()
        self._stop_waiting()
        self.connections.discard(self)
        self.parser = None  # type: ignore[assignment]  # a cycle less for the collector
        websocket = WebSocketProtocol(self.transport, self.config, self.server_state)
        try:
            websocket.start(cast("Scope", self.scope), self.url)
            if rest:
                websocket.data_received(rest)
        except HandshakeError as error:
            self.transport.write(error.answer)
            self.transport.close()

    def _arrive(self) -> None:
        early, self._early = self._early, None
        self._has_arrived = True
        if early is not None and not self.transport.is_closing():
            self.transport.resume_reading()
            self._read(early)

    def _read(self, data: bytes) -> None:
        self._got_on = False
        self._piece = data
        super().data_received(data)
        self._piece = b""
        self._unended = 0 if self._got_on else self._unended + len(data)
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return  # it is a websocket's now, or nobody's
        if self._unended > MAX_HEAD:
            self._hang_up(HEAD_TOO_LONG)
        elif self._is_whole and self._is_answering:
            self._stop_waiting()
        elif self._got_on or self._patience is None:
            self._stop_waiting()
            self._wait()

    def _after_head(self) -> bytes:
        """What has come together with the head of an upgrade: the library raises where the head ends."""
        upgrade = sys.exception()
        return self._piece[upgrade.args[0] :] if isinstance(upgrade, HttpParserUpgrade) else b""

    @property
    def _is_answering(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is not None and not cycle.response_complete

    def _wait(self) -> None:
        self._patience = self.loop.call_later(PATIENCE_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        self._patience = None
        if self.flow.read_paused:
            self._wait()  # for the application, which has not taken what came before
        else:
            self._hang_up(TOO_LATE if self._unended else b"")

    def _hang_up(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            if answer and not self._is_answering:
                self.transport.write(answer)
            self.transport.close()
