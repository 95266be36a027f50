"""The big school, small: what it makes is sound, and can be measured."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from benchmarks.big_school.filling import fill
from benchmarks.big_school.records import BigSchool
from stonechat.models import MODELS
from tests.support.school import School

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]


def test_the_messages_are_spread_over_all_conversations() -> None:
    sizes = BigSchool(1000, 100).sizes
    assert (len(sizes), sum(sizes), min(sizes) > 0) == (100, 1000, True)
    assert sizes == sorted(sizes, reverse=True)


async def test_what_is_made_is_what_the_application_would_have_written(
    school: School, mongodb: AsyncMongoClient[dict[str, Any]], mongodb_url: str
) -> None:
    """``school`` is there for its models, which can check a record once an application is set up."""
    database = mongodb["test_big_school"]
    await fill(database, messages=600, conversations=20)
    for model in MODELS:
        async for document in database[model.Settings.name].find():
            model.model_validate({"id": document.pop("_id"), **document})
    server = {"STONECHAT_MONGODB_URL": mongodb_url, "STONECHAT_MONGODB_DATABASE": database.name}
    code, printed, _ = await _run("stonechat", "recount", STONECHAT_ENV="test", **server)
    assert (code, printed) == (0, "nothing to mend\n")
    await database["members"].update_many({}, {"$inc": {"readSeq": 100_000}})
    code, printed, progress = await _run("stonechat", "recount", STONECHAT_ENV="test", **server)
    assert code == 1
    assert printed.endswith(" wrong; --mend stores what was counted\n")
    assert "20 conversations counted" in progress
    await mongodb.drop_database(database.name)


async def test_a_small_one_is_measured(mongodb_url: str) -> None:
    _, printed, errors = await _run(
        *("benchmarks.big_school", "measure", "--mongodb", mongodb_url),
        *("--messages", "300", "--conversations", "10", "--rounds", "1"),
    )
    assert "inbox, nothing read" in printed, errors


async def _run(module: str, *arguments: str, **variables: str) -> tuple[int | None, str, str]:
    """Its code, and what it writes to both outputs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STONECHAT_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        cwd=ROOT,
        env={**kept, **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        printed, errors = await process.communicate()
    return process.returncode, printed.decode(), errors.decode()
