"""Talking to providers over HTTP."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from functools import cache
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Final

import structlog

from ..shapes import is_mapping
from .message import Later, Outcome, Push, Refused

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Response

TIMEOUT: Final = 10.0
AT_ONCE: Final = 20
"""Requests to one provider that are under way at a time."""

SOON: Final = 30.0
"""Seconds until the next attempt where the provider does not say when."""

LONGEST_WAIT: Final = 3600.0

logger = structlog.stdlib.get_logger(__name__)


@cache
def _trust(*, only_http2: bool) -> ssl.SSLContext:
    """Whom the system trusts; a client says in it which protocols it speaks, so each kind has its own."""
    return ssl.create_default_context()


def open_client(*, only_http2: bool = False) -> AsyncClient:
    """A redirect is not followed: it would carry secrets to an address that nobody has checked."""
    from httpx2 import AsyncClient, Limits  # noqa: PLC0415 - an extra, and needed by who sends only

    limits = Limits(max_connections=AT_ONCE, keepalive_expiry=60.0)
    return AsyncClient(
        http1=not only_http2,
        http2=only_http2,
        verify=_trust(only_http2=only_http2),
        timeout=TIMEOUT,
        limits=limits,
        follow_redirects=False,
        trust_env=False,
        headers={"User-Agent": "stonechat"},
    )


async def each(pushes: Sequence[Push], send: Callable[[Push], Awaitable[Outcome]]) -> list[Outcome]:
    """Send one by one, some at a time. Where a provider does not answer, it is for later."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(push: Push) -> Outcome:
        async with places:
            return await attempt(lambda: send(push))

    return list(await asyncio.gather(*map(one, pushes)))


async def attempt(send: Callable[[], Awaitable[Outcome]]) -> Outcome:
    from httpx2 import HTTPError  # noqa: PLC0415 - as above

    try:
        return await send()
    except (HTTPError, OSError, HTTPException) as error:
        logger.warning("a push provider does not answer", reason=repr(error))
        return Later(SOON)
    except Exception:
        # Raised, it would fail the others' pushes too, and have them sent once more.
        logger.exception("a push could not be sent")
        return Refused("it could not be sent")


def failure(response: Response, reason: str) -> Outcome:
    """For an answer that says nothing of the device: too much, out of order, or our fault."""
    if response.status_code == 429 or response.status_code >= 500:
        return Later(retry_after(response.headers))
    logger.warning("a push was refused", status=response.status_code, reason=reason)
    return Refused(f"{response.status_code} {reason}"[:200])


def retry_after(headers: Mapping[str, str], now: Callable[[], float] = time.time) -> float:
    """Seconds, of either form of the header; at most an hour."""
    text = headers.get("Retry-After", "")
    try:
        seconds = float(text) if text.strip().isdecimal() else parsedate_to_datetime(text).timestamp() - now()
    except ValueError:
        return SOON
    return min(max(seconds, 1.0), LONGEST_WAIT)


def body_of(response: Response) -> Mapping[str, Any]:
    """The object that was answered; empty where there is none."""
    try:
        body: object = response.json()
    except ValueError:
        return {}
    return body if is_mapping(body) else {}


def shortened(push: Push, most: int, encode: Callable[[str], Mapping[str, Any]]) -> bytes | None:
    """The payload with as much of the text as fits into ``most`` bytes; None if it does not without any."""
    text = push.body
    while True:
        payload = json.dumps(encode(text), ensure_ascii=False, separators=(",", ":")).encode()
        excess = len(payload) - most
        if excess <= 0:
            return payload
        if not text:
            return None
        # No character takes more than six bytes; the mark of what is missing takes three.
        kept = text.removesuffix("…").encode()[: -excess - 3].decode(errors="ignore")
        text = f"{kept}…" if kept else ""
