"""The ledger of owed work: what is owed once is held by one, and done, whoever is lost on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId

from stonechat.core.context import Params
from stonechat.core.jobs import Held
from stonechat.core.jobs.ledger import Ledger
from stonechat.models import OwedTask
from stonechat.models.owed import piles, retry_failed
from stonechat.models.record import now
from stonechat.models.tasks import Tasks
from tests.support.school import School

KIND = "tests of the ledger"
LEASE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

Row = dict[str, Any]


@pytest.fixture
async def ledger(school: School) -> AsyncIterator[Ledger]:
    """Of a kind that the served school does not know, and leaves alone."""
    yield Tasks()
    await OwedTask.documents().delete_many({"kind": KIND})


async def add(ledger: Ledger, number: int = 1, **more: Any) -> str | None:
    given: Row = {"key": None, "school_id": None, "due": now(), "params": None, **more}
    return await ledger.add(KIND, {"number": number}, **given)


async def take(ledger: Ledger, lease: timedelta = LEASE, **which: Any) -> Held:
    held = await ledger.take([KIND], lease, **which)
    assert held is not None
    return held


async def stored() -> list[Row]:
    return await OwedTask.documents().find({"kind": KIND}).sort("_id").to_list()


async def test_what_is_due_is_taken_in_its_order_and_by_its_id_or_key(ledger: Ledger) -> None:
    school_id = ObjectId()
    late = await add(ledger, 1)
    await add(ledger, 2, due=now() - HOUR, key="old", school_id=school_id)
    await add(ledger, 3, key="third")
    assert await add(ledger, 4, due=now() + HOUR) is None
    first = await take(ledger)
    assert (first.task.payload, first.task.key, first.task.school_id) == ({"number": 2}, "old", school_id)
    assert (await take(ledger, key="third")).task.payload == {"number": 3}
    assert (await take(ledger, task_id=late)).task.payload == {"number": 1}
    assert await ledger.take([KIND], LEASE) is None
    assert await ledger.take(["another"], LEASE) is None
    due = await ledger.next_due([KIND])
    assert due is not None
    assert due < now() + LEASE


async def test_each_task_is_taken_by_one_of_many(ledger: Ledger) -> None:
    for number in range(5):
        await add(ledger, number)
    taken = await asyncio.gather(*(Tasks().take([KIND], LEASE) for _ in range(8)))
    assert sorted(held.task.payload["number"] for held in taken if held is not None) == [0, 1, 2, 3, 4]


async def test_owed_by_many_at_once_it_is_owed_once(ledger: Ledger) -> None:
    ids = await asyncio.gather(*(add(ledger, number, key="same") for number in range(8)))
    assert len(set(ids)) == 1
    (task,) = await stored()
    assert str(task["_id"]) == ids[0]


async def test_owed_earlier_it_is_due_earlier_and_owed_later_it_stays(ledger: Ledger) -> None:
    at = now()
    for due in (at + HOUR, at, at + HOUR):
        await add(ledger, key="same", due=due)
    (task,) = await stored()
    assert task["dueAt"] == at


async def test_owed_while_it_is_done_it_is_done_once_more_with_what_was_said_last(ledger: Ledger) -> None:
    await add(ledger, 1, key="same")
    held = await take(ledger)
    for number in (2, 3):
        assert await add(ledger, number, key="same") is None
    assert await ledger.done(held)
    (task,) = await stored()
    assert (task["state"], task["attempts"], task["again"]) == ("WAITING", 0, None)
    again = await take(ledger)
    assert (again.task.payload, again.task.attempt) == ({"number": 3}, 1)
    assert await ledger.done(again)
    (task,) = await stored()
    assert (task["state"], task["openKey"], task["dueAt"]) == ("DONE", None, None)
    assert await add(ledger, 4, key="same") is not None
    assert len(await stored()) == 2


async def test_put_off_it_loses_no_attempt_and_keeps_what_was_owed_for_earlier(ledger: Ledger) -> None:
    await add(ledger, 1, key="same")
    held = await take(ledger)
    await add(ledger, 2, key="same")
    assert await ledger.put_off(held, now() + HOUR, "$later", counts=False)
    (task,) = await stored()
    assert (task["payload"], task["attempts"], task["error"]) == ({"number": 2}, 0, "$later")
    assert task["dueAt"] <= now()


async def test_tried_again_it_keeps_what_was_owed_meanwhile_for_afterwards(ledger: Ledger) -> None:
    await add(ledger, 1, key="same")
    await add(ledger, 2, key="same")
    held = await take(ledger)
    await add(ledger, 3, key="same")
    assert await ledger.put_off(held, now(), "closed", counts=True)
    held = await take(ledger)
    assert (held.task.payload, held.task.attempt) == ({"number": 1}, 2)
    assert await ledger.fail(held, "closed")
    assert (await take(ledger)).task.payload == {"number": 3}


async def test_when_the_lease_has_ended_another_has_it_and_the_first_notes_nothing(ledger: Ledger) -> None:
    await add(ledger)
    lost = await take(ledger, timedelta(milliseconds=-1))
    held = await take(ledger)
    assert held.task.attempt == 2
    assert not await ledger.renew(lost, LEASE)
    assert not await ledger.done(lost)
    assert not await ledger.fail(lost, "lost")
    assert not await ledger.put_off(lost, now(), "lost", counts=True)
    assert await ledger.renew(held, HOUR)
    (task,) = await stored()
    assert (task["state"], task["holder"]) == ("RUNNING", held.holder)
    assert task["dueAt"] > now() + LEASE


async def test_what_ended_is_forgotten_after_a_time_and_what_failed_later(ledger: Ledger) -> None:
    for number in range(2):
        await add(ledger, number)
    done, failed = await take(ledger), await take(ledger)
    await ledger.done(done)
    await ledger.fail(failed, "$reason")
    first, second = await stored()
    assert first["expiresAt"] < now() + timedelta(days=1) < second["expiresAt"]
    assert (second["state"], second["error"]) == ("FAILED", "$reason")
    index = (await OwedTask.documents().index_information())["expiresAt"]
    assert index["expireAfterSeconds"] == 0


async def test_owed_in_a_transaction_it_is_there_if_and_when_that_is_committed(ledger: Ledger) -> None:
    async with OwedTask.session() as session:
        for key in (None, "same"):
            async with await session.start_transaction():
                await add(ledger, key=key, params=Params(session=session))
                assert await stored() == []
                await session.abort_transaction()
        assert await stored() == []
        async with await session.start_transaction():
            for _ in range(2):
                await add(ledger, key="same", params=Params(session=session))
    assert len(await stored()) == 1


async def test_transactions_that_owe_the_same_wait_for_one_another(ledger: Ledger) -> None:
    async def owe(number: int) -> None:
        async def work(session: Any) -> None:
            await add(ledger, number, key="same", params=Params(session=session))

        async with OwedTask.session() as session:
            await session.with_transaction(work)

    await asyncio.gather(*(owe(number) for number in range(6)))
    assert len(await stored()) == 1


async def test_what_has_failed_is_listed_and_tried_again_unless_it_is_owed_by_then(ledger: Ledger) -> None:
    for key in (None, "one", "two"):
        await add(ledger, key=key)
        await ledger.fail(await take(ledger), "closed")
    await add(ledger, key="two")
    found = {pile.state: pile for pile in await piles(KIND)}
    assert (found["FAILED"].count, found["FAILED"].error, found["WAITING"].count) == (3, "closed", 1)
    assert await retry_failed(KIND) == 2
    assert {pile.state: pile.count for pile in await piles(KIND)} == {"FAILED": 1, "WAITING": 3}
    assert {(await take(ledger)).task.attempt for _ in range(3)} == {1}
