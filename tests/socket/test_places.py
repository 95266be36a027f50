from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bson import ObjectId

from stonechat.core.context import HookContext
from stonechat.models import School as Stored
from stonechat.socket.newest import Newest
from stonechat.socket.places import KEPT, Conversations, Schools
from tests.support.people import new_school, newcomer, talk_of
from tests.support.school import Json, School

MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)
NIGHT = {"from": "22:00", "to": "06:00"}
DAY = {"from": "08:00", "to": "16:00"}


async def school_with(school: School, hours: Json) -> ObjectId:
    slug = await new_school(school)
    record = await school.one("schools", slug=slug)
    await store(record["_id"], hours)
    own_id: ObjectId = record["_id"]
    return own_id


async def store(school_id: ObjectId, hours: Json) -> None:
    """As another node does it, of whose event this one has not heard."""
    changed = {"$set": {"settings.quietHours": hours, "timezone": "UTC"}}
    await Stored.documents().update_one({"_id": school_id}, changed)


async def test_a_schools_quiet_hours_are_read_again_after_a_while_without_an_event(school: School) -> None:
    moments = [MIDNIGHT]
    schools = Schools(school.app, lambda: moments[-1])
    own_id = await school_with(school, NIGHT)
    assert await schools.is_quiet(own_id)
    await store(own_id, DAY)
    assert await schools.is_quiet(own_id)
    moments.append(MIDNIGHT + KEPT)
    assert not await schools.is_quiet(own_id)


async def test_an_event_of_the_school_has_its_quiet_hours_read_again_at_once(school: School) -> None:
    schools = Schools(school.app, lambda: MIDNIGHT)
    schools.register()
    own_id, other_id = await school_with(school, NIGHT), await school_with(school, NIGHT)
    assert await schools.is_quiet(own_id)
    assert await schools.is_quiet(other_id)
    await store(own_id, DAY)
    await store(other_id, DAY)
    await school.app.service("schools").patch(own_id, {"name": "Renamed"})
    assert [await schools.is_quiet(one) for one in (own_id, other_id)] == [False, True]


async def test_what_was_read_while_the_school_changed_is_not_kept(school: School) -> None:
    schools = Schools(school.app, lambda: MIDNIGHT)
    schools.register()
    own_id = await school_with(school, NIGHT)
    waiting = [own_id]

    async def change(context: HookContext) -> None:
        if waiting and context.params.query.get("_id") == own_id:
            waiting.clear()
            await school.app.service("schools").patch(
                own_id, {"settings": {**context.result[0]["settings"], "quietHours": DAY}}
            )

    school.app.service("schools").hooks({"after": {"find": [change]}})
    assert await schools.is_quiet(own_id)
    assert not await schools.is_quiet(own_id)


async def test_the_kind_of_a_conversation_is_known(school: School) -> None:
    writer, reader = await newcomer(school), await newcomer(school)
    conversations = Conversations(school.app)
    for kind in ("group", "direct"):
        talk = ObjectId(await talk_of(writer, reader, kind=kind))
        told = [await conversations.is_direct(talk) for _ in range(2)]
        assert told == [kind == "direct"] * 2


def test_only_the_newest_are_kept() -> None:
    newest: Newest[int, timedelta] = Newest(2)
    for number in range(3):
        newest.put(number, timedelta(number))
    assert [number in newest for number in range(3)] == [False, True, True]
    assert newest.get(0) is None
    assert newest.pop(2) == timedelta(2)
    assert len(newest) == 1
