"""Sockets in another namespace: they speak otherwise, and are in the same channels."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from stonechat.core.application import Application, RealtimeNamespace
from stonechat.core.context import Connection
from stonechat.core.errors import FeathersError
from tests.support.live import Demo, serve_demo
from tests.support.waiting import until
from tests.support.wire import CONNECT, DISCONNECT, EVENT, Wire

NAMESPACE = "/plain"


class Plain:
    """Tells what it hears as ``heard``, and says back what it is told."""

    def __init__(self, app: Application) -> None:
        assert app.realtime is not None
        self.namespace: RealtimeNamespace = app.realtime.namespace(NAMESPACE, self.hear, self.fail)
        self.namespace.on("say", self.say)

    def hear(self, connections: list[Connection], event: str, payload: Any, ephemeral: bool) -> None:
        self.namespace.send(connections, "heard", {"event": event, "payload": payload}, ephemeral=ephemeral)

    def fail(self, connection: Connection, event: str, error: Exception) -> Any:
        reason = error.message if isinstance(error, FeathersError) else "internal"
        return {"failed": event, "reason": reason}

    async def say(self, connection: Connection, data: dict[str, Any]) -> Any:
        return {"said": data["text"], "by": (connection.user or {})["name"]}


@pytest.fixture
async def plain() -> AsyncIterator[Demo]:
    async with serve_demo() as demo:
        Plain(demo.app)
        yield demo


def deaf(connections: list[Connection], event: str, payload: Any, ephemeral: bool) -> None:
    """Tells nothing of what it hears."""


def mute(connection: Connection, event: str, error: Exception) -> Any:
    """Says nothing of what has failed."""


def present(demo: Demo) -> list[Connection]:
    return [connection for connection in demo.connections if connection not in demo.gone]


async def open_both(demo: Demo, wire: Wire, token: str) -> None:
    await wire.send(f'{CONNECT}{{"token":"{token}"}}')
    await wire.packet(f"{CONNECT}{{")


async def test_its_events_are_answered_under_its_name(plain: Demo) -> None:
    auth = {"token": await plain.token()}
    async with Wire.open(plain.url, auth=auth, namespace=NAMESPACE) as wire:
        assert await wire.ask("say", {"text": "hello"}) == {"said": "hello", "by": "Ada"}


async def test_whatever_fails_is_answered_in_its_own_way(plain: Demo) -> None:
    auth = {"token": await plain.token()}
    async with Wire.open(plain.url, auth=auth, namespace=NAMESPACE) as wire:
        assert await wire.ask("sing", {}) == {"failed": "sing", "reason": "Unknown event 'sing'"}
        assert await wire.ask("say", {}) == {"failed": "say", "reason": "internal"}
        assert (await wire.call("say"))[0]["reason"] == "The event takes one object as its argument"
        assert (await wire.call("find", "echo"))[0]["reason"] == "Unknown event 'find'"


async def test_without_a_login_nobody_comes_in(plain: Demo) -> None:
    with pytest.raises(PermissionError, match="Not authenticated"):
        async with Wire.open(plain.url, namespace=NAMESPACE):
            pass
    assert present(plain) == []


async def test_a_namespace_that_nobody_has_made_is_refused(plain: Demo) -> None:
    with pytest.raises(PermissionError, match="Invalid namespace"):
        async with Wire.open(plain.url, auth={"token": await plain.token()}, namespace="/other"):
            pass


@pytest.mark.parametrize("name", ["/", "plain", NAMESPACE])
async def test_only_a_new_name_with_a_slash_is_a_namespace(plain: Demo, name: str) -> None:
    assert plain.app.realtime is not None
    with pytest.raises(ValueError, match="is no new namespace"):
        plain.app.realtime.namespace(name, deaf, mute)


async def test_an_event_that_is_answered_is_taken(plain: Demo) -> None:
    assert plain.app.realtime is not None
    made = plain.app.realtime.namespace("/second", deaf, mute)

    async def answer(_: Connection, data: Any) -> Any:
        return data

    made.on("say", answer)
    with pytest.raises(ValueError, match="'say' is taken in /second"):
        made.on("say", answer)


async def test_what_goes_to_everybody_is_told_there_in_its_own_way(plain: Demo) -> None:
    token = await plain.token()
    async with (
        Wire.open(plain.url, auth={"token": token}) as usual,
        Wire.open(plain.url, auth={"token": token}, namespace=NAMESPACE) as other,
    ):
        assert plain.app.realtime is not None
        plain.app.realtime.send(present(plain), "news", {"of": "today"})
        assert await usual.event("news") == [{"of": "today"}]
        assert await other.event("heard") == [{"event": "news", "payload": {"of": "today"}}]


async def test_one_socket_is_in_both_and_leaves_them_one_by_one(plain: Demo) -> None:
    token = await plain.token()
    async with Wire.open(plain.url, auth={"token": token}, namespace=NAMESPACE) as wire:
        await open_both(plain, wire, token)
        assert len(present(plain)) == 2
        await wire.send(f"{DISCONNECT}{NAMESPACE},")
        await until(lambda: len(present(plain)) == 1)
        (left,) = present(plain)
        assert "namespace" not in left
        assert plain.app.realtime is not None
        plain.app.realtime.send([left], "news", {})
        await wire.packet(f'{EVENT}["news"')


async def test_the_end_of_a_socket_is_its_end_in_all_namespaces(plain: Demo) -> None:
    token = await plain.token()
    async with Wire.open(plain.url, auth={"token": token}, namespace=NAMESPACE) as wire:
        await open_both(plain, wire, token)
        assert len(present(plain)) == 2
        await wire.websocket.close()
        await until(lambda: not present(plain))


async def test_who_is_told_to_go_from_one_namespace_stays_in_the_other(plain: Demo) -> None:
    token = await plain.token()
    async with Wire.open(plain.url, auth={"token": token}, namespace=NAMESPACE) as wire:
        await open_both(plain, wire, token)
        (there,) = [one for one in present(plain) if one.get("namespace")]
        plain.app.emit("disconnect", there)
        await wire.packet(f"{DISCONNECT}{NAMESPACE},")
        (here,) = present(plain)
        assert here is not there
        plain.app.emit("disconnect", here)
        await wire.packet(DISCONNECT)
        await wire.wait_closed()


async def test_nobody_is_twice_in_one_namespace(plain: Demo) -> None:
    auth = {"token": await plain.token()}
    async with Wire.open(plain.url, auth=auth, namespace=NAMESPACE) as wire:
        with pytest.raises(PermissionError, match="Unable to connect"):
            await wire.connect(auth)
        assert len(present(plain)) == 1
