"""A third node that joins two: what happens on any is told on all, once and in order."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from functools import partial

from tests.nodes.nodes import Cluster
from tests.support.people import talk_of, write
from tests.support.school import Socket
from tests.support.sse import EventSource
from tests.support.waiting import until

EACH = 20


async def chatter(socket: Socket, talk: str, name: str) -> None:
    for number in range(EACH):
        message = {"conversationId": talk, "content": f"{name} {number}"}
        answer = await socket.say("message:send", {**message, "idempotencyKey": f"{talk} {name} {number}"})
        assert "error" not in answer, answer


def heard(socket: Socket) -> list[str]:
    return [message["content"] for message in socket.seen("messages created")]


def has_heard_all(socket: Socket) -> bool:
    return len(heard(socket)) > 3 * EACH


async def test_three_nodes_tell_everybody_once_and_in_order(nodes: Cluster) -> None:
    names = ("rivera", "ada", "ben")
    people = [await nodes.person(name) for name in names]
    talk = await talk_of(*people)
    async with nodes.one_more() as third, AsyncExitStack() as stack:
        served = (*nodes, third)
        sockets = [
            await stack.enter_async_context(node.at(person).socket())
            for node, person in zip(served, people, strict=True)
        ]
        streams = [
            await stack.enter_async_context(
                EventSource.open(f"{node.school.url}/messages", token=people[1].token)
            )
            for node in served
        ]
        await asyncio.gather(
            *(chatter(socket, talk, name) for socket, name in zip(sockets, names, strict=True))
        )
        # What is told twice is among what is looked at.
        await write(people[0], talk, "the end")
        for socket in sockets:
            await until(partial(has_heard_all, socket))
        told = [heard(socket) for socket in sockets]
        told += [[(await stream.next()).data["content"] for _ in range(3 * EACH + 1)] for stream in streams]
        said = [f"{name} {number}" for name in names for number in range(EACH)]
        for contents in told:
            assert sorted(contents) == sorted([*said, "the end"])
            for name in names:
                own = [content for content in contents if content.startswith(name)]
                assert own == [f"{name} {number}" for number in range(EACH)]
