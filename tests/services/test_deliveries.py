from __future__ import annotations

import asyncio
import inspect
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId

from stonechat.core.channels import Channel
from stonechat.core.context import HookContext
from stonechat.models import Delivery
from stonechat.models.record import now
from tests.support.people import newcomer, talk_of, write
from tests.support.school import Json, Person, School

SOON = 5.0  # seconds until the outbox has certainly looked


async def in_state(state: str, **which: Any) -> dict[str, Any]:
    """The one delivery, once it is in that state."""
    async with asyncio.timeout(SOON):
        while True:
            found: dict[str, Any] | None = await Delivery.documents().find_one({**which, "state": state})
            if found is not None:
                return found
            await asyncio.sleep(0.02)


async def due_now(delivery_id: Any) -> None:
    await Delivery.documents().update_one(
        {"_id": delivery_id, "dueAt": {"$ne": None}}, {"$set": {"dueAt": now() - timedelta(seconds=1)}}
    )


@contextmanager
def publisher(school: School, publish: Any) -> Generator[None]:
    """Another publisher of messages for a while."""
    service = school.app.service("messages")
    usual = service.publishers.get("created")
    assert usual is not None
    service.publish("created", publish)
    try:
        yield
    finally:
        service.publish("created", usual)


@pytest.fixture
async def admin(school: School) -> Person:
    return await school.person("admin")


@pytest.mark.parametrize("name", ["ada", "rivera"])
async def test_only_admins_see_deliveries(school: School, name: str) -> None:
    person = await school.person(name)
    assert (await person.rest("find", "deliveries")).code == 403
    assert (await person.rest("retry", "deliveries", data={"deliveryId": str(ObjectId())})).code == 403
    async with person.socket() as socket:
        assert (await socket.call("find", "deliveries")).code == 403


async def test_admins_see_those_of_their_school(school: School, admin: Person) -> None:
    dan, ada = await newcomer(school, at="other-school"), await newcomer(school)
    there, here = await talk_of(dan), await talk_of(ada)
    await write(dan, there)
    await write(ada, here)
    query: Json = {"conversationId": {"$in": [there, here]}}
    found = (await admin.rest("find", "deliveries", query=query)).body["data"]
    assert {one["conversationId"] for one in found} == {here}
    assert (await admin.rest("get", "deliveries", id=found[0]["_id"])).code == 200
    assert "content" not in str(found)


async def test_what_was_sent_is_noted(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    async with ben.socket() as socket:
        message = await write(ada, talk)
        assert (await socket.next("messages created"))["revision"] == message["revision"]
    delivery = await in_state("DELIVERED", recordId=ObjectId(message["_id"]))
    assert (delivery["attempts"], delivery["dueAt"], delivery["error"]) == (0, None, None)
    assert (delivery["path"], delivery["event"], delivery["revision"]) == (
        "messages",
        "created",
        message["revision"],
    )


async def test_what_a_dead_process_owed_is_sent_by_another(school: School) -> None:
    """As if it had died between the write and the event: stored, PENDING, and due."""
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    message = await write(ada, talk, "Do not lose me")
    delivery = await in_state("DELIVERED", recordId=ObjectId(message["_id"]))
    async with ben.socket() as socket:
        await Delivery.documents().update_one(
            {"_id": delivery["_id"]},
            {"$set": {"state": "PENDING", "dueAt": now(), "deliveredAt": None}},
        )
        told = await socket.next("messages created")
    assert told == {**message, "revision": told["revision"]}
    again = await in_state("DELIVERED", recordId=ObjectId(message["_id"]))
    assert (again["attempts"], again["dueAt"]) == (0, None)


async def test_what_this_process_is_late_with_is_sent_once(school: School) -> None:
    """As if a publisher took longer than the time that a delivery is due after."""
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    usual = school.app.service("messages").publishers.get("created")
    assert usual is not None
    may_go_on, asked = asyncio.Event(), list[Any]()

    async def slow(message: Any, context: HookContext) -> Any:
        asked.append(message["_id"])
        await may_go_on.wait()
        answer = usual(message, context)
        return await answer if inspect.isawaitable(answer) else answer

    async with ben.socket() as socket:
        with publisher(school, slow):
            message = await write(ada, talk)
            which = {"recordId": ObjectId(message["_id"])}
            delivery = await in_state("PENDING", **which)
            for _ in range(2):
                await due_now(delivery["_id"])
                # Somebody has taken it out, or made it due later.
                await in_state("PENDING", dueAt={"$gt": now()}, **which)
            may_go_on.set()
            await in_state("DELIVERED", **which)
        last = await write(ada, talk)
        told = [await socket.next("messages created") for _ in range(2)]
    assert [one["_id"] for one in told] == [message["_id"], last["_id"]]
    assert asked == [ObjectId(message["_id"])]


async def test_what_was_removed_since_is_sent_without_its_content(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    message = await write(ada, talk, "A secret")
    delivery = await in_state("DELIVERED", recordId=ObjectId(message["_id"]))
    assert (await ada.rest("remove", "messages", id=message["_id"])).code == 200
    async with ben.socket() as socket:
        await Delivery.documents().update_one(
            {"_id": delivery["_id"]}, {"$set": {"state": "PENDING", "dueAt": now()}}
        )
        told = await socket.next("messages created")
    assert (told["_id"], told["content"]) == (message["_id"], None)


async def test_who_left_is_told_of_after_a_crash_too(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    place = await school.one("members", conversationId=talk, userId=ben.id)
    assert (await ada.rest("remove", "members", id=place["_id"])).code == 200
    delivery = await in_state("DELIVERED", recordId=place["_id"])
    async with ada.socket() as socket:
        await Delivery.documents().update_one(
            {"_id": delivery["_id"]}, {"$set": {"state": "PENDING", "dueAt": now()}}
        )
        told = await socket.next("members removed")
    assert (told["conversationId"], told["userId"]) == (talk, ben.id)


def no_route(_: Any, __: HookContext) -> Channel:
    raise RuntimeError("no route")


async def to_be_tried_again(which: Json, *, failed: int, seconds: float) -> dict[str, Any]:
    """The delivery, once it has failed so often and is due in so many seconds."""
    # While it is being sent it is due when the lease ends, which is later.
    soon = {"dueAt": {"$lte": now() + timedelta(seconds=seconds + SOON)}}
    delivery = await in_state("RETRY", attempts=failed, **soon, **which)
    assert delivery["error"] == "RuntimeError: no route"
    assert seconds - SOON < (delivery["dueAt"] - now()).total_seconds() <= seconds
    return delivery


async def test_a_reaction_is_told_with_its_count_after_a_crash_too(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    message = await write(ada, await talk_of(ada, ben))
    data = {"messageId": message["_id"], "emoji": "👍"}
    reactions = [(await person.rest("create", "reactions", data=data)).body for person in (ada, ben)]
    due = {"$set": {"state": "PENDING", "dueAt": now()}}
    for event, count in (("created", 2), ("removed", 1)):
        if event == "removed":
            assert (await ben.rest("remove", "reactions", id=reactions[1]["_id"])).code == 200
        which = {"recordId": ObjectId(reactions[1]["_id"]), "event": event}
        delivery = await in_state("DELIVERED", **which)
        async with ada.socket() as socket:
            await Delivery.documents().update_one({"_id": delivery["_id"]}, due)
            told = await socket.next(f"reactions {event}")
        assert (told["_id"], told["count"]) == (reactions[1]["_id"], count)


async def test_a_failure_is_tried_again_three_times_and_then_given_up(school: School, admin: Person) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    async with ben.socket() as socket:
        with publisher(school, no_route):
            message = await write(ada, talk)
            which = {"recordId": ObjectId(message["_id"])}
            for failed, seconds in enumerate((1, 5, 15), 1):
                delivery = await to_be_tried_again(which, failed=failed, seconds=seconds)
                await due_now(delivery["_id"])
            delivery = await in_state("FAILED", attempts=4, **which)
            assert delivery["dueAt"] is None
        assert not socket.seen("messages created")
        name = {"deliveryId": str(delivery["_id"])}
        again = await admin.rest("retry", "deliveries", data=name)
        assert (again.code, again.body["state"]) == (200, "RETRY")
        assert (await socket.next("messages created"))["_id"] == message["_id"]
    await in_state("DELIVERED", **which)
    assert (await admin.rest("retry", "deliveries", data=name)).code == 409


async def test_what_a_dead_process_owed_is_tried_again_as_often(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    message = await write(ada, await talk_of(ada, ben))
    which = {"recordId": ObjectId(message["_id"])}
    delivery = await in_state("DELIVERED", **which)
    with publisher(school, no_route):
        await Delivery.documents().update_one(
            {"_id": delivery["_id"]}, {"$set": {"state": "PENDING", "dueAt": now(), "deliveredAt": None}}
        )
        await to_be_tried_again(which, failed=1, seconds=1)


async def test_what_was_given_up_is_tried_again_as_often(school: School, admin: Person) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    message = await write(ada, await talk_of(ada, ben))
    which = {"recordId": ObjectId(message["_id"])}
    delivery = await in_state("DELIVERED", **which)
    with publisher(school, no_route):
        given_up = {"$set": {"state": "FAILED", "attempts": 4, "deliveredAt": None}}
        await Delivery.documents().update_one({"_id": delivery["_id"]}, given_up)
        name = {"deliveryId": str(delivery["_id"])}
        assert (await admin.rest("retry", "deliveries", data=name)).code == 200
        await to_be_tried_again(which, failed=1, seconds=1)
