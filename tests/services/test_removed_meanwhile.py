"""Who is removed, silenced or shut out while a change is under way: it is before that, or refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from bson import ObjectId

from stonechat.models import Delivery
from stonechat.models.record import now
from tests.support.people import newcomer, talk_of, write
from tests.support.school import Answer, Json, Person, School

Change = Callable[[Person, Json], Awaitable[Answer]]


async def edit(person: Person, message: Json) -> Answer:
    return await person.rest("patch", "messages", id=message["_id"], data={"content": "Changed"})


async def react(person: Person, message: Json) -> Answer:
    return await person.rest("create", "reactions", data={"messageId": message["_id"], "emoji": "👍"})


async def answer(person: Person, message: Json) -> Answer:
    data = {"conversationId": message["conversationId"], "content": "And", "replyTo": message["_id"]}
    return await person.rest("create", "messages", data=data)


@pytest.mark.parametrize("change", [edit, react, answer])
@pytest.mark.parametrize("end", ["removed", "silenced", "archived"])
async def test_a_change_is_before_the_end_or_refused(school: School, change: Change, end: str) -> None:
    teacher = await newcomer(school, "teacher")
    for _ in range(3):
        ada = await newcomer(school)
        talk = await talk_of(teacher, ada)
        messages = [await write(ada, talk) for _ in range(4)]
        place = (await school.one("members", conversationId=talk, userId=ada.id))["_id"]
        calls = [change(ada, message) for message in messages]
        ended, *changed = await asyncio.gather(_end(teacher, talk, place, end), *calls)
        assert ended.code == 200
        assert {one.code for one in changed} <= {200, 201, 403, 404}
        log = Delivery.documents().find({"conversationId": ObjectId(talk)}).sort("revision")
        records = [(one["path"], one["event"]) for one in await log.to_list()]
        last = records.index(("conversations" if end == "archived" else "members", _EVENTS[end]))
        # A system message may tell of the archiving.
        after = [one for one in records[last + 1 :] if end != "archived" or one != ("messages", "created")]
        assert after == []


_EVENTS = {"removed": "removed", "silenced": "patched", "archived": "patched"}


async def _end(teacher: Person, talk: str, place: object, end: str) -> Answer:
    match end:
        case "removed":
            return await teacher.rest("remove", "members", id=str(place))
        case "silenced":
            until = {"silencedUntil": now() + timedelta(hours=1)}
            return await teacher.rest("patch", "members", id=str(place), data=until)
        case _:
            return await teacher.rest("patch", "conversations", id=talk, data={"archived": True})
