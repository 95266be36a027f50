"""Who is online, and who types, as people of other nodes see it."""

from __future__ import annotations

from functools import partial
from typing import Any

from bson import ObjectId
from pymongo import AsyncMongoClient

from tests.nodes.nodes import Cluster
from tests.support.school import Person, Socket
from tests.support.waiting import until, until_so

ONLINE, OFFLINE = "user:online", "user:offline"
BUSY = {"status": "busy", "text": "in class"}


def about(socket: Socket, event: str, person: Person) -> int:
    """How often it was told of the person, and not asked for yet."""
    return [told["userId"] for told in socket.seen(event)].count(person.id)


async def sees(socket: Socket, person: Person) -> bool:
    online: list[str] = (await socket.say("presence:get", {}))["online"]
    return person.id in online


async def quiet(*viewers: Socket) -> None:
    """Wait until nobody whom they see is in grace any more."""
    for viewer in viewers:

        async def sees_nobody(viewer: Socket = viewer) -> bool:
            online: list[str] = (await viewer.say("presence:get", {}))["online"]
            return online == []

        await until_so(sees_nobody)
    for viewer in viewers:
        viewer.events.clear()


async def test_who_comes_and_goes_is_told_on_the_other_node_once_each_way(nodes: Cluster) -> None:
    rivera, ada, ben = [await nodes.person(name) for name in ("rivera", "ada", "ben")]
    async with rivera.socket() as viewer:
        await quiet(viewer)
        async with nodes[1].at(ada).socket() as here, nodes[1].at(ada).socket():
            assert rivera.id in here.welcome["online"]
            assert await sees(here, rivera)
            await until(partial(about, viewer, ONLINE, ada))
            assert await sees(viewer, ada)
        await until(partial(about, viewer, OFFLINE, ada))
        assert not await sees(viewer, ada)
        async with nodes[1].at(ben).socket():
            await until(partial(about, viewer, ONLINE, ben))
        assert (about(viewer, ONLINE, ada), about(viewer, OFFLINE, ada)) == (1, 1)


async def test_a_logout_is_told_at_once_and_with_its_moment(
    nodes: Cluster, mongodb: AsyncMongoClient[dict[str, Any]]
) -> None:
    rivera, school = await nodes.person("rivera"), nodes[1].school
    ada = await school.person("ada")
    school.forget("ada")
    async with rivera.socket() as viewer, ada.socket() as socket:
        await until_so(partial(sees, viewer, ada))
        assert (await socket.call("remove", "authentication")).code == 200
        await until(partial(about, viewer, OFFLINE, ada))
        (gone,) = [told for told in viewer.seen(OFFLINE) if told["userId"] == ada.id]

        async def is_noted() -> bool:
            stored = await mongodb["test_nodes"]["users"].find_one({"_id": ObjectId(ada.id)})
            assert stored is not None
            told: str = gone["lastSeenAt"]
            noted: str = stored["lastSeenAt"].isoformat(timespec="milliseconds")
            return told[:23] == noted[:23]

        await until_so(is_noted)


async def test_who_is_on_both_nodes_is_online_until_leaving_both(nodes: Cluster) -> None:
    rivera, ada, ben = [await nodes.person(name) for name in ("rivera", "ada", "ben")]
    async with rivera.socket() as here, nodes[1].at(rivera).socket() as there:
        await quiet(here, there)
        async with nodes[1].at(ada).socket():
            async with ada.socket():
                await until(lambda: about(here, ONLINE, ada) and about(there, ONLINE, ada))
            # Her grace at the first node is over before his, which begins later.
            async with ben.socket():
                await until(partial(about, there, ONLINE, ben))
            await until(lambda: about(here, OFFLINE, ben) and about(there, OFFLINE, ben))
            assert await sees(here, ada)
            assert await sees(there, ada)
        await until(lambda: about(here, OFFLINE, ada) and about(there, OFFLINE, ada))
        for viewer in (here, there):
            assert (about(viewer, ONLINE, ada), about(viewer, OFFLINE, ada)) == (1, 1)


async def test_a_status_holds_on_all_nodes_and_who_is_invisible_is_offline_on_all(nodes: Cluster) -> None:
    rivera, ada = await nodes.person("rivera"), await nodes.person("ada")
    async with rivera.socket() as here, nodes[1].at(rivera).socket() as there:
        await quiet(here, there)
        async with ada.socket() as own, nodes[1].at(ada).socket() as other:
            await until(lambda: about(here, ONLINE, ada) and about(there, ONLINE, ada))
            await own.say("presence:set", BUSY)
            await until(lambda: about(here, ONLINE, ada) == 2 and about(there, ONLINE, ada) == 2)
            assert (await there.say("presence:get", {}))["statuses"] == {ada.id: BUSY}
            await other.say("presence:set", {"status": "invisible"})
            await until(lambda: about(here, OFFLINE, ada) == 1 and about(there, OFFLINE, ada) == 1)
            assert not await sees(here, ada)
            async with nodes[1].at(rivera).socket() as late:
                assert ada.id not in late.welcome["online"]
            await own.say("presence:set", {"status": "available"})
            await until(lambda: about(here, ONLINE, ada) == 3 and about(there, ONLINE, ada) == 3)
    assert (about(here, OFFLINE, ada), about(there, OFFLINE, ada)) == (1, 1)


async def test_another_school_is_told_nothing(nodes: Cluster) -> None:
    dan, ada, rivera = await nodes.person("dan"), await nodes.person("ada"), await nodes.person("rivera")
    async with dan.socket() as stranger, rivera.socket() as viewer, nodes[1].at(ada).socket():
        await until_so(partial(sees, viewer, ada))
        assert (await stranger.say("presence:get", {"userIds": [ada.id]}))["online"] == []
        assert stranger.seen(ONLINE) == []


async def test_a_place_in_a_class_changes_who_is_seen_on_the_other_node(nodes: Cluster) -> None:
    okafor, ada, admin = [await nodes.person(name) for name in ("okafor", "ada", "admin")]
    (history,) = (await admin.rest("find", "classes", query={"name": "History"})).body["data"]
    async with okafor.socket() as viewer, nodes[1].at(ada).socket() as subject:
        place = {"classId": history["_id"], "userId": ada.id}
        viewer.events.clear()
        added = await admin.rest("create", "class-enrollments", data=place)
        await until(lambda: about(viewer, ONLINE, ada) and about(subject, ONLINE, okafor))
        assert (await admin.rest("remove", "class-enrollments", id=added.body["_id"])).code == 200
        await until(lambda: about(viewer, OFFLINE, ada) and about(subject, OFFLINE, okafor))
    for socket, person in ((viewer, ada), (subject, okafor)):
        assert (about(socket, ONLINE, person), about(socket, OFFLINE, person)) == (1, 1)


async def test_typing_is_told_on_both_nodes_to_the_members_alone(nodes: Cluster) -> None:
    ada, ben, cleo = [await nodes.person(name) for name in ("ada", "ben", "cleo")]
    talk = await nodes[0].school.conversation("ada", "ben")
    at = {"conversationId": talk}
    async with (
        ada.socket() as typist,
        ben.socket() as here,
        nodes[1].at(ben).socket() as there,
        nodes[1].at(cleo).socket() as stranger,
        nodes[1].at(ada).socket() as oneself,
    ):
        for _ in range(2):
            assert await typist.say("typing:start", at) == {}
        for socket in (here, there):
            assert await socket.next("typing:start") == {**at, "userId": ada.id}
        assert await typist.say("typing:stop", at) == {}
        for socket in (here, there):
            assert await socket.next("typing:stop") == {**at, "userId": ada.id}
            assert socket.seen("typing:start") == []
        assert await oneself.say("typing:start", at) == {}
        await here.next("typing:start")
        await typist.say("message:send", {**at, "content": "done", "idempotencyKey": "done"})
        for socket in (here, there):
            await socket.next("typing:stop")
        assert [*stranger.seen("typing:start"), *oneself.seen("typing:start")] == []


async def test_who_is_invisible_types_unseen_on_the_other_node(nodes: Cluster) -> None:
    ada, ben = await nodes.person("ada"), await nodes.person("ben")
    talk, other = [await nodes[0].school.conversation("ada", "ben") for _ in range(2)]
    async with ada.socket() as typist, nodes[1].at(ben).socket() as there:
        await typist.say("presence:set", {"status": "invisible"})
        assert await typist.say("typing:start", {"conversationId": talk}) == {}
        await typist.say("presence:set", {"status": "available"})
        await typist.say("typing:start", {"conversationId": other})
        assert (await there.next("typing:start"))["conversationId"] == other
        assert there.seen("typing:start") == []
