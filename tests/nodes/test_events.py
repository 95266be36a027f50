"""What happens on one node is told on the other, to whom it concerns and nobody else."""

from __future__ import annotations

import asyncio
from functools import partial

from stonechat import demo
from tests.nodes.nodes import Cluster
from tests.support.school import Person, Socket
from tests.support.waiting import until


async def talk(nodes: Cluster, *names: str) -> str:
    """A new conversation, made on the first node."""
    return await nodes[0].school.conversation(*names)


async def write(person: Person, conversation: str, content: str) -> None:
    answer = await person.rest(
        "create", "messages", data={"conversationId": conversation, "content": content}
    )
    assert answer.code == 201, answer


def came(socket: Socket, count: int) -> bool:
    return len(socket.seen("messages created")) == count


def contents(socket: Socket) -> list[str]:
    return [message["content"] for message in socket.seen("messages created")]


async def test_a_message_arrives_on_the_other_node_once(nodes: Cluster) -> None:
    rivera, ada = await nodes.person("rivera"), await nodes.person("ada", on=1)
    conversation = await talk(nodes, "rivera", "ada")
    async with ada.socket() as socket:
        await write(rivera, conversation, "over there")
        message = await socket.next("messages created")
        assert message["content"] == "over there"
        assert (await socket.next("message:notify"))["messageId"] == message["_id"]
        await write(rivera, conversation, "and another")
        await socket.next("messages created")
        assert contents(socket) == []


async def test_many_messages_from_both_sides_arrive_in_their_order(nodes: Cluster) -> None:
    rivera, ada = await nodes.person("rivera"), await nodes.person("ada", on=1)
    conversation = await talk(nodes, "rivera", "ada")

    async def chatter(socket: Socket, name: str) -> None:
        for number in range(25):
            sent = {"conversationId": conversation, "content": f"{name} {number}"}
            answer = await socket.say("message:send", {**sent, "idempotencyKey": f"{name}-{number}"})
            assert "error" not in answer, answer

    async with rivera.socket() as here, ada.socket() as there:
        await asyncio.gather(chatter(here, "rivera"), chatter(there, "ada"))
        for socket in (here, there):
            await until(partial(came, socket, 50))
            for name in ("rivera", "ada"):
                own = [content for content in contents(socket) if content.startswith(name)]
                assert own == [f"{name} {number}" for number in range(25)]


async def test_who_is_no_member_any_more_hears_nothing_on_another_node(nodes: Cluster) -> None:
    rivera, ada = await nodes.person("rivera"), await nodes.person("ada", on=1)
    conversation = await talk(nodes, "rivera", "ada", "ben")
    async with ada.socket() as socket:
        query = {"conversationId": conversation, "userId": ada.id}
        (place,) = (await rivera.rest("find", "members", query=query)).body["data"]
        assert (await rivera.rest("remove", "members", id=place["_id"])).code == 200
        await write(rivera, conversation, "without her")
        await socket.next("members removed")
        other = await talk(nodes, "rivera", "ada")
        await write(rivera, other, "with her")
        await socket.next("messages created")
        assert "without her" not in contents(socket)


async def test_another_school_hears_nothing(nodes: Cluster) -> None:
    rivera, stranger = await nodes.person("rivera"), await nodes.person("dan", on=1)
    conversation = await talk(nodes, "rivera", "ada")
    ada = await nodes.person("ada", on=1)
    async with stranger.socket() as foreign, ada.socket() as socket:
        await write(rivera, conversation, "among us")
        await socket.next("messages created")
        assert foreign.seen("messages created") == []


async def test_a_session_that_ends_on_one_node_closes_its_sockets_on_the_other(nodes: Cluster) -> None:
    school = nodes[0].school
    ben = await school.log_in((await school.person("ben")).user["email"], demo.PASSWORD)
    there = nodes[1].at(ben)
    async with there.socket() as socket:
        assert (await ben.rest("remove", "authentication")).code == 200
        await until(lambda: not socket.client.connected)
    assert (await there.rest("find", "users")).code == 401
