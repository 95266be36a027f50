from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from stonechat.core.encoding import decode
from stonechat.models import Export, ExportPiece, OwedTask
from stonechat.models.record import now
from tests.support.people import has_not_heard, new_school, newcomer, talk_of, write
from tests.support.privacy import many_old, people_of
from tests.support.school import Json, Person, School, Socket

PATH = "exports"


async def finished(socket: Socket, export: Json) -> Json:
    """The export as its requester hears of it at its end."""
    while True:
        heard = await socket.next("exports patched")
        if heard["_id"] == export["_id"] and heard["state"] in {"DONE", "FAILED"}:
            return heard


async def made(person: Person, **data: Json) -> Json:
    async with person.socket() as socket:
        answer = await socket.call("create", PATH, data=data)
        assert answer.code == 200, answer
        done = await finished(socket, answer.body)
    assert done["state"] == "DONE", done
    return done


async def link_of(person: Person, export: Json) -> str:
    answer = await person.rest("link", PATH, data={"exportId": export["_id"]})
    assert answer.code == 200, answer
    url: str = answer.body["url"]
    return url


async def fetch(school: School, url: str, verb: str = "GET") -> tuple[int, Mapping[str, str], bytes]:
    """As a browser does it: without any header."""
    async with school.http.request(verb, school.url + url) as answer:
        return answer.status, answer.headers, await answer.read()


async def archive_of(person: Person, export: Json) -> dict[str, Any]:
    """The records by the name of their file, and the text of the page."""
    status, headers, body = await fetch(person.school, await link_of(person, export))
    assert status == 200
    assert headers["Content-Type"] == "application/zip"
    assert int(headers["Content-Length"]) == len(body) == export["size"]
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    return {
        name.removesuffix(".jsonl"): [decode(line) for line in text.splitlines()]
        if name.endswith(".jsonl")
        else text
        for name, text in texts.items()
    }


async def test_nobody_exports_without_logging_in(school: School) -> None:
    for method in ("find", "create", "link"):
        answer = await school.nobody.rest(method, PATH, data=None if method == "find" else {})
        assert answer.code == 401


@pytest.mark.parametrize("role", ["student", "teacher"])
async def test_others_than_admins_export_nobody_s_data_but_their_own(school: School, role: str) -> None:
    person, ada, admin = await newcomer(school, role), await newcomer(school), await newcomer(school, "admin")
    answer = await person.rest("create", PATH, data={"userId": ada.id})
    assert answer.code == 403
    for export in (await made(ada), await made(admin, userId=person.id)):
        assert (await person.rest("get", PATH, id=export["_id"])).code == 404
        assert (await person.rest("remove", PATH, id=export["_id"])).code == 404
        assert (await person.rest("link", PATH, data={"exportId": export["_id"]})).code == 404
        async with person.socket() as socket:
            refused = await socket.call("link", PATH, data={"exportId": export["_id"]})
            assert refused.code == 404
    assert (await person.rest("find", PATH)).body["total"] == 0


async def test_who_is_no_admin_any_more_reaches_nothing_of_others(school: School) -> None:
    head, admin = await newcomer(school, "admin"), await newcomer(school, "admin")
    exports = school.app.service(PATH)
    of_another, own = await made(admin, userId=(await newcomer(school)).id), await made(admin)
    changed = await head.rest("patch", "users", id=admin.id, data={"role": "teacher"})
    assert changed.code == 200
    assert [one["_id"] for one in (await admin.rest("find", PATH)).body["data"]] == [own["_id"]]
    for method, call in (("get", {"id": of_another["_id"]}), ("remove", {"id": of_another["_id"]})):
        assert (await admin.rest(method, PATH, **call)).code == 404
    assert (await admin.rest("link", PATH, data={"exportId": of_another["_id"]})).code == 404
    assert (await admin.rest("link", PATH, data={"exportId": own["_id"]})).code == 200
    async with admin.socket() as socket, head.socket() as still:
        for export in (of_another, own):
            await exports.patch(export["_id"], {"done": 1})
        assert [(await still.next("exports patched"))["_id"] for _ in range(2)] == [
            of_another["_id"],
            own["_id"],
        ]
        assert (await socket.next("exports patched"))["_id"] == own["_id"]


async def test_an_admin_of_another_school_reaches_nothing_of_this_one(school: School) -> None:
    ada, other = await newcomer(school), await newcomer(school, "admin", at=await new_school(school))
    export = await made(ada)
    assert (await other.rest("find", PATH)).body["total"] == 0
    assert (await other.rest("get", PATH, id=export["_id"])).code == 404
    assert (await other.rest("link", PATH, data={"exportId": export["_id"]})).code == 404
    answer = await other.rest("create", PATH, data={"userId": ada.id})
    assert answer.code == 400
    assert "userId" in answer.body["errors"]


@pytest.mark.parametrize("data", [{"userId": "ada"}, {"userId": None}, {"state": "DONE"}])
async def test_what_makes_no_sense_is_refused(school: School, data: Json) -> None:
    admin = await newcomer(school, "admin")
    assert (await admin.rest("create", PATH, data=data)).code == 400


async def test_the_archive_has_all_that_one_has_written_and_nothing_of_others(school: School) -> None:
    _, teacher, ada = await people_of(school, await new_school(school), "admin", "teacher", "student")
    talk = await talk_of(teacher, ada, name="Maths club")
    first = await write(ada, talk, "A first try")
    assert (await ada.rest("patch", "messages", id=first["_id"], data={"content": "Better"})).code == 200
    removed = await write(ada, talk, "Regretted")
    assert (await ada.rest("remove", "messages", id=removed["_id"])).code == 200
    of_teacher = await write(teacher, talk, "Only for the club", mentions=[ada.id])
    reaction = {"messageId": of_teacher["_id"], "emoji": "👍"}
    assert (await ada.rest("create", "reactions", data=reaction)).code == 201
    report = {"messageId": of_teacher["_id"], "reason": "spam"}
    assert (await ada.rest("create", "reports", data=report)).code == 201

    archive = await archive_of(ada, await made(ada))
    (profile,) = archive["profile"]
    assert profile["email"] == ada.user["email"]
    assert "password" not in profile
    (membership,) = archive["memberships"]
    assert membership["conversation"] == {"kind": "group", "name": "Maths club"}
    written = [one for one in archive["messages"] if one["type"] == "text"]
    assert [one["content"] for one in written] == ["Better", "Regretted"]
    assert [edit["content"] for edit in written[0]["edits"]] == ["A first try"]
    assert written[1]["deletedAt"]
    assert [one["emoji"] for one in archive["reactions"]] == ["👍"]
    assert [one["messageId"] for one in archive["reports"]] == [of_teacher["_id"]]
    assert archive["sessions"]
    assert all("tokenHash" not in one for one in archive["sessions"])
    everything = str(archive)
    assert "Only for the club" not in everything
    assert teacher.user["email"] not in everything
    for name in archive:
        assert name == "README.txt" or f"{name}.jsonl" in archive["README.txt"]


async def test_of_a_report_the_archive_has_what_its_reporter_reads(school: School) -> None:
    admin, teacher, ada = await people_of(school, await new_school(school), "admin", "teacher", "student")
    said = await write(teacher, await talk_of(teacher, ada))
    report = await ada.rest("create", "reports", data={"messageId": said["_id"], "reason": "spam"})
    until = {"suspendUntil": "2040-01-01T00:00:00.000Z", "note": "Third time"}
    decision = {"resolution": "suspended", **until}
    assert (await admin.rest("patch", "reports", id=report.body["_id"], data=decision)).code == 200
    (kept,) = (await archive_of(ada, await made(ada)))["reports"]
    read = (await ada.rest("get", "reports", id=report.body["_id"])).body
    assert kept.keys() <= read.keys()
    assert kept["resolution"] == "suspended"


async def test_how_far_it_is_is_told_who_may_see_it(school: School) -> None:
    admin, _, ada = await people_of(school, await new_school(school), "admin", "teacher", "student")
    await many_old(ada, await talk_of(ada), 450, days=1)
    async with admin.socket() as asking, ada.socket() as other:
        answer = await asking.call("create", PATH, data={"userId": ada.id})
        assert answer.body["state"] == "WAITING"
        counts: list[int] = []
        while True:
            heard = await asking.next("exports patched")
            counts.append(heard["done"])
            assert not heard.keys() & {"runner", "leaseUntil", "openKey", "linkHash", "linkUntil"}
            if heard["state"] != "RUNNING":
                break
        assert await has_not_heard(other, "exports patched")
        assert await has_not_heard(other, "exports created")
    assert counts == sorted(counts)
    assert len(set(counts)) > 3
    seen = (await admin.rest("get", PATH, id=answer.body["_id"])).body
    assert seen["state"] == "DONE"
    assert seen["done"] == seen["total"] == counts[-1]
    assert len((await archive_of(admin, seen))["messages"]) >= 450


async def test_a_link_gives_the_archive_once_and_to_nobody_who_guesses(school: School) -> None:
    ada = await newcomer(school)
    export = await made(ada)
    url = await link_of(ada, export)
    assert (await fetch(school, url, "HEAD"))[0] == 404
    status, headers, _ = await fetch(school, url)
    assert status == 200
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Disposition"].startswith("attachment")
    for used in (url, "/downloads", "/downloads?token=", "/downloads?token=None", "/downloads?token=abc"):
        assert (await fetch(school, used))[0] == 404
    older, newer = await link_of(ada, export), await link_of(ada, export)
    assert (await fetch(school, older))[0] == 404
    await Export.documents().update_one(
        {"_id": ObjectId(export["_id"])}, {"$set": {"linkUntil": now() - timedelta(seconds=1)}}
    )
    assert (await fetch(school, newer))[0] == 404


async def test_a_token_is_nowhere_in_answers_and_not_in_the_database(school: School) -> None:
    ada = await newcomer(school)
    export = await made(ada)
    token = (await link_of(ada, export)).partition("token=")[2]
    kept = await Export.documents().find_one({"_id": ObjectId(export["_id"])})
    assert token not in str(kept)
    assert "linkHash" not in (await ada.rest("get", PATH, id=export["_id"])).body


async def test_one_at_a_time_is_made(school: School) -> None:
    ada = await newcomer(school)
    export = await made(ada)
    where = {"_id": ObjectId(export["_id"])}
    await Export.documents().update_one(where, {"$set": {"openKey": f"export {ada.id} {ada.id}"}})
    refused = await ada.rest("create", PATH, data={})
    assert refused.code == 409
    assert "userId" in refused.body["errors"]
    await Export.documents().update_one(where, {"$set": {"openKey": None}})
    await made(ada)


async def test_what_is_removed_is_gone_with_its_archive(school: School) -> None:
    ada = await newcomer(school)
    export = await made(ada)
    url = await link_of(ada, export)
    pieces = {"exportId": ObjectId(export["_id"])}
    assert await ExportPiece.documents().count_documents(pieces)
    assert (await ada.rest("remove", PATH, id=export["_id"])).code == 200
    assert not await ExportPiece.documents().count_documents(pieces)
    assert (await fetch(school, url))[0] == 404


async def test_it_expires_with_its_archive(school: School) -> None:
    ada = await newcomer(school)
    export = await made(ada)
    kept = await Export.documents().find_one({"_id": ObjectId(export["_id"])})
    assert kept is not None
    assert timedelta(days=6.9) < kept["expiresAt"] - now() < timedelta(days=7)
    expiries = ExportPiece.documents().find({"exportId": kept["_id"]})
    assert {piece["expiresAt"] async for piece in expiries} == {kept["expiresAt"]}
    for model in (Export, ExportPiece):
        index = (await model.documents().index_information())["expiresAt"]
        assert index["expireAfterSeconds"] == 0


async def held_by_another(export: Json, until: datetime) -> None:
    """As if another process had begun it, and was last heard of a lease before ``until``."""
    begun = {"state": "RUNNING", "runner": "another"}
    await Export.documents().update_one({"_id": ObjectId(export["_id"])}, {"$set": begun})
    key = export["_id"]
    held = {"state": "RUNNING", "holder": "another", "dueAt": until, "openKey": f"{PATH} {key}"}
    await OwedTask.documents().update_one({"kind": PATH, "key": key}, {"$set": held})


async def test_a_job_whose_process_is_gone_is_done_by_another(school: School) -> None:
    ada = await newcomer(school)
    export = await made(ada)
    async with ada.socket() as socket:
        await held_by_another(export, now() - timedelta(seconds=1))
        again = await finished(socket, export)
    assert again["state"] == "DONE"
    assert (await archive_of(ada, again))["profile"]


async def test_what_another_process_works_on_is_left_to_it(school: School) -> None:
    ada = await newcomer(school)
    export = await made(ada)
    await held_by_another(export, now() + timedelta(minutes=1))
    assert not await school.app.jobs.do(PATH, export["_id"])
    assert (await ada.rest("link", PATH, data={"exportId": export["_id"]})).code == 400


async def test_the_audit_log_has_who_exported_whom(school: School) -> None:
    admin, _, ada = await people_of(school, await new_school(school), "admin", "teacher", "student")
    await link_of(ada, await made(ada))
    export = await made(admin, userId=ada.id)
    await link_of(admin, export)
    found = await admin.rest("find", "audit-log", query={"$sort": {"number": 1}})
    entries = [one for one in found.body["data"] if one["subject"]["path"] == PATH]
    assert [(one["action"], one["subject"]["id"]) for one in entries] == [
        ("exports.create", export["_id"]),
        ("exports.link", export["_id"]),
    ]
