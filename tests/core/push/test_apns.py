from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key

from stonechat.core.push import Address, Apns, ApnsKey, Delivered, Gone, Later, Push, Refused
from tests.support.apple import APPLE_KEY, KEY_ID, TEAM, TOPIC, AppleServer
from tests.support.push_servers import pem_of, push_to, rsa_key

TOKEN = "ab" * 32
KEY = ApnsKey(pem_of(APPLE_KEY), KEY_ID, TEAM, TOPIC)


def push_of(token: str = TOKEN, **more: Any) -> Push:
    return push_to(Address(token), **more)


@pytest.fixture
async def apple() -> AsyncIterator[AppleServer]:
    async with AppleServer.serving() as apple:
        yield apple


@pytest.fixture
async def apns(apple: AppleServer) -> AsyncIterator[Apns]:
    apns = Apns(KEY, apple.url)
    yield apns
    await apns.close()


def test_only_what_may_be_a_token_is_taken() -> None:
    apns = Apns(KEY, "https://api.push.apple.com")
    assert apns.problem(Address(TOKEN)) is None
    assert apns.problem(Address(TOKEN.upper())) is None
    for wrong in ("", "ab", "xy" * 32, f"{TOKEN}a", f"{TOKEN}/", "../" * 22):
        assert apns.problem(Address(wrong)) == ("token", "is not a token of APNs")


@pytest.mark.parametrize("key", ["secret", pem_of(rsa_key()), pem_of(generate_private_key(SECP384R1()))])
def test_what_is_no_key_of_apple_is_refused_and_not_quoted(key: str) -> None:
    with pytest.raises(ValueError, match=r"^is not a private key on the curve P-256$"):
        Apns(ApnsKey(key, KEY_ID, TEAM, TOPIC), "https://api.push.apple.com")


async def test_a_push_is_shown_over_http2(apple: AppleServer, apns: Apns) -> None:
    before = int(time.time())
    assert await apns.send([push_of(TOKEN.upper(), data={"seq": "4"}, lifetime=60)]) == [Delivered()]
    (pushed,) = apple.pushes
    assert pushed.token == TOKEN
    assert pushed.payload == {
        "seq": "4",
        "aps": {
            "badge": 3,
            "alert": {"title": "Lab", "body": "Hello"},
            "thread-id": "t",
            "sound": "default",
        },
    }
    assert pushed.headers["apns-collapse-id"] == "t"
    assert pushed.headers["apns-priority"] == "10"
    assert before + 60 <= int(pushed.headers["apns-expiration"]) <= int(time.time()) + 60


async def test_a_silent_push_is_a_background_one(apple: AppleServer, apns: Apns) -> None:
    assert await apns.send([push_of(title=None, badge=0)]) == [Delivered()]
    (pushed,) = apple.pushes
    assert pushed.payload == {"aps": {"badge": 0, "content-available": 1}}


async def test_many_go_over_one_connection_with_one_token(apple: AppleServer, apns: Apns) -> None:
    assert await apns.send([push_of() for _ in range(50)]) == [Delivered()] * 50
    assert (apple.connections, len(apple.tokens)) == (1, 1)


async def test_an_old_provider_token_is_renewed_in_time(apple: AppleServer) -> None:
    ahead = [-50 * 60.0]
    apns = Apns(KEY, apple.url, now=lambda: time.time() + ahead[0])
    assert await apns.send([push_of()]) == [Delivered()]
    ahead[0] = -15 * 60.0
    await apns.send([push_of()])
    assert len(apple.tokens) == 1
    ahead[0] = 0.0
    await apns.send([push_of()])
    assert len(apple.tokens) == 2
    await apns.close()


async def test_a_refused_provider_token_is_renewed_once(apple: AppleServer, apns: Apns) -> None:
    await apns.send([push_of()])
    apple.expired |= apple.tokens
    assert await apns.send([push_of(), push_of()]) == [Delivered(), Delivered()]
    assert len(apple.tokens) == 2


@pytest.mark.parametrize(
    ("status", "reason", "headers", "outcome"),
    [
        (410, "Unregistered", {}, Gone()),
        (410, "ExpiredToken", {}, Gone()),
        (400, "BadDeviceToken", {}, Gone()),
        (400, "DeviceTokenNotForTopic", {}, Refused("400 DeviceTokenNotForTopic")),
        (403, "InvalidProviderToken", {}, Refused("403 InvalidProviderToken")),
        (429, "TooManyRequests", {"retry-after": "3"}, Later(3.0)),
        (503, "ServiceUnavailable", {}, Later(30.0)),
    ],
)
async def test_what_apple_says_of_a_token_is_its_outcome(
    apple: AppleServer, apns: Apns, status: int, reason: str, headers: dict[str, str], outcome: object
) -> None:
    other = "cd" * 32
    apple.answers[other] = (status, reason, headers)
    assert await apns.send([push_of(other), push_of()]) == [outcome, Delivered()]


async def test_the_topic_and_the_team_must_be_the_key_s(apple: AppleServer) -> None:
    for key, reason in (
        (KEY._replace(topic="org.example.other"), "400 BadTopic"),
        (KEY._replace(team_id="TEAM000002"), "403 InvalidProviderToken"),
        (KEY._replace(private_key=pem_of(generate_private_key(APPLE_KEY.curve))), "403 InvalidProviderToken"),
    ):
        apns = Apns(key, apple.url)
        assert await apns.send([push_of()]) == [Refused(reason)]
        await apns.close()


async def test_a_long_text_is_cut_to_what_apple_takes(apple: AppleServer, apns: Apns) -> None:
    assert await apns.send([push_of(body="ø€😀" * 1000)]) == [Delivered()]
    assert apple.pushes[0].payload["aps"]["alert"]["body"].endswith("…")
    assert await apns.send([push_of(title="x" * 5000)]) == [Refused("the payload is too large")]


async def test_a_server_that_speaks_no_http2_is_tried_later() -> None:
    apns = Apns(KEY, "http://127.0.0.1:1")
    assert await apns.send([push_of()]) == [Later(30.0)]
    await apns.close()
