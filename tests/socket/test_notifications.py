"""Who is disturbed by a new message."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

import pytest
from bson import ObjectId

from stonechat import HookContext
from stonechat.core.context import Params
from stonechat.models.record import now
from stonechat.socket.connections import Identity
from stonechat.socket.disturbing import is_mentioned, wants
from tests.support.people import has_not_heard, new_school, newcomer, talk_of, write
from tests.support.school import Json, Person, School, Socket

NOTIFY: Final = "message:notify"
PATH: Final = "notification-preferences"
HOUR: Final = timedelta(hours=1)
ADA = Identity("a" * 24, "5" * 24, "student")


class Room:
    """Who writes, who follows, and a witness who is disturbed by everything; each with a socket."""

    def __init__(self, people: tuple[Person, Person, Person], sockets: tuple[Socket, Socket, Socket]) -> None:
        self.writer, self.reader, self.witness = people
        self.own, self.other, self.third = sockets
        self.talk = ""

    @classmethod
    @asynccontextmanager
    async def of(cls, school: School, *, at: str = "demo-high") -> AsyncGenerator[Self]:
        writer, reader, witness = [await newcomer(school, at=at) for _ in range(3)]
        everything = {"level": "all", "duringQuietHours": True}
        await witness.rest("patch", PATH, id="me", data=everything)
        async with writer.socket() as own, reader.socket() as other, witness.socket() as third:
            room = cls((writer, reader, witness), (own, other, third))
            room.talk = await talk_of(writer, reader, witness)
            yield room

    async def prefer(self, **preferences: Json) -> None:
        answer = await self.reader.rest("patch", PATH, id="me", data=preferences)
        assert answer.code == 200, answer

    async def disturbs(self, **more: Json) -> bool:
        """Whether the reader is disturbed by a message that is written now."""
        message = await write(self.writer, self.talk, **more)
        return await self.is_told_of(message)

    async def is_told_of(self, message: Json) -> bool:
        # Whoever is told of a message is told in one step.
        while (await self.third.next(NOTIFY))["messageId"] != message["_id"]:
            pass
        await self.other.call("find", "schools")
        return message["_id"] in {notice["messageId"] for notice in self.other.seen(NOTIFY)}


@pytest.fixture
async def room(school: School) -> AsyncIterator[Room]:
    async with Room.of(school) as room:
        yield room


async def tell_again(school: School, message: Json, **changes: Json) -> None:
    """Have an event of a message sent as the outbox does, by the record as it is stored."""
    service = school.app.service("messages")
    context = HookContext(service, "get", id=message["_id"], params=Params())
    await service.run(context)
    context.result = {**context.result, **changes}
    context.dispatch = context.result
    service.emit("created", context.result, context)


async def test_nobody_who_is_not_sent_the_message_is_disturbed(school: School, room: Room) -> None:
    async with AsyncExitStack() as stack:
        people = [await newcomer(school, role) for role in ("student", "admin")]
        strangers = [*people, await newcomer(school, at="other-school")]
        sockets = [await stack.enter_async_context(one.socket()) for one in strangers]
        assert await room.disturbs(mentions=["all"])
        assert [await has_not_heard(socket, NOTIFY) for socket in sockets] == [True, True, True]


async def test_who_has_left_is_not_disturbed(school: School, room: Room) -> None:
    third = await newcomer(school)
    place = await room.writer.rest(
        "create", "members", data={"conversationId": room.talk, "userId": third.id}
    )
    async with third.socket() as socket:
        assert (await third.rest("remove", "members", id=place.body["_id"])).code == 200
        await write(room.writer, room.talk)
        await room.other.next(NOTIFY)
        assert await has_not_heard(socket, NOTIFY)


async def test_a_message_disturbs_the_others_and_not_its_sender(room: Room) -> None:
    message = await write(room.writer, room.talk)
    assert await room.other.next(NOTIFY) == {
        "conversationId": room.talk,
        "messageId": message["_id"],
        "seq": 1,
        "senderId": room.writer.id,
        "mentioned": False,
    }
    assert await has_not_heard(room.own, NOTIFY)


async def test_the_message_itself_comes_first_and_in_any_case(room: Room) -> None:
    await room.prefer(level="none")
    quietly = await write(room.writer, room.talk, "quietly")
    assert not await room.is_told_of(quietly)  # which is decided by then
    await room.prefer(level="all")
    await write(room.writer, room.talk, "aloud")
    await room.other.next(NOTIFY)
    events = [(name, payload["content"]) for name, payload in room.other.events if name == "messages created"]
    assert events == [("messages created", "quietly"), ("messages created", "aloud")]


async def test_all_devices_of_a_user_are_told(room: Room) -> None:
    async with room.reader.socket() as tablet:
        await write(room.writer, room.talk)
        assert await tablet.next(NOTIFY) == await room.other.next(NOTIFY)


async def test_the_level_says_which_messages_disturb(room: Room) -> None:
    reader, writer = room.reader.id, room.writer.id
    for level, mentions, disturbed in (
        ("all", [], True),
        ("all", [reader], True),
        ("mentions", [], False),
        ("mentions", [reader], True),
        ("mentions", [writer], False),
        ("mentions", ["student"], True),
        ("mentions", ["teacher"], False),
        ("mentions", ["all"], True),
        ("none", [reader], False),
    ):
        await room.prefer(level=level)
        assert await room.disturbs(mentions=mentions) is disturbed, (level, mentions)


async def test_a_direct_message_means_who_gets_it(school: School) -> None:
    writer, reader = await newcomer(school), await newcomer(school)
    talk = await talk_of(writer, reader, kind="direct")
    data = {"level": "mentions"}
    assert (await reader.rest("patch", PATH, id="me", data=data)).code == 200
    async with reader.socket() as socket:
        await write(writer, talk)
        assert (await socket.next(NOTIFY))["mentioned"]


async def test_who_has_muted_the_conversation_is_not_disturbed(school: School, room: Room) -> None:
    place = await school.one("members", conversationId=room.talk, userId=room.reader.id)
    for until, disturbed in ((now() + HOUR, False), (now() - HOUR, True), (None, True)):
        data = {"mutedUntil": until}
        assert (await room.reader.rest("patch", "members", id=str(place["_id"]), data=data)).code == 200
        assert await room.disturbs(mentions=[room.reader.id]) is disturbed, until


def hours_around(at: datetime, *, before: int, after: int) -> Json:
    """Quiet hours, in UTC, from so many hours before a time until so many after it."""
    start, end = at - timedelta(hours=before), at + timedelta(hours=after)
    return {"from": f"{start:%H:%M}", "to": f"{end:%H:%M}"}


async def test_quiet_hours_of_the_school_are_kept(school: School) -> None:
    slug = await new_school(school)
    admin = await newcomer(school, "admin", at=slug)
    async with Room.of(school, at=slug) as room:
        for before, after, during, disturbed in (
            (1, 1, False, False),
            (1, 1, True, True),
            (-2, 3, False, True),
        ):
            settings = {"quietHours": hours_around(datetime.now(UTC), before=before, after=after)}
            data = {"settings": settings}
            answer = await admin.rest("patch", "schools", id=admin.user["schoolId"], data=data)
            assert answer.code == 200, answer
            await room.prefer(duringQuietHours=during)
            assert await room.disturbs(mentions=[room.reader.id]) is disturbed, (before, during)


async def test_what_the_system_says_disturbs_nobody(school: School, room: Room) -> None:
    message = await write(room.writer, room.talk)
    assert await room.is_told_of(message)
    own = ObjectId()
    await tell_again(school, message, type="system", _id=own)
    await room.disturbs()
    assert str(own) not in {notice["messageId"] for notice in room.other.seen(NOTIFY)}


async def test_what_is_gone_already_disturbs_nobody(school: School, room: Room) -> None:
    message = await write(room.writer, room.talk)
    own = ObjectId()
    await tell_again(school, message, deletedAt=now(), _id=own)
    await room.disturbs()
    assert str(own) not in {notice["messageId"] for notice in room.other.seen(NOTIFY)}


async def test_an_event_that_comes_again_disturbs_once(school: School, room: Room) -> None:
    message = await write(room.writer, room.talk)
    await tell_again(school, message)
    for _ in range(2):
        assert (await room.other.next("messages created"))["_id"] == message["_id"]
    await room.disturbs()
    assert [notice["messageId"] for notice in room.other.seen(NOTIFY)].count(message["_id"]) == 1


async def test_a_message_costs_the_same_queries_however_many_follow(school: School, room: Room) -> None:
    asked: Counter[str] = Counter()

    def count(context: HookContext) -> None:
        asked[context.path] += 1

    school.app.hooks({"before": {"find": [count]}})
    message = await write(room.writer, room.talk)
    await room.is_told_of(message)

    async def cost() -> Counter[str]:
        asked.clear()
        own = ObjectId()
        await tell_again(school, message, _id=own)
        while (await room.third.next(NOTIFY))["messageId"] != str(own):
            pass
        return Counter(asked)

    with_two = await cost()
    assert with_two == {"members": 1}  # of who is known the preferences are, too
    async with AsyncExitStack() as stack:
        for _ in range(4):
            another = await newcomer(school)
            invited = {"conversationId": room.talk, "userId": another.id}
            assert (await room.writer.rest("create", "members", data=invited)).code == 201
            socket = await stack.enter_async_context(another.socket())
            assert await has_not_heard(socket, NOTIFY)
        assert await cost() == {**with_two, "notification-preferences": 1}
        assert await cost() == with_two


@pytest.mark.parametrize(
    ("mentions", "meant"),
    [
        (set[str](), False),
        ({"b" * 24}, False),
        ({"teacher"}, False),
        ({"a" * 24}, True),
        ({"student"}, True),
        ({"all"}, True),
    ],
)
def test_one_is_mentioned_by_id_by_role_or_with_all(mentions: set[str], meant: bool) -> None:
    assert is_mentioned(ADA, mentions) is meant


@pytest.mark.parametrize("level", ["all", "mentions", "none"])
@pytest.mark.parametrize("mentioned", [True, False])
def test_quiet_hours_are_for_whom_has_not_said_otherwise(level: str, mentioned: bool) -> None:
    def asked(during: bool) -> Callable[[bool], Any]:
        preference = {"level": level, "duringQuietHours": during}
        return lambda quiet: wants(preference, mentioned=mentioned, quiet=quiet)

    assert not asked(during=False)(True)
    assert asked(during=True)(True) == asked(during=False)(False) == asked(during=True)(False)
