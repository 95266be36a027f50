"""Whoever is shut out, silenced or removed on one node is so on the other, within a moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple
from uuid import uuid4

import pytest

from tests.nodes.nodes import Cluster
from tests.support.people import PASSWORD, talk_of, write
from tests.support.school import Answer, Json, Person, Socket
from tests.support.sse import EventSource
from tests.support.waiting import until, until_so

ANOTHER = "another-one"
TOMORROW = "2090-01-01T00:00:00.000Z"

Deed = Callable[[Cluster, Person], Awaitable[Answer]]


class There(NamedTuple):
    """What somebody has open on the second node."""

    person: Person
    socket: Socket
    stream: EventSource

    async def ended(self) -> None:
        await until(lambda: not self.socket.client.connected)
        async with asyncio.timeout(10):
            await self.stream.ended()


async def newcomer(nodes: Cluster, role: str = "student") -> Person:
    """Somebody new, who is logged in on the first node."""
    admin = await nodes.person("admin")
    email = f"{uuid4()}@new.example"
    data = {"email": email, "name": "New", "role": role, "password": PASSWORD}
    created = await admin.rest("create", "users", data=data)
    assert created.code == 201, created
    return await nodes[0].school.log_in(email, PASSWORD)


@asynccontextmanager
async def there(nodes: Cluster, person: Person) -> AsyncGenerator[There]:
    known = nodes[1].at(person)
    async with known.socket() as socket, stream_of(known) as stream:
        yield There(known, socket, stream)


def stream_of(person: Person, path: str = "messages", last_id: str | None = None) -> Json:
    return EventSource.open(f"{person.school.url}/{path}", token=person.token, last_id=last_id)


async def patch(nodes: Cluster, person: Person, **data: Json) -> Answer:
    return await (await nodes.person("admin")).rest("patch", "users", id=person.id, data=data)


async def give_a_password(nodes: Cluster, person: Person) -> Answer:
    return await patch(nodes, person, password=ANOTHER)


async def remove(nodes: Cluster, person: Person) -> Answer:
    return await (await nodes.person("admin")).rest("remove", "users", id=person.id)


async def log_out_everywhere(nodes: Cluster, person: Person) -> Answer:
    return await person.rest("remove", "authentication", query={"everywhere": "true"})


@pytest.mark.parametrize("deed", [give_a_password, remove, log_out_everywhere])
async def test_sockets_and_streams_on_the_other_node_end(nodes: Cluster, deed: Deed) -> None:
    person, witness = await newcomer(nodes), await nodes.person("ada")
    elsewhere = await nodes[1].school.log_in(person.user["email"], PASSWORD)
    async with (
        there(nodes, person) as first,
        there(nodes, elsewhere) as second,
        nodes[1].at(witness).socket() as other,
    ):
        assert (await deed(nodes, person)).code == 200
        for closing in (first, second):
            await closing.ended()
        assert (await other.call("find", "schools")).code == 200
    for token_of in (person, elsewhere):
        for node in nodes:
            assert (await node.at(token_of).rest("find", "users")).code == 401
            with pytest.raises(PermissionError):
                async with stream_of(node.at(token_of)):
                    pass


async def test_who_changes_the_own_password_keeps_only_where_it_is_done(nodes: Cluster) -> None:
    person = await newcomer(nodes)
    elsewhere = await nodes[1].school.log_in(person.user["email"], PASSWORD)
    async with there(nodes, person) as own, there(nodes, elsewhere) as other:
        data = {"password": PASSWORD, "newPassword": ANOTHER}
        answer = await person.rest("change", "passwords", data=data)
        assert answer.code in {200, 201, 204}, answer
        await other.ended()
        assert (await own.socket.call("find", "schools")).code == 200
        teacher = await nodes.person("rivera")
        await write(teacher, await talk_of(teacher, person), "Still there?")
        assert (await own.stream.next()).data["content"] == "Still there?"


async def test_who_is_suspended_writes_nothing_on_the_other_node_until_it_is_lifted(nodes: Cluster) -> None:
    person, teacher = await newcomer(nodes), await nodes.person("rivera")
    talk = await talk_of(teacher, person)
    message = {"conversationId": talk, "content": "More"}
    async with there(nodes, person) as open_there:
        socket, known = open_there.socket, open_there.person

        async def refused() -> bool:
            return "error" in await socket.say("typing:start", {"conversationId": talk})

        assert not await refused()
        assert (await patch(nodes, person, suspendedUntil=TOMORROW)).code == 200
        # A call over REST looks at the user as stored; a socket knows within a moment.
        assert (await known.rest("create", "messages", data=message)).code == 403
        await until_so(refused)
        assert (await socket.call("create", "messages", data=message)).code == 403
        assert (await socket.say("message:send", message))["error"]["data"]["code"] == "SUSPENDED"
        # Reading goes on, and hearing.
        assert (await socket.call("find", "messages", query={"conversationId": talk})).code == 200
        await write(teacher, talk, "Think about it")
        assert (await open_there.stream.next()).data["content"] == "Think about it"
        assert (await patch(nodes, person, suspendedUntil=None)).code == 200

        async def allowed() -> bool:
            return (await socket.call("create", "messages", data=message)).code == 200

        await until_so(allowed)


async def test_guesses_at_a_password_count_on_all_nodes_together(nodes: Cluster) -> None:
    name = f"{uuid4()}@new.example"
    data = {"strategy": "local", "email": name, "password": "a guess"}

    async def guess(number: int) -> Answer:
        return await nodes[number % 2].school.nobody.rest("create", "authentication", data=data)

    # The limit of the environment of tests: 100 within a minute.
    codes = [answer.code for answer in await asyncio.gather(*(guess(number) for number in range(104)))]
    assert (codes.count(401), codes.count(429)) == (100, 4)
    for number in range(2):
        assert (await guess(number)).body["data"]["retryAfter"] > 0


async def test_a_stream_that_comes_back_to_another_node_is_told_to_fetch_anew(nodes: Cluster) -> None:
    person, teacher = await newcomer(nodes), await nodes.person("rivera")
    talk = await talk_of(teacher, person)
    async with stream_of(person) as stream:
        await write(teacher, talk, "one")
        assert (await stream.next()).data["content"] == "one"
        seen = stream.last_id
    await write(teacher, talk, "two")
    async with stream_of(nodes[1].at(person), last_id=seen) as stream:
        assert (await stream.next()).name == "resync"
        await write(teacher, talk, "three")
        told = await stream.next()
        assert (told.name, told.data["content"]) == ("created", "three")
        assert told.id.partition("-")[0] != seen.partition("-")[0]
    # The first node has kept what was missed there.
    async with stream_of(person, last_id=seen) as stream:
        assert [(await stream.next()).data["content"] for _ in range(2)] == ["two", "three"]
