"""A client over Socket.IO, on a websocket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from ..core.context import METHODS_WITH_ID, METHODS_WITHOUT_DATA
from ..core.encoding import decode, encode
from ..core.shapes import is_mapping
from .clients import RemoteService, error_of

WAIT_SECONDS: Final = 5.0
PING, PONG = "2", "3"
CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR = "40", "41", "42", "43", "44"


class SocketClient:
    """One live connection, which keeps every event that it is sent, in order.

    Whatever it waits for raises TimeoutError after five seconds and ConnectionResetError once the
    server has hung up.
    """

    def __init__(self, websocket: ClientConnection, namespace: str = "") -> None:
        self.events: list[tuple[str, Any]] = []
        self.is_closed = False
        self._refusal: str | None = None
        self._websocket = websocket
        self._namespace = f"{namespace}," if namespace else ""
        self._answers: dict[int, list[Any]] = {}
        self._calls = 0
        self._is_connected = False
        self._changed = asyncio.Condition()

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        url: str,
        *,
        auth: Any = None,
        headers: Mapping[str, str] | None = None,
        namespace: str = "",
    ) -> AsyncGenerator[Self]:
        """Connect, with ``auth`` as the handshake's data. Raises ConnectionRefusedError with its message.

        ``namespace``, such as ``/board``, is that of a dialect.
        """
        location = f"{url.rstrip('/').replace('http', 'ws', 1)}/socket.io/?EIO=4&transport=websocket"
        async with connect(
            location, additional_headers=headers, proxy=None, ping_interval=None, close_timeout=1
        ) as websocket:
            client = cls(websocket, namespace)
            reader = asyncio.create_task(client._read())
            try:
                brought = "" if auth is None else encode(auth).decode()
                await websocket.send(f"{CONNECT}{client._namespace}{brought}")
                async with client._changes():
                    await client._changed.wait_for(
                        lambda: client._is_connected or client._refusal is not None or client.is_closed
                    )
                if not client._is_connected:
                    raise ConnectionRefusedError(client._refusal or "the server has hung up")
                yield client
            finally:
                reader.cancel()

    def service(self, path: str) -> RemoteService:
        return RemoteService(self, path)

    async def log_in(self, strategy: str = "local", /, **credentials: Any) -> Any:
        """Log this connection in; the user. Raises NotAuthenticated."""
        result = await self.service("authentication").create({"strategy": strategy, **credentials})
        return result.get("user")

    async def call(
        self, method: str, path: str, *, id: Any = None, data: Any = None, query: Any = None
    ) -> Any:
        """Call a service's method, standard or custom. Raises FeathersError as the server did."""
        ids = (id,) if method in METHODS_WITH_ID else ()
        datas = () if method in METHODS_WITHOUT_DATA else (data,)
        answer = await self.ask(method, path, *ids, *datas, query or {})
        if len(answer) == 1 and answer[0] is not None:
            raise error_of(answer[0])
        return answer[1] if len(answer) > 1 else None

    async def emit(self, event: str, *arguments: Any) -> None:
        """Send an event that is not to be acknowledged."""
        await self._websocket.send(f"{EVENT}{self._namespace}{encode([event, *arguments]).decode()}")

    async def ask(self, event: str, *arguments: Any) -> list[Any]:
        """Send an event; the arguments of its acknowledgement."""
        self._calls += 1
        number = self._calls
        await self._websocket.send(f"{EVENT}{self._namespace}{number}{encode([event, *arguments]).decode()}")
        await self._until(lambda: number in self._answers)
        return self._answers.pop(number)

    async def event(self, name: str) -> Any:
        """What came with the oldest such event that was not taken yet; waits for it."""
        await self._until(lambda: any(one == name for one, _ in self.events))
        position = next(at for at, (one, _) in enumerate(self.events) if one == name)
        return self.events.pop(position)[1]

    async def heard(self, name: str) -> list[Any]:
        """What came with such events and was not taken yet, with all that the server has sent until now.

        A publication runs after the call that caused it is answered. To see that an event does not
        come, wait until a client that should get it has it.
        """
        await self.ask("get", "")  # it is refused, and the answer comes after what was sent before
        return [payload for one, payload in self.events if one == name]

    async def closed(self) -> None:
        """Wait until the server has hung up."""
        async with self._changes():
            await self._changed.wait_for(lambda: self.is_closed)

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with self._changes():
            await self._changed.wait_for(lambda: condition() or self.is_closed)
            if not condition():
                raise ConnectionResetError("the server has hung up")

    @asynccontextmanager
    async def _changes(self) -> AsyncGenerator[None]:
        async with asyncio.timeout(WAIT_SECONDS), self._changed:
            yield

    async def _read(self) -> None:
        with suppress(ConnectionClosed):
            async for packet in self._websocket:
                text = packet if isinstance(packet, str) else packet.decode()
                if text == PING:
                    await self._websocket.send(PONG)
                    continue
                async with self._changed:
                    self._keep(text)
                    self._changed.notify_all()
        async with self._changed:
            self.is_closed = True
            self._changed.notify_all()

    def _keep(self, packet: str) -> None:
        kind, rest = packet[:2], packet[2:].removeprefix(self._namespace)
        if kind == CONNECT:
            self._is_connected = True
        elif kind == CONNECT_ERROR:
            refusal = decode(rest)
            self._refusal = str(refusal["message"] if is_mapping(refusal) else refusal)
        elif kind == DISCONNECT:
            self.is_closed = True
        elif kind == EVENT:
            name, *payload = decode(rest)
            self.events.append((name, payload[0] if payload else None))
        elif kind == ACK:
            number, bracket, arguments = rest.partition("[")
            self._answers[int(number)] = decode(bracket + arguments)
