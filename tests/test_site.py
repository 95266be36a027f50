"""Whether the server lives, and whether it should be sent users."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from pymongo.errors import ConnectionFailure

from stonechat.core.application import Application
from stonechat.core.testing import serving
from stonechat.core.transports.rest import rest
from stonechat.site import health
from tests.support.school import School
from tests.support.waiting import until_so


class Server:
    """A database as far as health is concerned."""

    def __init__(self) -> None:
        self.is_away = False
        self.asked = 0

    async def ping(self) -> None:
        self.asked += 1
        await asyncio.sleep(0)
        if self.is_away:
            raise ConnectionFailure("nobody answers")


@asynccontextmanager
async def served(app: Application, server: Server) -> AsyncGenerator[Probe]:
    app.configure(rest()).configure(health(server.ping))
    async with serving(app) as url, aiohttp.ClientSession() as http:
        yield Probe(url, http)


class Probe:
    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self._url = url
        self._http = http

    async def __call__(self, path: str) -> tuple[int, Any]:
        async with self._http.get(self._url + path) as response:
            assert response.headers["Cache-Control"] == "no-store"
            return response.status, await response.json()


async def test_a_database_that_is_away_takes_the_users_but_not_the_life() -> None:
    server = Server()
    async with served(Application(), server) as probe:
        assert (await probe("/readyz"))[0] == 200
        server.is_away = True

        async def is_refused() -> bool:
            return (await probe("/readyz"))[0] == 503

        await until_so(is_refused)
        code, body = await probe("/readyz")
        assert (code, body["status"], body["checks"]["database"]) == (503, "not ready", "away")
        assert await probe("/healthz") == (200, {"status": "ok"})


async def test_many_who_ask_at_once_are_one_question_to_the_database() -> None:
    server = Server()
    async with served(Application(), server) as probe:
        answers = await asyncio.gather(*(probe("/readyz") for _ in range(20)))
    assert {code for code, _ in answers} == {200}
    assert server.asked == 1


async def test_who_is_not_set_up_yet_or_is_about_to_stop_is_sent_nobody() -> None:
    app, server = Application(), Server()
    async with served(app, server) as probe:
        app.is_draining = True
        code, body = await probe("/readyz")
        assert (code, body["checks"]["serving"]) == (503, "draining")
        app.is_draining, app.is_set_up = False, False
        code, body = await probe("/readyz")
        assert (code, body["checks"]["setup"]) == (503, "starting")
        assert (await probe("/healthz"))[0] == 200
    assert server.asked <= 1


async def test_who_has_lost_the_other_nodes_goes_on_serving(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Application()
    monkeypatch.setattr(app.backplane, "is_connected", False)
    async with served(app, Server()) as probe:
        code, body = await probe("/readyz")
    assert (code, body["checks"]["backplane"]) == (200, "degraded")


async def test_the_school_is_ready_and_tells_what_waits(school: School) -> None:
    async with school.http.get(f"{school.url}/readyz") as response:
        assert response.status == 200
        checks = {"setup": "ok", "serving": "ok", "database": "ok", "backplane": "ok"}
        assert await response.json() == {"status": "ready", "checks": checks}
    async with school.http.get(f"{school.url}/metrics") as response:
        text = await response.text()
    assert response.status == 200
    assert "\nstonechat_outbox_due " in text
    assert "\nstonechat_jobs_waiting " in text
    assert "\nstonechat_calls_total{" in text
