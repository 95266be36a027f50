"""``stonechat backup`` and ``stonechat restore``: what was there at one moment is there again."""

from __future__ import annotations

import asyncio
import io
import shutil
import stat
import tarfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from bson import Timestamp
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession

from stonechat.app import create_app
from stonechat.commands.backup import backup
from stonechat.commands.restore import STAGED, check, restore
from stonechat.commands.running import CommandError
from stonechat.core.testing import serving
from stonechat.models import archive
from stonechat.models.archive import ArchiveWriter, Manifest, members
from stonechat.models.upgrade import VERSION
from stonechat.settings import Settings
from tests.support.people import PASSWORD, new_school, newcomer, talk_of, write
from tests.support.school import School, test_settings
from tests.support.waiting import until

Client = AsyncMongoClient[dict[str, Any]]
Output = pytest.CaptureFixture[str]
SOURCE: Final = "test_backup_source"
TARGET: Final = "test_backup_target"
NAME: Final = "by text"
KEYS: Final = [("text", 1), ("_id", -1)]
WHERE: Final = {"text": "a note"}


@asynccontextmanager
async def served(settings: Settings) -> AsyncGenerator[School]:
    app = create_app(settings, background=False)
    async with serving(app) as url, aiohttp.ClientSession() as http:
        yield School(app, url, http)


@pytest.fixture
async def source(mongodb_url: str, mongodb: Client) -> AsyncIterator[Settings]:
    yield test_settings(mongodb_url, SOURCE)
    await mongodb.drop_database(SOURCE)


@pytest.fixture
async def target(mongodb_url: str, mongodb: Client) -> AsyncIterator[Settings]:
    yield test_settings(mongodb_url, TARGET)
    await mongodb.drop_database(TARGET)


@pytest.fixture(scope="module")
async def made(mongodb_url: str, mongodb: Client, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of a database with three notes in it, as an extension might have them."""
    database = mongodb["test_backup_notes"]
    await database["notes"].insert_many([{"_id": number, "text": "a note"} for number in range(3)])
    await database["notes"].create_index(KEYS, name=NAME, partialFilterExpression=WHERE)
    await database["sessions"].insert_one({"_id": 1})
    file = tmp_path_factory.mktemp("made") / "notes.tar.gz"
    await backup(test_settings(mongodb_url, database.name), file)
    await mongodb.drop_database(database)
    return file


@pytest.fixture
def notes(made: Path, tmp_path: Path) -> Path:
    """That backup, to be spoiled."""
    return Path(shutil.copy(made, tmp_path))


async def test_what_a_backup_took_while_people_wrote_is_a_school_that_is_well(
    source: Settings, target: Settings, mongodb: Client, tmp_path: Path, capsys: Output
) -> None:
    file = tmp_path / "school.tar.gz"
    async with served(source) as school:
        slug = await new_school(school)
        people = [await newcomer(school, at=slug) for _ in range(3)]
        talks = [await talk_of(one, *people) for one in people]
        written = 0

        async def go_on(at: int) -> None:
            nonlocal written
            while True:
                root = await write(people[at], talks[at])
                await write(people[at], talks[at], replyTo=root["_id"])
                data = {"messageId": root["_id"], "emoji": "👍"}
                assert (await people[at].rest("create", "reactions", data=data)).code == 201
                written += 2

        async with asyncio.TaskGroup() as group:
            writing = [group.create_task(go_on(at)) for at in range(3)]
            await until(lambda: written > 20)
            before = await mongodb[SOURCE]["messages"].count_documents({})
            manifest = await backup(source, file)
            seen = written
            await until(lambda: written > seen)
            for task in writing:
                task.cancel()
        email = people[0].user["email"]
    stored = [one async for one in mongodb[SOURCE]["messages"].find().sort("_id")]
    await restore(target, file)
    capsys.readouterr()
    async with served(target) as school:
        assert await check(school.app)
        assert capsys.readouterr().out.startswith("nothing to mend\n")
        assert (await school.log_in(email, PASSWORD)).user["email"] == email
    restored = [one async for one in mongodb[TARGET]["messages"].find().sort("_id")]
    assert before <= len(restored) < len(stored)
    of = {one["_id"]: one for one in stored}
    unchanged = ("content", "seq", "conversationId", "senderId", "createdAt")
    assert [[one[name] for name in unchanged] for one in restored] == [
        [of[one["_id"]][name] for name in unchanged] for one in restored
    ]
    for talk in {one["conversationId"] for one in restored}:
        seqs = sorted(one["seq"] for one in restored if one["conversationId"] == talk)
        assert seqs == list(range(1, len(seqs) + 1))
    assert manifest.records == VERSION
    assert {one.name: one.documents for one in manifest.collections}["messages"] == len(restored)


def test_a_backup_is_for_its_owner_only_and_leaves_no_draft(made: Path) -> None:
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert list(made.parent.iterdir()) == [made]
    with tarfile.open(made) as tar:
        assert tar.getnames() == ["notes/000000.bson", "manifest.json"]


async def test_collections_of_extensions_come_back_with_their_indexes_and_sessions_do_not(
    notes: Path, target: Settings, mongodb: Client
) -> None:
    await mongodb[TARGET]["sessions"].insert_one({"_id": "of before"})
    await restore(target, notes)
    assert await mongodb[TARGET].list_collection_names() == ["notes"]
    assert await mongodb[TARGET]["notes"].find().sort("_id").to_list() == [
        {"_id": number, "text": "a note"} for number in range(3)
    ]
    indexes = await mongodb[TARGET]["notes"].index_information()
    assert set(indexes) == {"_id_", NAME}
    assert indexes[NAME]["key"] == KEYS
    assert indexes[NAME]["partialFilterExpression"] == WHERE


async def test_a_file_that_is_there_is_not_overwritten(notes: Path, source: Settings) -> None:
    before = _read(notes)
    with pytest.raises(FileExistsError, match=r"notes\.tar\.gz"):
        await backup(source, notes)
    assert _read(notes) == before


async def test_a_moment_that_the_database_has_forgotten_is_said(
    source: Settings, mongodb: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await mongodb[SOURCE]["notes"].insert_one({})
    # The server itself refuses what is older than its window.
    monkeypatch.setattr(AsyncClientSession, "__init__", _of_long_ago(AsyncClientSession.__init__))
    with pytest.raises(CommandError, match="mongodump --oplog"):
        await backup(source, tmp_path / "late.tar.gz")
    assert _files(tmp_path) == []


def _of_long_ago(made: Any) -> Any:
    def init(self: Any, *arguments: Any, **named: Any) -> None:
        made(self, *arguments, **named)
        self._snapshot_time = Timestamp(1, 1)

    return init


async def test_a_database_that_is_not_empty_is_replaced_by_force_only(
    notes: Path, target: Settings, mongodb: Client
) -> None:
    await mongodb[TARGET]["users"].insert_one({"_id": 1})
    await mongodb[TARGET][f"{STAGED}notes"].insert_one({"_id": "of one that was interrupted"})
    with pytest.raises(CommandError, match=r"'test_backup_target' is not empty, it has users: --force"):
        await restore(target, notes)
    assert await mongodb[TARGET]["users"].count_documents({}) == 1
    await restore(target, notes, force=True)
    assert await mongodb[TARGET].list_collection_names() == ["notes"]
    assert await mongodb[TARGET]["notes"].count_documents({}) == 3


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def _read(file: Path) -> bytes:
    return file.read_bytes()


def _truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-60])


def _flipped(file: Path) -> None:
    whole = bytearray(file.read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    file.write_bytes(whole)


def _emptied(file: Path) -> None:
    file.write_bytes(b"")


def _other(file: Path) -> None:
    file.write_bytes(b"PK\x03\x04 this is another kind of file")


def _rewritten(file: Path, *, without: str = "", instead: tuple[bytes, bytes] = (b"", b"")) -> None:
    kept = [(name, data.replace(*instead)) for name, data in members(file) if name != without]
    with tarfile.open(file, "w:gz") as tar:
        for name, data in kept:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def _without_manifest(file: Path) -> None:
    _rewritten(file, without=archive.MANIFEST)


def _without_a_piece(file: Path) -> None:
    _rewritten(file, without="notes/000000.bson")


def _changed(file: Path) -> None:
    _rewritten(file, instead=(b"a note", b"a fake"))


def _of_another_program(file: Path) -> None:
    _rewritten(file, instead=(b"stonechat-backup", b"other-backup"))


def _of_a_later_format(file: Path) -> None:
    _rewritten(file, instead=(b'"format": 1', b'"format": 9'))


def _with_an_unknown_field(file: Path) -> None:
    _rewritten(file, instead=(b'"records"', b'"recordings"'))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_emptied, "is empty"),
        (_truncated, "is damaged|no backup of Stonechat, or damaged"),
        (_flipped, "is damaged|no backup of Stonechat, or damaged"),
        (_other, "is no backup of Stonechat"),
        (_without_manifest, "has no manifest"),
        (_without_a_piece, r"notes/000000\.bson is not what the manifest says"),
        (_changed, r"notes/000000\.bson is not what the manifest says"),
        (_of_another_program, "is no backup of Stonechat"),
        (_of_a_later_format, "has the format 9, and this release reads 1"),
        (_with_an_unknown_field, "its manifest has a wrong rec"),
    ],
)
async def test_a_file_that_is_not_a_whole_backup_changes_nothing(
    notes: Path, target: Settings, mongodb: Client, spoil: Any, reason: str
) -> None:
    await mongodb[TARGET]["users"].insert_one({"_id": 1})
    spoil(notes)
    with pytest.raises(CommandError, match=rf"notes\.tar\.gz: .*({reason})"):
        await restore(target, notes, force=True)
    assert await mongodb[TARGET].list_collection_names() == ["users"]


async def test_records_of_a_later_release_are_refused(target: Settings, tmp_path: Path) -> None:
    file = tmp_path / "later.tar.gz"
    with file.open("wb") as output:
        ArchiveWriter(output).close(
            Manifest(release="99.0", records=VERSION + 1, at=datetime(2026, 1, 1, tzinfo=UTC), collections=[])
        )
    with pytest.raises(
        CommandError, match=rf"of version {VERSION + 1}, .* knows {VERSION}; 99\.0 has made it"
    ):
        await restore(target, file)
