"""How often something may happen, counted here or, with Redis, by all nodes together.

A limit is written as the library ``limits`` writes it: ``5/minute``, ``100/2hours``. Its window moves:
of any minute that is looked at, not of the minutes of a clock.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any, Final, Protocol, TypeVar, cast
from urllib.parse import quote

import structlog
from limits import RateLimitItem, parse_many
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import ConfigurationError as MissingPackage, StorageError

from .application import Application, Configure
from .configuration import ConfigurationError

T = TypeVar("T")

logger = structlog.stdlib.get_logger(__name__)

MAX_KEYS: Final = 100_000
IPV6_NETWORK_BITS: Final = 64
PATIENCE_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 5.0
MOMENT_SECONDS: Final = 0.001
"""What is added to a wait, so that after it the oldest hit has left the window for certain."""


class RecentHits(MemoryStorage):
    """The hits of this process. Beyond 100,000 keys of one window length, who was idle longest is forgotten.

    The library's own looks through all its keys, on threads, at each hit.
    """

    def __init__(self) -> None:
        super().__init__()
        # _windows[seconds][key] = times of its hits; the key that was hit last is the last
        self._windows: dict[int, OrderedDict[str, deque[float]]] = {}

    def __len__(self) -> int:
        return sum(len(windows) for windows in self._windows.values())

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        now = time.time()
        windows = self._windows.setdefault(expiry, OrderedDict())
        while windows and next(iter(windows.values()))[-1] <= now - expiry:
            windows.popitem(last=False)
        hits = windows.get(key, deque())
        _leave(hits, now - expiry)
        if len(hits) + amount > limit:
            return False
        hits.extend([now] * amount)
        windows[key] = hits
        windows.move_to_end(key)
        if len(windows) > MAX_KEYS:
            windows.popitem(last=False)
        return True

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        now = time.time()
        windows = self._windows.get(expiry)
        hits = deque[float]() if windows is None else windows.get(key, deque())
        for gone, hit in enumerate(hits):
            if hit > now - expiry:
                return hit, len(hits) - gone
        return now, 0

    async def clear(self, key: str) -> None:
        for windows in self._windows.values():
            windows.pop(key, None)


class Client(Protocol):
    async def aclose(self) -> None: ...


class Closable(Protocol):
    """The library's bridge to the package redis, which it does not close itself."""

    storage: Client


class Throttle:
    """Counts per limit and keys. ``url`` names the Redis whose counts all nodes share, as ``redis://…``.

    While Redis does not answer, each node counts for itself: nobody is let pass without limit, nor
    kept out. Raises ValueError and ``limits.errors.ConfigurationError`` for what is no such URL, or
    without the package ``redis``.
    """

    def __init__(self, url: str = "") -> None:
        self._own = MovingWindowRateLimiter(RecentHits())
        self._redis = _redis(url) if url else None
        self._shared = None if self._redis is None else MovingWindowRateLimiter(self._redis)
        self._alone_until = 0.0

    async def hit(self, limit: str, *keys: str) -> float | None:
        """Count one. None where it is within the limit, else the seconds to wait, and it does not count.

        Raises ValueError for a limit that is none.
        """
        item, names = parse_limit(limit), _names(keys)

        async def count(windows: MovingWindowRateLimiter) -> float | None:
            return None if await windows.hit(item, *names) else await _wait(windows, item, names)

        return await self._ask(count)

    async def waiting(self, limit: str, *keys: str) -> float | None:
        """What ``hit`` would answer now, without counting."""
        item, names = parse_limit(limit), _names(keys)

        async def look(windows: MovingWindowRateLimiter) -> float | None:
            return None if await windows.test(item, *names) else await _wait(windows, item, names)

        return await self._ask(look)

    async def clear(self, limit: str, *keys: str) -> None:
        """Forget what was counted."""
        item, names = parse_limit(limit), _names(keys)
        await self._own.clear(item, *names)
        if self._shared is not None:
            await self._ask(lambda windows: windows.clear(item, *names))

    async def close(self) -> None:
        if self._redis is not None:
            await cast("Closable", self._redis.bridge).storage.aclose()

    async def _ask(self, question: Callable[[MovingWindowRateLimiter], Awaitable[T]]) -> T:
        now = asyncio.get_running_loop().time()
        if self._shared is not None and now >= self._alone_until:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    return await question(self._shared)
            except (StorageError, TimeoutError) as error:
                # Asked again at every call, a server that is gone would hold up every call.
                self._alone_until = now + RETRY_SECONDS
                logger.warning("limits are counted by this node alone", reason=repr(error))
        return await question(self._own)


def throttling(url: str = "") -> Configure:
    """Choose the application's throttle; it is closed at teardown."""

    def configure(app: Application) -> None:
        throttle = Throttle(url)

        async def close(_: Any, proceed: Callable[[], Awaitable[None]]) -> None:
            try:
                await proceed()
            finally:
                await throttle.close()

        app.set("throttle", throttle)
        app.hooks({"around": {"teardown": [close]}})

    return configure


def throttle_of(app: Application) -> Throttle:
    """The application's throttle: the one of ``throttling``, else one in memory, made at the first asking."""
    throttle = app.get("throttle")
    if not isinstance(throttle, Throttle):
        throttle = Throttle()
        app.set("throttle", throttle)
    return throttle


def network_of(address: str) -> str:
    """What is counted for an address: of IPv6 its network, as a household has more addresses than that."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return f"address {address}"
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return f"address {parsed.ipv4_mapped}"
        return f"network {int(parsed) >> (128 - IPV6_NETWORK_BITS):x}"
    return f"address {parsed}"


def _redis(url: str) -> RedisStorage:
    """Raises ConfigurationError where the package for it is missing."""
    try:
        return RedisStorage(
            f"async+{url}", wrap_exceptions=True, implementation="redispy", key_prefix="stonechat:limits"
        )
    except MissingPackage as error:
        raise ConfigurationError(
            [f"redis.url: needs the package redis (stonechat[redis]): {error}"]
        ) from None


def _leave(hits: deque[float], until: float) -> None:
    while hits and hits[0] <= until:
        hits.popleft()


@lru_cache(maxsize=256)
def parse_limit(text: str) -> RateLimitItem:
    """Raises ValueError for what is not one limit."""
    items = parse_many(text)
    if len(items) != 1:
        raise ValueError(f"'{text}' is not one limit")
    return items[0]


def _names(keys: Sequence[str]) -> list[str]:
    """The library joins keys with slashes; ``a/b`` and ``c`` must not be ``a`` and ``b/c``."""
    return [quote(key, safe="") for key in keys]


async def _wait(windows: MovingWindowRateLimiter, item: RateLimitItem, names: Sequence[str]) -> float:
    reset, remaining = await windows.get_window_stats(item, *names)
    # Room may have come since the refusal.
    return MOMENT_SECONDS if remaining > 0 else max(0.0, reset - time.time()) + MOMENT_SECONDS
