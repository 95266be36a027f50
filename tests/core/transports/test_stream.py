from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.application import Application
from stonechat.core.authentication import (
    AuthenticationOptions,
    AuthenticationService,
    TokenOptions,
    authentication,
    authentication_of,
)
from stonechat.core.context import Connection, HookContext, Params
from stonechat.core.testing import serving
from stonechat.core.transports.rest import rest
from stonechat.core.transports.rest.endpoint import RestEndpoint
from stonechat.core.transports.rest.stream import MAX_LOG, MAX_PENDING
from stonechat.core.transports.rest.streams import LINGER_SECONDS, MAX_LINGERING, Streams
from stonechat.core.transports.web import web
from stonechat.socket.testing import ManualTime
from tests.support.sse import Event, EventSource
from tests.support.waiting import until

NOTHING = "no such id"


class Site:
    """Ada (1), Ben (2) and Cleo (3) have a channel each; a note goes to the user that its ``to`` names."""

    def __init__(self) -> None:
        self.app = Application().configure(rest())
        self.gone: list[Connection] = []
        self.time = ManualTime(start=datetime.now(UTC))
        self.url = ""
        app = self.app
        app.use("users", MemoryService(start_id=1))
        app.use("notes", MemoryService())
        app.use("papers", MemoryService())
        app.use("news", MemoryService(), public=True, events=["flash"])
        app.use("rooms/:room/things", MemoryService())
        app.use("hidden", MemoryService(), methods=("create",))
        app.configure(
            authentication(AuthenticationOptions(tokens=TokenOptions(secret="s" * 32)), self._build)
        )
        app.on("connection", app.channel("everybody").join)
        app.on("login", self._logged_in)
        app.on("disconnect", self.gone.append)
        app.publish(lambda item, context: app.channel("everybody"))
        for path in ("notes", "papers"):
            app.service(path).publish(lambda note, _: app.channel(f"user {note['to']}"))

    def _build(self, app: Application, options: AuthenticationOptions) -> AuthenticationService:
        time = self.time
        return AuthenticationService(
            app, options, call_later=time.call_later, now=lambda: time.now().timestamp()
        )

    async def _logged_in(self, result: Any, params: Params, _: HookContext) -> None:
        assert params.connection is not None
        assert params.connection.user is not None
        self.app.channel(f"user {params.connection.user['_id']}").join(params.connection)

    @property
    def streams(self) -> Streams:
        endpoint = web(self.app).endpoint
        assert isinstance(endpoint, RestEndpoint)
        return endpoint.streams

    @property
    def connections(self) -> list[Connection]:
        return self.app.channel("everybody").connections

    def token(self, user: int = 1, expires_in: int = 3600) -> str:
        service = authentication_of(self.app)
        assert service is not None
        return service.tokens.issue(str(user), expires_in=expires_in)

    @asynccontextmanager
    async def stream(
        self, path: str = "notes", *, user: int = 1, last_id: str | None = None
    ) -> AsyncGenerator[EventSource]:
        async with EventSource.open(f"{self.url}/{path}", token=self.token(user), last_id=last_id) as source:
            yield source

    async def note(self, *texts: Any, to: int = 1) -> None:
        for text in texts:
            await self.app.service("notes").create({"to": to, "text": text})

    async def broken(self, *texts: Any) -> str:
        """Ada's stream sees ``texts`` and breaks; the id that she can come back with."""
        async with self.stream() as source:
            await self.note(*texts)
            for _ in texts:
                await source.next()
            connection = self.connections[-1]
        await until(lambda: self.lingers(connection))
        return source.last_id

    def lingers(self, connection: Connection) -> bool:
        return any(one.connection is connection and one.expiry is not None for one in self.streams.all())


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Site]:
    site = Site()
    async with serving(site.app) as site.url:
        for name in ("Ada", "Ben", "Cleo"):
            await site.app.service("users").create({"name": name})
        yield site


@pytest.fixture
async def site(served: Site) -> AsyncIterator[Site]:
    served.gone.clear()
    yield served
    served.streams.close()
    served.streams.linger = LINGER_SECONDS


def texts(events: list[Event]) -> list[Any]:
    return [event.data["text"] for event in events]


@pytest.mark.parametrize("token", [None, "", "nonsense"])
async def test_without_a_valid_token_there_is_no_stream(site: Site, token: str | None) -> None:
    with pytest.raises(PermissionError) as refused:
        async with EventSource.open(f"{site.url}/notes", token=token):
            pass
    status, body = refused.value.args
    assert (status, body["name"]) == (401, "NotAuthenticated")
    assert site.connections == []
    assert len(site.gone) == 1
    assert site.streams.all() == []


async def test_an_expired_token_opens_nothing(site: Site) -> None:
    with pytest.raises(PermissionError, match="401"):
        async with EventSource.open(f"{site.url}/notes", token=site.token(expires_in=-60)):
            pass


async def test_a_service_that_clients_may_not_read_has_no_stream(site: Site) -> None:
    with pytest.raises(PermissionError, match="405"):
        async with site.stream("hidden"):
            pass


async def test_a_public_service_streams_to_anybody(site: Site) -> None:
    async with EventSource.open(f"{site.url}/news") as source:
        await site.app.service("news").create({"text": "snow"})
        site.app.service("news").emit("flash", {"text": "thaw"})
        events = [await source.next(), await source.next()]
    assert [(event.name, event.data["text"]) for event in events] == [("created", "snow"), ("flash", "thaw")]
    await until(lambda: site.connections == [])


async def test_an_application_without_authentication_streams_to_anybody() -> None:
    app = Application().configure(rest())
    app.use("notes", MemoryService())
    app.on("connection", app.channel("everybody").join)
    app.publish(lambda item, context: app.channel("everybody"))
    async with serving(app) as url, EventSource.open(f"{url}/notes") as source:
        await app.service("notes").create({"text": "x"})
        assert (await source.next()).data["text"] == "x"


async def test_publishers_decide_who_gets_what(site: Site) -> None:
    async with site.stream(user=1) as ada, site.stream(user=2) as ben:
        await site.note("for Ada", to=1)
        await site.note("for Ben", to=2)
        assert (await ada.next()).data["text"] == "for Ada"
        assert (await ben.next()).data["text"] == "for Ben"


async def test_a_stream_has_the_events_of_its_own_service_in_order(site: Site) -> None:
    async with site.stream() as source:
        note = await site.app.service("notes").create({"to": 1, "text": "a"})
        await site.app.service("papers").create({"to": 1, "text": "x"})
        await site.app.service("notes").patch(note["_id"], {"text": "b"})
        await site.app.service("notes").remove(note["_id"])
        events = [await source.next() for _ in range(3)]
    assert [event.name for event in events] == ["created", "patched", "removed"]
    assert texts(events) == ["a", "b", "b"]
    numbers = [int(event.id.partition("-")[2]) for event in events]
    assert numbers == sorted(set(numbers))


async def test_a_path_with_a_placeholder_has_the_events_of_every_room(site: Site) -> None:
    async with site.stream("rooms/5/things") as source:
        await site.app.service("rooms/:room/things").create({"room": 6})
        assert (await source.next()).data["room"] == 6


async def test_only_who_asks_for_a_stream_of_the_service_gets_one(site: Site) -> None:
    note = await site.app.service("papers").create({"to": 1, "text": "a"})
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{site.url}/papers") as answer:
            assert note in await answer.json()
        stream = {"Accept": "text/event-stream"}
        async with http.get(f"{site.url}/papers/{note['_id']}", headers=stream) as answer:
            assert (await answer.json())["text"] == "a"
        async with http.head(f"{site.url}/notes", headers=stream) as answer:
            assert answer.content_type == "application/json"


async def test_a_stream_is_a_connection_with_the_user_and_the_address(site: Site) -> None:
    async with site.stream():
        (connection,) = site.connections
        assert connection.provider == "sse"
        assert connection.user is not None
        assert connection.user["name"] == "Ada"
        assert connection["address"] == "127.0.0.1"
        assert connection.headers["accept"] == "text/event-stream"


async def test_when_its_token_runs_out_the_stream_ends(site: Site) -> None:
    async with site.stream() as source:
        site.time.advance(3700)
        await source.ended()
        assert len(site.gone) == 1
    assert site.connections == []
    assert site.streams.all() == []


async def test_who_is_removed_hears_nothing_more(site: Site) -> None:
    async with site.stream(user=3) as source:
        await site.app.service("users").remove(3)
        await source.ended()
    assert site.streams.all() == []


async def test_own_code_can_close_a_stream(site: Site) -> None:
    async with site.stream() as source:
        site.app.emit("disconnect", site.connections[0])
        await source.ended()
    assert site.connections == []


async def test_own_code_can_close_a_stream_as_it_comes(site: Site) -> None:
    def refuse(connection: Connection) -> None:
        site.app.emit("disconnect", connection)

    site.app.on("connection", refuse)
    try:
        async with site.stream() as source:
            await source.ended()
    finally:
        site.app.off("connection", refuse)
    async with site.stream(last_id="gone") as source:
        assert (await source.next()).name == "resync"


async def test_at_the_servers_shutdown_streams_end(site: Site) -> None:
    async with site.stream() as source:
        site.app.emit("shutdown")
        await source.ended()
    assert site.streams.all() == []


async def test_a_server_that_stops_ends_its_streams_properly() -> None:
    app = Application().configure(rest())
    app.use("notes", MemoryService())
    async with AsyncExitStack() as opened:
        async with serving(app) as url:
            source = await opened.enter_async_context(EventSource.open(f"{url}/notes"))
        await source.ended()


async def test_a_silent_stream_has_a_heartbeat(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stonechat.core.transports.rest.stream.HEARTBEAT_SECONDS", 0.01)
    async with site.stream() as source:
        while source.comments < 2:
            assert await source.block() is None


async def test_who_comes_back_gets_what_was_missed_once(site: Site) -> None:
    last_id = await site.broken("a", "b")
    await site.note("c", "d")
    async with site.stream(last_id=last_id) as source:
        await site.note("e")
        assert texts([await source.next() for _ in range(3)]) == ["c", "d", "e"]
        assert len(site.connections) == 1
    assert len(site.gone) == 1


async def test_who_broke_before_any_event_comes_back_too(site: Site) -> None:
    last_id = await site.broken()
    await site.note("a")
    async with site.stream(last_id=last_id) as source:
        assert (await source.next()).data["text"] == "a"


async def test_one_can_come_back_again_and_to_an_earlier_event(site: Site) -> None:
    last_id = await site.broken("a")
    await site.note("b")
    async with site.stream(last_id=last_id) as source:
        assert texts([await source.next()]) == ["b"]
    await until(lambda: site.lingers(site.connections[-1]))
    async with site.stream(last_id=last_id) as source:
        await site.note("c")
        assert texts([await source.next() for _ in range(2)]) == ["b", "c"]


async def test_one_can_come_back_before_the_server_has_noticed(site: Site) -> None:
    async with site.stream() as first:
        await site.note("a")
        await first.next()
        await site.note("b")
        async with site.stream(last_id=first.last_id) as second:
            await site.note("c")
            assert texts([await second.next(), await second.next()]) == ["b", "c"]
            assert texts([await first.next(), await first.next()]) == ["b", "c"]


async def test_nothing_is_lost_or_doubled_while_it_breaks_time_and_again(site: Site) -> None:
    last, seen = 150, list[int]()

    async def write() -> None:
        for number in range(last + 1):
            await site.note(number)
            await asyncio.sleep(0)

    last_id = await site.broken()
    writing = asyncio.create_task(write())
    while seen[-1:] != [last]:
        async with site.stream(last_id=last_id) as source:
            for _ in range(40):
                event = await source.next()
                seen.append(event.data["text"])
                if seen[-1] == last:
                    break
            last_id = source.last_id
    await writing
    assert seen == list(range(last + 1))


async def test_who_missed_more_than_is_kept_is_told_to_fetch_anew(site: Site) -> None:
    last_id = await site.broken("a")
    await site.note(*range(MAX_LOG + 1))
    async with site.stream(last_id=last_id) as source:
        assert (await source.next()).name == "resync"
        await site.note("z")
        assert texts([await source.next()]) == ["z"]


async def test_after_the_grace_the_connection_is_gone(site: Site) -> None:
    site.streams.linger = 0.01
    async with site.stream() as source:
        await site.note("a")
        last_id = (await source.next()).id
    await until(lambda: site.gone)
    assert site.connections == []
    await site.note("b")
    async with site.stream(last_id=last_id) as source:
        event = await source.next()
        assert (event.name, event.data) == ("resync", {})
        await site.note("c")
        assert texts([await source.next()]) == ["c"]


@pytest.mark.parametrize("last_id", ["", NOTHING, "7", "-1", "0badcafe-1"])
async def test_an_id_of_nothing_known_leads_to_a_resync(site: Site, last_id: str) -> None:
    async with site.stream(last_id=last_id) as source:
        assert (await source.next()).name == "resync"


async def test_an_id_of_the_future_leads_to_a_resync(site: Site) -> None:
    last_id = await site.broken("a")
    node, _, number = last_id.partition("-")
    async with site.stream(last_id=f"{node}-{int(number) + 1}") as source:
        assert (await source.next()).name == "resync"


async def test_nobody_takes_over_what_another_user_missed(site: Site) -> None:
    last_id = await site.broken("a")
    await site.note("secret")
    async with site.stream(user=2, last_id=last_id) as ben:
        await site.note("for Ben", to=2)
        assert [(await ben.next()).name, (await ben.next()).data["text"]] == ["resync", "for Ben"]
    async with site.stream(last_id=last_id) as ada:
        assert texts([await ada.next()]) == ["secret"]


async def test_what_was_missed_of_one_service_is_not_anothers(site: Site) -> None:
    last_id = await site.broken("a")
    async with site.stream("papers", last_id=last_id) as source:
        assert (await source.next()).name == "resync"


async def test_of_one_user_only_the_newest_broken_streams_linger(site: Site) -> None:
    for _ in range(MAX_LINGERING + 2):
        await site.broken()
    assert len(site.streams.all()) == MAX_LINGERING
    assert len(site.gone) == 2


async def test_a_token_that_runs_out_meanwhile_ends_what_lingers(site: Site) -> None:
    await site.broken()
    site.time.advance(3700)
    assert site.streams.all() == []
    assert site.connections == []


async def test_who_reads_too_slowly_is_let_go_and_may_come_back(site: Site) -> None:
    address = urlsplit(site.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=1024)
    lines = ["GET /notes HTTP/1.1", "Host: x", "Accept: text/event-stream", f"Authorization: {site.token()}"]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    opened = await reader.readuntil(b"\n\n")
    last_id = opened.rpartition(b"id: ")[2].partition(b"\n")[0].decode()
    (connection,) = site.connections

    sent = 0
    async with asyncio.timeout(10):
        while not site.lingers(connection):
            await site.note("x" * 100_000)
            sent += 1
    assert MAX_PENDING < sent <= MAX_LOG
    async with site.stream(last_id=last_id) as source:
        assert len([await source.next() for _ in range(sent)]) == sent
    assert connection in site.gone
    writer.close()
    await writer.wait_closed()
