"""A school that is made for a measurement, served by a child process, and gone after it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import argon2
from bson import ObjectId
from pymongo import AsyncMongoClient

from ..core.mongod import Mongod
from ..models import School, User
from ..settings import Limits
from .accounts import Account
from .errors import BenchError
from .process import Processes

HOST: Final = "127.0.0.1"
DATABASE: Final = "bench"
SLUG: Final = "bench"
READY: Final = re.compile(rb"is ready: http://\S+")
STARTED_WITHIN: Final = 60.0
STOPPED_WITHIN: Final = 30.0
LOG_END: Final = 3000
TOKEN_MINUTES: Final = 60 * 24 * 7

Record = dict[str, Any]


@asynccontextmanager
async def own_server(people: int) -> AsyncGenerator[tuple[str, Processes, list[Account]]]:
    """The address, the processes and ``people`` accounts. Raises BenchError, MongodError."""
    with tempfile.TemporaryDirectory(prefix="stonechat-bench-") as name:
        folder = Path(name)
        async with Mongod(folder / "mongodb") as mongod:
            accounts = await _make_school(mongod.url, people)
            port = _free_port()
            process = await _start(folder, mongod.url, port)
            try:
                await _until_ready(process, folder / "server.log")
                own = Processes(server=process.pid, database=mongod.pid)
                yield f"http://{HOST}:{port}", own, accounts
            finally:
                await _stop(process)


async def _make_school(mongodb_url: str, people: int) -> list[Account]:
    password = os.urandom(12).hex()
    hashed = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password)
    school_id = ObjectId()
    emails = [f"person-{number}@bench.example" for number in range(people)]
    async with AsyncMongoClient[Record](mongodb_url) as client:
        database = client[DATABASE]
        school: Record = {"name": "Bench", "slug": SLUG, "timezone": "UTC"}
        most = max(people, 2)
        settings = {"settings": {"maxGroupMembers": min(most, 5000)}}
        await database[School.Settings.name].insert_one({**_new(school_id), **school, **settings})
        users = [_user(email, hashed, school_id) for email in emails]
        await database[User.Settings.name].insert_many(users)
    return [Account(SLUG, email, password, "the school made for this") for email in emails]


def _user(email: str, password: str, school_id: ObjectId) -> Record:
    person = {"email": email, "name": email.partition("@")[0], "role": "student", "password": password}
    unset = {"collegeId": None, "avatar": None, "lastSeenAt": None}
    return {**_new(ObjectId()), "schoolId": school_id, **person, **unset}


def _new(id: ObjectId) -> Record:
    return {"_id": id, "createdAt": datetime.now(UTC)}


async def _start(folder: Path, mongodb_url: str, port: int) -> asyncio.subprocess.Process:
    config = folder / "bench.toml"
    config.write_text(
        _toml(
            mongodb={"url": mongodb_url, "database": DATABASE},
            authentication={"access_token_minutes": TOKEN_MINUTES},
            limits=dict.fromkeys(Limits.model_fields, ""),
            extensions={"enabled": []},
        )
    )
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("STONECHAT_")}
    with (folder / "server.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "stonechat", "serve", "--port", str(port), "--config", str(config)),
            cwd=folder,
            env={**inherited, "STONECHAT_ENV": "test"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C reaches the measurement, which then stops the server
        )


async def _until_ready(process: asyncio.subprocess.Process, log: Path) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(STARTED_WITHIN):
            async for line in cast("asyncio.StreamReader", process.stdout):
                if READY.search(line):
                    return
    raise BenchError(f"the server did not start:\n{_end_of(log)}")


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-LOG_END:]


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOPPED_WITHIN)
    except TimeoutError:
        process.kill()
        await process.wait()


def _toml(**tables: Mapping[str, Any]) -> str:
    """Tables of texts, numbers and lists, whose TOML is their JSON."""
    lines: list[str] = []
    for table, values in tables.items():
        lines.append(f"[{table}]")
        lines += [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    return "\n".join(lines) + "\n"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
