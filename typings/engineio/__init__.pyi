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
    _async: dict[str, Any]
    sockets: dict[str, _Socket]
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
    def create_queue(self, *args: Any, **kwargs: Any) -> Any: ...
    async def disconnect(self, sid: str | None = ...) -> None: ...
