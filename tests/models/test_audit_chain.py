"""The log as it lies in the database, changed in every way by somebody who can."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from bson import ObjectId

from stonechat.core.errors import Unavailable
from stonechat.models import AuditEntry, AuditHead
from stonechat.models.audit_chain import NOTHING, ChainBroken, Link, check_chain
from stonechat.models.audit_entry import append, digest

pytestmark = pytest.mark.usefixtures("school")

Record = dict[str, Any]
LENGTH = 6


class Log:
    """Six entries of a school that only this test knows."""

    def __init__(self) -> None:
        self.school_id = ObjectId()
        self.entries: list[Record] = []

    async def write(self, count: int = LENGTH) -> None:
        for _ in range(count):
            details = {"fields": ["role"], "role": "teacher"}
            subject = ("users", ObjectId())
            self.entries.append(await append(self.school_id, ObjectId(), "users.patch", subject, details))

    async def change(self, at: int, **changes: Any) -> None:
        one = {"schoolId": self.school_id, "number": at}
        await AuditEntry.documents().update_one(one, {"$set": changes})

    async def delete(self, *numbers: int) -> None:
        await AuditEntry.documents().delete_many(
            {"schoolId": self.school_id, "number": {"$in": list(numbers)}}
        )

    async def replace(self, entry: Record) -> None:
        """Put an entry in the place of its number, with a hash that fits it."""
        entry = {**entry, "_id": ObjectId()}
        entry["hash"] = digest(entry)
        await self.delete(entry["number"])
        await AuditEntry.documents().insert_one(entry)
        self.entries[entry["number"] - 1 :] = [entry]

    async def broken(self, known: Link = NOTHING) -> str:
        with pytest.raises(ChainBroken) as found:
            await check_chain(self.school_id, known=known)
        return str(found.value)


@pytest.fixture
async def log() -> Log:
    log = Log()
    await log.write()
    return log


async def test_what_nobody_has_touched_is_whole(log: Log) -> None:
    newest = log.entries[-1]
    assert await check_chain(log.school_id) == Link(LENGTH, newest["hash"])
    assert await check_chain(log.school_id, known=Link(2, log.entries[1]["hash"])) == Link(
        LENGTH, newest["hash"]
    )
    assert await check_chain(ObjectId()) == NOTHING


@pytest.mark.parametrize(
    "change",
    [
        {"actorId": ObjectId()},
        {"actorId": None},
        {"action": "users.get"},
        {"subject.id": ObjectId()},
        {"details.role": "student"},
        {"details": {}},
        {"previous": "0" * 64},
        {"hash": "0" * 64},
        {"added": 1},
        {"number": 3.0},
    ],
)
async def test_a_changed_entry_is_found(log: Log, change: Record) -> None:
    await log.change(3, **change)
    expected = "has a number that no entry has" if "number" in change else "was changed"
    assert expected in await log.broken()


async def test_a_changed_entry_with_a_new_hash_is_found_by_the_next(log: Log) -> None:
    await log.replace({**log.entries[2], "action": "users.get"})
    assert await log.broken() == "entry 4 does not follow the one before it"


@pytest.mark.parametrize(("deleted", "found"), [((1,), 1), ((3,), 3), ((4, 3), 3), ((6,), 6), ((5, 6), 5)])
async def test_deleted_entries_are_found(log: Log, deleted: tuple[int, ...], found: int) -> None:
    await log.delete(*deleted)
    assert f"entry {found} is missing" in await log.broken()


async def test_a_whole_log_that_is_gone_is_found(log: Log) -> None:
    await log.delete(*range(1, LENGTH + 1))
    assert await log.broken() == "entry 1 is missing, and all behind it"


async def test_a_head_that_is_gone_is_found(log: Log) -> None:
    await AuditHead.documents().delete_one({"schoolId": log.school_id})
    assert "entry 1 was not written by the school" in await log.broken()


@pytest.mark.parametrize("hashed", [False, True])
async def test_swapped_entries_are_found(log: Log, hashed: bool) -> None:
    third, fourth = log.entries[2:4]
    if hashed:
        await log.replace({**fourth, "number": 3})
        await log.replace({**third, "number": 4})
        assert await log.broken() == "entry 3 does not follow the one before it"
    else:
        await log.change(3, number=99)
        await log.change(4, number=3)
        await log.change(99, number=4)
        assert await log.broken() == "entry 3 was changed"


async def test_an_entry_behind_the_newest_is_found_and_nothing_can_be_done_over_it(log: Log) -> None:
    newest = log.entries[-1]
    await log.replace({**newest, "number": LENGTH + 1, "previous": newest["hash"]})
    assert await log.broken() == f"entry {LENGTH + 1} was not written by the school"
    with pytest.raises(Unavailable, match="audit verify"):
        await log.write(1)


async def test_a_newest_entry_that_was_replaced_is_found(log: Log) -> None:
    await log.replace({**log.entries[-1], "action": "users.get"})
    assert await log.broken() == f"entry {LENGTH} is not the newest one that the school has written"


async def test_a_chain_that_was_written_anew_is_told_by_an_entry_of_before(log: Log) -> None:
    known = Link(4, log.entries[3]["hash"])
    await log.delete(*range(1, LENGTH + 1))
    await AuditHead.documents().delete_one({"schoolId": log.school_id})
    assert await check_chain(log.school_id) == NOTHING
    assert await log.broken(known) == "entry 1 is missing, and all behind it"
    await log.write()
    assert (await check_chain(log.school_id)).number == LENGTH
    assert await log.broken(known) == "entry 4 is another than the known one"


async def test_the_log_may_grow_while_it_is_checked(log: Log) -> None:
    enough = asyncio.Event()

    async def write() -> None:
        while not enough.is_set():
            await log.write(1)

    writer = asyncio.create_task(write())
    seen = [(await check_chain(log.school_id)).number for _ in range(20)]
    enough.set()
    await writer
    assert sorted(seen) == seen
    assert LENGTH <= seen[0] <= seen[-1] <= len(log.entries)


async def test_details_of_every_kind_stay_as_they_are() -> None:
    school_id = ObjectId()
    details: Record = {
        "id": ObjectId(),
        "nothing": None,
        "numbers": [1, 2**40, 1.5, True],
        "text": "Grüße\u2028",
        "deep": {"b": (1, 2), "a": {}},
    }
    await append(school_id, None, "tried", ("schools", school_id), details)
    assert (await check_chain(school_id)).number == 1


async def test_of_a_long_log_is_told_how_far_it_is_checked(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stonechat.models.audit_chain.EVERY", 2)
    told: list[int] = []
    await check_chain(log.school_id, progress=told.append)
    assert told == [2, 4, 6]
