"""Mails about what is unread, to those who were away and want them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import NamedTuple

import pytest
from bson import ObjectId

from stonechat.core.application import Application
from stonechat.core.jobs import Task, jobs
from stonechat.core.jobs.memory import MemoryLedger
from stonechat.core.mail import mailer_of
from stonechat.models.record import now
from stonechat.services.digests.digest import Digest, wording
from stonechat.services.digests.looking import LOOK, Looking
from tests.support.mailbox import HOST, Mailbox
from tests.support.people import newcomer, talk_of, write
from tests.support.school import Json, Person, School, serve_school, test_settings
from tests.support.waiting import until, until_so

PREFERENCES = "notification-preferences"


class Place(NamedTuple):
    school: School
    mailbox: Mailbox

    async def is_idle(self) -> bool:
        tasks = self.school.app.get("database").database["tasks"]
        open_ones = {"kind": {"$in": ["digest", "digest-look"]}, "state": {"$in": ["WAITING", "RUNNING"]}}
        return bool(await tasks.count_documents(open_ones) == 0)

    async def wisher(self, **preferences: Json) -> Person:
        person = await newcomer(self.school)
        data = {"emailDigest": True, **preferences}
        assert (await person.rest("patch", PREFERENCES, id="me", data=data)).code == 200
        return person


@pytest.fixture(scope="module")
async def place(mongodb_url: str) -> AsyncIterator[Place]:
    async with Mailbox.serving() as mailbox:
        mail = {
            "host": HOST,
            "port": mailbox.port,
            "sender": "chat@school.example",
            "encryption": "none",
            "digest_minutes": 0.3 / 60,
        }
        settings = test_settings(mongodb_url, "test_digests", mail=mail, presence={"grace_seconds": 0})
        async with serve_school(settings) as school:
            yield Place(school, mailbox)


async def test_who_was_away_and_wants_it_is_written_what_is_unread(place: Place) -> None:
    writer, reader = await newcomer(place.school), await place.wisher()
    talk = await talk_of(writer, reader, name="Lab")
    for content in ("The secret is 4711", "Are you there?"):
        await write(writer, talk, content, mentions=[reader.id])
    await until(lambda: place.mailbox.to(reader.user["email"]))
    (mail,) = place.mailbox.to(reader.user["email"])
    assert mail["Subject"] == "2 unread messages"
    text = mail.get_content()
    assert "Lab: 2 (2 mentioning you)" in text
    assert "4711" not in text


async def test_nobody_is_written_who_does_not_want_it_or_is_here(place: Place) -> None:
    writer, witness = await newcomer(place.school), await place.wisher()
    unasked, nobody = await newcomer(place.school), await place.wisher(level="none")
    here, read = await place.wisher(), await place.wisher()
    talk = await talk_of(writer, witness, unasked, nobody, here, read)
    async with here.socket():
        await write(writer, talk)
        answer = await read.rest("acknowledge", "members", data={"conversationId": talk, "readSeq": 1})
        assert answer.code in {200, 201}
        await until(lambda: place.mailbox.to(witness.user["email"]))
        await until_so(place.is_idle)
    for person in (writer, unasked, nobody, here, read):
        assert place.mailbox.to(person.user["email"]) == []


async def test_who_stays_away_is_written_once_a_day(place: Place) -> None:
    writer, reader = await newcomer(place.school), await place.wisher()
    talk = await talk_of(writer, reader)
    message = await write(writer, talk)
    await until(lambda: place.mailbox.to(reader.user["email"]))
    await until_so(place.is_idle)
    mailer = mailer_of(place.school.app)
    assert mailer is not None
    digest = Digest(place.school.app, mailer)
    task = Task("digest", {"userId": ObjectId(reader.id), "since": now()})
    await digest.send(task)
    assert len(place.mailbox.to(reader.user["email"])) == 1
    preferences = place.school.app.get("database").database[PREFERENCES]
    day_before = {"$set": {"digestedAt": now() - timedelta(days=2)}}
    await preferences.update_one({"userId": ObjectId(reader.id)}, day_before)
    await digest.send(task)
    assert len(place.mailbox.to(reader.user["email"])) == 2
    assert message["seq"] == 1


async def test_a_look_that_could_not_be_owed_is_owed_with_the_next_message(place: Place) -> None:
    app, ledger = Application(), MemoryLedger()
    app.configure(jobs(ledger))
    looking, messages = Looking(app, minutes=60), place.school.app.service("messages")
    message = {"type": "text", "conversationId": ObjectId(), "schoolId": ObjectId(), "createdAt": now()}
    for owed in (0, 1, 1):
        looking.published(messages, "created", message, None)
        await app.tasks.close()
        assert len(ledger) == owed
        if not owed:  # until now nobody does it, which is an error
            app.jobs.define(LOOK, looking.look)


async def test_a_mail_that_is_refused_for_good_is_given_up(place: Place) -> None:
    writer, reader = await newcomer(place.school), await place.wisher()
    place.mailbox.refusals[reader.user["email"]] = "550 No such user"
    await write(writer, await talk_of(writer, reader))
    tasks = place.school.app.get("database").database["tasks"]
    failed = {"kind": "digest", "key": reader.id, "state": "FAILED"}

    async def has_failed() -> bool:
        return bool(await tasks.count_documents(failed) == 1)

    await until_so(has_failed)
    (task,) = await tasks.find(failed).to_list()
    assert (task["attempts"], task["error"]) == (1, "the mail was refused")


async def test_when_the_last_digest_was_is_nobody_s_business(place: Place) -> None:
    writer, reader = await newcomer(place.school), await place.wisher()
    await write(writer, await talk_of(writer, reader))
    await until(lambda: place.mailbox.to(reader.user["email"]))
    await until_so(place.is_idle)
    shown = (await reader.rest("get", PREFERENCES, id="me")).body
    assert shown["emailDigest"] is True
    assert "digestedAt" not in shown


def test_a_digest_names_people_where_a_conversation_has_no_name() -> None:
    rows: list[Json] = [
        {"kind": "direct", "name": None, "other": {"name": "Ben\nBcc: eve"}, "unread": 1, "mentions": 0},
    ]
    subject, text = wording({"name": "Ada"}, rows)
    assert subject == "One unread message"
    assert "\nBen Bcc: eve: 1\n" in text
