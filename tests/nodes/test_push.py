"""Pushes where there are several nodes, and where they are killed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest

from tests.nodes.nodes import Cluster, serve_nodes
from tests.support.push_servers import ACCESS_TOKEN, ExpoServer
from tests.support.pushing import phone_of
from tests.support.school import Json
from tests.support.waiting import until

pytestmark = pytest.mark.long


class Place(NamedTuple):
    nodes: Cluster
    expo: ExpoServer

    def to(self, token: str) -> list[Json]:
        return [push["body"] for push in self.expo.pushes if push["to"] == token]


@pytest.fixture(scope="module")
async def place(
    tmp_path_factory: pytest.TempPathFactory, mongodb_url: str, redis_url: str
) -> AsyncIterator[Place]:
    async with ExpoServer.serving() as expo:
        own = f"{{ access_token = {json.dumps(ACCESS_TOKEN)}, url = {json.dumps(expo.url)} }}"
        push = f"push = {{ delay_seconds = 0.2, again_seconds = 60.0, expo = {own} }}\n"
        more = f"{push}jobs = {{ lease_seconds = 1.0 }}\n"
        folder = tmp_path_factory.mktemp("push")
        async with serve_nodes(folder, mongodb_url, "test_nodes_push", redis_url, more=more) as nodes:
            yield Place(nodes, expo)


async def test_who_has_a_socket_on_another_node_is_not_pushed_anything(place: Place) -> None:
    ada, ben, cleo = [await place.nodes.person(name) for name in ("ada", "ben", "cleo")]
    phones = [await phone_of(person) for person in (ben, cleo)]
    here = place.nodes[0].school
    talks = [await here.conversation("ada", "ben", "cleo") for _ in range(5)]
    # The first node has no socket of the school, and hears nothing of it unless it asks; either may look.
    async with place.nodes[1].at(ben).socket() as socket:
        for talk in talks:
            await ada.rest("create", "messages", data={"conversationId": talk, "content": "Hello"})
            await socket.next("messages created")
        await until(lambda: len(place.to(phones[1])) == len(talks))
    assert [place.to(phone) for phone in phones] == [[], ["Ada: Hello"] * len(talks)]


async def test_what_was_being_pushed_when_all_were_killed_is_pushed_once(place: Place) -> None:
    ada = await place.nodes.person("ada")
    talk, phone = await place.nodes[0].school.conversation("finn", "ada"), await phone_of(ada)
    finn = await place.nodes.person("finn")
    held = place.expo.held = asyncio.Event()
    await finn.rest("create", "messages", data={"conversationId": talk, "content": "Are you there?"})
    await until(lambda: place.expo.waiting)
    await asyncio.gather(*(node.server.kill() for node in place.nodes))
    place.expo.held = None
    held.set()
    await place.nodes[0].server.start()
    await until(lambda: place.to(phone), within=30.0)
    await finn.rest("create", "messages", data={"conversationId": talk, "content": "Still?"})
    await until(lambda: len(place.to(phone)) > 1, within=30.0)
    assert [body.partition(": ")[2] for body in place.to(phone)] == ["Are you there?", "Still?"]
