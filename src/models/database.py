"""The connection to MongoDB: a configured server, or a private one beside the application."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from beanie import init_beanie  # pyright: ignore[reportUnknownVariableType]
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.monitoring import CommandListener

from ..core.application import Application
from ..core.background import HAS_RECORDS
from ..core.mongod import Mongod
from ..core.tracing import LISTENERS
from . import MODELS
from .abandoned import end_abandoned
from .upgrade import upgrade

NAME: Final = "stonechat"
"""By which the database's server knows the application's connections."""


class Database:
    """``url`` None starts the private server, whose data lies in ``folder``.

    Beanie binds its models once a process, so of several open databases the newest has them; closing
    it gives them back to the one before.
    """

    _open: ClassVar[list[Database]] = []

    def __init__(self, url: str | None, name: str, folder: Path) -> None:
        self.name = name
        self._url = url
        self._folder = folder
        self.listeners: Sequence[CommandListener] = ()
        self._mongod: Mongod | None = None
        self._client: AsyncMongoClient[dict[str, Any]] | None = None

    @property
    def database(self) -> AsyncDatabase[dict[str, Any]]:
        """Raises RuntimeError before ``open``."""
        if self._client is None:
            raise RuntimeError("the database is not open")
        return self._client[self.name]

    @property
    def has_models(self) -> bool:
        return bool(self._open) and self._open[-1] is self

    async def connect(self) -> None:
        """Only that: what is stored stays as it is."""
        url = self._url
        if url is None:
            self._mongod = Mongod(self._folder)
            url = await self._mongod.start()
        self._client = AsyncMongoClient(
            url,
            tz_aware=True,
            w="majority",
            serverSelectionTimeoutMS=5000,
            appname=NAME,
            event_listeners=self.listeners,
        )

    async def open(self) -> None:
        """Connect, bind the models, complete what older versions wrote, and make the indexes.

        Raises PyMongoError where nobody answers.
        """
        await self.connect()
        await self.end_abandoned()
        self._open.append(self)
        await self.bind()
        await upgrade()
        # Beanie takes (a, b) and (b, a) for one index and would leave the first of them out.
        await asyncio.gather(*(model.documents().create_indexes(model.Settings.indexes) for model in MODELS))

    async def ping(self) -> None:
        """Raises PyMongoError where the server does not answer."""
        await self.database.command("ping")

    async def end_abandoned(self) -> None:
        """End the transactions of processes that were killed: see ``abandoned``."""
        if self._client is not None:
            await end_abandoned(self._client, NAME)

    async def close(self) -> None:
        if self in self._open:
            self._open.remove(self)
            if self._open:
                await self._open[-1].bind()
        if self._client is not None:
            await self._client.close()
        if self._mongod is not None:
            await self._mongod.stop()

    async def bind(self) -> None:
        """Make this the database of the models."""
        await init_beanie(self.database, document_models=list(MODELS), skip_indexes=True)


def database(opened: Database) -> Callable[[Application], None]:
    """Open the database before the services are set up, close it after they are torn down."""

    def configure(app: Application) -> None:
        async def setup(_: Any, proceed: Callable[[], Awaitable[None]]) -> None:
            opened.listeners = app.get(LISTENERS) or ()
            await opened.open()
            await proceed()

        async def teardown(_: Any, proceed: Callable[[], Awaitable[None]]) -> None:
            try:
                await proceed()
            finally:
                await app.tasks.close()
                await opened.close()

        app.set("database", opened)
        app.set(HAS_RECORDS, lambda: opened.has_models)
        app.hooks({"around": {"setup": [setup], "teardown": [teardown]}})

    return configure
