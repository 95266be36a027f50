"""What an older version has written is completed before anything reads it."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from pymongo import AsyncMongoClient

from stonechat.app import create_app
from stonechat.commands.recount import recount
from stonechat.core.logs import configure_logs
from stonechat.core.testing import serving
from stonechat.models.database import Database
from stonechat.models.lease import NEVER
from stonechat.models.old_records import FILLED
from stonechat.models.record import now
from stonechat.models.upgrade import KEY, VERSION, upgrade
from tests.support.old_school import PASSWORD, Mongo, OldSchool, Record
from tests.support.people import write
from tests.support.school import Person, School, test_settings
from tests.support.waiting import until_so

COLLECTIONS: Final = ("schools", "users", "classes", "conversations", "members", "messages")


@pytest.fixture(scope="module")
def old() -> OldSchool:
    return OldSchool()


@pytest.fixture(scope="module")
async def served(
    old: OldSchool, mongodb_url: str, mongodb: AsyncMongoClient[dict[str, Any]]
) -> AsyncIterator[School]:
    """The old school, served by this version."""
    settings = test_settings(mongodb_url, "test_upgraded")
    await old.store(mongodb[settings.mongodb.database])
    app = create_app(settings)
    async with serving(app) as url, aiohttp.ClientSession() as http:
        yield School(app, url, http)


@pytest.fixture(scope="module")
async def people(served: School) -> tuple[Person, Person]:
    """Ada and Ben, whose accounts were made before."""
    ada, ben = [await served.log_in(f"{name}@old.example", PASSWORD) for name in ("ada", "ben")]
    return ada, ben


@pytest.fixture
async def emptied(database: Mongo) -> Mongo:
    """A database in which no version has been told."""
    await database["versions"].delete_many({})
    return database


@pytest.fixture
def logged() -> Iterator[Callable[[], list[Record]]]:
    """What has been said in the log so far of databases of older versions."""
    stream = io.StringIO()
    configure_logs("info", "json", stream=stream)

    def entries() -> list[Record]:
        lines = map(json.loads, stream.getvalue().splitlines())
        return [line for line in lines if "older version" in line["event"]]

    yield entries
    configure_logs("warning")


async def opened(url: str, name: str) -> Database:
    database = Database(url, name, Path("unused"))
    await database.open()
    return database


async def records(database: Mongo) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for name in COLLECTIONS:
        found[name] = await database[name].find({}, {"touchedAt": 0}).sort("_id").to_list()
    return found


async def found_by(person: Person, path: str, **query: Any) -> list[Record]:
    answer = await person.rest("find", path, query=query)
    assert answer.code == 200, answer
    found: list[Record] = answer.body["data"]
    return found


async def test_no_count_is_wrong_afterwards(served: School) -> None:
    assert await recount(served.app)


async def test_no_record_lacks_a_field_of_its_model(served: School, people: object) -> None:
    database: Mongo = served.app.get("database").database
    for model in FILLED:
        fields = model.model_fields.items()
        names = {field.alias for name, field in fields if name not in {"id", "revision_id"}}
        found = await database[model.documents().name].find().to_list()
        assert found != []
        for record in found:
            assert names <= record.keys()
            model.model_validate({name: value for name, value in record.items() if name != "_id"})


async def test_a_school_has_the_settings_of_today(served: School) -> None:
    settings = (await served.one("schools", slug="old"))["settings"]
    assert settings["retention"] == {}
    assert settings["quietHours"] is None
    assert settings["maxGroupMembers"] == 1000


async def test_the_messages_are_read_as_before(
    served: School, old: OldSchool, people: tuple[Person, Person]
) -> None:
    ada, ben = people
    for person in (ada, ben):
        found = await found_by(person, "messages", conversationId=str(old.whole))
        assert [message["content"] for message in found] == [
            *("Photosynthesis is our homework", "Which page?", None, "Page twelve")
        ]
        assert [message["revision"] for message in found] == [1, 2, 3, 4]
        assert [message["lamport"] for message in found] == [1, 2, 3, 4]


async def test_replies_are_a_thread_of_the_first_message(
    old: OldSchool, people: tuple[Person, Person]
) -> None:
    root = str(old.messages[0])
    replies = await found_by(people[1], "messages", threadId=root)
    assert [reply["content"] for reply in replies] == ["Which page?", "Page twelve"]
    (first,) = await found_by(people[1], "messages", _id=root)
    assert first["replyCount"] == 2
    assert first["lastReplyAt"] == replies[-1]["createdAt"]


async def test_what_was_written_before_is_found_by_a_search(people: tuple[Person, Person]) -> None:
    (found,) = await found_by(people[1], "search", q="photosynthesis from:ada")
    assert found["message"]["content"] == "Photosynthesis is our homework"
    assert await found_by(people[1], "search", q="mistake") == []


async def test_numbers_with_gaps_are_closed_and_cursors_stay_where_they_were(
    old: OldSchool, people: tuple[Person, Person]
) -> None:
    ada, ben = people
    found = await found_by(ben, "messages", conversationId=str(old.torn))
    assert [(message["seq"], message["lamport"]) for message in found] == [(1, 1), (2, 2), (3, 7), (4, 1000)]
    assert [message["_id"] for message in found] == list(map(str, old.torn_messages))
    members = await found_by(ada, "members", conversationId=str(old.torn))
    assert {member["userId"]: member["readSeq"] for member in members} == {ada.id: 4, ben.id: 3}
    (talk,) = await found_by(ben, "conversations", _id=str(old.torn))
    assert (talk["clock"], talk["lastMessage"]["seq"]) == (4, 4)
    assert (talk["revision"], talk["lamport"]) == (1000, 1000)


async def test_the_inbox_counts_what_was_not_read(old: OldSchool, people: tuple[Person, Person]) -> None:
    rows = {row["_id"]: row for row in await found_by(people[1], "inbox")}
    assert {one: row["unread"] for one, row in rows.items()} == {str(old.whole): 1, str(old.torn): 1}


@pytest.mark.parametrize(
    ("talk", "cursor", "resync"),
    [
        ("whole", 4, False),
        ("whole", 2, True),
        ("whole", {"seq": 0, "revision": 0}, True),
        ("torn", 2, True),
        ("torn", 4, True),
        ("torn", 1000, True),
    ],
)
async def test_who_holds_all_there_is_goes_on_and_others_fetch_anew(
    old: OldSchool, people: tuple[Person, Person], talk: str, cursor: Any, *, resync: bool
) -> None:
    one = str(getattr(old, talk))
    missed = await people[1].rest("find", "sync", query={"conversations": {one: cursor}})
    changes = missed.body["conversations"][one]
    assert changes.get("resync", False) is resync
    assert resync or changes["messages"] == []


async def test_people_go_on_writing(old: OldSchool, people: tuple[Person, Person]) -> None:
    ada, ben = people
    for talk, lamport in ((old.whole, 5), (old.torn, 1001)):
        message = await write(ben, str(talk), "Thank you")
        assert (message["seq"], message["lamport"], message["revision"]) == (5, lamport, lamport)
        missed = await ada.rest(
            "find", "sync", query={"conversations": {str(talk): {"revision": lamport - 1}}}
        )
        assert [each["seq"] for each in missed.body["conversations"][str(talk)]["messages"]] == [5]


async def test_an_index_that_no_model_declares_any_more_is_dropped(served: School) -> None:
    database: Mongo = served.app.get("database").database
    assert "schoolId_content_text" not in await database["messages"].index_information()


async def test_an_empty_database_is_of_this_version_at_once(
    mongodb_url: str, emptied: Mongo, logged: Callable[[], list[Record]]
) -> None:
    await (await opened(mongodb_url, emptied.name)).close()
    stored = await emptied["versions"].find_one({"_id": "records"})
    assert stored
    assert stored["version"] == VERSION
    assert logged() == []


async def test_what_was_done_is_logged_with_counts_and_not_done_again(
    mongodb_url: str, emptied: Mongo, logged: Callable[[], list[Record]]
) -> None:
    await OldSchool().store(emptied)
    for _ in range(2):
        await (await opened(mongodb_url, emptied.name)).close()
    _, done = logged()
    made = {"renumbered": 1, "threads": 2, "words": 8}
    filled = {"schools": 1, "users": 2, "classes": 1, "conversations": 2, "members": 4, "messages": 8}
    assert done.items() >= {"version": VERSION, **made, **filled}.items()


async def test_of_two_nodes_that_start_at_once_one_does_it(
    mongodb_url: str, emptied: Mongo, logged: Callable[[], list[Record]]
) -> None:
    await OldSchool().store(emptied)
    for node in await asyncio.gather(*(opened(mongodb_url, emptied.name) for _ in range(2))):
        await node.close()
    assert [entry["event"].partition(" ")[0] for entry in logged()] == ["completing", "completed"]


async def test_done_again_it_changes_nothing(mongodb_url: str, emptied: Mongo) -> None:
    await OldSchool().store(emptied)
    await (await opened(mongodb_url, emptied.name)).close()
    before = await records(emptied)
    await emptied["versions"].delete_many({})
    await (await opened(mongodb_url, emptied.name)).close()
    assert await records(emptied) == before


async def test_broken_off_it_is_finished_by_the_next_one(mongodb_url: str, emptied: Mongo) -> None:
    old = OldSchool()
    await old.store(emptied)
    await old.lengthen(emptied, 3000)
    database = Database(mongodb_url, emptied.name, Path("unused"))
    opening = asyncio.create_task(database.open())

    async def has_begun() -> bool:
        return await emptied["messages"].find_one({"words": {"$exists": True}}) is not None

    await until_so(has_begun)
    opening.cancel()
    await asyncio.wait([opening])
    assert opening.cancelled()
    assert await emptied["versions"].find_one() is None
    await database.close()
    await (await opened(mongodb_url, emptied.name)).close()
    for lacking in ("words", "revision", "threadId"):
        assert await emptied["messages"].count_documents({lacking: {"$exists": False}}) == 0


async def test_who_was_killed_on_the_way_is_waited_for_and_followed(mongodb_url: str, emptied: Mongo) -> None:
    await OldSchool().store(emptied)
    database = await opened(mongodb_url, emptied.name)
    await emptied["versions"].delete_many({})
    await emptied["messages"].update_many({}, {"$unset": {"words": ""}})
    until = now() + timedelta(milliseconds=400)
    killed = {"holder": "somebody", "until": until, "doneAt": NEVER}
    await emptied["leases"].update_one({"key": KEY}, {"$set": killed})
    await upgrade()
    assert now() > until
    assert await emptied["messages"].count_documents({"words": {"$exists": False}}) == 0
    await database.close()
