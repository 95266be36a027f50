from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

import beanie
import pytest
from beanie import Document, PydanticObjectId
from bson import ObjectId
from motor.motor_asyncio import AsyncIOMotorClient
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pymongo import ASCENDING, IndexModel
from pymongo.asynchronous.database import AsyncDatabase
from sqlalchemy import Boolean, Column, DateTime, Double, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from stonechat.core.adapters.base import AdapterBase
from stonechat.core.adapters.beanie import BeanieService
from stonechat.core.adapters.memory import MemoryService
from stonechat.core.adapters.mongo import MongoService
from stonechat.core.adapters.motor import motor_documents
from stonechat.core.adapters.sql import SQLService
from stonechat.core.adapters.sql_types import ObjectIdText

MakeService = Callable[..., Awaitable[AdapterBase]]
MotorClient = AsyncIOMotorClient[dict[str, Any]]


class Mood(StrEnum):
    CALM = "calm"
    CROSS = "cross"


class Address(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    city: str
    house_number: int | None = None


class Person(Document):
    """Extra indexes would slow every test down: only the one that conflicts need."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    name: str
    age: float | None = None
    created: bool | None = None
    school_id: PydanticObjectId | None = None
    born_at: datetime | None = None
    mood: Mood | None = None
    tags: list[str] = Field(default=[])
    address: Address | None = None
    homes: list[Address] = Field(default=[])

    class Settings:
        name = "people"
        indexes = (
            IndexModel(
                [("schoolId", ASCENDING), ("name", ASCENDING)],
                name="one_name_a_school",
                unique=True,
                partialFilterExpression={"schoolId": {"$type": "objectId"}},
            ),
        )


FIELDS: dict[str, type[Any]] = {
    "name": str,
    "age": float,
    "created": bool,
    "schoolId": ObjectId,
    "bornAt": datetime,
    "mood": Mood,
    "tags": str,
    "address.city": str,
    "address.houseNumber": int,
    "homes.city": str,
    "homes.houseNumber": int,
}


PEOPLE = Table(
    "people",
    MetaData(),
    Column("_id", ObjectIdText, primary_key=True, default=ObjectId),
    Column("name", Text),
    Column("age", Double),
    Column("created", Boolean),
    Column("schoolId", ObjectIdText),
    Column("bornAt", DateTime(timezone=True)),
    Column("mood", Text),
    Column("tags", JSONB),
    Column("address", JSONB),
    Column("homes", JSONB),
)


@pytest.fixture(scope="session")
async def engine(postgres_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(postgres_url)
    async with engine.begin() as connection:
        await connection.run_sync(PEOPLE.metadata.create_all)
    yield engine
    async with engine.begin() as connection:
        await connection.run_sync(PEOPLE.metadata.drop_all)
    await engine.dispose()


@pytest.fixture
async def rows(engine: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    """The database with an empty table of people."""
    yield engine
    async with engine.begin() as connection:
        await connection.execute(PEOPLE.delete())


@pytest.fixture(scope="session")
async def motor_client(mongodb_url: str) -> AsyncIterator[MotorClient]:
    client: MotorClient = AsyncIOMotorClient(mongodb_url, tz_aware=True)
    yield client
    client.close()


@pytest.fixture(params=["memory", "mongo", "beanie", "motor", "sql"])
def make_service(request: pytest.FixtureRequest) -> MakeService:
    """Makes the adapter under test with the given options: one contract for all of them."""
    if request.param == "memory":

        async def make_memory(**options: Any) -> AdapterBase:
            return MemoryService(fields=FIELDS, **options)

        return make_memory

    if request.param == "sql":
        rows = cast("AsyncEngine", request.getfixturevalue("rows"))

        async def make_sql(**options: Any) -> AdapterBase:
            return SQLService(rows, PEOPLE, fields=FIELDS, **options)

        return make_sql

    database = cast("AsyncDatabase[dict[str, Any]]", request.getfixturevalue("database"))
    if request.param == "mongo":

        async def make_mongo(**options: Any) -> AdapterBase:
            return MongoService(database["plain_people"], fields=FIELDS, **options)

        return make_mongo

    if request.param == "motor":
        client = cast("MotorClient", request.getfixturevalue("motor_client"))
        with pytest.warns(DeprecationWarning, match="Motor"):
            documents = motor_documents(client[database.name]["plain_people"])

        async def make_motor(**options: Any) -> AdapterBase:
            return MongoService(documents, fields=FIELDS, **options)

        return make_motor

    async def make_beanie(**options: Any) -> AdapterBase:
        await cast("Any", beanie).init_beanie(database=database, document_models=[Person])
        return BeanieService(Person, **options)

    return make_beanie


@pytest.fixture
async def people(make_service: MakeService) -> AdapterBase:
    return await make_service()
