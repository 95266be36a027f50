"""Socket.IO spelled out: what is on the wire, nothing done by a client's library."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Self

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from stonechat.core.encoding import decode, encode

Json = Any
WAIT_SECONDS: Final = 10.0
SEPARATOR: Final = "\x1e"

PING, PONG, EVENT, ACK = "2", "3", "42", "43"
CONNECT, DISCONNECT, CONNECT_ERROR = "40", "41", "44"


class Wire:
    """One websocket. Keeps every packet it is sent, in order, and answers pings."""

    def __init__(
        self, websocket: ClientConnection, *, answer_pings: bool = True, namespace: str = ""
    ) -> None:
        self.websocket = websocket
        self._prefix = f"{namespace}," if namespace else ""
        self._answer_pings = answer_pings
        self.packets: list[str] = []
        self.closed = False
        self._changed = asyncio.Condition()
        self._next_ack = 0
        self._reader = asyncio.create_task(self._read())

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        url: str,
        *,
        auth: Json = None,
        origin: str | None = None,
        headers: Mapping[str, str] | None = None,
        login: bool = True,
        answer_pings: bool = True,
        namespace: str = "",
    ) -> AsyncGenerator[Self]:
        """``login=False`` stops after Engine.IO's handshake."""
        location = f"{url.replace('http', 'ws', 1)}/socket.io/?EIO=4&transport=websocket"
        async with connect(
            location,
            origin=None if origin is None else Origin(origin),
            additional_headers=headers,
            proxy=None,
            ping_interval=None,
            close_timeout=1,
        ) as websocket:
            wire = cls(websocket, answer_pings=answer_pings, namespace=namespace)
            try:
                await wire.packet("0")
                if login:
                    await wire.connect(auth)
                yield wire
            finally:
                wire._reader.cancel()

    async def connect(self, auth: Json = None) -> str:
        """Join the namespace; the socket's id. Raises PermissionError with the packet that refuses."""
        accepted, refused = CONNECT + self._prefix, CONNECT_ERROR + self._prefix
        await self.send(accepted if auth is None else accepted + encode(auth).decode())
        answer = await self.find(lambda one: one.startswith((accepted, refused)))
        if answer.startswith(refused):
            raise PermissionError(decode(answer[len(refused) :]))
        return str(decode(answer[len(accepted) :])["sid"])

    async def send(self, packet: str | bytes) -> None:
        await self.websocket.send(packet)

    async def emit(self, *arguments: Json) -> None:
        await self.send(EVENT + self._prefix + encode(arguments).decode())

    async def start(self, *arguments: Json) -> str:
        """Send an event that is to be acknowledged; the start of the packet that will do it."""
        self._next_ack += 1
        await self.send(f"{EVENT}{self._prefix}{self._next_ack}{encode(arguments).decode()}")
        return f"{ACK}{self._prefix}{self._next_ack}["

    async def call(self, *arguments: Json) -> list[Json]:
        """The arguments of the acknowledgement."""
        answer = await self.packet(await self.start(*arguments))
        acknowledged: list[Json] = decode(answer[answer.index("[") :])
        return acknowledged

    async def ask(self, event: str, data: Json) -> Json:
        """The one value that an event which is no service call is acknowledged with."""
        (acknowledged,) = await self.call(event, data)
        return acknowledged

    async def event(self, name: str) -> list[Json]:
        """The arguments of the oldest event of that name that was not asked for yet."""
        packet = await self.packet(EVENT + self._prefix + encode([name]).decode()[:-1])
        arguments: list[Json] = decode(packet[packet.index("[") :])[1:]
        return arguments

    async def packet(self, start: str) -> str:
        return await self.find(lambda one: one.startswith(start))

    async def find(self, matches: Callable[[str], bool]) -> str:
        """The oldest packet that matches and was not asked for yet; waits for it."""
        async with asyncio.timeout(WAIT_SECONDS), self._changed:
            while True:
                for position, packet in enumerate(self.packets):
                    if matches(packet):
                        return self.packets.pop(position)
                if self.closed:
                    raise ConnectionResetError
                await self._changed.wait()

    async def wait_closed(self) -> None:
        async with asyncio.timeout(WAIT_SECONDS), self._changed:
            await self._changed.wait_for(lambda: self.closed)

    async def _read(self) -> None:
        with suppress(ConnectionClosed):
            async for packet in self.websocket:
                if packet == PING and self._answer_pings:
                    await self.websocket.send(PONG)
                async with self._changed:
                    self.packets.append(packet if isinstance(packet, str) else packet.decode())
                    self._changed.notify_all()
        async with self._changed:
            self.closed = True
            self._changed.notify_all()


class Polling:
    """A session of long polling."""

    def __init__(self, http: aiohttp.ClientSession, location: str) -> None:
        self.http = http
        self.location = location

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncGenerator[Self]:
        location = f"{url}/socket.io/?EIO=4&transport=polling"
        async with aiohttp.ClientSession() as http, http.get(location) as answer:
            opened = await answer.text()
            yield cls(http, f"{location}&sid={decode(opened[1:])['sid']}")

    async def post(self, *packets: str) -> int:
        """The status of the answer."""
        async with self.http.post(self.location, data=SEPARATOR.join(packets)) as answer:
            return answer.status

    async def get(self) -> list[str]:
        """The packets that are there, as soon as there are any."""
        async with asyncio.timeout(WAIT_SECONDS), self.http.get(self.location) as answer:
            assert answer.status == 200, await answer.text()
            return (await answer.text()).split(SEPARATOR)

    async def connect(self, auth: Json = None) -> str:
        """The packet that answers the handshake."""
        assert await self.post(CONNECT if auth is None else CONNECT + encode(auth).decode()) == 200
        return (await self.get())[0]
