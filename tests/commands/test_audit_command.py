from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from stonechat.cli import main
from stonechat.commands.audit import verify
from stonechat.commands.running import CommandError
from stonechat.models import AuditEntry
from stonechat.models.audit_chain import Link
from stonechat.models.audit_entry import append
from tests.support.people import new_school
from tests.support.school import School


async def log_of(school: School, count: int) -> tuple[str, Link]:
    """A new school with so many entries; its slug and the newest."""
    slug = await new_school(school)
    school_id = (await school.one("schools", slug=slug))["_id"]
    newest = Link(0, "")
    for _ in range(count):
        entry = await append(school_id, None, "retention.run", ("schools", school_id))
        newest = Link(entry["number"], entry["hash"])
    return slug, newest


async def run(school: School, url: str, folder: Path, *arguments: str) -> tuple[int | None, str]:
    """As a process, over the served schools' database; its code and the last line it prints."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("STONECHAT_")}
    variables |= {
        "STONECHAT_MONGODB_URL": url,
        "STONECHAT_MONGODB_DATABASE": school.app.get("database").name,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stonechat", "audit", "verify", *arguments),
        cwd=folder,
        env=variables,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(60):
        output, _ = await process.communicate()
    return process.returncode, output.decode().splitlines()[-1]


async def test_a_whole_log_ends_with_0_and_a_broken_one_with_1(
    school: School, mongodb_url: str, tmp_path: Path
) -> None:
    slug, newest = await log_of(school, 3)
    known = f"{newest.number}:{newest.hash}"
    whole = await run(school, mongodb_url, tmp_path, "--school", slug, "--known", known)
    assert whole == (0, f"{slug}: 3 entries, the newest is {known}")
    await AuditEntry.documents().delete_one({"hash": newest.hash})
    broken = await run(school, mongodb_url, tmp_path, "--school", slug)
    assert broken == (1, f"{slug}: BROKEN, entry 3 is missing, and all behind it")


async def test_every_school_is_looked_at(school: School, capsys: pytest.CaptureFixture[str]) -> None:
    (first, newest), (second, _) = await log_of(school, 1), await log_of(school, 2)
    empty = await new_school(school)
    await AuditEntry.documents().update_one({"hash": newest.hash}, {"$set": {"action": "nothing"}})
    assert not await verify(school.app)
    lines = capsys.readouterr().out.splitlines()
    assert f"{first}: BROKEN, entry 1 was changed" in lines
    assert f"{empty}: 0 entries" in lines
    assert any(line.startswith(f"{second}: 2 entries, ") for line in lines)


async def test_a_school_that_does_not_exist_is_named(school: School) -> None:
    with pytest.raises(CommandError, match="there is no school 'nowhere'"):
        await verify(school.app, "nowhere")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["verify", "--known", "3:abc"], "say --school"),
        (["verify", "--school", "x", "--known", "three"], "must be NUMBER:HASH"),
        (["repair"], "repair"),
        ([], "verify"),
    ],
)
def test_what_makes_no_sense_is_said(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["audit", *arguments])
    assert ended.value.code == 2
    assert reason in capsys.readouterr().err
