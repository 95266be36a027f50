from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.client_session import AsyncClientSession

from stonechat.core.adapters.beanie import BeanieService
from stonechat.core.application import Application
from stonechat.core.context import HookContext, Params
from stonechat.core.errors import BadRequest, MethodNotAllowed
from stonechat.hooks.audit import AuditedHook, audited, changed_fields, of_another, values_of
from stonechat.hooks.transactions import joined
from stonechat.models import AuditEntry, AuditHead, SchoolClass
from stonechat.models.audit_chain import NOTHING, Link, check_chain
from stonechat.models.audit_entry import append, digest
from tests.support.school import School

Record = dict[str, Any]


class Rooms:
    """Classes under another name, with the hook, and who hears of them."""

    def __init__(self, hook: AuditedHook | None = None) -> None:
        self.app = Application()
        self.app.use("rooms", BeanieService(SchoolClass, tenant="schoolId", multi=["remove"]))
        self.service = self.app.service("rooms")
        self.service.hooks(
            {"around": {method: [hook or audited()] for method in ("create", "patch", "remove")}}
        )
        self.heard: list[str] = []
        for event in ("created", "patched", "removed"):
            self.service.on(event, partial(self._hear, event))
        self.user = {"_id": ObjectId(), "schoolId": ObjectId(), "role": "admin"}
        self.params = Params(user=self.user, tenant=self.user["schoolId"])

    def _hear(self, event: str, *_: object) -> None:
        self.heard.append(event)

    async def make(self, **more: Any) -> Record:
        data = {"name": f"Room {ObjectId()}", **more}
        room: Record = await self.service.create(data, self.params)
        return room

    async def entries(self) -> list[Record]:
        found = AuditEntry.documents().find({"schoolId": self.user["schoolId"]})
        return await found.sort("number").to_list()


pytestmark = pytest.mark.usefixtures("school")
"""For its database, in which every test has a school of its own."""


async def test_what_is_done_and_its_entry_are_there_together() -> None:
    rooms = Rooms(audited(details=changed_fields))
    room = await rooms.make()
    await rooms.service.patch(room["_id"], {"subject": "Maths"}, rooms.params)
    created, patched = await rooms.entries()
    assert (created["number"], created["action"], created["previous"]) == (1, "rooms.create", "")
    assert created["subject"] == {"path": "rooms", "id": room["_id"]}
    assert created["actorId"] == rooms.user["_id"]
    assert (patched["number"], patched["details"]) == (2, {"fields": ["subject"]})
    assert patched["previous"] == created["hash"] == digest(created)
    assert rooms.heard == ["created", "patched"]


async def test_a_call_that_fails_leaves_neither_action_nor_entry_nor_event() -> None:
    rooms = Rooms()
    room = await rooms.make()

    def fail(context: HookContext) -> None:
        raise RuntimeError("after the action, before the commit")

    rooms.service.hooks({"after": {"all": [fail]}})
    for call in (
        rooms.make(),
        rooms.service.patch(room["_id"], {"subject": "Maths"}, rooms.params),
        rooms.service.remove(room["_id"], rooms.params),
    ):
        with pytest.raises(RuntimeError):
            await call
    kept = await SchoolClass.documents().find({"schoolId": rooms.user["schoolId"]}).to_list()
    assert kept == [room]
    assert len(await rooms.entries()) == 1
    assert rooms.heard == ["created"]


async def test_without_an_entry_nothing_is_done() -> None:
    rooms = Rooms(audited(details=lambda context, room: {"not": object()}))
    with pytest.raises(TypeError):
        await rooms.make()
    assert await rooms.entries() == []
    assert await SchoolClass.documents().count_documents({"schoolId": rooms.user["schoolId"]}) == 0
    assert await AuditHead.documents().count_documents({"schoolId": rooms.user["schoolId"]}) == 0


async def test_what_nobody_asked_for_is_not_somebodys() -> None:
    rooms = Rooms()
    await rooms.service.create({"name": "Nobody's"}, Params(tenant=rooms.user["schoolId"]))
    assert await rooms.entries() == []


async def test_action_subject_and_details_are_as_they_are_said() -> None:
    talk = ObjectId()
    hook = audited(
        "rooms.opened",
        subject=lambda context, room: ("conversations", talk),
        details=values_of("name"),
        when=of_another("subject"),
    )
    rooms = Rooms(hook)
    room = await rooms.make()
    (entry,) = await rooms.entries()
    assert (entry["action"], entry["details"]) == ("rooms.opened", {"name": room["name"]})
    assert entry["subject"] == {"path": "conversations", "id": talk}


async def test_only_what_is_to_be_entered_is() -> None:
    rooms = Rooms(audited(when=lambda context, room: room["subject"] is not None))
    await rooms.make()
    await rooms.make(subject="Maths")
    assert len(await rooms.entries()) == 1


async def test_every_record_of_a_call_for_many_has_its_entry() -> None:
    rooms = Rooms()
    made = [await rooms.make() for _ in range(3)]
    await rooms.service.remove(None, rooms.params)
    removed = [entry["subject"]["id"] for entry in await rooms.entries() if entry["action"] == "rooms.remove"]
    assert sorted(removed) == [room["_id"] for room in made]


async def test_a_nested_call_joins_with_its_entry() -> None:
    rooms = Rooms()

    async def twin(context: HookContext) -> None:
        if context.result["name"] != "Twin":
            inside = joined(context, user=context.params.user, tenant=context.params["tenant"])
            await context.service.create({"name": "Twin"}, inside)
            raise BadRequest("no twins")

    rooms.service.hooks({"after": {"create": [twin]}})
    with pytest.raises(BadRequest, match="no twins"):
        await rooms.make()
    assert await rooms.entries() == []
    assert rooms.heard == []


async def test_those_who_append_at_once_make_one_chain() -> None:
    """As the first ones of their school, in transactions of their own and in those of calls."""
    rooms = Rooms()
    school_id, room = rooms.user["schoolId"], ("rooms", ObjectId())
    await asyncio.gather(
        *(append(school_id, None, "retention.run", room, {"of": at}) for at in range(10)),
        *(rooms.make() for _ in range(10)),
    )
    entries = await rooms.entries()
    assert [entry["number"] for entry in entries] == list(range(1, 21))
    assert [entry["previous"] for entry in entries] == ["", *(entry["hash"] for entry in entries[:-1])]
    assert await check_chain(school_id) == Link(20, entries[-1]["hash"])
    assert rooms.heard == ["created"] * 10


async def test_what_joins_a_transaction_goes_with_it() -> None:
    school_id = ObjectId()

    async def change_mind(session: AsyncClientSession) -> None:
        await append(school_id, None, "retention.run", ("schools", school_id), session=session)
        raise BadRequest("changed my mind")

    async with AuditEntry.session() as session:
        with pytest.raises(BadRequest):
            await session.with_transaction(change_mind)
    assert await check_chain(school_id) == NOTHING


@pytest.mark.parametrize("method", ["create", "update", "patch", "remove"])
async def test_own_code_changes_nothing_through_the_service(school: School, method: str) -> None:
    identifier: list[Any] = [] if method == "create" else [ObjectId()]
    arguments: list[Any] = [*identifier, *([] if method == "remove" else [{}])]
    with pytest.raises(MethodNotAllowed):
        await getattr(school.app.service("audit-log"), method)(*arguments)
