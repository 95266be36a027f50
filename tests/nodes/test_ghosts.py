"""Nodes are killed: afterwards everybody is online for whom somebody is there, and nobody else."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random, SystemRandom
from typing import Any, Final

import pytest
from bson import ObjectId
from pymongo import AsyncMongoClient

from stonechat import demo
from tests.nodes.nodes import Cluster, serve_nodes
from tests.nodes.views import AVAILABLE, OFFLINE, View, folded, view_of
from tests.support.school import Person, Socket
from tests.support.waiting import until, until_so

LEASE: Final = 2.0
SETTLED_WITHIN: Final = LEASE + 5
ACTIONS: Final = 200
DOWN: Final = 40
"""For so many actions a killed node is away."""
MOST: Final = 3
"""Devices of one person."""

PEOPLE: Final = {
    person.email.partition("@")[0]: (school, person) for school in demo.SCHOOLS for person in school.people
}


@pytest.fixture(scope="module")
async def mortal(
    tmp_path_factory: pytest.TempPathFactory, mongodb_url: str, redis_url: str
) -> AsyncIterator[Cluster]:
    folder: Path = tmp_path_factory.mktemp("mortal")
    quick = "typing = { expires_seconds = 1.0 }\n"
    async with serve_nodes(
        folder, mongodb_url, "test_mortal_nodes", redis_url, lease=LEASE, more=quick
    ) as nodes:
        yield nodes


def offline(viewer: Socket, person: Person) -> int:
    return [told["userId"] for told in viewer.seen(OFFLINE)].count(person.id)


async def test_who_was_only_on_a_killed_node_is_offline_once_and_types_no_more(
    mortal: Cluster, mongodb: AsyncMongoClient[dict[str, Any]]
) -> None:
    people = [await mortal.person(name) for name in ("rivera", "ito", "ada", "ben", "finn", "dan")]
    rivera, ito, ada, ben, finn, dan = people
    north, south = mortal
    talk = {"conversationId": await north.school.conversation("rivera", "ben")}
    async with south.at(rivera).socket() as viewer, south.at(ito).socket() as elsewhere:
        async with ada.socket(), south.at(ada).socket(), ben.socket() as typist, finn.socket(), dan.socket():
            await until(lambda: len(folded(viewer)) == 3 and len(folded(elsewhere)) == 1)
            await typist.say("typing:start", talk)
            assert await viewer.next("typing:start") == {**talk, "userId": ben.id}
            killed_at = datetime.now(UTC).replace(tzinfo=None)
            await north.server.kill()
            await until(lambda: not folded(elsewhere), within=SETTLED_WITHIN)
            await until(lambda: len(folded(viewer)) == 1, within=SETTLED_WITHIN)
            assert await viewer.next("typing:stop") == {**talk, "userId": ben.id}
            assert folded(viewer) == view_of(await viewer.say("presence:get", {})) == {ada.id: AVAILABLE}
            await north.server.start()
            async with north.at(rivera).socket() as back, finn.socket():
                await until(lambda: finn.id in folded(viewer) and finn.id in folded(back))
                assert folded(back) == folded(viewer) == {ada.id: AVAILABLE, finn.id: AVAILABLE}
        assert [offline(viewer, one) for one in (ada, ben, finn)] == [0, 1, 1]
        assert offline(elsewhere, dan) == 1
    ids = [ObjectId(one.id) for one in (ben, finn, dan)]
    noted = mongodb["test_mortal_nodes"]["users"].find(
        {"_id": {"$in": ids}, "lastSeenAt": {"$gt": killed_at}}
    )
    assert len(await noted.to_list()) == len(ids)


async def test_who_moves_on_when_a_node_stops_was_never_away(mortal: Cluster) -> None:
    rivera, ada, ben = [await mortal.person(name) for name in ("rivera", "ada", "ben")]
    north, south = mortal
    async with south.at(rivera).socket() as viewer:
        async with ada.socket() as moving, ben.socket():
            await until(lambda: {ada.id, ben.id} <= folded(viewer).keys())
            stopping = asyncio.create_task(north.server.stop())
            await until(lambda: not moving.client.connected)
            async with south.at(ada).socket():
                await stopping
                await until(lambda: offline(viewer, ben), within=SETTLED_WITHIN)
                assert offline(viewer, ada) == 0
        await north.server.start()


class Device:
    def __init__(self, name: str, node: int, person: Person) -> None:
        self.name = name
        self.node = node
        self.socket = Socket(person)


class Oracle:
    """Who must be online, by what was done."""

    def __init__(self, nodes: Cluster, random: Random) -> None:
        self.nodes = nodes
        self.random = random
        self.up = set(range(len(nodes)))
        self.devices: list[Device] = []
        self.statuses = dict.fromkeys(PEOPLE, AVAILABLE)
        self.ids: dict[str, str] = {}

    async def act(self) -> None:
        doings = [self.come, self.come, self.come, self.leave, self.leave, self.log_out, self.set_status]
        await self.random.choice(doings)()

    async def come(self, name: str | None = None, node: int | None = None) -> None:
        name = name or self.random.choice(list(PEOPLE))
        node = self.random.choice(sorted(self.up)) if node is None else node
        if sum(device.name == name for device in self.devices) >= MOST:
            return
        # A session of its own, which a logout ends without the others.
        person = await self.nodes[node].school.log_in(PEOPLE[name][1].email, demo.PASSWORD)
        self.ids[name] = person.id
        device = Device(name, node, person)
        await device.socket.open()
        self.devices.append(device)

    async def leave(self) -> None:
        if device := self.any_device():
            self.devices.remove(device)
            await device.socket.close()

    async def log_out(self) -> None:
        if device := self.any_device():
            self.devices.remove(device)
            assert (await device.socket.call("remove", "authentication")).code == 200
            await device.socket.close()

    async def set_status(self) -> None:
        status = self.random.choice([AVAILABLE, "busy", "invisible"])
        if device := self.any_device():
            await device.socket.say("presence:set", {"status": status})
            self.statuses[device.name] = status

    async def kill(self, node: int) -> None:
        self.up.remove(node)
        await self.nodes[node].server.kill()
        killed = [device for device in self.devices if device.node == node]
        self.devices = [device for device in self.devices if device.node != node]
        for device in killed:
            await device.socket.close()

    def any_device(self) -> Device | None:
        return self.random.choice(self.devices) if self.devices else None

    def view(self, viewer: str) -> View:
        online = {device.name for device in self.devices}
        return {self.ids[name]: self.statuses[name] for name in online if self.is_seen(name, viewer)}

    def is_seen(self, name: str, viewer: str) -> bool:
        (school, subject), (own_school, reader) = PEOPLE[name], PEOPLE[viewer]
        if school is not own_school or subject is reader or self.statuses[name] == "invisible":
            return False
        if subject.role == "admin" or subject.role == reader.role == "teacher":
            return True
        return reader.role != "admin" and not set(subject.classes).isdisjoint(reader.classes)

    def wrong(self) -> Iterator[tuple[str, int, View, View]]:
        for device in self.devices:
            expected, actual = self.view(device.name), folded(device.socket)
            if actual != expected:
                yield device.name, device.node, expected, actual


@pytest.mark.long
async def test_after_many_comings_goings_and_deaths_every_view_is_right(mortal: Cluster) -> None:
    seed = int(os.environ.get("STONECHAT_TEST_SEED") or SystemRandom().randrange(10**6))
    print(f"STONECHAT_TEST_SEED={seed}")  # noqa: T201 - shown when the test fails
    random = Random(seed)
    oracle = Oracle(mortal, random)
    deaths = {random.randrange(20, 60): 0, random.randrange(110, 150): 1}
    starting: tuple[int, int, asyncio.Task[None]] | None = None
    for node in oracle.up:
        await oracle.come("rivera", node)
    for step in range(ACTIONS):
        if step in deaths:
            node = deaths[step]
            await oracle.kill(node)
            starting = node, step + DOWN, asyncio.create_task(mortal[node].server.start())
        if starting is not None and starting[1] == step:
            await starting[2]
            oracle.up.add(starting[0])
            await oracle.come("rivera", starting[0])
            starting = None
        await oracle.act()
    for name in ("okafor", "ito"):
        await oracle.come(name, 0)

    try:
        await until(lambda: not any(oracle.wrong()), within=SETTLED_WITHIN)
    except TimeoutError:
        pytest.fail(f"seed {seed}: {list(oracle.wrong())}")
    for device in oracle.devices:
        answer = await device.socket.say("presence:get", {})
        assert view_of(answer) == folded(device.socket) == oracle.view(device.name), seed
    await until_all_are_gone(oracle)


async def until_all_are_gone(oracle: Oracle) -> None:
    while oracle.devices:
        await oracle.leave()
    for node in oracle.nodes:
        async with node.at(await oracle.nodes.person("okafor")).socket() as viewer:

            async def sees_nobody(viewer: Socket = viewer) -> bool:
                online: list[str] = (await viewer.say("presence:get", {}))["online"]
                return online == []

            await until_so(sees_nobody, within=SETTLED_WITHIN)
