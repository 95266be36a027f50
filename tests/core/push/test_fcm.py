from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from stonechat.core.push import Address, Delivered, Fcm, Gone, Later, Push, Refused, ServiceAccount
from tests.support.push_servers import FcmServer, push_to

TOKEN = "a-token_of:a.device-0001"


def push_of(token: str = TOKEN, **more: Any) -> Push:
    return push_to(Address(token), **more)


@pytest.fixture
async def server() -> AsyncIterator[FcmServer]:
    async with FcmServer.serving() as server:
        yield server


@pytest.fixture
async def fcm(server: FcmServer) -> AsyncIterator[Fcm]:
    fcm = Fcm(ServiceAccount.parse(server.account), server.url)
    yield fcm
    await fcm.close()


def test_only_what_may_be_a_token_is_taken(server: FcmServer, fcm: Fcm) -> None:
    assert fcm.problem(Address(TOKEN)) is None
    for wrong in ("", "short", f"{TOKEN} ", "ø" * 30, "https://fcm.googleapis.com/fcm/send/abc"):
        assert fcm.problem(Address(wrong)) == ("token", "is not a token of FCM")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (None, "is not the JSON"),
        ({"private_key": "secret"}, "not an RSA key"),
        ({"token_uri": None}, "is not a service account"),
        ({"token_uri": "http://oauth2.googleapis.com/token"}, "not an address of https"),
    ],
)
def test_what_is_no_service_account_is_refused_and_not_quoted(
    server: FcmServer, changes: dict[str, Any] | None, reason: str
) -> None:
    text = "secret" if changes is None else json.dumps({**json.loads(server.account), **changes})
    with pytest.raises(ValueError, match=reason) as caught:
        ServiceAccount.parse(text)
    assert "secret" not in str(caught.value)


async def test_a_push_is_shown_on_android_and_on_ios(server: FcmServer, fcm: Fcm) -> None:
    assert await fcm.send([push_of(data={"conversationId": "c"}, lifetime=60)]) == [Delivered()]
    assert server.pushes == [
        {
            "token": TOKEN,
            "notification": {"title": "Lab", "body": "Hello"},
            "data": {"conversationId": "c", "badge": "3"},
            "android": {
                "collapse_key": "t",
                "ttl": "60s",
                "priority": "HIGH",
                "notification": {"tag": "t", "sound": "default"},
            },
            "apns": {
                "headers": {"apns-collapse-id": "t"},
                "payload": {"aps": {"badge": 3, "sound": "default"}},
            },
        }
    ]


async def test_a_silent_push_shows_nothing(server: FcmServer, fcm: Fcm) -> None:
    assert await fcm.send([push_of(title=None, badge=0)]) == [Delivered()]
    (message,) = server.pushes
    assert "notification" not in message
    assert message["android"]["priority"] == "NORMAL"
    assert message["apns"] == {
        "headers": {"apns-push-type": "background", "apns-priority": "5"},
        "payload": {"aps": {"badge": 0, "content-available": 1}},
    }


async def test_one_access_token_is_for_many_pushes(server: FcmServer, fcm: Fcm) -> None:
    assert await fcm.send([push_of() for _ in range(30)]) == [Delivered()] * 30
    await fcm.send([push_of()])
    assert server.granted == ["access 0"]


async def test_an_access_token_is_renewed_before_its_end(server: FcmServer) -> None:
    at = [time.time() - 3590]
    fcm = Fcm(ServiceAccount.parse(server.account), server.url, now=lambda: at[0])
    for later, granted in ((0, 1), (2000, 1), (1580, 2)):
        at[0] += later
        assert await fcm.send([push_of()]) == [Delivered()]
        assert len(server.granted) == granted
    await fcm.close()


async def test_an_access_token_that_was_taken_back_is_asked_for_anew(server: FcmServer, fcm: Fcm) -> None:
    await fcm.send([push_of()])
    server.granted.append("the next one, which nobody was told")
    assert await fcm.send([push_of()]) == [Delivered()]
    assert server.granted[-1] == "access 2"


async def test_who_gets_no_access_token_tries_later(server: FcmServer, fcm: Fcm) -> None:
    server.refuses = True
    assert await fcm.send([push_of()]) == [Later(30.0)]
    server.refuses = False
    assert await fcm.send([push_of()]) == [Delivered()]


@pytest.mark.parametrize(
    ("status", "code", "headers", "outcome"),
    [
        (404, "UNREGISTERED", {}, Gone()),
        (404, "", {}, Refused("404 NOT_FOUND")),
        (403, "SENDER_ID_MISMATCH", {}, Refused("403 SENDER_ID_MISMATCH")),
        (400, "INVALID_ARGUMENT", {}, Refused("400 INVALID_ARGUMENT")),
        (429, "QUOTA_EXCEEDED", {"Retry-After": "90"}, Later(90.0)),
        (503, "UNAVAILABLE", {}, Later(30.0)),
        (500, "INTERNAL", {"Retry-After": "86400"}, Later(3600.0)),
    ],
)
async def test_what_firebase_says_of_a_token_is_its_outcome(
    server: FcmServer, fcm: Fcm, status: int, code: str, headers: dict[str, str], outcome: object
) -> None:
    other = "another-token-of-a-device"
    server.answers[other] = (status, code, headers)
    assert await fcm.send([push_of(other), push_of()]) == [outcome, Delivered()]


async def test_a_long_text_is_cut_to_what_firebase_takes(server: FcmServer, fcm: Fcm) -> None:
    assert await fcm.send([push_of(body="ø€😀" * 1000)]) == [Delivered()]
    said: str = server.pushes[0]["notification"]["body"]
    assert said.startswith("ø€😀ø€😀")
    assert said.endswith("…")
    assert await fcm.send([push_of(title="x" * 5000)]) == [Refused("the payload is too large")]
