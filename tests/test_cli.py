"""The commands, in a folder of their own: as processes, and where they only read or refuse, in this one."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from stonechat import __version__
from stonechat.cli import main
from stonechat.demo import PASSWORD

COMMAND = (sys.executable, "-m", "stonechat")
CHEAP_HASHES = "[authentication.argon2]\ntime_cost = 1\nmemory_cost = 8\nparallelism = 1\n"
READY = re.compile(r"ready: (http://\S+)")


class Ended:
    def __init__(self, code: int | None, out: bytes, err: bytes) -> None:
        self.code = code
        self.out = out.decode()
        self.err = err.decode()


def environment(**variables: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STONECHAT_")}
    return {**kept, **variables}


async def run(folder: Path, *arguments: str, **variables: str) -> Ended:
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        cwd=folder,
        env=environment(**variables),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    return Ended(process.returncode, out, err)


Command = Callable[..., Ended]


@pytest.fixture
def here(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    logging_as_before: None,
) -> Command:
    """Runs a command in this process, which does not have to be started then."""

    def run_here(*arguments: str, **variables: str) -> Ended:
        code: Any = 0
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            patch.setattr(sys, "path", sys.path.copy())
            for name in os.environ.keys() - environment().keys():
                patch.delenv(name)
            for name, value in variables.items():
                patch.setenv(name, value)
            try:
                main(arguments)
            except SystemExit as ended:
                code = ended.code
        out, err = capsys.readouterr()
        return Ended(code, out.encode(), err.encode())

    return run_here


class Served:
    def __init__(self, process: asyncio.subprocess.Process, output: str, url: str) -> None:
        self.process = process
        self.output = output
        self.url = url

    async def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        async with asyncio.timeout(30):
            return await self.process.wait()


@asynccontextmanager
async def served(folder: Path, *arguments: str) -> AsyncGenerator[Served]:
    with (folder / "log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            "serve",
            "--port",
            "0",
            *arguments,
            cwd=folder,
            env=environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    try:
        assert process.stdout is not None
        output = ""
        async with asyncio.timeout(60):
            while not (found := READY.search(output)):
                line = await process.stdout.readline()
                assert line, (folder / "log").read_text()
                output += line.decode()
        yield Served(process, output, found[1])
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


class Client:
    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.http = http
        self.url = url

    async def log_in(self, email: str) -> None:
        data = {"strategy": "local", "email": email, "password": PASSWORD}
        self.http.headers["Authorization"] = (
            f"Bearer {(await self.post('authentication', data))['accessToken']}"
        )

    async def get(self, path: str, **query: str) -> Any:
        async with self.http.get(f"{self.url}/{path}", params=query) as response:
            return await response.json()

    async def post(self, path: str, data: Mapping[str, Any]) -> Any:
        async with self.http.post(f"{self.url}/{path}", json=data) as response:
            answer = await response.json()
            assert response.status in {200, 201}, answer
            return answer


@asynccontextmanager
async def client(url: str, email: str) -> AsyncGenerator[Client]:
    async with aiohttp.ClientSession() as http:
        client = Client(http, url)
        await client.log_in(email)
        yield client


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGINT, marks=pytest.mark.long),
        pytest.param(signal.SIGTERM, marks=pytest.mark.long),
        signal.SIGKILL,
    ],
)
async def test_everything_acknowledged_is_there_after_a_stop_and_a_start(
    tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "cheap.toml").write_text(CHEAP_HASHES)
    command = ("--demo", "--config", "cheap.toml")
    acknowledged: dict[str, int] = {}
    enough = asyncio.Event()
    async with served(tmp_path, *command) as server, client(server.url, "ada@demo.school") as ada:
        assert "ada@demo.school" in server.output
        assert PASSWORD in server.output
        page = await ada.get("conversations", kind="class", name="Maths")
        talk = page["data"][0]["_id"]

        async def write(writer: int) -> None:
            for serial in range(1000):
                key = f"{writer}-{serial}"
                data = {"conversationId": talk, "content": key, "idempotencyKey": key}
                acknowledged[key] = (await ada.post("messages", data))["seq"]
                if len(acknowledged) >= 20:
                    enough.set()

        writers = [asyncio.create_task(write(writer)) for writer in range(4)]
        async with asyncio.timeout(30):
            await enough.wait()
        code = await server.end(number)
        assert code == (-number if number == signal.SIGKILL else 0)
        await asyncio.gather(*writers, return_exceptions=True)

    async with served(tmp_path, *command) as server, client(server.url, "ada@demo.school") as ada:
        stored: list[dict[str, Any]] = []
        while True:
            query = {"conversationId": talk, "$sort[seq]": "1", "$limit": "200", "$skip": str(len(stored))}
            page = await ada.get("messages", **query)
            stored += page["data"]
            if not page["data"]:
                break
        assert [message["seq"] for message in stored] == list(range(1, len(stored) + 1))
        kept = {message["content"]: message["seq"] for message in stored}
        assert acknowledged.items() <= kept.items()
        assert len(kept) == len(stored)
        conversation = await ada.get(f"conversations/{talk}")
        assert conversation["clock"] == conversation["lastMessage"]["seq"] == len(stored)
        key = next(iter(acknowledged))
        again = await ada.post("messages", {"conversationId": talk, "content": key, "idempotencyKey": key})
        assert again["duplicate"] is True
        assert again["seq"] == acknowledged[key]
        assert await server.end(signal.SIGTERM) == 0


async def test_the_health_check_answers_once_the_school_can_be_used(tmp_path: Path, mongodb_url: str) -> None:
    (tmp_path / "mine.toml").write_text(f"[mongodb]\nurl = '{mongodb_url}'\ndatabase = 'test_health'\n")
    async with served(tmp_path, "--config", "mine.toml") as server, aiohttp.ClientSession() as http:
        async with http.get(f"{server.url}/healthz") as response:
            assert response.status == 200
        async with http.get(server.url) as response:
            assert response.status == 200
            assert response.content_type == "text/html"
            assert "default-src 'self'" in response.headers["Content-Security-Policy"]


async def test_seeding_twice_makes_nothing_twice(tmp_path: Path, mongodb_url: str) -> None:
    at = f"[mongodb]\nurl = '{mongodb_url}'\ndatabase = 'test_seeding'\n"
    (tmp_path / "mine.toml").write_text(CHEAP_HASHES + at)
    at_mongodb = ("--config", "mine.toml")
    first = await run(tmp_path, "seed", *at_mongodb)
    assert re.match(r"\d+ records made", first.out), first.err
    assert "ito@other.school" in first.out
    second = await run(tmp_path, "seed", *at_mongodb)
    assert second.out.startswith("Everything is there already.")
    indexes = await run(tmp_path, "indexes", *at_mongodb)
    assert re.search(r"messages +conversationId_seq +conversationId:1, seq:1 +unique", indexes.out)


@pytest.mark.parametrize("command", ["seed", "serve --demo"])
def test_production_is_not_seeded(here: Command, command: str) -> None:
    ended = here(
        *command.split(),
        STONECHAT_ENV="production",
        STONECHAT_SECRET="s" * 32,
        STONECHAT_MONGODB_URL="mongodb://127.0.0.1:1",
    )
    assert ended.code == 2
    assert "not for production" in ended.err
    assert len(ended.err.splitlines()) == 1


def test_routes_lists_services_methods_hooks_and_events(here: Command) -> None:
    ended = here("routes")
    assert ended.code == 0
    row = next(line for line in ended.out.splitlines() if line.startswith("/members "))
    assert "find get create patch remove acknowledge" in row
    assert "before:" in row
    assert "members created" in row
    assert "message:read" in row


def test_check_config_prints_what_is_in_force_and_no_secret(here: Command) -> None:
    ended = here(
        "check-config",
        STONECHAT_SECRET="very-secret" * 4,
        STONECHAT_MONGODB_URL="mongodb://ada:hunter2@one.example:27017,two.example/?replicaSet=a",
        STONECHAT_REDIS_URL="redis://:sesame@cache.example:6379/0",
    )
    assert ended.code == 0
    assert "presence.grace_seconds = 10.0" in ended.out
    assert "very-secret" not in ended.out
    assert "mongodb://ada:**********@one.example:27017,two.example/?replicaSet=a" in ended.out
    assert "redis://:**********@cache.example:6379/0" in ended.out
    assert "hunter2" not in ended.out
    assert "sesame" not in ended.out


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = await run(tmp_path, "seed", STONECHAT_MONGODB_FOLDER="file/data")
    assert ended.code == 2
    assert ended.err.endswith("/file/data: Not a directory\n")


def test_check_config_names_the_key_and_the_file(tmp_path: Path, here: Command) -> None:
    (tmp_path / "mine.toml").write_text("[http]\nport = 'eighty'\nprot = 1\n")
    ended = here("check-config", "--config", "mine.toml")
    assert ended.code == 2
    assert "http.port" in ended.err
    assert "http.prot" in ended.err
    assert ended.err.count("mine.toml") == 2
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["serve", "nowhere:app"], "nowhere"),
        (["serve", "json:dumps"], "json:dumps is not a Stonechat application"),
        (["serve", "--port", "70000"], "65535"),
        (["serve", "--config", "missing.toml"], "missing.toml"),
        (["fly"], "fly"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(here: Command, arguments: list[str], reason: str) -> None:
    ended = here(*arguments)
    assert ended.code == 2
    assert reason in ended.err
    assert "Traceback" not in ended.err


def test_a_taken_port_is_said_in_a_line(here: Command) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = here("serve", "--port", str(port))
    assert ended.code == 2
    assert ended.err.startswith(f"stonechat: cannot listen on 127.0.0.1:{port}: ")
    assert len(ended.err.splitlines()) == 1


async def test_a_database_that_is_away_is_said_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        "[mongodb]\nurl = 'mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300'\n"
    )
    ended = await run(tmp_path, "serve", "--port", "0", "--config", "mine.toml")
    assert ended.code == 2
    assert "the database does not answer" in ended.err
    assert "Traceback" not in ended.err


async def test_the_version_is_the_package_s(tmp_path: Path) -> None:
    assert (await run(tmp_path, "--version")).out == f"stonechat {__version__}\n"


async def test_help_names_every_command(tmp_path: Path) -> None:
    ended = await run(tmp_path, "--help")
    for command in ("serve", "seed", "indexes", "routes", "check-config"):
        assert command in ended.out
