"""Firebase Cloud Messaging, HTTP v1: https://firebase.google.com/docs/cloud-messaging/send/v1-api."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import jwt

from ..authentication.fetching import check_https
from ..shapes import is_list, is_mapping
from .message import MAX_PAYLOAD, Address, Delivered, Gone, Later, Outcome, Push, Refused
from .requests import SOON, body_of, each, failure, open_client, shortened

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Response

TOKEN: Final = re.compile(r"[A-Za-z0-9_:.\-]{20,4096}")
SCOPE: Final = "https://www.googleapis.com/auth/firebase.messaging"
GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_SECONDS: Final = 3600
EARLY: Final = 60.0
"""Seconds before its end from which on an access token is not used any more."""

FIELDS: Final = ("project_id", "client_email", "private_key", "private_key_id", "token_uri")


class ServiceAccount(NamedTuple):
    """What Google's file of a service account says."""

    project_id: str
    client_email: str
    private_key: str
    private_key_id: str
    token_uri: str

    @classmethod
    def parse(cls, text: str) -> ServiceAccount:
        """Raises ValueError, which quotes nothing of it."""
        try:
            account: object = json.loads(text)
        except ValueError:
            raise ValueError("is not the JSON of a service account") from None
        values = [account.get(name) for name in FIELDS] if is_mapping(account) else []
        if not values or not all(isinstance(value, str) and value for value in values):
            raise ValueError(f"is not a service account: it has {', '.join(FIELDS)}")
        found = cls(*map(str, values))
        check_https(found.token_uri)
        try:
            jwt.encode({}, found.private_key, "RS256")
        except (ValueError, TypeError, jwt.PyJWTError):
            raise ValueError("its private_key is not an RSA key") from None
        return found


class Fcm:
    shows_silence = False

    def __init__(self, account: ServiceAccount, url: str, *, now: Callable[[], float] = time.time) -> None:
        """Raises ValueError for an address that is not ``https``, except one of this machine."""
        self._account = account
        self._url = f"{check_https(url).rstrip('/')}/v1/projects/{account.project_id}/messages:send"
        self._now = now
        self._token = ""
        self._expires_at = 0.0
        self._turn = asyncio.Lock()
        self._opened: AsyncClient | None = None

    def problem(self, address: Address) -> tuple[str, str] | None:
        return None if TOKEN.fullmatch(address.token) else ("token", "is not a token of FCM")

    async def send(self, pushes: Sequence[Push]) -> list[Outcome]:
        return await each(pushes, self._send)

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.aclose()

    async def _send(self, push: Push) -> Outcome:
        content = shortened(push, MAX_PAYLOAD, lambda text: _message(push, text))
        if content is None:
            return Refused("the payload is too large")
        token = await self._access_token()
        response = None if not token else await self._post(content, token)
        if response is not None and response.status_code == 401:  # taken back before its time
            token = await self._access_token(but=token)
            response = None if not token else await self._post(content, token)
        if response is None:
            return Later(SOON)
        if response.status_code == 200:
            return Delivered()
        if _error_code(response) == "UNREGISTERED":
            return Gone()
        return failure(response, _error_code(response) or response.reason_phrase)

    async def _post(self, content: bytes, token: str) -> Response:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return await self._client.post(self._url, content=content, headers=headers)

    async def _access_token(self, *, but: str = "") -> str:
        """One for all, fetched anew when it comes to its end or is ``but`` this: RFC 7523.

        Empty where Google refuses.
        """
        async with self._turn:
            if self._token not in {"", but} and self._now() < self._expires_at - EARLY:
                return self._token
            account, at = self._account, int(self._now())
            claims = {"iss": account.client_email, "scope": SCOPE, "aud": account.token_uri}
            assertion = jwt.encode(
                {**claims, "iat": at, "exp": at + ASSERTION_SECONDS},
                account.private_key,
                "RS256",
                headers={"kid": account.private_key_id},
            )
            form = {"grant_type": GRANT, "assertion": assertion}
            response = await self._client.post(account.token_uri, data=form)
            answer = body_of(response)
            token: object = answer.get("access_token")
            if response.status_code != 200 or not isinstance(token, str):
                failure(response, f"no access token: {answer.get('error', '')}")
                return ""
            lasting: object = answer.get("expires_in")
            self._expires_at = at + (lasting if isinstance(lasting, int) else ASSERTION_SECONDS)
            self._token = token
            return token

    @property
    def _client(self) -> AsyncClient:
        if self._opened is None:
            self._opened = open_client()
        return self._opened


def _message(push: Push, text: str) -> dict[str, Any]:
    aps: dict[str, Any] = {} if push.badge is None else {"badge": push.badge}
    data = dict(push.data) | ({} if push.badge is None else {"badge": str(push.badge)})
    message: dict[str, Any] = {"token": push.to.token, "data": data}
    android: dict[str, Any] = {"collapse_key": push.topic, "ttl": f"{push.lifetime}s"}
    headers = {"apns-collapse-id": push.topic}
    if push.is_silent:
        android["priority"] = "NORMAL"
        headers = {"apns-push-type": "background", "apns-priority": "5"}
        aps["content-available"] = 1
    else:
        message["notification"] = {"title": push.title, "body": text}
        sound = {"sound": "default"} if push.sound else {}
        aps |= sound
        android |= {"priority": "HIGH", "notification": {"tag": push.topic, **sound}}
    return {"message": {**message, "android": android, "apns": {"headers": headers, "payload": {"aps": aps}}}}


def _error_code(response: Response) -> str:
    """FCM's own where it tells one, or else the status of Google's errors."""
    error: object = body_of(response).get("error")
    if not is_mapping(error):
        return ""
    details: object = error.get("details")
    parts: Sequence[Any] = details if is_list(details) else ()
    codes = [str(one["errorCode"]) for one in parts if _has_code(one)]
    return codes[0] if codes else str(error.get("status", ""))


def _has_code(detail: object) -> bool:
    return is_mapping(detail) and isinstance(detail.get("errorCode"), str)
