from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from stonechat.app import create_app
from stonechat.core.configuration import ConfigurationError
from stonechat.core.errors import Unavailable
from stonechat.models import Analytics, Message
from stonechat.services import analytics
from stonechat.services.analytics import counting
from stonechat.services.analytics.counting import start_of_week
from stonechat.services.analytics.job import KIND, CountingJob, count_school, next_turn
from stonechat.services.analytics.warehouse import METADATA, Warehouse
from tests.support.people import new_school, newcomer, talk_of, write
from tests.support.school import Json, Person, School, test_settings
from tests.support.waiting import until_so

PATH = "analytics"
MONDAY = datetime(2026, 11, 16, 9, tzinfo=UTC)

People = tuple[Person, Person, Person]


@pytest.fixture
async def people(school: School) -> People:
    """An admin, a teacher and a student of a school of their own."""
    slug = await new_school(school)
    admin, teacher, student = [
        await newcomer(school, role, at=slug) for role in ("admin", "teacher", "student")
    ]
    return admin, teacher, student


async def say_at(person: Person, talk: str, *moments: datetime) -> None:
    for moment in moments:
        message = await write(person, talk)
        await Message.documents().update_one(
            {"_id": ObjectId(message["_id"])}, {"$set": {"createdAt": moment}}
        )


async def count(school: School, person: Person, warehouse: Warehouse | None = None) -> int:
    """Count in the person's school; of how many conversations."""
    return await count_school(await school.app.service("schools").get(person.user["schoolId"]), warehouse)


async def numbers(person: Person, talk: str) -> Json:
    found = await person.rest("find", PATH, query={"conversationId": talk})
    assert found.code == 200, found
    (one,) = found.body["data"]
    return one


async def test_messages_are_counted_by_day_and_by_week_of_the_school(school: School, people: People) -> None:
    admin, teacher, student = people
    settings = {"timezone": "America/New_York"}
    assert (await admin.rest("patch", "schools", id=admin.user["schoolId"], data=settings)).code == 200
    talk = await talk_of(teacher, student)
    # In New York it is still Sunday at three o'clock on Monday in UTC.
    sunday = MONDAY.replace(hour=3)
    await say_at(teacher, talk, sunday - timedelta(days=1), sunday, MONDAY)
    await say_at(student, talk, MONDAY + timedelta(days=1, hours=2))
    assert await count(school, admin) == 1
    found = await numbers(teacher, talk)
    assert found["totalMessages"] == 4
    assert found["lastMessageAt"] == "2026-11-17T11:00:00.000Z"
    assert found["days"] == [
        {"day": "2026-11-14", "messages": 1},
        {"day": "2026-11-15", "messages": 1},
        {"day": "2026-11-16", "messages": 1},
        {"day": "2026-11-17", "messages": 1},
    ]
    assert found["weeks"] == [{"week": "2026-11-09", "messages": 2}, {"week": "2026-11-16", "messages": 2}]
    assert found["timezone"] == "America/New_York"
    assert set(found) == {
        *("_id", "schoolId", "conversationId", "totalMessages", "lastMessageAt", "days", "weeks"),
        *("timezone", "countedAt", "createdAt"),
    }

    assert (
        await admin.rest("patch", "schools", id=admin.user["schoolId"], data={"timezone": "UTC"})
    ).code == 200
    assert await count(school, admin) == 1
    found = await numbers(teacher, talk)
    assert [one["day"] for one in found["days"]] == ["2026-11-15", "2026-11-16", "2026-11-17"]
    assert found["totalMessages"] == 4


async def test_what_is_new_is_added_and_a_repeat_changes_nothing(school: School, people: People) -> None:
    admin, teacher, student = people
    talk, quiet = await talk_of(teacher, student), await talk_of(teacher, student, kind="club")
    await say_at(teacher, quiet, MONDAY)
    await say_at(teacher, talk, MONDAY - timedelta(weeks=30), MONDAY)
    assert await count(school, admin) == 2
    before = await numbers(admin, talk)
    assert await count(school, admin) == 0
    assert await numbers(admin, talk) == before
    await say_at(student, talk, MONDAY + timedelta(minutes=1), MONDAY + timedelta(weeks=1))
    assert await count(school, admin) == 1
    after = await numbers(admin, talk)
    assert (before["totalMessages"], after["totalMessages"]) == (2, 4)
    assert after["days"] == [
        {"day": "2026-04-20", "messages": 1},
        {"day": "2026-11-16", "messages": 2},
        {"day": "2026-11-23", "messages": 1},
    ]


async def test_what_was_counted_by_who_died_before_noting_it_counts_once(
    school: School, people: People
) -> None:
    admin, teacher, student = people
    talk = await talk_of(teacher, student)
    await say_at(teacher, talk, MONDAY)
    await count(school, admin)
    await say_at(teacher, talk, MONDAY + timedelta(hours=1))
    conversation = {"_id": ObjectId(talk), "schoolId": ObjectId(teacher.user["schoolId"]), "clock": 2}
    of_talk = {"conversationId": ObjectId(talk)}
    stale = await Analytics.documents().find_one(of_talk)
    for _ in range(2):  # by two processes, both of which have read the numbers before
        await counting.count(conversation, stale, "UTC")
    assert (await numbers(admin, talk))["totalMessages"] == 2
    # What is late does not take back what was counted after it.
    await counting.count({**conversation, "clock": 1}, None, "UTC")
    assert (await numbers(admin, talk))["totalMessages"] == 2


async def test_what_was_removed_counts_and_what_the_system_says_does_not(
    school: School, people: People
) -> None:
    admin, teacher, student = people
    talk = await talk_of(teacher, student)
    message = await write(student, talk)
    assert (await student.rest("remove", "messages", id=message["_id"])).code == 200
    data = {"conversationId": ObjectId(talk), "senderId": ObjectId(teacher.id), "type": "system"}
    await Message.documents().update_one({"_id": ObjectId(message["_id"])}, {"$set": {"content": "x"}})
    second = await write(teacher, talk)
    await Message.documents().update_one({"_id": ObjectId(second["_id"])}, {"$set": data})
    await count(school, admin)
    assert (await numbers(admin, talk))["totalMessages"] == 1


async def test_what_two_people_write_to_each_other_is_not_counted(school: School, people: People) -> None:
    admin, teacher, student = people
    talk = await talk_of(teacher, student, kind="direct")
    await write(teacher, talk)
    assert await count(school, admin) == 0
    assert (await admin.rest("find", PATH)).body["total"] == 0


async def test_of_very_many_days_the_newest_are_kept_and_all_are_counted(
    school: School, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "MAX_DAYS", 3)
    monkeypatch.setattr(counting, "MAX_WEEKS", 2)
    admin, teacher, student = people
    talk = await talk_of(teacher, student)
    weeks = [MONDAY + timedelta(weeks=number) for number in range(6)]
    await say_at(teacher, talk, *weeks[:5])
    await count(school, admin)
    await say_at(teacher, talk, weeks[5])
    await count(school, admin)
    found = await numbers(admin, talk)
    assert found["totalMessages"] == 6
    assert [one["day"] for one in found["days"]] == [str(week.date()) for week in weeks[3:]]
    assert [one["week"] for one in found["weeks"]] == [str(week.date()) for week in weeks[4:]]


@pytest.mark.parametrize("transport", ["rest", "socket"])
async def test_who_teaches_there_or_manages_it_reads_it_and_nobody_else(
    school: School, people: People, transport: str
) -> None:
    admin, teacher, student = people
    slug = (await school.app.service("schools").get(admin.user["schoolId"]))["slug"]
    stranger, manager = [await newcomer(school, role, at=slug) for role in ("teacher", "student")]
    elsewhere = await newcomer(school, "admin", at=await new_school(school))
    talk = await talk_of(manager, teacher, student)
    await write(student, talk)
    await count(school, admin)
    (one,) = (await admin.rest("find", PATH)).body["data"]

    async def sees(person: Person) -> tuple[int, int]:
        """How many records, and the code of asking for the one."""
        if transport == "rest":
            found = await person.rest("find", PATH, query={"conversationId": talk})
            return found.body["total"], (await person.rest("get", PATH, id=one["_id"])).code
        async with person.socket() as socket:
            found = await socket.call("find", PATH)
            return found.body["total"], (await socket.call("get", PATH, id=one["_id"])).code

    for person in (admin, teacher, manager):
        assert await sees(person) == (1, 200)
    for person in (student, stranger, elsewhere):
        assert await sees(person) == (0, 404)
    (place,) = (
        await teacher.rest("find", "members", query={"conversationId": talk, "userId": teacher.id})
    ).body["data"]
    assert (await teacher.rest("remove", "members", id=place["_id"])).code == 200
    assert await sees(teacher) == (0, 404)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"clock": 1}, "clock"),
        ({"copiedClock": 1}, "copiedClock"),
        ({"$sort": {"totalMessages": 1}}, "$sort"),
        ({"totalMessages": {"$gt": 5}}, "totalMessages"),
        ({"$select": ["earlierMessages"]}, "$select"),
        ({"conversationId": "x"}, "conversationId"),
    ],
)
async def test_what_no_index_answers_is_not_asked_for(people: People, query: Json, field: str) -> None:
    answer = await people[0].rest("find", PATH, query=query)
    assert answer.code == 400
    assert list(answer.body["errors"]) == [field]


@pytest.mark.parametrize("method", ["create", "update", "patch", "remove"])
async def test_nobody_writes_numbers(people: People, method: str) -> None:
    assert (await people[0].rest(method, PATH, id="1" if method != "create" else None, data={})).code == 405


def test_turns_are_the_same_for_whoever_reckons_them() -> None:
    quarter = timedelta(minutes=15)
    assert next_turn(MONDAY, quarter) == MONDAY + quarter
    assert next_turn(MONDAY + timedelta(minutes=14, seconds=59), quarter) == MONDAY + quarter


def test_a_week_begins_on_monday_by_the_clocks_of_the_school() -> None:
    assert start_of_week(MONDAY, "Asia/Tokyo") == datetime(2026, 11, 15, 15, tzinfo=UTC)
    just_now = datetime(2026, 11, 16, 0, 30, tzinfo=UTC)
    assert start_of_week(just_now, "UTC") == datetime(2026, 11, 9, tzinfo=UTC)


async def test_every_school_is_owed_its_count_once_and_the_job_does_it(
    school: School, people: People
) -> None:
    admin, teacher, student = people
    talk = await talk_of(teacher, student)
    await write(teacher, talk)
    jobs = school.app.jobs
    job = CountingJob(school.app, every_minutes=10**6, warehouse=lambda: None)
    await job.owe()
    await job.owe()
    key = admin.user["schoolId"]
    assert not await jobs.do(KIND, key)  # it is not its turn
    await jobs.owe(KIND, {"schoolId": ObjectId(key)}, key=key, school_id=ObjectId(key))
    of_talk = {"conversationId": ObjectId(talk)}

    async def is_counted() -> bool:
        return await Analytics.documents().find_one(of_talk) is not None

    await until_so(is_counted)
    assert (await numbers(admin, talk))["totalMessages"] == 1


def test_without_the_package_a_copy_is_a_fault_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = test_settings(
        "mongodb://127.0.0.1:1", "never-opened", analytics={"postgres_url": "postgresql+asyncpg://db/school"}
    )
    create_app(settings)
    monkeypatch.setattr(analytics, "find_spec", dict[str, str]().get)
    with pytest.raises(ConfigurationError, match="stonechat\\[sql\\]"):
        create_app(settings)


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(postgres_url)
    yield engine
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.drop_all)
    await engine.dispose()


@pytest.fixture
async def warehouse(postgres: AsyncEngine, postgres_url: str) -> AsyncIterator[Warehouse]:
    warehouse = Warehouse(postgres_url)
    yield warehouse
    await warehouse.close()


async def rows(engine: AsyncEngine, statement: str) -> list[tuple[Any, ...]]:
    async with engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(text(statement))]


TOTALS = "SELECT group_id, total_messages, last_message_at FROM analytics_messages"
DAILY = "SELECT group_id, day, total_messages FROM analytics_messages_daily ORDER BY day"
WEEKLY = "SELECT group_id, week, total_messages FROM analytics_messages_weekly ORDER BY week"


async def test_postgresql_has_the_same_numbers(
    school: School, people: People, postgres: AsyncEngine, warehouse: Warehouse
) -> None:
    admin, teacher, student = people
    talk = await talk_of(teacher, student)
    await say_at(teacher, talk, MONDAY - timedelta(weeks=2), MONDAY)
    assert await count(school, admin) == 1  # before anybody wanted a copy
    assert await count(school, admin, warehouse) == 1
    await say_at(student, talk, MONDAY + timedelta(hours=1))
    for expected in (1, 0):
        assert await count(school, admin, warehouse) == expected
        assert await rows(postgres, TOTALS) == [(talk, 3, datetime(2026, 11, 16, 10))]  # noqa: DTZ001
        assert await rows(postgres, DAILY) == [(talk, date(2026, 11, 2), 1), (talk, date(2026, 11, 16), 2)]
        assert await rows(postgres, WEEKLY) == [(talk, date(2026, 11, 2), 1), (talk, date(2026, 11, 16), 2)]
    of_talk = {"conversationId": ObjectId(talk)}
    await Analytics.documents().update_one(of_talk, {"$set": {"copiedClock": 0}})  # its note was lost
    assert await count(school, admin, warehouse) == 1
    assert len(await rows(postgres, DAILY)) == 2

    settings = {"timezone": "Pacific/Kiritimati"}
    assert (await admin.rest("patch", "schools", id=admin.user["schoolId"], data=settings)).code == 200
    await count(school, admin, warehouse)
    days = [date(2026, 11, 2), date(2026, 11, 16), date(2026, 11, 17)]
    assert [row[1] for row in await rows(postgres, DAILY)] == days


async def test_while_postgresql_is_away_all_is_counted_and_copied_later(
    school: School, people: People, postgres: AsyncEngine, warehouse: Warehouse, tmp_path: Path
) -> None:
    admin, teacher, student = people
    talks = [await talk_of(teacher, student) for _ in range(2)]
    for talk in talks:
        await say_at(teacher, talk, MONDAY)
    away = Warehouse(f"postgresql+asyncpg://stonechat@/postgres?host={tmp_path}")
    with pytest.raises(Unavailable):
        await count(school, admin, away)
    await away.close()
    for talk in talks:
        assert (await numbers(admin, talk))["totalMessages"] == 1
    assert await count(school, admin, warehouse) == 2
    assert sorted(row[0] for row in await rows(postgres, TOTALS)) == sorted(talks)
