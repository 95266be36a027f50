"""Push services of browsers: RFC 8030, with messages sealed by RFC 8291 and signed by RFC 8292 (VAPID)."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, urlsplit

import jwt

from ..authentication.fetching import LOCAL_HOSTS
from .message import MAX_PAYLOAD, Address, Delivered, Gone, Outcome, Push, Refused
from .requests import each, failure, open_client, shortened
from .sealing import OVERHEAD, Recipient, encoded, point_of, private_key, seal

if TYPE_CHECKING:
    from httpx2 import AsyncClient

MAX_CONTENT: Final = MAX_PAYLOAD - OVERHEAD
SIGNED_SECONDS: Final = 12 * 60 * 60
"""A push service takes signatures for a day at most."""

RENEWED: Final = SIGNED_SECONDS / 2
LONGEST_ENDPOINT: Final = 2048


class WebPush:
    """``key`` is the private one of the application, ``subject`` whom a push service may write to.

    Endpoints come from clients: only those of ``hosts`` are called, where ``*.example.org`` is every host
    under example.org.
    """

    shows_silence = True  # browsers let nobody push who shows nothing

    def __init__(
        self, key: str, subject: str, hosts: Collection[str], *, now: Callable[[], float] = time.time
    ) -> None:
        """Raises ValueError for a key that is none."""
        self._key = private_key(key)
        self.public_key = encoded(point_of(self._key))
        """What a page subscribes with, as ``applicationServerKey``."""
        self._subject = subject
        self._hosts = frozenset(hosts)
        self._now = now
        # _signed[origin] = (token, when it was made)
        self._signed: dict[str, tuple[str, float]] = {}
        self._opened: AsyncClient | None = None

    def problem(self, address: Address) -> tuple[str, str] | None:
        if not self._is_known(address.token):
            return "token", "is not an endpoint of a push service that is called from here"
        try:
            Recipient(address.keys)
        except ValueError as error:
            return f"keys.{error}", "is not such a key of a subscription"
        return None

    async def send(self, pushes: Sequence[Push]) -> list[Outcome]:
        return await each(pushes, self._send)

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.aclose()

    async def _send(self, push: Push) -> Outcome:
        if (problem := self.problem(push.to)) is not None:  # of settings that have changed since
            return Refused(" ".join(problem))
        content = shortened(push, MAX_CONTENT, lambda text: _content(push, text))
        if content is None:
            return Refused("the payload is too large")
        if self._opened is None:
            self._opened = open_client()
        token = self._token_for(urlsplit(push.to.token))
        headers = {
            "Authorization": f"vapid t={token}, k={self.public_key}",
            "TTL": str(push.lifetime),
            "Urgency": "normal" if push.sound else "low",
            "Topic": push.topic,
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
        }
        sealed = seal(content, Recipient(push.to.keys))
        response = await self._opened.post(push.to.token, content=sealed, headers=headers)
        if 200 <= response.status_code < 300:
            return Delivered()
        if response.status_code in {404, 410}:
            return Gone()
        return failure(response, response.reason_phrase)

    def _token_for(self, endpoint: SplitResult) -> str:
        origin = f"{endpoint.scheme}://{endpoint.netloc}"
        token, made_at = self._signed.get(origin, ("", 0.0))
        if not token or self._now() - made_at > RENEWED:
            made_at = self._now()
            claims = {"aud": origin, "exp": int(made_at) + SIGNED_SECONDS, "sub": self._subject}
            token = jwt.encode(claims, self._key, "ES256")
            self._signed[origin] = (token, made_at)
        return token

    def _is_known(self, endpoint: str) -> bool:
        try:
            parts = urlsplit(endpoint)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return False
        # urlsplit passes over what no request can be sent to.
        if not (endpoint.isascii() and endpoint.isprintable()) or " " in endpoint:
            return False
        if len(endpoint) > LONGEST_ENDPOINT or parts.username is not None:
            return False
        known = host in self._hosts or any(
            host.endswith(name.removeprefix("*")) for name in self._hosts if name.startswith("*.")
        )
        return known and (host in LOCAL_HOSTS or (parts.scheme == "https" and port in {None, 443}))


def _content(push: Push, text: str) -> dict[str, Any]:
    """What the page's service worker reads."""
    return {
        "title": push.title,
        "body": text,
        "badge": push.badge,
        "topic": push.topic,
        "silent": not push.sound,
        "data": dict(push.data),
    }
