from __future__ import annotations

import asyncio
import io
import os
import stat
import sys
import zipfile
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from stonechat.cli import main
from stonechat.commands.erase import erase
from stonechat.commands.export import export
from stonechat.commands.progress import ProgressLine
from stonechat.commands.retention import expunge
from stonechat.commands.running import CommandError
from stonechat.core.encoding import decode
from tests.support.people import new_school, newcomer, talk_of, write
from tests.support.privacy import aged, many_old, people_of, settle, stored, traces
from tests.support.school import Person, School

Output = pytest.CaptureFixture[str]


def of(person: Person, slug: str, **more: Any) -> Namespace:
    return Namespace(user=person.user["email"], school=slug, dry_run=False, **more)


async def run(school: School, url: str, folder: Path, *arguments: str) -> tuple[int | None, str, str]:
    """As a process, over the served schools' database: its code, and what it writes to both outputs."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("STONECHAT_")}
    variables |= {
        "STONECHAT_MONGODB_URL": url,
        "STONECHAT_MONGODB_DATABASE": school.app.get("database").name,
        "STONECHAT_LOG_LEVEL": "warning",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stonechat", *arguments),
        cwd=folder,
        env=variables,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize("school_slug", ["no-such-school", "demo-high"])
@pytest.mark.parametrize("command", [export, erase])
async def test_whom_nobody_knows_is_said(
    school: School, tmp_path: Path, command: Any, school_slug: str
) -> None:
    options = Namespace(
        user="nobody@nowhere.example", school=school_slug, dry_run=False, file=tmp_path / "a.zip"
    )
    with pytest.raises(CommandError, match=r"no school|nobody of"):
        await command(school.app, options)
    assert not (tmp_path / "a.zip").exists()


async def test_old_messages_are_counted_and_then_taken_out(school: School, capsys: Output) -> None:
    slug = await new_school(school)
    admin, _, student = await people_of(school, slug, "admin", "teacher", "student")
    await settle(admin, retentionDays=30)
    message = await write(student, await talk_of(student), "Old")
    await aged(message, days=31)
    await expunge(school.app, slug, dry_run=True)
    assert (await stored(message))["content"] == "Old"
    await expunge(school.app, slug)
    assert (await stored(message))["content"] is None
    await expunge(school.app, slug)
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        f"{slug}: 1 messages of 1 conversations would be taken out",
        f"{slug}: 1 messages of 1 conversations taken out",
        f"{slug}: 0 messages of 0 conversations taken out",
    ]
    assert f"{slug}: 1 messages of 1 conversations\n" in said.err
    assert "\r" not in said.err
    with pytest.raises(CommandError, match="no school"):
        await expunge(school.app, "no-such-school")


async def test_an_archive_is_written_for_its_owner_alone(
    school: School, tmp_path: Path, capsys: Output
) -> None:
    slug = await new_school(school)
    ada = await newcomer(school, at=slug)
    await many_old(ada, await talk_of(ada), 250, days=1)
    file = tmp_path / "ada.zip"
    await export(school.app, of(ada, slug, file=file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with zipfile.ZipFile(file) as archive:
        lines = archive.read("messages.jsonl").splitlines()
        assert ada.user["email"] in archive.read("README.txt").decode()
    assert len([line for line in lines if decode(line)["type"] == "text"]) == 250
    assert "253 of 253 records\n" in capsys.readouterr().err
    with pytest.raises(FileExistsError):
        await export(school.app, of(ada, slug, file=file))


async def test_an_erasure_is_planned_and_then_done(school: School, capsys: Output) -> None:
    slug = await new_school(school)
    ada = await newcomer(school, at=slug)
    message = await write(ada, await talk_of(ada), f"Of {ada.user['name']}")
    options = of(ada, slug)
    await erase(school.app, Namespace(**{**vars(options), "dry_run": True}))
    assert "messages: " in capsys.readouterr().out
    assert (await stored(message))["content"]
    await erase(school.app, options)
    said = capsys.readouterr()
    assert f"{ada.user['email']} is erased" in said.out
    assert "records, messages\n" in said.err
    assert await traces(school.app, ada.user["email"]) == []
    with pytest.raises(CommandError, match="nobody of"):
        await erase(school.app, options)


async def test_what_may_not_be_erased_is_said_in_a_line(school: School) -> None:
    slug = await new_school(school)
    admin, _, student = await people_of(school, slug, "admin", "teacher", "student")
    with pytest.raises(CommandError, match="last admin"):
        await erase(school.app, of(admin, slug))
    data = {"userId": student.id, "reason": "A lawsuit"}
    hold = (await admin.rest("create", "legal-holds", data=data)).body["_id"]
    with pytest.raises(CommandError, match=hold):
        await erase(school.app, of(student, slug))


async def test_a_command_runs_as_a_process(school: School, mongodb_url: str, tmp_path: Path) -> None:
    slug = await new_school(school)
    ada = await newcomer(school, at=slug)
    await write(ada, await talk_of(ada), "Hello")
    named = ("--user", ada.user["email"], "--school", slug)
    code, out, err = await run(school, mongodb_url, tmp_path, "erase", *named)
    assert code == 0, err
    assert "is erased" in out
    assert await traces(school.app, ada.user["email"]) == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["retention", "--user", "a@b.example"], "--user"),
        (["export", "--user", "a@b.example", "--school", "demo-high"], "FILE.zip"),
        (["erase", "--school", "demo-high"], "--user"),
    ],
)
def test_what_is_missing_is_named(arguments: list[str], reason: str, capsys: Output) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert reason in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_one_line_on_a_terminal_and_lines_elsewhere() -> None:
    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        line = ProgressLine("ada", every=2, stream=stream)
        for text in ("10 records", "10 records", "9", "11"):
            line.show(text)
        line.end()
    assert terminal.getvalue() == "\rada: 10 records\rada: 9         \rada: 11\n"
    assert file.getvalue() == "ada: 10 records\nada: 11\n"
