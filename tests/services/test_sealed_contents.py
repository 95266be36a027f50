"""Whatever is done with what an encrypted conversation says, none of it lies in the database in clear."""

from __future__ import annotations

from datetime import timedelta

import pytest
from bson import ObjectId

from stonechat.commands.recount import recount
from stonechat.models import ExportPiece, Message
from stonechat.models.record import now
from tests.services.test_exports import archive_of, made
from tests.support.encryption import encrypt, rotate
from tests.support.people import new_school, newcomer, talk_of, write
from tests.support.privacy import stored, traces
from tests.support.school import Person, School

SECRETS = ("Quokkaberry", "Wombatberry", "Numbatberry", "Bilbyberry", "Dingoberry", "Kookaburra", "Platypus")


async def changed(person: Person, message_id: str, content: str) -> None:
    answer = await person.rest("patch", "messages", id=message_id, data={"content": content})
    assert answer.code == 200, answer


async def test_no_collection_has_a_word_of_it(school: School, capsys: pytest.CaptureFixture[str]) -> None:
    slug = await new_school(school)
    admin, ada, ben = [await newcomer(school, role, at=slug) for role in ("admin", "student", "student")]
    talk, other = await talk_of(ada, ben), await talk_of(ben, ada)
    for person, one in ((ada, talk), (ben, other)):
        await encrypt(person, one)
    files = [{"name": "platypus.pdf", "url": "https://files.example/platypus.pdf", "mediaType": "image/png"}]
    first = await write(ada, talk, "The quokkaberry sleeps", idempotencyKey=f"once {talk}", mentions=[ben.id])
    await changed(ada, first["_id"], "The wombatberry sleeps")
    reply = await write(ben, talk, "A numbatberry?", replyTo=first["_id"], attachments=files)
    forwarded = await ben.rest(
        "create", "messages", data={"conversationId": other, "forwardOf": reply["_id"]}
    )
    assert (forwarded.body["content"], forwarded.body["attachments"][0]["name"]) == (
        "A numbatberry?",
        "platypus.pdf",
    )
    await rotate(ada, talk)
    gone = await write(ada, talk, "A bilbyberry!")
    report = {"messageId": gone["_id"], "reason": "spam", "note": "Look"}
    assert (await ben.rest("create", "reports", data=report)).code == 201
    (seen,) = (await admin.rest("find", "reports")).body["data"]
    assert seen["message"]["content"] == "A bilbyberry!"
    assert (await ada.rest("remove", "messages", id=gone["_id"])).code == 200
    assert (await admin.rest("restore", "messages", data={"messageId": gone["_id"]})).code == 200
    waiting = {"conversationId": talk, "content": "A dingoberry", "sendAt": now() + timedelta(days=1)}
    scheduled = await ada.rest("create", "scheduled-messages", data=waiting)
    assert scheduled.body["content"] == "A dingoberry"
    later = await ada.rest(
        "patch", "scheduled-messages", id=scheduled.body["_id"], data={"content": "A kookaburra"}
    )
    assert later.body["content"] == "A kookaburra"
    archive = await archive_of(ada, await made(ada))
    said = [one["content"] for one in archive["messages"]]
    assert said == ["The wombatberry sleeps", "A bilbyberry!"]
    assert archive["messages"][0]["edits"][0]["content"] == "The quokkaberry sleeps"
    assert archive["scheduled-messages"][0]["content"] == "A kookaburra"
    assert await traces(school.app, *SECRETS) == []
    # What is counted and shown anew is as it is stored.
    assert await recount(school.app, slug)
    assert "nothing to mend" in capsys.readouterr().out


async def test_a_text_sealed_in_one_room_is_clear_in_one_that_is_not(school: School) -> None:
    ada = await newcomer(school)
    secret, plain = await talk_of(ada), await talk_of(ada)
    await encrypt(ada, secret)
    out = await write(ada, secret, "Out")
    into = await write(ada, plain, "In")
    for message, talk, kind in ((out, plain, str), (into, secret, bytes)):
        data = {"conversationId": talk, "forwardOf": message["_id"]}
        copy = (await ada.rest("create", "messages", data=data)).body
        assert copy["content"] == message["content"]
        assert type((await stored(copy))["content"]) is kind


async def test_a_scheduled_message_is_sent_as_it_was_written(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    await encrypt(ada, talk)
    data = {"conversationId": talk, "content": "Soon", "sendAt": now() + timedelta(seconds=1)}
    async with ben.socket() as socket:
        assert (await ada.rest("create", "scheduled-messages", data=data)).code == 201
        assert (await socket.next("messages created"))["content"] == "Soon"
    (message,) = await Message.documents().find({"conversationId": ObjectId(talk)}).to_list()
    assert isinstance(message["content"], bytes)


async def test_an_archive_is_sealed_piece_by_piece(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    await encrypt(ada, talk)
    await write(ada, talk, "At noon")
    export = await made(ada)
    pieces = await ExportPiece.documents().find({"exportId": ObjectId(export["_id"])}).to_list()
    assert [piece["data"][:2] == b"PK" for piece in pieces] == [False]
    assert not {"wrapped", "masterId"} & export.keys()


async def test_what_looks_sealed_is_only_a_text(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    looking = "\x01\x00\x00\x00\x01 enc:v1:QUJD"
    message = await write(ada, talk, looking)
    assert message["content"] == looking
    assert (await ada.rest("get", "messages", id=message["_id"])).body["content"] == looking
    await encrypt(ada, talk)
    assert (await ada.rest("get", "messages", id=message["_id"])).body["content"] == looking
