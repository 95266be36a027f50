"""The part of python-engineio that the real-time transport uses, internals included."""

from asyncio import Queue
from typing import Any

class _Socket:
    queue: Queue[Any]
    closed: bool
    closing: bool
    upgraded: bool
    async def close(self, wait: bool = ..., abort: bool = ..., reason: str | None = ...) -> None: ...

class AsyncServer:
    sockets: dict[str, _Socket]
    def create_queue(self, *args: Any, **kwargs: Any) -> Any: ...
    async def disconnect(self, sid: str | None = ...) -> None: ...
