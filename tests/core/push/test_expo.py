from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from stonechat.core.push import Address, Delivered, Expo, Gone, Later, Push, Refused
from tests.support.push_servers import ACCESS_TOKEN, ExpoServer, push_to

TOKEN = "ExponentPushToken[aaaa]"


def push_of(token: str = TOKEN, **more: Any) -> Push:
    return push_to(Address(token), **more)


@asynccontextmanager
async def closing(expo: Expo) -> AsyncGenerator[None]:
    yield
    await expo.close()


@pytest.fixture
async def server() -> AsyncIterator[ExpoServer]:
    async with ExpoServer.serving() as server:
        yield server


@pytest.fixture
async def expo(server: ExpoServer) -> AsyncIterator[Expo]:
    expo = Expo(ACCESS_TOKEN, server.url)
    yield expo
    await expo.close()


def test_only_tokens_of_expo_are_taken() -> None:
    expo = Expo(ACCESS_TOKEN, "https://exp.host")
    assert expo.problem(Address(TOKEN)) is None
    assert expo.problem(Address("ExpoPushToken[b-_c]")) is None
    for wrong in ("", "aaaa", "ExponentPushToken[]", "ExponentPushToken[a b]", f"{TOKEN}\n"):
        assert expo.problem(Address(wrong)) == ("token", "is not a token of Expo")


def test_secrets_are_not_sent_in_the_clear() -> None:
    with pytest.raises(ValueError, match="not an address of https"):
        Expo(ACCESS_TOKEN, "http://exp.host")


async def test_a_push_is_shown_and_replaces_the_one_before(server: ExpoServer, expo: Expo) -> None:
    push = push_of(data={"conversationId": "c"}, lifetime=60)
    assert await expo.send([push]) == [Delivered(f"receipt of {TOKEN}")]
    assert server.pushes == [
        {
            "to": TOKEN,
            "title": "Lab",
            "body": "Hello",
            "badge": 3,
            "sound": "default",
            "priority": "high",
            "ttl": 60,
            "collapseId": "t",
            "tag": "t",
            "data": {"conversationId": "c"},
        }
    ]


async def test_a_silent_push_sets_the_badge_and_shows_nothing(server: ExpoServer, expo: Expo) -> None:
    await expo.send([push_of(title=None, badge=0), push_of(sound=False)])
    silent, quiet = server.pushes
    assert silent.keys() == {"to", "data", "ttl", "badge", "priority", "_contentAvailable"}
    assert silent["badge"] == 0
    assert "sound" not in quiet


async def test_each_token_has_its_outcome_in_order(server: ExpoServer, expo: Expo) -> None:
    errors = {
        "DeviceNotRegistered": Gone(),
        "MessageRateExceeded": Later(30.0),
        "MessageTooBig": Refused("MessageTooBig why"),
    }
    for name in errors:
        ticket = {"status": "error", "message": "why", "details": {"error": name}}
        server.tickets[f"ExpoPushToken[{name}]"] = ticket
    pushes = [push_of(f"ExpoPushToken[{name}]") for name in errors]
    outcomes = await expo.send([*pushes, push_of()])
    assert outcomes == [*errors.values(), Delivered(f"receipt of {TOKEN}")]


async def test_a_hundred_go_in_one_request(server: ExpoServer, expo: Expo) -> None:
    outcomes = await expo.send([push_of(f"ExpoPushToken[{number}]") for number in range(201)])
    assert server.batches == [100, 100, 1]
    assert outcomes[-1] == Delivered("receipt of ExpoPushToken[200]")
    assert await expo.send([]) == []


async def test_a_token_of_another_project_keeps_nobody_s_push_back(server: ExpoServer, expo: Expo) -> None:
    tokens = [f"ExpoPushToken[{number}]" for number in range(9)]
    server.foreign = {tokens[3]}
    server.tickets[tokens[3]] = {"status": "error", "details": {"error": "InvalidCredentials"}}
    outcomes = await expo.send([push_of(token) for token in tokens])
    own: list[object] = [Delivered(f"receipt of {token}") for token in tokens]
    assert outcomes == [*own[:3], Refused("InvalidCredentials"), *own[4:]]
    assert [push["to"] for push in server.pushes] == [*tokens[:3], *tokens[4:]]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Response(status_code=429, headers={"Retry-After": "7"}), Later(7.0)),
        (Response(status_code=503), Later(30.0)),
        (JSONResponse({"data": []}), Refused("the answer has no tickets")),
        (Response("<html>", 200), Refused("the answer has no tickets")),
        (Response(status_code=400), Refused("400 Bad Request")),
        (Response(status_code=302, headers={"Location": "https://elsewhere.example"}), Refused("302 Found")),
    ],
)
async def test_an_answer_to_all_is_each_one_s(
    server: ExpoServer, expo: Expo, answer: Response, outcome: object
) -> None:
    server.fails = answer
    assert await expo.send([push_of(), push_of()]) == [outcome, outcome]


async def test_a_wrong_access_token_is_no_token_s_fault(server: ExpoServer) -> None:
    expo = Expo("another project's", server.url)
    async with closing(expo):
        assert await expo.send([push_of()]) == [Refused("401 Unauthorized")]


async def test_a_server_that_is_away_is_asked_later() -> None:
    expo = Expo(ACCESS_TOKEN, "http://127.0.0.1:1")
    async with closing(expo):
        assert await expo.send([push_of()]) == [Later(30.0)]
        assert await expo.receipts(["one"]) == {}


async def test_receipts_tell_what_apple_and_google_said(server: ExpoServer, expo: Expo) -> None:
    gone = {"status": "error", "message": "", "details": {"error": "DeviceNotRegistered"}}
    server.receipts = {"one": {"status": "ok"}, "two": gone}
    assert await expo.receipts(["one", "two", "three"]) == {"one": Delivered(), "two": Gone()}
