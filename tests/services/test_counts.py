"""Counts that are kept, and those that are made of cursors, against counting one by one.

Random work in several conversations at once; now and then everything is read from the database as it
lies there, and counted in the plainest way.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

import pytest
from beanie import PydanticObjectId

from stonechat.commands.recount import recount
from stonechat.core.context import Params
from stonechat.models import Member, Message, User
from stonechat.models.inbox import own_views
from stonechat.models.record import now
from tests.support.people import new_school
from tests.support.school import School

CONVERSATIONS: Final = 4
STEPS: Final = 300
"""In each conversation."""
CHECK_EVERY: Final = 60
ROLES: Final = ("student", "student", "student", "student", "teacher", "teacher", "admin")
EMOJI: Final = ("👍", "🎉", "❤️")

Document = dict[str, Any]


class Talk:
    """Somebody does something in one conversation, again and again."""

    def __init__(self, school: School, people: list[Document], dice: random.Random) -> None:
        self.school = school
        self.people = people
        self.dice = dice
        self.id = PydanticObjectId()
        self.done: Counter[str] = Counter()
        # _places[userId] = memberId, _there[messageId] = senderId, and so _gone
        self._places: dict[Any, Any] = {}
        self._there: dict[Any, Any] = {}
        self._gone: dict[Any, Any] = {}
        self._ways: dict[Callable[[], Awaitable[None]], int] = {
            self._send: 40,
            self._reply: 15,
            self._read: 18,
            self._edit: 7,
            self._remove: 7,
            self._restore: 3,
            self._react: 6,
            self._join: 4,
            self._leave: 3,
            self._mute: 2,
        }

    async def start(self) -> None:
        first, *others = self.dice.sample(self.people, 4)
        data = {"kind": "group", "name": "Busy", "memberIds": [one["_id"] for one in others]}
        made = await self._service("conversations").create(data, _as(first))
        self.id = made["_id"]
        async for place in Member.documents().find({"conversationId": self.id}).sort("userId"):
            self._places[place["userId"]] = place["_id"]

    async def go_on(self, steps: int) -> None:
        for _ in range(steps):
            (step,) = self.dice.choices(list(self._ways), list(self._ways.values()))
            await step()
            self.done[step.__name__] += 1

    async def _send(self, **more: Any) -> None:
        mentions = {"mentions": self._mentions()}
        data = {"conversationId": self.id, "content": "Hello", **mentions, **more}
        message = await self._service("messages").create(data, self._somebody())
        self._there[message["_id"]] = message["senderId"]

    async def _reply(self) -> None:
        if self._there:
            await self._send(replyTo=self._message())

    async def _edit(self) -> None:
        if self._there:
            message = self._message()
            changed = {"content": "Changed", "mentions": self._mentions()}
            await self._service("messages").patch(message, changed, self._user(self._there[message]))

    async def _remove(self) -> None:
        if self._there:
            message = self._message()
            self._gone[message] = self._there.pop(message)
            await self._service("messages").remove(message, self._user(self._gone[message]))

    async def _restore(self) -> None:
        if self._gone:
            message = self.dice.choice(list(self._gone))
            self._there[message] = self._gone.pop(message)
            admin = next(one for one in self.people if one["role"] == "admin")
            await self._service("messages").call("restore", {"messageId": message}, _as(admin))

    async def _react(self) -> None:
        if self._there:
            data = {"messageId": self._message(), "emoji": self.dice.choice(EMOJI)}
            await self._service("reactions").create(data, _as(self.dice.choice(self.people)))

    async def _read(self) -> None:
        seq = self.dice.randint(0, len(self._there) + len(self._gone))
        data = {"conversationId": self.id, "readSeq": seq}
        await self._service("members").call("acknowledge", data, self._somebody())

    async def _join(self) -> None:
        if outside := [one for one in self.people if one["_id"] not in self._places]:
            data = {"conversationId": self.id, "userId": self.dice.choice(outside)["_id"]}
            place = await self._service("members").create(data, _as(self.people[0]))
            self._places[place["userId"]] = place["_id"]

    async def _leave(self) -> None:
        if len(self._places) > 2:
            place = self._places.pop(self.dice.choice(list(self._places)))
            await self._service("members").remove(place, _as(self.people[0]))

    async def _mute(self) -> None:
        place = self.dice.choice(list(self._places.values()))
        until = now() + timedelta(hours=self.dice.choice((-1, 1)))
        await self._service("members").patch(place, {"mutedUntil": until}, _as(self.people[0]))

    def _mentions(self) -> list[Any]:
        among = [*self._places, "student", "teacher", "admin", "all"]
        return self.dice.sample(among, self.dice.choice((0, 0, 0, 1, 2)))

    def _somebody(self) -> Params:
        return self._user(self.dice.choice(list(self._places)))

    def _user(self, user_id: Any) -> Params:
        return _as(next(one for one in self.people if one["_id"] == user_id))

    def _message(self) -> Any:
        return self.dice.choice(list(self._there))

    def _service(self, path: str) -> Any:
        return self.school.app.service(path)


def _as(user: Document) -> Params:
    return Params(user=user, tenant=user["schoolId"])


@pytest.mark.parametrize("seed", [1])
async def test_counts_are_those_of_counting_one_by_one(
    school: School, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    dice = random.Random(seed)
    slug = await new_school(school)
    people = await _people(slug)
    talks = [Talk(school, people, random.Random(dice.random())) for _ in range(CONVERSATIONS)]
    for talk in talks:
        await talk.start()
    for _ in range(STEPS // CHECK_EVERY):
        await asyncio.gather(*(talk.go_on(CHECK_EVERY) for talk in talks))
        dice.choice(people[:4])["role"] = dice.choice(("student", "teacher"))
        for person in people:
            await User.documents().update_one({"_id": person["_id"]}, {"$set": {"role": person["role"]}})
        await _check(school, people, talks)
    assert await recount(school.app, slug), capsys.readouterr().out
    done = sum((talk.done for talk in talks), Counter[str]())
    assert min(done.values()) > 5, done


async def _people(slug: str) -> list[Document]:
    found = await User.documents().database["schools"].find_one({"slug": slug})
    assert found is not None
    documents = [
        {
            "_id": PydanticObjectId(),
            "schoolId": found["_id"],
            "email": f"busy-{number}@{slug}.example",
            "name": f"Busy {number}",
            "role": role,
            "password": "",
            "avatar": None,
            "createdAt": now(),
        }
        for number, role in enumerate(ROLES)
    ]
    await User.documents().insert_many(documents)
    return documents


async def _check(school: School, people: list[Document], talks: list[Talk]) -> None:
    ids = [talk.id for talk in talks]
    messages = {one: await Message.documents().find({"conversationId": one}).to_list() for one in ids}
    places = {one: await Member.documents().find({"conversationId": one}).to_list() for one in ids}
    for one in ids:
        assert sorted(message["seq"] for message in messages[one]) == list(range(1, len(messages[one]) + 1))
        _check_threads(messages[one])
        await _check_seen(school, people, messages[one], places[one])
    for person in people:
        mine = {one: place for one in ids for place in places[one] if place["userId"] == person["_id"]}
        counted = {one: _count(person, place, messages[one]) for one, place in mine.items()}
        page = await school.app.service("inbox").find(_as(person))
        told = {row["_id"]: {name: row[name] for name in ("unread", "mentions")} for row in page["data"]}
        assert told == counted
        views = await own_views(person, ids)
        assert {one: (view["unread"], view["mentions"]) for one, view in views.items()} == {
            one: (row["unread"], row["mentions"]) for one, row in counted.items()
        }
        muted = {one for one, place in mine.items() if (place["mutedUntil"] or now()) > now()}
        totals = await school.app.service("inbox").call("totals", {}, _as(person))
        assert totals.pop("muted") == _sum(counted[one] for one in muted)
        assert totals == _sum(counted[one] for one in counted.keys() - muted)


def _count(person: Document, place: Document, messages: list[Document]) -> dict[str, int]:
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


def _sum(counts: Any) -> dict[str, int]:
    rows = list(counts)
    return {
        "unread": sum(row["unread"] for row in rows),
        "mentions": sum(row["mentions"] for row in rows),
        "conversations": sum(row["unread"] > 0 for row in rows),
    }


def _check_threads(messages: list[Document]) -> None:
    for root in messages:
        replies = [one for one in messages if one["threadId"] == root["_id"] and one["deletedAt"] is None]
        newest = max((one["createdAt"] for one in replies), default=None)
        assert (root["replyCount"], root["lastReplyAt"]) == (len(replies), newest)


async def _check_seen(
    school: School, people: list[Document], messages: list[Document], places: list[Document]
) -> None:
    """Of every tenth message."""
    for message in messages[::10]:
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
