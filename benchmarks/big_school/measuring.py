"""How long what is asked of a school takes, over REST, and how that grows with its messages."""

from __future__ import annotations

import asyncio
import math
import os
import re
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from bson import ObjectId

from stonechat.core.encoding import decode

from .filling import Database
from .records import COMMON_WORD, PASSWORD, RARE_WORD, READER, SLEEPER

PAGE: Final = 50
WARM_UP: Final = 3
START_SECONDS: Final = 120.0
READY: Final = re.compile(r"ready: (http://\S+)")

Times = dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Question:
    """What a user asks; ``custom`` names a method that is neither find nor get."""

    name: str
    email: str
    path: str
    query: Mapping[str, str]
    custom: str | None = None


async def compare(databases: Sequence[Database], url: str, rounds: int) -> list[Times]:
    """Milliseconds of each question in each school, asked ``rounds`` times.

    The schools are served at once and asked in turn, one question at a time, so that a machine that slows
    down hurts all alike. Raises RuntimeError.
    """
    async with AsyncExitStack() as stack:
        schools = [await stack.enter_async_context(_asking(database, url)) for database in databases]
        for number in range(WARM_UP + rounds):
            for at in range(len(schools[0].questions)):
                for school in schools:
                    await school.ask(school.questions[at], keep=number >= WARM_UP)
        return [school.times for school in schools]


def quantile(values: list[float], share: float) -> float:
    """The value that ``share`` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _questions(conversation: ObjectId, clock: int) -> list[Question]:
    here, limit = {"conversationId": str(conversation)}, {"$limit": str(PAGE)}
    older = {"seq[$lt]": str(clock // 2), "$sort[seq]": "-1"}
    return [
        Question("messages, the newest page", READER, "messages", {**here, **limit, "$sort[seq]": "-1"}),
        Question("messages, a page in the middle", READER, "messages", {**here, **limit, **older}),
        Question("conversations, a page", READER, "conversations", {}),
        Question("inbox, nearly all read", READER, "inbox", {}),
        Question("inbox, nothing read", SLEEPER, "inbox", {}),
        Question("inbox, a page of 100", SLEEPER, "inbox", {"$limit": "100"}),
        Question("unread totals, nearly all read", READER, "inbox", {}, "totals"),
        Question("unread totals, nothing read", SLEEPER, "inbox", {}, "totals"),
        Question("search, a common word", READER, "search", {"q": COMMON_WORD}),
        Question("search, a rare word", READER, "search", {"q": RARE_WORD}),
    ]


class _School:
    """A served school, and two of its users who ask it."""

    def __init__(self, http: aiohttp.ClientSession, address: str) -> None:
        self._http = http
        self._address = address
        self._headers: dict[str, dict[str, str]] = {}
        self.questions: list[Question] = []
        self.times: Times = {}

    async def open(self, longest: Mapping[str, Any]) -> None:
        for email in (READER, SLEEPER):
            self._headers[email] = {"Authorization": f"Bearer {await self._log_in(email)}"}
        self.questions = _questions(longest["_id"], longest["clock"])

    async def ask(self, question: Question, *, keep: bool) -> None:
        headers, location = self._headers[question.email], f"{self._address}/{question.path}"
        started = time.perf_counter()
        if question.custom is None:
            asking = self._http.get(location, params=question.query, headers=headers)
        else:
            named = {**headers, "X-Service-Method": question.custom}
            asking = self._http.post(location, json={}, headers=named)
        async with asking as answer:
            text = await answer.read()
        took = (time.perf_counter() - started) * 1000
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise RuntimeError(f"{question.name}: {answer.status} {text.decode()}")
        if keep:
            self.times.setdefault(question.name, []).append(took)

    async def _log_in(self, email: str) -> str:
        login = {"strategy": "local", "email": email, "password": PASSWORD}
        async with self._http.post(f"{self._address}/authentication", json=login) as answer:
            body: Any = decode(await answer.read())
        if answer.status != HTTPStatus.CREATED:
            raise RuntimeError(f"{email} cannot log in: {body}")
        return str(body["accessToken"])


@asynccontextmanager
async def _asking(database: Database, url: str) -> AsyncGenerator[_School]:
    longest = await database["conversations"].find_one({}, sort=[("clock", -1)])
    if longest is None:
        raise RuntimeError(f"{database.name} has no conversations")
    async with _served(url, database.name) as address, aiohttp.ClientSession() as http:
        school = _School(http, address)
        await school.open(longest)
        yield school


@asynccontextmanager
async def _served(url: str, database: str) -> AsyncGenerator[str]:
    """Its address; a process of its own, as a process has one open database."""
    with tempfile.TemporaryDirectory(prefix="stonechat-served-") as folder:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "stonechat", "serve", "--port", "0"),
            env={
                **os.environ,
                "STONECHAT_ENV": "test",
                "STONECHAT_MONGODB_URL": url,
                "STONECHAT_MONGODB_DATABASE": database,
            },
            cwd=folder,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                address = await _address(process)
            yield address
        finally:
            process.terminate()
            await process.wait()


async def _address(process: asyncio.subprocess.Process) -> str:
    if process.stdout is None:
        raise RuntimeError("the server has no output")
    async for line in process.stdout:
        if found := READY.search(line.decode()):
            return found[1]
    raise RuntimeError("the server does not start")
