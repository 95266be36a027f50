from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.application import Application
from stonechat.core.context import HookContext, Params
from stonechat.core.errors import TooManyRequests
from stonechat.core.rate_limit import address_key, caller_key, rate_limit
from stonechat.core.testing import serving
from stonechat.core.transports.realtime import realtime
from stonechat.core.transports.rest import rest
from tests.support.wire import Wire


def application(*hooks: Any) -> Application:
    app = Application().configure(rest()).configure(realtime())
    app.use("notes", MemoryService())
    app.service("notes").hooks({"before": {"create": hooks}})
    return app


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with serving(application(rate_limit("2/hour"))) as served:
        yield served


def context(app: Application, **params: Any) -> HookContext:
    return HookContext(app.service("notes"), "create", data={}, params=Params(params))


async def test_a_limit_that_is_none_is_refused_when_the_hook_is_made() -> None:
    with pytest.raises(ValueError, match="limit"):
        rate_limit("now and then")


async def test_over_rest_what_comes_too_often_is_429_with_the_seconds_to_wait(url: str) -> None:
    async with aiohttp.ClientSession() as http:
        for _ in range(2):
            async with http.post(f"{url}/notes", json={"text": "x"}) as answer:
                assert answer.status == 201
        async with http.post(f"{url}/notes", json={"text": "x"}) as answer:
            assert answer.status == 429
            body = await answer.json()
        async with http.get(f"{url}/notes") as listed:
            assert len(await listed.json()) == 2
    assert (body["name"], body["code"], body["className"]) == ("TooManyRequests", 429, "too-many-requests")
    assert 3000 < body["data"]["retryAfter"] <= 3601
    assert answer.headers["Retry-After"] == str(body["data"]["retryAfter"])


async def test_over_a_socket_the_refusal_is_acknowledged(url: str) -> None:
    async with Wire.open(url) as wire:
        for _ in range(2):
            assert (await wire.call("create", "notes", {"text": "x"}, {}))[0] is None
        (error,) = await wire.call("create", "notes", {"text": "x"}, {})
        assert error["code"] == 429
        assert error["data"]["retryAfter"] > 0
        _, notes = await wire.call("find", "notes", {})
        assert len(notes) == 2


async def test_one_address_counts_once_over_both_transports(url: str) -> None:
    async with aiohttp.ClientSession() as http, http.post(f"{url}/notes", json={}) as answer:
        assert answer.status == 201
    async with Wire.open(url) as wire:
        assert (await wire.call("create", "notes", {}, {}))[0] is None
        assert (await wire.call("create", "notes", {}, {}))[0]["code"] == 429


async def test_calls_of_own_code_are_not_limited() -> None:
    app = application(rate_limit("1/hour"))
    for _ in range(3):
        await app.service("notes").create({})


async def test_users_count_apart_even_behind_one_address() -> None:
    app = application(rate_limit("1/hour"))
    notes = app.service("notes")
    for user in (1, 2):
        params = Params(provider="rest", address="10.0.0.1", user={"id": user})
        await notes.create({}, params)
        with pytest.raises(TooManyRequests):
            await notes.create({}, params)


async def test_a_key_may_be_a_coroutine_and_none_is_not_limited() -> None:
    async def color(context: HookContext) -> str | None:
        color: str | None = context.data.get("color")
        return color

    notes = application(rate_limit("1/hour", key=color)).service("notes")
    await notes.create({"color": "red"}, Params(provider="rest"))
    await notes.create({"color": "blue"}, Params(provider="rest"))
    for _ in range(2):
        await notes.create({}, Params(provider="rest"))
    with pytest.raises(TooManyRequests):
        await notes.create({"color": "red"}, Params(provider="rest"))


@pytest.mark.parametrize(("name", "refused"), [(None, False), ("writing", True)])
async def test_methods_count_apart_unless_they_share_a_name(name: str | None, refused: bool) -> None:
    app = application()
    limit = rate_limit("1/hour", name=name)
    app.service("notes").hooks({"before": {"create": [limit], "remove": [limit]}})
    note = await app.service("notes").create({}, Params(provider="rest"))
    try:
        await app.service("notes").remove(note["_id"], Params(provider="rest"))
    except TooManyRequests:
        assert refused
    else:
        assert not refused


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8:1:2::3", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::3", "2001:db8:1:3::3", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("/run/socket", None, False),
    ],
)
async def test_addresses_of_one_network_are_one_caller(one: str, other: str | None, same: bool) -> None:
    app = application()
    keys = {address_key(context(app, address=address)) for address in (one, other)}
    assert (len(keys) == 1) is same


async def test_the_caller_is_the_user_as_any_adapter_names_it() -> None:
    app = application()
    assert caller_key(context(app, user={"_id": 7})) == caller_key(context(app, user={"id": 7}))
    assert caller_key(context(app, address="10.0.0.1")) == address_key(context(app, address="10.0.0.1"))
