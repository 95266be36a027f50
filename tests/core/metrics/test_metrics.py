"""What /metrics says of an application, and to whom."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import socketio
from prometheus_client.parser import text_string_to_metric_families

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.application import Application
from stonechat.core.context import Connection, HookContext, Params
from stonechat.core.errors import BadRequest, Conflict
from stonechat.core.metrics import metrics, readings
from stonechat.core.metrics.access import by_network
from stonechat.core.testing import serving
from stonechat.core.transports.realtime import realtime
from stonechat.core.transports.rest import rest
from tests.support.waiting import until

TOKEN = "sixteen letters or more"


class Weather:
    async def get(self, id: Any, params: Params) -> dict[str, Any]:
        match id:
            case "broken":
                raise RuntimeError("storm")
            case "taken":
                raise Conflict("Taken")
            case "slow":
                await asyncio.Event().wait()
            case _:
                pass
        return {"id": id}


class Numbers:
    """One scrape: values by name and labels."""

    def __init__(self, text: str) -> None:
        self._values = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        self.text = text

    def value(self, name: str, **labels: str) -> float:
        return self._values.get((name, frozenset(labels.items())), 0.0)


def application(**options: Any) -> Application:
    app = Application().configure(metrics(**options)).configure(rest()).configure(realtime())
    app.use("weather", Weather()).use("notes", MemoryService())
    return app


@asynccontextmanager
async def served(app: Application) -> AsyncGenerator[tuple[str, aiohttp.ClientSession]]:
    async with serving(app) as url, aiohttp.ClientSession() as http:
        yield url, http


async def scrape(url: str, http: aiohttp.ClientSession, **headers: str) -> Numbers:
    async with http.get(f"{url}/metrics", headers=headers) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "text/plain"
        return Numbers(await response.text())


async def status(url: str, http: aiohttp.ClientSession, headers: Mapping[str, str]) -> int:
    async with http.get(f"{url}/metrics", headers=headers) as response:
        assert "process_" not in await response.text() or response.status == 200
        return response.status


async def test_calls_are_counted_by_service_method_provider_and_status() -> None:
    app = application()
    weather = app.service("weather")
    async with served(app) as (url, http):
        await weather.get("here")
        with pytest.raises(Conflict):
            await weather.get("taken")
        with pytest.raises(RuntimeError):
            await weather.get("broken")
        await weather.get("there", Params(provider="pigeon"))
        async with http.get(f"{url}/weather/by-rest") as response:
            assert response.status == 200
        waiting = asyncio.create_task(weather.get("slow"))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
        numbers = await scrape(url, http)
    counted = {
        (provider, ended): numbers.value(
            "stonechat_calls_total", service="weather", method="get", provider=provider, status=ended
        )
        for provider in ("internal", "rest", "socketio", "unknown")
        for ended in ("200", "409", "500", "cancelled")
    }
    assert {labels: number for labels, number in counted.items() if number} == {
        ("internal", "200"): 1,
        ("internal", "409"): 1,
        ("internal", "500"): 1,
        ("internal", "cancelled"): 1,
        ("rest", "200"): 1,
        ("unknown", "200"): 1,
    }
    of_own_code = {"service": "weather", "method": "get", "provider": "internal"}
    assert numbers.value("stonechat_call_seconds_count", **of_own_code) == 4
    assert numbers.value("stonechat_call_seconds_bucket", **of_own_code, le="+Inf") == 4
    assert "pigeon" not in numbers.text
    assert "by-rest" not in numbers.text


async def test_hooks_that_are_added_later_do_not_make_the_count_begin_anew() -> None:
    app = application()

    def nothing(context: HookContext) -> None:
        pass

    async with served(app) as (url, http):
        await app.service("weather").get("one")
        app.hooks({"before": {"all": [nothing]}})
        await app.service("weather").get("two")
        numbers = await scrape(url, http)
    labels = {"service": "weather", "method": "get", "provider": "internal", "status": "200"}
    assert numbers.value("stonechat_calls_total", **labels) == 2


async def test_sockets_their_events_and_what_is_sent_to_them_are_counted() -> None:
    app = application()
    assert app.realtime is not None

    async def wave(connection: Connection, payload: Any) -> dict[str, Any]:
        if not payload:
            raise BadRequest("To whom?")
        return {"waved": True}

    app.realtime.on("wave", wave)
    app.on("connection", app.channel("all").join)
    app.publish(lambda item, context: app.channel("all"))
    async with served(app) as (url, http):
        clients = [socketio.AsyncClient(reconnection=False) for _ in range(2)]
        for client in clients:
            await client.connect(url, transports=["websocket"])
        await clients[0].call("create", ("notes", {"text": "hello"}))
        await clients[0].call("wave", {"to": "ada"})
        await clients[0].call("wave", {})
        numbers = await scrape(url, http)
        await clients[0].disconnect()
        await until(lambda: len(app.channel("all")) == 1)
        fewer = await scrape(url, http)
        await clients[1].disconnect()
    event = {"service": "notes", "event": "created"}
    assert numbers.value("stonechat_connections", transport="socketio") == 2
    assert fewer.value("stonechat_connections", transport="socketio") == 1
    assert numbers.value("stonechat_users") == 0
    assert numbers.value("stonechat_published_total", **event) == 1
    assert numbers.value("stonechat_deliveries_total", **event) == 2
    assert numbers.value("stonechat_sockets_broadcasts_total") == 1
    assert numbers.value("stonechat_sockets_deliveries_total") == 2
    assert "\nstonechat_sockets_queued_bytes 0.0\n" in numbers.text
    assert "\nstonechat_sockets_cut_off_total 0.0\n" in numbers.text
    assert numbers.value("stonechat_socket_events_total", event="wave", status="200") == 1
    assert numbers.value("stonechat_socket_events_total", event="wave", status="400") == 1
    created = {"service": "notes", "method": "create", "provider": "socketio", "status": "200"}
    assert numbers.value("stonechat_calls_total", **created) == 1


async def test_a_loop_that_stands_still_is_seen_once() -> None:
    app = application()
    async with served(app) as (url, http):
        before = await scrape(url, http)
        time.sleep(0.3)  # noqa: ASYNC251 - the loop is to stand still
        during = await scrape(url, http)
    assert during.value("stonechat_loop_lag_max_seconds") >= 0.2
    buckets = [one.value("stonechat_loop_lag_seconds_bucket", le="0.1") for one in (before, during)]
    counts = [one.value("stonechat_loop_lag_seconds_count") for one in (before, during)]
    assert counts[1] - buckets[1] > counts[0] - buckets[0]


async def test_the_process_and_the_backplane_are_in_it_too() -> None:
    async with served(application()) as (url, http):
        numbers = await scrape(url, http)
    assert numbers.value("process_resident_memory_bytes") > 0
    assert numbers.value("stonechat_backplane_connected") == 1
    assert numbers.value("stonechat_backplane_gaps_total") == 0


async def test_numbers_of_other_parts_are_read_and_one_that_fails_is_left_out() -> None:
    app = application()
    asked = 0

    async def fails() -> float:
        raise OSError("away")

    async def costly() -> float:
        nonlocal asked
        asked += 1
        return 7.0

    readings(app).gauge("depth", "How deep.", lambda: 3)
    readings(app).gauge("nothing", "Not known.", lambda: None)
    readings(app).asked("costly", "Asked for.", costly)
    readings(app).asked("broken", "Away.", fails)
    async with served(app) as (url, http):
        many = await asyncio.gather(*(scrape(url, http) for _ in range(5)))
    assert all(one.value("stonechat_depth") == 3 for one in many)
    assert all(one.value("stonechat_costly") == 7 for one in many)
    assert "stonechat_nothing" not in many[0].text
    assert "stonechat_broken" not in many[0].text
    assert asked == 1


async def test_two_applications_of_one_process_count_apart() -> None:
    one, two = application(), application()
    async with served(one) as (_, http), served(two) as (url, _):
        await one.service("weather").get("here")
        numbers = await scrape(url, http)
    assert "stonechat_calls_total{" not in numbers.text


async def test_a_token_that_is_set_is_asked_of_everybody() -> None:
    async with served(application(token=TOKEN)) as (url, http):
        assert await status(url, http, {}) == 401
        assert await status(url, http, {"Authorization": "Bearer something else"}) == 401
        assert await status(url, http, {"Authorization": TOKEN}) == 401
        assert await status(url, http, {"Authorization": "Bearer ünïcode"}) == 401
        assert await status(url, http, {"Authorization": f"Bearer {TOKEN}"}) == 200


async def test_without_a_token_only_the_networks_may_read() -> None:
    async with served(application(networks=["10.0.0.0/8"])) as (url, http):
        assert await status(url, http, {}) == 403
        # Nobody makes himself near by saying so.
        assert await status(url, http, {"X-Forwarded-For": "10.1.2.3"}) == 403
    async with served(application(networks=[])) as (url, http):
        assert await status(url, http, {}) == 403


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Via"])
async def test_what_came_through_a_proxy_is_from_no_network(header: str) -> None:
    async with served(application()) as (url, http):
        assert await status(url, http, {}) == 200
        assert await status(url, http, {header: "127.0.0.1"}) == 403


def test_a_network_must_be_one() -> None:
    with pytest.raises(ValueError, match="nowhere"):
        by_network(["nowhere"])
