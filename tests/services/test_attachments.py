"""Files of messages: uploading, checking, using, showing and revoking them."""

from __future__ import annotations

import asyncio
import io
import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from PIL import Image

from stonechat.core.errors import Unavailable
from stonechat.core.jobs import Task
from stonechat.core.storage import LocalStore, Store, storage_of
from stonechat.models import Attachment, Message, StorageUse
from stonechat.models.attachment import folder_of
from stonechat.models.record import now
from stonechat.services.retention.expiry import expunge_expired
from tests.support.encryption import encrypt
from tests.support.files import (
    JPEG,
    PNG,
    archive,
    begin,
    complete,
    fetch,
    huge_picture,
    picture,
    put,
    understated_archive,
    uploaded,
    zip_bomb,
)
from tests.support.people import new_school, newcomer, talk_of, write
from tests.support.privacy import aged, settle
from tests.support.school import Json, Person, School
from tests.support.waiting import until, until_so

TEXT = b"Jackdaws love my big sphinx of quartz."
PLACES = ("uploads/", "", "revoked/")


@dataclass(frozen=True)
class Case:
    school: School
    admin: Person
    teacher: Person
    ada: Person
    ben: Person
    cleo: Person  # of the school, not of the talk
    talk: str

    @property
    def store(self) -> Store:
        return storage_of(self.school.app)

    async def keys(self, record: Json) -> list[str]:
        """What is stored of a file, wherever."""
        ids = {name: ObjectId(record[name]) for name in ("_id", "schoolId", "conversationId")}
        found: list[str] = []
        for place in PLACES:
            found += [one.key async for one in self.store.below(f"{place}{folder_of(ids)}/")]
        return found

    async def bytes_used(self) -> int:
        found = await StorageUse.documents().find_one({"schoolId": ObjectId(self.ada.user["schoolId"])})
        return 0 if found is None else found["bytes"]


@pytest.fixture(scope="module")
async def case(school: School) -> Case:
    return await new_case(school)


@pytest.fixture
async def alone(school: School) -> Case:
    """A school in which nothing else was done."""
    return await new_case(school)


async def new_case(school: School) -> Case:
    slug = await new_school(school)
    roles = ("admin", "teacher", "student", "student", "student")
    admin, teacher, ada, ben, cleo = [await newcomer(school, role, at=slug) for role in roles]
    return Case(school, admin, teacher, ada, ben, cleo, await talk_of(teacher, ada, ben))


async def stored(record: Json) -> dict[str, Any] | None:
    return await Attachment.documents().find_one({"_id": ObjectId(record["_id"])})


async def test_a_file_is_uploaded_checked_sent_and_fetched(case: Case) -> None:
    begun = await begin(case.ada, case.talk, TEXT, "plan.txt", "text/plain")
    assert begun.code == 201
    assert (begun.body["state"], begun.body["upload"]["method"]) == ("WAITING", "PUT")
    assert {"dueAt", "thumbnail"}.isdisjoint(begun.body)
    assert begun.body["upload"].keys() == {"method", "url", "headers", "expiresAt"}
    assert (await put(case.ada, begun.body["upload"], TEXT)).code == 201
    done = (await complete(case.ada, begun.body["_id"])).body
    assert done["state"] == "READY"
    message = await write(case.ada, case.talk, attachments=[{"attachmentId": done["_id"]}])
    (file,) = message["attachments"]
    assert file == {
        "attachmentId": done["_id"],
        "name": "plan.txt",
        "mediaType": "text/plain",
        "size": len(TEXT),
        "url": file["url"],
    }
    status, body, headers = await fetch(case.ben, file["url"])
    assert (status, body) == (200, TEXT)
    assert headers["Content-Disposition"] == 'attachment; filename="plan.txt"'
    assert headers["X-Content-Type-Options"] == "nosniff"
    got = (await case.ben.rest("get", "attachments", id=done["_id"])).body
    assert (await fetch(case.ben, got["download"]["url"]))[1] == TEXT


async def test_members_alone_are_given_an_address(alone: Case) -> None:
    record = await uploaded(alone.ada, alone.talk, picture())
    assert (await alone.ben.rest("get", "attachments", id=record["_id"])).code == 404
    await write(alone.ada, alone.talk, attachments=[{"attachmentId": record["_id"]}])
    assert (await alone.ben.rest("get", "attachments", id=record["_id"])).code == 200
    assert (await alone.cleo.rest("get", "attachments", id=record["_id"])).code == 404
    place = await alone.school.one(
        "members", conversationId=ObjectId(alone.talk), userId=ObjectId(alone.ben.id)
    )
    assert (await alone.teacher.rest("remove", "members", id=str(place["_id"]))).code == 200
    assert (await alone.ben.rest("get", "attachments", id=record["_id"])).code == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"mediaType": "application/x-msdownload"}, "mediaType"),
        ({"mediaType": "image/svg+xml"}, "mediaType"),
        ({"size": 0}, "size"),
        ({"size": 104_857_601}, "size"),
        ({"name": "photo.exe"}, "name"),
        ({"name": " "}, "name"),
        ({"userId": "65f000000000000000000001"}, "userId"),
    ],
)
async def test_what_may_not_be_uploaded_is_refused_at_once(
    case: Case, changes: dict[str, Any], field: str
) -> None:
    said = {"conversationId": case.talk, "name": "a.png", "mediaType": PNG, "size": 100, **changes}
    answer = await case.ada.rest("create", "attachments", data=said)
    assert answer.code == 400
    assert list(answer.body["errors"]) == [field]


async def test_who_may_not_write_may_not_upload(case: Case) -> None:
    assert (await begin(case.cleo, case.talk, picture(), "a.png", PNG)).code == 403
    news = await talk_of(case.teacher, case.ada, kind="announcement")
    assert (await begin(case.ada, news, picture(), "a.png", PNG)).code == 403


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\temp\\a.txt", "a.txt"),
        ("..", "file"),
        (".htaccess.txt", "htaccess.txt"),
        ("photo\u202etxt.exe.txt", "phototxt.exe.txt"),
        ("a" * 250 + ".txt", "a" * 176 + ".txt"),
        ("Grüße 日本.txt", "Grüße 日本.txt"),
        ("a\tb<c>.txt", "ab_c_.txt"),
    ],
)
async def test_names_are_cleaned(case: Case, given: str, kept: str) -> None:
    answer = await begin(case.ada, case.talk, TEXT, given, "text/plain")
    assert answer.body["name"] == kept


BAD = {
    "a script": (b"#!/bin/sh\nrm -rf /\n", "holiday.png", PNG, "content", "a script"),
    "another picture": (picture(kind="GIF"), "a.png", PNG, "content", "image/gif"),
    "too many pixels": (huge_picture(20_000, 20_000), "a.png", PNG, "content", "pixels"),
    "one pixel too wide": (huge_picture(30_000, 1), "a.png", PNG, "content", "30000"),
    "half a picture": (picture((200, 200), "JPEG")[:600], "a.jpg", JPEG, "content", "cannot be read"),
    "a zip bomb": (zip_bomb(), "a.zip", "application/zip", "content", "unpack"),
    "too many entries": (understated_archive(), "a.zip", "application/zip", "content", "10000 entries"),
    "no archive": (b"PK\x03\x04" + b"\0" * 100, "a.zip", "application/zip", "content", "no directory"),
    "bytes as text": (b"a\0b" * 10, "a.txt", "text/plain", "content", "no text"),
    "text in Latin-1": ("größe".encode("latin-1"), "a.txt", "text/plain", "content", "UTF-8"),
    "a page as PDF": (b"<html><script>1</script>", "a.pdf", "application/pdf", "content", "application/pdf"),
}


@pytest.mark.parametrize("bad", sorted(BAD))
async def test_what_is_not_what_it_says_is_refused_and_leaves_nothing_behind(case: Case, bad: str) -> None:
    data, name, media_type, field, reason = BAD[bad]
    before = await case.bytes_used()
    begun = (await begin(case.ada, case.talk, data, name, media_type)).body
    assert await case.bytes_used() == before + len(data)
    assert (await put(case.ada, begun["upload"], data)).code == 201
    refused = await complete(case.ada, begun["_id"])
    assert refused.code == 400
    assert reason in refused.body["errors"][field]
    assert await stored(begun) is None
    assert await case.keys(begun) == []
    assert await case.bytes_used() == before
    assert (await complete(case.ada, begun["_id"])).code == 404


async def test_a_document_that_is_only_an_archive_is_refused(case: Case) -> None:
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    begun = (await begin(case.ada, case.talk, data := archive(a=b"1"), "a.docx", kind)).body
    await put(case.ada, begun["upload"], data)
    assert (await complete(case.ada, begun["_id"])).code == 400
    good = archive(**{"[Content_Types].xml": b"<x/>", "word/document.xml": b"<x/>"})
    assert (await uploaded(case.ada, case.talk, good, "a.docx", kind))["state"] == "READY"


async def test_nothing_is_completed_before_it_was_uploaded(case: Case) -> None:
    begun = (await begin(case.ada, case.talk, TEXT, "a.txt", "text/plain")).body
    early = await complete(case.ada, begun["_id"])
    assert (early.code, early.body["data"]["code"]) == (400, "NOT_UPLOADED")
    assert (await put(case.ada, begun["upload"], TEXT)).code == 201
    assert (await complete(case.ada, begun["_id"])).code in {200, 201}


async def test_another_members_upload_can_be_neither_completed_nor_sent_nor_removed(case: Case) -> None:
    begun = (await begin(case.ada, case.talk, TEXT, "a.txt", "text/plain")).body
    await put(case.ada, begun["upload"], TEXT)
    assert (await complete(case.ben, begun["_id"])).code == 404
    assert (await case.ben.rest("get", "attachments", id=begun["_id"])).code == 404
    assert (await case.ben.rest("remove", "attachments", id=begun["_id"])).code == 404
    record = (await complete(case.ada, begun["_id"])).body
    stolen = await case.ben.rest(
        "create",
        "messages",
        data={"conversationId": case.talk, "attachments": [{"attachmentId": record["_id"]}]},
    )
    assert stolen.code == 400
    assert "attachments.0.attachmentId" in stolen.body["errors"]
    forged = {"name": "a.txt", "url": f"https://chat.example{record['download']['url']}"}
    linked = await case.ben.rest(
        "create", "messages", data={"conversationId": case.talk, "attachments": [forged]}
    )
    assert linked.code == 400
    assert "attachments.0.url" in linked.body["errors"]


async def test_what_was_replaced_after_it_was_completed_is_not_what_is_sent(case: Case) -> None:
    begun = (await begin(case.ada, case.talk, TEXT, "a.txt", "text/plain")).body
    await put(case.ada, begun["upload"], TEXT)
    record = (await complete(case.ada, begun["_id"])).body
    late = await put(case.ada, begun["upload"], b"x" * len(TEXT))
    assert (late.code, b"URL_REVOKED" in late.body) == (403, True)
    assert (await fetch(case.ada, record["download"]["url"]))[1] == TEXT
    assert (await complete(case.ada, begun["_id"])).body["state"] == "READY"
    assert (await fetch(case.ada, record["download"]["url"]))[1] == TEXT


async def test_nothing_is_uploaded_for_a_file_that_was_removed(case: Case) -> None:
    begun = (await begin(case.ada, case.talk, TEXT, "a.txt", "text/plain")).body
    assert (await case.ada.rest("remove", "attachments", id=begun["_id"])).code == 200
    late = await put(case.ada, begun["upload"], TEXT)
    assert (late.code, b"URL_REVOKED" in late.body) == (403, True)
    assert await case.keys(begun) == []


async def test_left_over_uploads_are_swept_two_hours_after_their_address_has_expired(
    case: Case, tmp_path: Path
) -> None:
    store, source = case.store, tmp_path / "source"
    assert isinstance(store, LocalStore)
    source.write_bytes(TEXT)
    minutes = case.school.app.settings["attachments"]["upload_minutes"]
    for name, age in (("old", minutes + 121), ("new", minutes + 119)):
        await store.write(f"uploads/left/{name}.txt", source, "text/plain")
        stored_at = (now() - timedelta(minutes=age)).timestamp()
        os.utime(store.path(f"uploads/left/{name}.txt"), (stored_at, stored_at))
    await case.school.app.service("attachments").custodian.sweep()
    assert [one.key async for one in store.below("uploads/left/")] == ["uploads/left/new.txt"]


async def test_a_file_is_in_one_message_once(case: Case) -> None:
    record = await uploaded(case.ada, case.talk, picture())
    files = [{"attachmentId": record["_id"]}]
    said = {"conversationId": case.talk, "attachments": files}
    twice = await case.ada.rest("create", "messages", data={**said, "attachments": files * 2})
    assert "attachments.1.attachmentId" in twice.body["errors"]
    answers = await asyncio.gather(*(case.ada.rest("create", "messages", data=said) for _ in range(3)))
    assert sorted(answer.code for answer in answers) == [201, 400, 400]
    elsewhere = await talk_of(case.ada, case.ben)
    other = await uploaded(case.ada, elsewhere, picture())
    moved = {**said, "attachments": [{"attachmentId": other["_id"]}]}
    assert (await case.ada.rest("create", "messages", data=moved)).code == 400


async def test_a_message_with_a_file_that_is_sent_again_is_the_same_message(case: Case) -> None:
    record = await uploaded(case.ada, case.talk, picture())
    said: dict[str, Any] = {"type": "image", "attachments": [{"attachmentId": record["_id"]}]}
    once = await write(case.ada, case.talk, idempotencyKey="once", **said)
    again = await write(case.ada, case.talk, idempotencyKey="once", **said)
    assert (again["_id"], again["duplicate"]) == (once["_id"], True)
    assert again["attachments"][0]["attachmentId"] == record["_id"]


async def test_pictures_lose_what_is_not_picture_and_get_small_ones(case: Case) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "A camera", 6
    exif.get_ifd(0x8825)[1] = "N"
    data, before = picture((600, 400), "JPEG", exif=exif, comment=b"Made at home"), await case.bytes_used()
    async with case.ben.socket() as socket:
        record = await uploaded(case.ada, case.talk, data, "a.jpg", JPEG)
        assert (record["width"], record["height"]) == (400, 600)
        message = await write(case.ada, case.talk, attachments=[{"attachmentId": record["_id"]}])
        told = await socket.next("messages created", within=15)
        while "thumbnailUrl" not in told["attachments"][0]:
            told = await socket.next("messages patched", within=15)
    (file,) = told["attachments"]
    assert told["_id"] == message["_id"]
    assert (file["width"], file["height"]) == (400, 600)
    _, body, headers = await fetch(case.ben, file["url"])
    assert headers["Content-Type"] == JPEG
    assert headers["Content-Disposition"].startswith("inline")
    kept = Image.open(io.BytesIO(body))
    assert (kept.size, dict(kept.getexif())) == ((400, 600), {})
    assert b"camera" not in body
    assert b"Made at home" not in body
    assert await case.bytes_used() - before == len(body) == file["size"]
    small = Image.open(io.BytesIO((await fetch(case.ben, file["thumbnailUrl"]))[1]))
    assert (small.format, small.size) == ("WEBP", (213, 320))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
async def test_animations_stay_animations(case: Case, kind: str) -> None:
    frames = [Image.new("RGB", (20, 20), color) for color in ("red", "green", "blue")]
    made = io.BytesIO()
    frames[0].save(made, kind, save_all=True, append_images=frames[1:], duration=[50, 60, 70], loop=0)
    media_type = f"image/{kind.lower()}"
    record = await uploaded(case.ada, case.talk, made.getvalue(), f"a.{kind.lower()}", media_type)
    _, body, _ = await fetch(case.ada, record["download"]["url"])
    assert getattr(Image.open(io.BytesIO(body)), "n_frames", 1) == 3


async def test_a_school_has_so_much_room_and_no_more(alone: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    service: Any = alone.school.app.service("attachments").wrapped
    limits = service._limits
    monkeypatch.setattr(
        service,
        "_limits",
        type(limits)(
            quota=5 * len(TEXT),
            max_pixels=limits.max_pixels,
            uploading=limits.uploading,
            unused=limits.unused,
        ),
    )
    answers = await asyncio.gather(
        *(begin(alone.ada, alone.talk, TEXT, "a.txt", "text/plain") for _ in range(8))
    )
    assert sorted(answer.code for answer in answers) == [201] * 5 + [403] * 3
    full = next(answer for answer in answers if answer.code == 403)
    assert full.body["data"]["code"] == "QUOTA_EXCEEDED"
    assert await alone.bytes_used() == 5 * len(TEXT)
    begun = next(answer.body for answer in answers if answer.code == 201)
    assert (await alone.ada.rest("remove", "attachments", id=begun["_id"])).code == 200
    assert (await begin(alone.ada, alone.talk, TEXT, "a.txt", "text/plain")).code == 201


async def test_the_files_of_a_conversation_come_by_pages_the_newest_first(alone: Case) -> None:
    names = [f"{number}.txt" for number in range(5)]
    for name in names:
        record = await uploaded(alone.ada, alone.talk, TEXT, name, "text/plain")
        await write(alone.ada, alone.talk, attachments=[{"attachmentId": record["_id"]}])
    await uploaded(alone.ada, alone.talk, TEXT, "unused.txt", "text/plain")
    found: list[str] = []
    query: dict[str, Any] = {"conversationId": alone.talk, "$limit": 2}
    while True:
        page = (await alone.ben.rest("find", "attachments", query=query)).body
        found += [one["name"] for one in page["data"]]
        if page["next"] is None:
            break
        query["$after"] = page["next"]
    assert found == names[::-1]
    assert "url" in page["data"][0]["download"]
    assert (await alone.ben.rest("find", "attachments")).code == 400


async def test_a_removed_message_revokes_its_files_and_gives_them_back_when_restored(case: Case) -> None:
    record = await uploaded(case.ada, case.talk, picture())
    message = await write(case.ada, case.talk, attachments=[{"attachmentId": record["_id"]}])
    url = message["attachments"][0]["url"]
    assert (await fetch(case.ben, url))[0] == 200
    assert (await case.ada.rest("remove", "messages", id=message["_id"])).code == 200

    async def answers(status: int) -> bool:
        return (await fetch(case.ben, url))[0] == status

    await until_so(lambda: answers(404), within=30)
    assert (await case.ben.rest("get", "attachments", id=record["_id"])).code == 404
    query = {"conversationId": case.talk, "reason": "A report by a parent"}
    seen = (await case.admin.rest("find", "oversight", query=query)).body["data"][-1]
    assert (await fetch(case.admin, seen["deletedAttachments"][0]["url"]))[0] == 200
    back = await case.admin.rest("restore", "messages", data={"messageId": message["_id"]})
    assert back.code in {200, 201}
    await until_so(lambda: answers(200), within=30)


class SlowCopy:
    """Has the first copy of a record's file begin, and end when it is let."""

    def __init__(self, store: Store, record: Json, patch: pytest.MonkeyPatch) -> None:
        self._store, self._copy, self._id = store, store.copy, record["_id"]
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()
        patch.setattr(store, "copy", self.copy)

    async def copy(self, key: str, to: str) -> None:
        if self.begun.is_set() or self._id not in key:
            await self._copy(key, to)
            return
        await self._copy(key, f"drafts/{self._id}")
        self.begun.set()
        await self.may_end.wait()
        await self._copy(f"drafts/{self._id}", to)
        await self._store.delete(f"drafts/{self._id}")


async def test_a_file_whose_message_is_restored_while_it_is_being_revoked_is_not_lost(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = await uploaded(case.ada, case.talk, TEXT, "a.txt", "text/plain")
    kept = await case.keys(record)
    message = await write(case.ada, case.talk, attachments=[{"attachmentId": record["_id"]}])
    custodian = case.school.app.service("attachments").custodian
    slow = SlowCopy(case.store, record, monkeypatch)
    assert (await case.ada.rest("remove", "messages", id=message["_id"])).code == 200
    await slow.begun.wait()
    back = await case.admin.rest("restore", "messages", data={"messageId": message["_id"]})
    assert back.code in {200, 201}
    restored = await stored(record) or {}
    assert restored["state"] == "ATTACHED"
    assert restored["dueAt"] > now()  # nobody else moves it
    # Unless the one that is at it has had its time.
    where = {"_id": ObjectId(record["_id"])}
    await Attachment.documents().update_one(where, {"$set": {"dueAt": now()}})
    async with asyncio.timeout(10):
        while await custodian.run_next() is not None:
            pass
    slow.may_end.set()

    async def is_back() -> bool:
        found = await stored(record) or {}
        return found["dueAt"] is None and await case.keys(record) == kept

    await until_so(is_back, within=30)
    assert (await fetch(case.ben, message["attachments"][0]["url"]))[1] == TEXT


async def test_a_file_that_is_expunged_while_it_is_being_revoked_is_gone(
    alone: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = await uploaded(alone.ada, alone.talk, TEXT, "a.txt", "text/plain")
    message = await write(alone.ada, alone.talk, attachments=[{"attachmentId": record["_id"]}])
    slow = SlowCopy(alone.store, record, monkeypatch)
    assert (await alone.ada.rest("remove", "messages", id=message["_id"])).code == 200
    await slow.begun.wait()
    await alone.school.app.service("attachments").custodian.forget_of(ObjectId(alone.ada.id))
    slow.may_end.set()

    async def is_gone() -> bool:
        return await alone.keys(record) == [] and await stored(record) is None

    await until_so(is_gone, within=30)


async def test_a_file_is_taken_out_of_its_message(case: Case) -> None:
    one, other = [
        await uploaded(case.ada, case.talk, TEXT, name, "text/plain") for name in ("1.txt", "2.txt")
    ]
    files = [{"attachmentId": one["_id"]}, {"attachmentId": other["_id"]}]
    answer = await case.ada.rest(
        "create", "messages", data={"conversationId": case.talk, "attachments": files}
    )
    assert (await case.ben.rest("remove", "attachments", id=one["_id"])).code == 403
    async with case.ben.socket() as socket:
        assert (await case.teacher.rest("remove", "attachments", id=one["_id"])).code == 200
        told = await socket.next("messages patched", within=15)
    assert [file["name"] for file in told["attachments"]] == ["2.txt"]
    url = answer.body["attachments"][0]["url"]

    async def is_gone() -> bool:
        return (await fetch(case.ben, url))[0] == 404

    await until_so(is_gone, within=30)
    last = await case.ada.rest("remove", "attachments", id=other["_id"])
    assert (last.code, last.body["data"]["code"]) == (400, "ONLY_CONTENT")


async def test_a_forwarded_file_is_a_copy_and_outlives_the_first(case: Case) -> None:
    record = await uploaded(case.ada, case.talk, picture())
    message = await write(case.ada, case.talk, attachments=[{"attachmentId": record["_id"]}])
    elsewhere, before = await talk_of(case.ben, case.cleo), await case.bytes_used()
    data = {"conversationId": elsewhere, "forwardOf": message["_id"]}
    copy = (await case.ben.rest("create", "messages", data=data)).body
    (file,) = copy["attachments"]
    assert file["attachmentId"] != record["_id"]
    assert (await case.ada.rest("remove", "messages", id=message["_id"])).code == 200
    assert (await case.cleo.rest("get", "attachments", id=file["attachmentId"])).code == 200
    assert (await fetch(case.cleo, file["url"]))[0] == 200
    assert await case.bytes_used() == before + file["size"]


async def test_what_is_erased_goes_with_its_files(alone: Case) -> None:
    record = await uploaded(alone.ada, alone.talk, picture())
    await write(alone.ada, alone.talk, attachments=[{"attachmentId": record["_id"]}])
    begun = (await begin(alone.ada, alone.talk, TEXT, "a.txt", "text/plain")).body
    await put(alone.ada, begun["upload"], TEXT)
    erasure = await alone.admin.rest("create", "erasures", data={"userId": alone.ada.id})
    assert erasure.code == 201

    async def is_done() -> bool:
        found = await alone.admin.rest("get", "erasures", id=erasure.body["_id"])
        return bool(found.body["state"] == "DONE")

    await until_so(is_done, within=30)
    for one in (record, begun):
        assert await stored(one) is None
        assert await alone.keys(one) == []
    assert await alone.bytes_used() == 0


async def test_an_erasure_goes_on_when_a_store_that_was_away_is_back(
    alone: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = await uploaded(alone.ada, alone.talk, TEXT, "a.txt", "text/plain")

    async def away(*_: str) -> None:
        raise OSError("the store is away")

    forget_of = alone.school.app.service("attachments").custodian.forget_of
    with monkeypatch.context() as patch:
        patch.setattr(alone.store, "delete", away)
        with pytest.raises(Unavailable, match="cannot be deleted now"):
            await forget_of(ObjectId(alone.ada.id))
    await forget_of(ObjectId(alone.ada.id))
    assert await stored(record) is None
    assert await alone.keys(record) == []


async def test_uploads_that_nobody_completed_or_used_are_swept(alone: Case) -> None:
    begun = (await begin(alone.ada, alone.talk, TEXT, "a.txt", "text/plain")).body
    await put(alone.ada, begun["upload"], TEXT)
    unused = await uploaded(alone.ada, alone.talk, picture())
    kept = await uploaded(alone.ada, alone.talk, TEXT, "b.txt", "text/plain")
    later = {"conversationId": alone.talk, "attachments": [{"attachmentId": kept["_id"]}]}
    scheduled = {**later, "content": "Later", "sendAt": "2027-01-01T00:00:00Z"}
    assert (await alone.ada.rest("create", "scheduled-messages", data=scheduled)).code == 201
    ids = [ObjectId(one["_id"]) for one in (begun, unused, kept)]
    await Attachment.documents().update_many({"_id": {"$in": ids}}, {"$set": {"dueAt": now()}})
    alone.school.app.service("attachments").custodian.background.wake()

    async def are_gone() -> bool:
        return [await stored(one) for one in (begun, unused)] == [None, None]

    await until_so(are_gone, within=30)
    for one in (begun, unused):
        assert await alone.keys(one) == []
    assert await alone.bytes_used() == len(TEXT)
    assert (await stored(kept) or {})["state"] == "READY"


async def test_a_scanner_has_the_last_word(case: Case) -> None:
    service = case.school.app.service("attachments")
    seen: list[bytes] = []

    async def scan(attachment: Any, path: Any) -> str | None:
        if attachment["name"] != "virus.txt":
            return None
        seen.append(await asyncio.to_thread(path.read_bytes))
        return "carries a virus"

    service.scan_with(scan)
    begun = (await begin(case.ada, case.talk, TEXT, "virus.txt", "text/plain")).body
    await put(case.ada, begun["upload"], TEXT)
    refused = await complete(case.ada, begun["_id"])
    assert (refused.code, refused.body["errors"]) == (400, {"content": "carries a virus"})
    assert seen == [TEXT]
    assert await stored(begun) is None


async def test_of_the_pictures_of_a_telephone_the_first_is_kept(case: Case) -> None:
    made, depth = io.BytesIO(), Image.new("RGB", (40, 30), "gray")
    Image.new("RGB", (40, 30), "teal").save(made, "MPO", save_all=True, append_images=[depth])
    record = await uploaded(case.ada, case.talk, made.getvalue(), "a.jpg", JPEG)
    _, body, _ = await fetch(case.ada, record["download"]["url"])
    assert (record["width"], Image.open(io.BytesIO(body)).format) == (40, "JPEG")


async def test_the_names_of_files_are_sealed_in_an_encrypted_conversation(alone: Case) -> None:
    await encrypt(alone.teacher, alone.talk)
    files = [
        {"attachmentId": (await uploaded(alone.ada, alone.talk, TEXT, f"{name}.txt", "text/plain"))["_id"]}
        for name in ("first", "second")
    ]
    message = await write(alone.ada, alone.talk, attachments=files)
    known = await Message.documents().find_one({"_id": ObjectId(message["_id"])})
    assert known is not None
    assert all(isinstance(file["name"], bytes) for file in known["attachments"])
    taken = await alone.ada.rest("remove", "attachments", id=files[0]["attachmentId"])
    assert taken.code == 200
    (left,) = (await alone.ben.rest("get", "messages", id=message["_id"])).body["attachments"]
    assert left["name"] == "second.txt"
    assert (await fetch(alone.ben, left["url"]))[1] == TEXT


async def test_a_small_picture_is_made_again_as_it_was_and_none_of_what_is_gone(case: Case) -> None:
    record = await uploaded(case.ada, case.talk, picture((600, 400)))
    service = case.school.app.service("attachments")
    task = Task("attachments.thumbnail", {"attachmentId": ObjectId(record["_id"])})
    await service.make_thumbnail(task)
    await service.make_thumbnail(task)
    assert len(await case.keys(record)) == 2
    assert (await case.ada.rest("get", "attachments", id=record["_id"])).body["thumbnailUrl"]
    assert (await case.ada.rest("remove", "attachments", id=record["_id"])).code == 200
    await service.make_thumbnail(task)
    assert await case.keys(record) == []


async def test_a_scheduled_message_takes_its_file_when_it_is_sent(case: Case) -> None:
    record = await uploaded(case.ada, case.talk, TEXT, "a.txt", "text/plain")
    files = [{"attachmentId": record["_id"]}]
    async with case.ben.socket() as socket:
        soon = now() + timedelta(seconds=1)
        said = {"conversationId": case.talk, "attachments": files, "sendAt": soon}
        waiting = await case.ada.rest("create", "scheduled-messages", data=said)
        assert waiting.code == 201, waiting
        assert waiting.body["attachments"] == files
        told = await socket.next("messages created", within=15)
    assert (await fetch(case.ben, told["attachments"][0]["url"]))[1] == TEXT


async def test_what_is_too_old_goes_with_its_files(alone: Case) -> None:
    record = await uploaded(alone.ada, alone.talk, picture())
    message = await write(alone.ada, alone.talk, "Long ago", attachments=[{"attachmentId": record["_id"]}])
    await settle(alone.admin, retentionDays=30)
    await aged(message, days=31)
    where = await alone.school.one("schools", _id=ObjectId(alone.ada.user["schoolId"]))

    async def progress(messages: int, conversations: int) -> None:
        """Nobody asks."""

    assert (await expunge_expired(alone.school.app, where, progress)).messages == 1
    alone.school.app.service("attachments").custodian.background.wake()

    async def is_gone() -> bool:
        return await stored(record) is None

    await until_so(is_gone, within=30)
    assert await alone.keys(record) == []
    assert await alone.bytes_used() == 0


async def test_what_nobody_checks_any_more_can_be_completed_again(case: Case) -> None:
    begun = (await begin(case.ada, case.talk, TEXT, "a.txt", "text/plain")).body
    assert (await put(case.ada, begun["upload"], TEXT)).code == 201
    where = {"_id": ObjectId(begun["_id"])}
    await Attachment.documents().update_one(where, {"$set": {"state": "CHECKING"}})
    assert (await complete(case.ada, begun["_id"])).code == 409
    await Attachment.documents().update_one(where, {"$set": {"dueAt": now()}})
    case.school.app.service("attachments").custodian.background.wake()

    async def is_ready() -> bool:
        return (await complete(case.ada, begun["_id"])).code in {200, 201}

    await until_so(is_ready, within=30)


class Halting:
    """A scanner that waits at the files of one name until it may go on; ``arrived`` counts them."""

    def __init__(self, case: Case, name: str) -> None:
        self.name, self.arrived = name, 0
        self.gates = [asyncio.Event(), asyncio.Event()]
        case.school.app.service("attachments").scan_with(self.scan)

    async def scan(self, attachment: Any, path: Any) -> str | None:
        if attachment["name"] == self.name:
            self.arrived += 1
            await self.gates[self.arrived - 1].wait()
        return None

    async def at(self, arrived: int) -> None:
        await until(lambda: self.arrived == arrived)


async def out_of_time(case: Case, record: Json) -> None:
    """Whoever checks the file has had its time."""
    where = {"_id": ObjectId(record["_id"])}
    await Attachment.documents().update_one(where, {"$set": {"dueAt": now()}})
    case.school.app.service("attachments").custodian.background.wake()

    async def waits() -> bool:
        return bool((await stored(record) or {})["state"] == "WAITING")

    await until_so(waits)


async def test_a_check_that_outlasts_its_time_gives_way_to_the_next(case: Case) -> None:
    scanner = Halting(case, "outlasts.txt")
    begun = (await begin(case.ada, case.talk, TEXT, "outlasts.txt", "text/plain")).body
    await put(case.ada, begun["upload"], TEXT)
    first = asyncio.create_task(complete(case.ada, begun["_id"]))
    await scanner.at(1)
    await out_of_time(case, begun)
    second = asyncio.create_task(complete(case.ada, begun["_id"]))
    await scanner.at(2)
    scanner.gates[0].set()
    assert (await first).code == 409
    assert (await stored(begun) or {})["state"] == "CHECKING"
    scanner.gates[1].set()
    done = (await second).body
    assert done["state"] == "READY"
    assert (await fetch(case.ada, done["download"]["url"]))[1] == TEXT
    assert len(await case.keys(begun)) == 1


async def test_an_upload_is_kept_until_its_record_says_that_it_was_checked(case: Case) -> None:
    scanner = Halting(case, "kept.txt")
    begun = (await begin(case.ada, case.talk, TEXT, "kept.txt", "text/plain")).body
    await put(case.ada, begun["upload"], TEXT)
    first = asyncio.create_task(complete(case.ada, begun["_id"]))
    await scanner.at(1)
    await out_of_time(case, begun)
    for gate in scanner.gates:
        gate.set()
    assert (await first).code == 409
    assert (await complete(case.ada, begun["_id"])).body["state"] == "READY"


async def test_a_file_that_is_removed_while_it_is_checked_leaves_nothing_behind(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, keep = await case.bytes_used(), case.store.write
    begun = (await begin(case.ada, case.talk, data := picture(), "removed.png", PNG)).body
    await put(case.ada, begun["upload"], data)

    async def remove_and_keep(*args: Any) -> None:
        assert (await case.ada.rest("remove", "attachments", id=begun["_id"])).code == 200
        await keep(*args)

    with monkeypatch.context() as patch:
        patch.setattr(case.store, "write", remove_and_keep)
        assert (await complete(case.ada, begun["_id"])).code == 409
    assert await case.keys(begun) == []
    assert await case.bytes_used() == before


async def test_a_file_that_a_message_takes_while_it_is_removed_stays(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = await uploaded(case.ada, case.talk, TEXT, "a.txt", "text/plain")
    service: Any = case.school.app.service("attachments").wrapped
    get = service.get

    async def get_and_send(id: Any, params: Any) -> Any:
        found = await get(id, params)
        await write(case.ada, case.talk, attachments=[{"attachmentId": record["_id"]}])
        return found

    with monkeypatch.context() as patch:
        patch.setattr(service, "get", get_and_send)
        assert (await case.ada.rest("remove", "attachments", id=record["_id"])).code == 409
    got = (await case.ben.rest("get", "attachments", id=record["_id"])).body
    assert (await fetch(case.ben, got["download"]["url"]))[1] == TEXT


async def test_who_removes_a_file_may_select_what_to_see_of_it(case: Case) -> None:
    record = await uploaded(case.ada, case.talk, TEXT, "a.txt", "text/plain")
    gone = await case.ada.rest("remove", "attachments", id=record["_id"], query={"$select": ["mediaType"]})
    assert (gone.code, gone.body["mediaType"]) == (200, "text/plain")


async def test_a_failing_scanner_is_no_verdict(alone: Case) -> None:
    async def away(attachment: Any, path: Any) -> str | None:
        raise Unavailable("The scanner is away")

    begun = (await begin(alone.ada, alone.talk, TEXT, "a.txt", "text/plain")).body
    assert (await put(alone.ada, begun["upload"], TEXT)).code == 201
    scans = alone.school.app.service("attachments").wrapped._checker.scans
    scans.append(away)
    assert (await complete(alone.ada, begun["_id"])).code == 503
    scans.remove(away)
    assert (await complete(alone.ada, begun["_id"])).body["state"] == "READY"
