"""Counts that are kept, and those that are made of cursors, against counting one by one.

Several people do this and that in several conversations at once; then everything is read from the
database as it lies there, and counted in the plainest way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple, TypeVar

import pytest
from beanie import PydanticObjectId
from bson import ObjectId
from hypothesis import Phase, given, note, settings, strategies as st

from stonechat.core.context import Params
from stonechat.models import Conversation, Member, Message, User
from stonechat.models.inbox import own_views
from stonechat.models.record import now
from stonechat.models.recount import mismatches
from tests.support.people import new_school
from tests.support.school import School

T = TypeVar("T")
Document = dict[str, Any]

TALKS: Final = 3
ROLES: Final = ("student", "student", "student", "teacher", "admin")
"""Of the people at the beginning: the first four are in every conversation."""

WAYS: Final = {
    "nothing": 1,
    "send": 9,
    "reply": 5,
    "read": 4,
    "edit": 3,
    "remove": 3,
    "restore": 2,
    "react": 1,
    "join": 1,
    "leave": 1,
    "become": 1,
    "mute": 1,
    "archive": 1,
    "look": 1,
}
"""What a step may be, and how often of all. What has failed shrinks to steps that do nothing."""


NAMED: Final[tuple[tuple[str | int, ...], ...]] = (
    *((), (), (0,), (1,), (2, 3), ("all",), ("student",), ("teacher",), ("admin",)),
    *((0, "all"), ("student", "teacher"), (1, "admin")),
)
"""Who is mentioned: a member by number, or those of a role."""


class Step(NamedTuple):
    """``who`` does ``what`` with ``which`` message, or up to which: numbers go round what there is."""

    what: str
    talk: int
    who: int
    which: int
    named: tuple[str | int, ...]


STEP: Final = st.builds(
    Step,
    what=st.sampled_from([what for what, times in WAYS.items() for _ in range(times)]),
    talk=st.integers(0, TALKS - 1),
    who=st.integers(0, len(ROLES) - 1),
    which=st.integers(0, 40),
    named=st.sampled_from(NAMED),
)
STEPS: Final = st.lists(STEP, min_size=40, max_size=80)


class Talk:
    """One conversation, and what is done in it."""

    def __init__(self, school: School, people: Sequence[Document]) -> None:
        self.id: Any = None
        self._school = school
        self._people = people
        # _places[userId] = memberId, _there[messageId] = senderId, and so _gone
        self._places: dict[Any, Any] = {}
        self._there: dict[Any, Any] = {}
        self._gone: dict[Any, Any] = {}
        self._ways: dict[str, Callable[[Step], Awaitable[None]]] = {
            "send": self._send,
            "reply": self._reply,
            "read": self._read,
            "edit": self._edit,
            "remove": self._remove,
            "restore": self._restore,
            "react": self._react,
            "join": self._join,
            "leave": self._leave,
            "become": self._become,
            "mute": self._mute,
            "archive": self._archive,
            "look": self._look,
        }

    async def run(self, steps: Iterable[Step]) -> None:
        steps = list(steps)
        if not steps:
            return
        first, *others = self._people[:4]
        data = {"kind": "group", "name": "Busy", "memberIds": [one["_id"] for one in others]}
        self.id = (await self._service("conversations").create(data, _as(first)))["_id"]
        async for place in Member.documents().find({"conversationId": self.id}):
            self._places[place["userId"]] = place["_id"]
        for step in steps:
            await self._ways[step.what](step)

    async def _send(self, step: Step, **more: Any) -> None:
        data = {"conversationId": self.id, "content": "Hello", "mentions": self._named(step), **more}
        message = await self._service("messages").create(data, _as(self._member(step)))
        self._there[message["_id"]] = message["senderId"]

    async def _reply(self, step: Step) -> None:
        if self._there:
            await self._send(step, replyTo=_one_of(self._there, step.which))

    async def _edit(self, step: Step) -> None:
        if self._there:
            message = _one_of(self._there, step.which)
            changed = {"content": "Changed", "mentions": self._named(step)}
            await self._service("messages").patch(message, changed, _as(self._user(self._there[message])))

    async def _remove(self, step: Step) -> None:
        if self._there:
            message = _one_of(self._there, step.which)
            self._gone[message] = self._there.pop(message)
            await self._service("messages").remove(message, _as(self._member(step)))

    async def _restore(self, step: Step) -> None:
        if self._gone:
            message = _one_of(self._gone, step.which)
            self._there[message] = self._gone.pop(message)
            await self._service("messages").call("restore", {"messageId": message}, _as(self._member(step)))

    async def _react(self, step: Step) -> None:
        if self._there:
            data = {"messageId": _one_of(self._there, step.which), "emoji": "👍"}
            await self._service("reactions").create(data, _as(self._member(step)))

    async def _read(self, step: Step) -> None:
        seq = step.which % (len(self._there) + len(self._gone) + 1)
        data = {"conversationId": self.id, "readSeq": seq}
        await self._service("members").call("acknowledge", data, _as(self._member(step)))

    async def _join(self, step: Step) -> None:
        if outside := [one for one in self._people if one["_id"] not in self._places]:
            data = {"conversationId": self.id, "userId": _one_of(outside, step.who)["_id"]}
            place = await self._service("members").create(data, _as(self._people[0]))
            self._places[place["userId"]] = place["_id"]

    async def _leave(self, step: Step) -> None:
        if len(self._places) > 2:
            place = self._places.pop(_one_of(self._places, step.who))
            await self._service("members").remove(place, _as(self._people[0]))

    async def _become(self, step: Step) -> None:
        person = _one_of(self._people, step.who)
        person["role"] = ROLES[step.which % len(ROLES)]
        await User.documents().update_one({"_id": person["_id"]}, {"$set": {"role": person["role"]}})

    async def _mute(self, step: Step) -> None:
        until = now() + timedelta(hours=1 if step.which % 2 else -1)
        place = _one_of(self._places, step.who)
        await self._service("members").patch(self._places[place], {"mutedUntil": until}, _as(self._people[0]))

    async def _archive(self, step: Step) -> None:
        archived = {"archived": step.which % 2 == 1}
        await self._service("conversations").patch(self.id, archived, _as(self._people[0]))

    async def _look(self, step: Step) -> None:
        """What a list of conversations shows of this one, in between."""
        person = dict(self._member(step))
        here = {"conversationId": self.id}
        messages = await Message.documents().find(here).to_list()
        place = await Member.documents().find_one({**here, "userId": person["_id"]})
        assert place is not None
        told = (await own_views(person, [self.id]))[self.id]
        assert told == {
            **{name: place[name] for name in ("readSeq", "deliveredSeq")},
            **_count(person, place, messages),
        }
        _check_threads(messages)

    def _named(self, step: Step) -> list[Any]:
        return [one if isinstance(one, str) else _one_of(self._places, one) for one in step.named]

    def _member(self, step: Step) -> Document:
        return self._user(_one_of(self._places, step.who))

    def _user(self, user_id: Any) -> Document:
        return next(one for one in self._people if one["_id"] == user_id)

    def _service(self, path: str) -> Any:
        return self._school.app.service(path)


def _as(user: Document) -> Params:
    return Params(user=user, tenant=user["schoolId"])


def _one_of(there: Iterable[T], number: int) -> T:
    found = list(there)
    return found[number % len(found)]


@pytest.fixture(scope="module")
async def school_id(school: School) -> ObjectId:
    """Of a school without anybody."""
    record = await school.one("schools", slug=await new_school(school))
    assert isinstance(record["_id"], ObjectId)
    return record["_id"]


@given(steps=STEPS)
# To explain a failure, every line that is run while it shrinks would be traced.
@settings(max_examples=15, deadline=None, phases=set(Phase) - {Phase.explain}, report_multiple_bugs=False)
async def test_counts_are_those_of_counting_one_by_one(
    school: School, school_id: ObjectId, steps: list[Step]
) -> None:
    people = [
        {
            "_id": PydanticObjectId(),
            "schoolId": school_id,
            "email": f"{PydanticObjectId()}@busy.example",
            "name": "Busy",
            "role": role,
            "password": "",
            "avatar": None,
            "createdAt": now(),
        }
        for role in ROLES
    ]
    await User.documents().insert_many(people)
    steps = [step for step in steps if step.what != "nothing"]
    note("\n".join(map(repr, steps)))
    talks = [Talk(school, people) for _ in range(TALKS)]
    await asyncio.gather(
        *(talk.run(step for step in steps if step.talk == at) for at, talk in enumerate(talks))
    )
    ids = [talk.id for talk in talks if talk.id is not None]
    here = {"conversationId": {"$in": ids}}
    messages = _by_conversation(ids, await Message.documents().find(here).to_list())
    places = _by_conversation(ids, await Member.documents().find(here).to_list())
    for one in ids:
        assert sorted(message["seq"] for message in messages[one]) == list(range(1, len(messages[one]) + 1))
        _check_threads(messages[one])
        await _check_seen(school, people, messages[one], places[one])
    archived = {"_id": {"$in": ids}, "archivedAt": {"$ne": None}}
    hidden = {one["_id"] async for one in Conversation.documents().find(archived)}
    await asyncio.gather(*(_check_inbox(school, person, messages, places, hidden) for person in people))
    async with Conversation.documents().database.client.start_session(snapshot=True) as session:
        assert await mismatches(ids, session) == []


def _by_conversation(ids: Iterable[Any], found: Iterable[Document]) -> dict[Any, list[Document]]:
    rows: dict[Any, list[Document]] = {one: [] for one in ids}
    for one in found:
        rows[one["conversationId"]].append(one)
    return rows


async def _check_inbox(
    school: School,
    person: Document,
    messages: dict[Any, list[Document]],
    places: dict[Any, list[Document]],
    hidden: set[Any],
) -> None:
    mine = {
        one: place for one, there in places.items() for place in there if place["userId"] == person["_id"]
    }
    counted = {one: _count(person, place, messages[one]) for one, place in mine.items() if one not in hidden}
    inbox = school.app.service("inbox")
    page = await inbox.find(_as(person))
    told = {row["_id"]: {name: row[name] for name in ("unread", "mentions")} for row in page["data"]}
    assert told == counted
    muted = {one for one in counted if (mine[one]["mutedUntil"] or now()) > now()}
    totals = await inbox.call("totals", {}, _as(person))
    assert totals.pop("muted") == _sum(counted[one] for one in muted)
    assert totals == _sum(counted[one] for one in counted.keys() - muted)


def _count(person: Document, place: Document, messages: Iterable[Document]) -> dict[str, int]:
    new = [
        message
        for message in messages
        if message["seq"] > place["readSeq"]
        and message["senderId"] != person["_id"]
        and message["deletedAt"] is None
    ]
    names = {person["_id"], person["role"], "all"}
    return {
        "unread": len(new),
        "mentions": sum(not names.isdisjoint(message["mentions"]) for message in new),
    }


def _sum(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    rows = list(counts)
    return {
        "unread": sum(row["unread"] for row in rows),
        "mentions": sum(row["mentions"] for row in rows),
        "conversations": sum(row["unread"] > 0 for row in rows),
    }


def _check_threads(messages: Sequence[Document]) -> None:
    for root in messages:
        replies = [one for one in messages if one["threadId"] == root["_id"] and one["deletedAt"] is None]
        newest = max((one["createdAt"] for one in replies), default=None)
        assert (root["replyCount"], root["lastReplyAt"]) == (len(replies), newest)


async def _check_seen(
    school: School, people: Sequence[Document], messages: Sequence[Document], places: Sequence[Document]
) -> None:
    """Of every seventh message."""
    for message in messages[::7]:
        there = [
            place
            for place in places
            if place["userId"] != message["senderId"] and place["joinedSeq"] < message["seq"]
        ]
        readers = {place["userId"] for place in there if place["readSeq"] >= message["seq"]}
        asking = {"messageId": message["_id"]}
        seen = await school.app.service("messages").call("seen", asking, _as(people[0]))
        assert (seen["count"], seen["total"]) == (len(readers), len(there))
        assert {user["userId"] for user in seen["users"]} == readers
