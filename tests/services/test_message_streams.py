"""The school's events by server-sent events: the same rules as for sockets."""

from __future__ import annotations

import pytest

from stonechat.core.authentication import authentication_of
from tests.support.people import newcomer, talk_of, write
from tests.support.school import Person, School
from tests.support.sse import EventSource


def token_for(person: Person, seconds: int) -> str:
    service = authentication_of(person.school.app)
    assert service is not None
    return service.tokens.issue(person.id, expires_in=seconds)


@pytest.mark.parametrize("token", [None, "nonsense"])
@pytest.mark.parametrize("path", ["messages", "users", "schools"])
async def test_nobody_listens_without_a_valid_token(school: School, path: str, token: str | None) -> None:
    with pytest.raises(PermissionError, match="401"):
        async with EventSource.open(f"{school.url}/{path}", token=token):
            pass


async def test_members_get_the_messages_of_their_conversations_and_nobody_else(school: School) -> None:
    one, two, stranger = [await newcomer(school) for _ in range(3)]
    foreigner, neighbour = [await newcomer(school, at="other-school") for _ in range(2)]
    shared, other, abroad = (
        await talk_of(one, two),
        await talk_of(two, stranger),
        await talk_of(foreigner, neighbour),
    )
    url = f"{school.url}/messages"
    async with (
        EventSource.open(url, token=one.token) as member,
        EventSource.open(url, token=stranger.token) as outsider,
        EventSource.open(url, token=foreigner.token) as abroad_listener,
    ):
        said = await write(two, shared, "for the member")
        event = await member.next()
        assert (event.name, event.data) == ("created", said)
        await write(two, other, "for the outsider")
        assert (await outsider.next()).data["content"] == "for the outsider"
        await write(neighbour, abroad, "for the other school")
        assert (await abroad_listener.next()).data["content"] == "for the other school"
        await two.rest("remove", "messages", id=said["_id"])
        assert (await member.next()).name == "removed"


async def test_who_was_away_for_a_moment_misses_nothing_and_hears_nothing_twice(school: School) -> None:
    one, two = [await newcomer(school) for _ in range(2)]
    conversation = await talk_of(one, two)
    url = f"{school.url}/messages"
    async with EventSource.open(url, token=one.token) as source:
        await write(two, conversation, "one")
        await source.next()
    for content in ("two", "three"):
        await write(two, conversation, content)
    async with EventSource.open(url, token=one.token, last_id=source.last_id) as source:
        await write(two, conversation, "four")
        contents = [(await source.next()).data["content"] for _ in range(3)]
    assert contents == ["two", "three", "four"]


async def test_who_was_away_hears_nothing_of_a_conversation_left_meanwhile(school: School) -> None:
    one, two = [await newcomer(school) for _ in range(2)]
    conversation, other = await talk_of(one, two), await talk_of(one, two)
    url = f"{school.url}/messages"
    async with EventSource.open(url, token=two.token) as source:
        await write(one, conversation, "before")
        await source.next()
    (place,) = (
        await one.rest("find", "members", query={"conversationId": conversation, "userId": two.id})
    ).body["data"]
    assert (await one.rest("remove", "members", id=place["_id"])).code == 200
    await write(one, conversation, "behind the back")
    await write(one, other, "still together")
    async with EventSource.open(url, token=two.token, last_id=source.last_id) as source:
        assert (await source.next()).data["content"] == "still together"


async def test_the_stream_ends_with_its_token(school: School) -> None:
    one = await newcomer(school)
    async with EventSource.open(f"{school.url}/messages", token=token_for(one, 2)) as source:
        await source.ended()


async def test_who_streams_is_online(school: School) -> None:
    teacher = await newcomer(school, "teacher")
    colleague = await school.person("rivera")
    async with (
        colleague.socket() as socket,
        EventSource.open(f"{school.url}/messages", token=teacher.token),
    ):
        while (await socket.next("user:online"))["userId"] != teacher.id:
            pass
        answer = await socket.say("presence:get", {"userIds": [teacher.id]})
        assert answer["online"] == [teacher.id]
