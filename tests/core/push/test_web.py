from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.responses import Response

from stonechat.core.push import Address, Delivered, Gone, Later, Push, Refused, WebPush
from stonechat.core.push.sealing import Recipient, decoded, encoded, private_key, seal
from tests.support.push_servers import Browser, BrowserPushServer, push_to

# RFC 8291, appendix A
RFC_KEYS = {
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
}
RFC_SENDER = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
RFC_SALT = "DGv6ra1nlYgDCS1FRnbzlw"
RFC_BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz"
    "AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)
HOUR = 3600
SUBJECT = "mailto:admin@school.example"


def push_of(browser: Browser, **more: Any) -> Push:
    return push_to(Address(browser.endpoint, browser.keys), **more)


@pytest.fixture
async def server() -> AsyncIterator[BrowserPushServer]:
    async with BrowserPushServer.serving() as server:
        yield server


@pytest.fixture
async def web(server: BrowserPushServer) -> AsyncIterator[WebPush]:
    web = WebPush(RFC_SENDER, SUBJECT, ["127.0.0.1"])
    server.key = web.public_key
    yield web
    await web.close()


def test_the_example_of_the_rfc_is_sealed_as_it_has_it() -> None:
    body = seal(
        b"When I grow up, I want to be a watermelon",
        Recipient(RFC_KEYS),
        salt=decoded(RFC_SALT),
        key=private_key(RFC_SENDER),
    )
    assert encoded(body) == RFC_BODY


@pytest.mark.parametrize("key", ["", "secret", "A" * 42, "A" * 43, "_" * 43, "ø"])
def test_what_is_no_key_for_vapid_is_refused_and_not_quoted(key: str) -> None:
    with pytest.raises(ValueError, match=r"^is not a private key for VAPID: 32 bytes as base64url$"):
        WebPush(key, SUBJECT, [])


@pytest.mark.parametrize(
    ("endpoint", "taken"),
    [
        ("https://fcm.googleapis.com/fcm/send/a", True),
        ("https://web.push.apple.com/a", True),
        ("https://fcm.googleapis.com:443/a", True),
        ("http://fcm.googleapis.com/a", False),
        ("https://fcm.googleapis.com:8443/a", False),
        ("https://ada@fcm.googleapis.com/a", False),
        ("https://fcm.googleapis.com@10.0.0.1/a", False),
        ("https://fcm.googleapis.com.example/a", False),
        ("https://push.apple.com/a", False),
        ("https://evilpush.apple.com/a", False),
        ("https://10.0.0.1/a", False),
        ("http://127.0.0.1:27017/", False),
        ("file:///etc/passwd", False),
        ("https://fcm.googleapis.com:x/", False),
        ("https://fcm.googleapis.com/a\x01", False),
        ("https://fcm.googleapis.com/a\x7f", False),
        ("https://fcm.google\napis.com/a", False),
        ("https://fcm.googleapis.com/a\t", False),
        ("https://fcm.googleapis.com/a b", False),
        (" https://fcm.googleapis.com/a", False),
        ("https://fcm.googleapis.com/ø", False),
        ("https://[::1/", False),
        (f"https://fcm.googleapis.com/{'a' * 2048}", False),
    ],
)
def test_only_endpoints_of_known_push_services_are_called(endpoint: str, taken: bool) -> None:
    web = WebPush(RFC_SENDER, SUBJECT, ["fcm.googleapis.com", "*.push.apple.com"])
    problem = web.problem(Address(endpoint, RFC_KEYS))
    assert (problem is None) is taken
    assert problem is None or problem[0] == "token"


@pytest.mark.parametrize(
    ("keys", "field"),
    [
        ({}, "keys.auth"),
        ({**RFC_KEYS, "auth": "short"}, "keys.auth"),
        ({**RFC_KEYS, "p256dh": "short"}, "keys.p256dh"),
        ({**RFC_KEYS, "p256dh": encoded(b"\4" + b"\1" * 64)}, "keys.p256dh"),
        ({**RFC_KEYS, "p256dh": encoded(b"\2" + decoded(RFC_KEYS["p256dh"])[1:33])}, "keys.p256dh"),
    ],
)
def test_what_are_no_keys_of_a_subscription_are_refused(keys: dict[str, str], field: str) -> None:
    web = WebPush(RFC_SENDER, SUBJECT, ["push.example"])
    problem = web.problem(Address("https://push.example/a", keys))
    assert problem == (field, "is not such a key of a subscription")


async def test_only_the_browser_reads_what_is_pushed(server: BrowserPushServer, web: WebPush) -> None:
    ada, ben = server.subscribe("ada"), server.subscribe("ben")
    data = {"conversationId": "c"}
    assert await web.send([push_of(ada, data=data), push_of(ben, sound=False)]) == [Delivered(), Delivered()]
    (_, headers, said), (_, quiet, other) = sorted(server.pushes, key=lambda one: one[0] is ben)
    assert said == {
        "title": "Lab",
        "body": "Hello",
        "badge": 3,
        "topic": "t",
        "silent": False,
        "data": data,
    }
    assert (headers["topic"], headers["urgency"], headers["ttl"]) == ("t", "normal", "86400")
    assert (other["silent"], quiet["urgency"]) == (True, "low")


async def test_a_push_service_takes_the_signature_of_the_application_only(
    server: BrowserPushServer, web: WebPush
) -> None:
    server.key = "another application's"
    assert await web.send([push_of(server.subscribe("ada"))]) == [Refused("403 Forbidden")]


async def test_a_signature_is_made_anew_in_time(server: BrowserPushServer) -> None:
    at = [time.time()]
    web = WebPush(RFC_SENDER, SUBJECT, ["127.0.0.1"], now=lambda: at[0])
    server.key, browser = web.public_key, server.subscribe("ada")
    signatures: list[str] = []
    for later in (0, 3 * HOUR, 4 * HOUR):
        at[0] += later
        assert await web.send([push_of(browser)]) == [Delivered()]
        signatures.append(server.pushes[-1][1]["authorization"])
    assert signatures[0] == signatures[1] != signatures[2]
    await web.close()


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Response(status_code=404), Gone()),
        (Response(status_code=410), Gone()),
        (Response(status_code=413), Refused("413 Request Entity Too Large")),
        (Response(status_code=429, headers={"Retry-After": "120"}), Later(120.0)),
        (Response(status_code=500), Later(30.0)),
        (
            Response(status_code=307, headers={"Location": "http://10.0.0.1/"}),
            Refused("307 Temporary Redirect"),
        ),
    ],
)
async def test_what_a_push_service_says_is_the_outcome(
    server: BrowserPushServer, web: WebPush, answer: Response, outcome: object
) -> None:
    browser = server.subscribe("ada")
    server.answers["ada"] = answer
    assert await web.send([push_of(browser), push_of(server.subscribe("ben"))]) == [outcome, Delivered()]


async def test_a_long_text_is_cut_to_what_a_push_service_takes(
    server: BrowserPushServer, web: WebPush
) -> None:
    browser = server.subscribe("ada")
    assert await web.send([push_of(browser, body="ø€😀" * 1000)]) == [Delivered()]
    assert server.pushes[0][2]["body"].endswith("…")
    assert await web.send([push_of(browser, title="x" * 5000)]) == [Refused("the payload is too large")]
