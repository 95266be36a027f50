"""Apple's push service: https://developer.apple.com/documentation/usernotifications."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import jwt

from ..authentication.fetching import check_https
from .message import MAX_PAYLOAD, Address, Delivered, Gone, Outcome, Push, Refused
from .requests import body_of, each, failure, open_client, shortened

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Response

TOKEN: Final = re.compile(r"([0-9a-fA-F]{2}){32,100}")
RENEWED: Final = 40 * 60
"""Seconds after which there is a new provider token: Apple takes none of an hour, nor two in 20 minutes."""

GONE: Final = ("BadDeviceToken", "Unregistered", "ExpiredToken")
"""Reasons that say it of the device; ``DeviceTokenNotForTopic`` is as likely a wrong setting."""


class ApnsKey(NamedTuple):
    """``private_key`` is what Apple's file ``AuthKey_<key_id>.p8`` says; ``topic`` is the app's bundle id."""

    private_key: str
    key_id: str
    team_id: str
    topic: str

    def sign(self, issued_at: int) -> str:
        """Raises ValueError for what is no key on the curve P-256, and quotes nothing of it."""
        try:
            claims = {"iss": self.team_id, "iat": issued_at}
            return jwt.encode(claims, self.private_key, "ES256", headers={"kid": self.key_id})
        except (ValueError, TypeError, jwt.PyJWTError):
            raise ValueError("is not a private key on the curve P-256") from None


class Apns:
    shows_silence = False

    def __init__(self, key: ApnsKey, url: str, *, now: Callable[[], float] = time.time) -> None:
        """Raises ValueError for a key that is none, or an address that is not ``https``."""
        self._key = key
        self._url = check_https(url).rstrip("/")
        self._now = now
        self._issued_at = int(now())
        self._token = key.sign(self._issued_at)
        self._opened: AsyncClient | None = None

    def problem(self, address: Address) -> tuple[str, str] | None:
        return None if TOKEN.fullmatch(address.token) else ("token", "is not a token of APNs")

    async def send(self, pushes: Sequence[Push]) -> list[Outcome]:
        return await each(pushes, self._send)

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.aclose()

    async def _send(self, push: Push) -> Outcome:
        content = shortened(push, MAX_PAYLOAD, lambda text: _payload(push, text))
        if content is None:
            return Refused("the payload is too large")
        token = self._token_now()
        response = await self._post(push, content, token)
        reason = str(body_of(response).get("reason", ""))
        if reason == "ExpiredProviderToken":
            response = await self._post(push, content, self._token_now(but=token))
            reason = str(body_of(response).get("reason", ""))
        if response.status_code == 200:
            return Delivered()
        if response.status_code == 410 or reason in GONE:
            return Gone()
        return failure(response, reason)

    async def _post(self, push: Push, content: bytes, token: str) -> Response:
        if self._opened is None:
            self._opened = open_client(only_http2=True)
        headers = {
            "authorization": f"bearer {token}",
            "apns-topic": self._key.topic,
            "apns-push-type": "background" if push.is_silent else "alert",
            "apns-priority": "5" if push.is_silent else "10",
            "apns-expiration": str(int(self._now()) + push.lifetime),
            "apns-collapse-id": push.topic,
        }
        url = f"{self._url}/3/device/{push.to.token.lower()}"
        return await self._opened.post(url, content=content, headers=headers)

    def _token_now(self, *, but: str = "") -> str:
        if self._token == but or self._now() - self._issued_at > RENEWED:
            self._issued_at = int(self._now())
            self._token = self._key.sign(self._issued_at)
        return self._token


def _payload(push: Push, text: str) -> dict[str, Any]:
    aps: dict[str, Any] = {} if push.badge is None else {"badge": push.badge}
    if push.is_silent:
        aps["content-available"] = 1
    else:
        aps |= {"alert": {"title": push.title, "body": text}, "thread-id": push.topic}
        if push.sound:
            aps["sound"] = "default"
    return {**push.data, "aps": aps}
