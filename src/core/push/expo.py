"""Expo's push service: https://docs.expo.dev/push-notifications/sending-notifications."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from ..authentication.fetching import check_https
from ..shapes import is_list, is_mapping
from .message import Address, Delivered, Gone, Later, Outcome, Push, Refused
from .requests import SOON, attempt, body_of, failure, open_client

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Response

TOKEN: Final = re.compile(r"Expo(nent)?PushToken\[[^\[\]\s]{1,200}\]")
BATCH: Final = 100
RECEIPTS: Final = 1000
UNREGISTERED: Final = "DeviceNotRegistered"
TOO_MANY: Final = "MessageRateExceeded"


class Expo:
    """``access_token`` is the project's: Expo is to take pushes with it only."""

    shows_silence = False

    def __init__(self, access_token: str, url: str) -> None:
        """Raises ValueError for an address that is not ``https``, except one of this machine."""
        self._url = check_https(url).rstrip("/")
        self._headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
        self._opened: AsyncClient | None = None

    def problem(self, address: Address) -> tuple[str, str] | None:
        return None if TOKEN.fullmatch(address.token) else ("token", "is not a token of Expo")

    async def send(self, pushes: Sequence[Push]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for start in range(0, len(pushes), BATCH):
            outcomes += await self._send_batch(pushes[start : start + BATCH])
        return outcomes

    async def receipts(self, ids: Sequence[str]) -> dict[str, Outcome]:
        """What Apple or Google said since of pushes that Expo had taken, as far as it is known."""
        found: dict[str, Outcome] = {}
        for start in range(0, len(ids), RECEIPTS):
            answers: Mapping[str, Any] = {}

            async def ask(part: Sequence[str] = ids[start : start + RECEIPTS]) -> Outcome:
                nonlocal answers
                response = await self._post("getReceipts", {"ids": list(part)})
                if response.status_code != 200:
                    return failure(response, response.reason_phrase)
                data: object = body_of(response).get("data")
                answers = data if is_mapping(data) else {}
                return Delivered()

            await attempt(ask)
            found |= {receipt: _outcome(answer) for receipt, answer in answers.items()}
        return found

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.aclose()

    async def _send_batch(self, pushes: Sequence[Push]) -> list[Outcome]:
        tickets: list[Outcome] = []

        async def send() -> Outcome:
            response = await self._post("send", [_message(push) for push in pushes])
            if response.status_code == 400 and len(pushes) > 1:
                # One token of another project is enough for Expo to refuse all of them.
                middle = len(pushes) // 2
                for half in (pushes[:middle], pushes[middle:]):
                    tickets.extend(await self._send_batch(half))
                return Delivered()
            if response.status_code != 200:
                return failure(response, response.reason_phrase)
            data: object = body_of(response).get("data")
            if not is_list(data) or len(data) != len(pushes):
                return Refused("the answer has no tickets")
            tickets.extend(_outcome(ticket) for ticket in data)
            return Delivered()

        outcome = await attempt(send)
        return tickets or [outcome] * len(pushes)

    async def _post(self, method: str, body: object) -> Response:
        if self._opened is None:
            self._opened = open_client()
        url = f"{self._url}/--/api/v2/push/{method}"
        return await self._opened.post(url, json=body, headers=self._headers)


def _message(push: Push) -> dict[str, Any]:
    message: dict[str, Any] = {"to": push.to.token, "data": dict(push.data), "ttl": push.lifetime}
    if push.badge is not None:
        message["badge"] = push.badge
    if push.is_silent:
        return {**message, "priority": "normal", "_contentAvailable": True}
    shown = {"title": push.title, "body": push.body, "priority": "high"}
    # iOS replaces what has the same collapseId, Android what has the same tag.
    replaced = {"collapseId": push.topic, "tag": push.topic}
    return {**message, **shown, **replaced, **({"sound": "default"} if push.sound else {})}


def _outcome(ticket: object) -> Outcome:
    if not is_mapping(ticket):
        return Refused("the ticket is no object")
    if ticket.get("status") == "ok":
        receipt: object = ticket.get("id")
        return Delivered(receipt if isinstance(receipt, str) else None)
    details: object = ticket.get("details")
    code = cast("object", details.get("error")) if is_mapping(details) else None
    if code == UNREGISTERED:
        return Gone()
    if code == TOO_MANY:
        return Later(SOON)
    return Refused(f"{code or ''} {ticket.get('message', '')}".strip()[:200])
