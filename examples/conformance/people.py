"""People in every adapter: in this process, in a collection, by a model, and in a table."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from beanie import Document, init_beanie  # pyright: ignore[reportUnknownVariableType]
from marshmallow import Schema, fields
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from sqlalchemy import Boolean, Column, Double, Identity, Integer, MetaData, Table, Text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from stonechat import (
    Application,
    BeanieService,
    HookContext,
    MemoryService,
    MongoService,
    Params,
    SQLService,
    validate_data,
    validate_query,
)
from stonechat.core.mongod import Mongod

# What the values of a query are: over REST they all arrive as text.
FIELDS: dict[str, type[Any]] = {"name": str, "age": float, "created": bool}


class PersonSchema(Schema):
    _id = fields.Raw()
    name = fields.String()
    age = fields.Float()
    created = fields.Boolean()


class Person(Document):
    name: str
    age: float | None = None
    created: bool | None = None

    class Settings:
        name = "people-beanie"
        keep_nulls = False


PEOPLE = Table(
    "conformance_people",
    MetaData(),
    Column("id", Integer, Identity(), primary_key=True, key="_id"),
    Column("name", Text),
    Column("age", Double),
    Column("created", Boolean),
)


def people(app: Application) -> None:
    use(app, "people", MemoryService(fields=FIELDS))
    use(app, "people-schema", MemoryService())
    checked = validate_data(PersonSchema(), partial=True, many=True)
    app.service("people-schema").hooks({"before": {"all": [validate_query(PersonSchema())]}}).hooks(
        {"before": {"create": [checked], "update": [checked], "patch": [checked]}}
    )
    resources = AsyncExitStack()

    async def setup(_: Any, proceed: Callable[[], Awaitable[None]]) -> None:
        database = await resources.enter_async_context(private_database())
        await init_beanie(database, document_models=[Person])
        use(app, "people-mongo", MongoService(database["people-mongo"], fields=FIELDS))
        use(app, "people-beanie", BeanieService(Person))
        if url := os.environ.get("POSTGRES_URL"):
            engine = await resources.enter_async_context(private_schema(url))
            use(app, "people-sql", SQLService(engine, PEOPLE))
        await proceed()

    async def teardown(_: Any, proceed: Callable[[], Awaitable[None]]) -> None:
        try:
            await proceed()
        finally:
            await resources.aclose()

    app.hooks({"around": {"setup": [setup], "teardown": [teardown]}})


def use(app: Application, path: str, service: Any) -> None:
    app.use(path, service).service(path).hooks({"before": {"all": [options_of_call]}})


def options_of_call(context: HookContext) -> None:
    """For a suite only: a caller chooses the adapter's options, so ``multi`` and pagination protect nothing.

    The query's ``$conformance`` is JSON: ``{"paginate": ..., "adapter": {"multi": ..., ...}}``.
    """
    query = dict(context.params.query)
    if (options := query.pop("$conformance", None)) is not None:
        context.params = Params({**context.params, **json.loads(options), "query": query})


@asynccontextmanager
async def private_schema(url: str) -> AsyncGenerator[AsyncEngine]:
    """With the table of people, which goes when the application ends."""
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(PEOPLE.metadata.create_all)
    yield engine
    async with engine.begin() as connection:
        await connection.run_sync(PEOPLE.metadata.drop_all)
    await engine.dispose()


@asynccontextmanager
async def private_database() -> AsyncGenerator[AsyncDatabase[dict[str, Any]]]:
    """Of a MongoDB that keeps nothing when the application ends."""
    with TemporaryDirectory(prefix="stonechat-conformance-") as folder:
        async with (
            Mongod(Path(folder)) as server,
            AsyncMongoClient[dict[str, Any]](server.url, tz_aware=True) as client,
        ):
            yield client["conformance"]
