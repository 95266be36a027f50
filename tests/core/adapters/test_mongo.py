from __future__ import annotations

from typing import Any, cast
from uuid import UUID

import pytest
from bson import Binary, Decimal128
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import AutoReconnect, PyMongoError, ServerSelectionTimeoutError

from stonechat.core.adapters.driver import driver_errors
from stonechat.core.adapters.mongo import MongoService
from stonechat.core.context import Params
from stonechat.core.encoding import decode, encode
from stonechat.core.errors import BadRequest, Conflict, Forbidden, GeneralError, NotFound, Unavailable

Record = dict[str, Any]


@pytest.fixture
def service(database: AsyncDatabase[Record]) -> MongoService:
    return MongoService(database["things"], multi=True)


async def create(service: MongoService, **data: Any) -> Record:
    return cast("Record", await service.create(data))


async def test_own_code_may_patch_with_update_operators(service: MongoService) -> None:
    thing = await create(service, seq=1, tags=["a"])
    patched = await service.patch(
        thing["_id"], {"name": "A", "$inc": {"seq": 2}, "$push": {"tags": "b"}, "$set": {"deep.er": 1}}
    )
    assert patched == {
        "_id": thing["_id"],
        "seq": 3,
        "tags": ["a", "b"],
        "name": "A",
        "deep": {"er": 1},
    }
    with pytest.raises(BadRequest):
        await service.patch(thing["_id"], {"$rename": {"seq": "name"}})
    with pytest.raises(BadRequest):
        await service.patch(thing["_id"], {"$inc": {"seq": 1}}, Params(provider="rest"))


async def test_update_operators_cannot_move_a_record_to_another_tenant(
    database: AsyncDatabase[Record],
) -> None:
    service = MongoService(database["things"], tenant="school")
    thing = await create(service, school=1)
    with pytest.raises(Forbidden):
        await service.patch(thing["_id"], {"$set": {"school": 2}}, Params(tenant=1))
    assert await service.get(thing["_id"]) == thing


async def test_a_duplicate_key_is_a_conflict_that_names_the_fields(database: AsyncDatabase[Record]) -> None:
    collection = database["members"]
    await collection.create_index({"school": 1, "email": 1}, name="one_email_a_school", unique=True)
    service = MongoService(collection, tenant="school", multi=True)
    first = await create(service, school=1, email="a@b.c")
    second = await create(service, school=1, email="x@y.z")
    for write in (
        service.create({"school": 1, "email": "a@b.c"}),
        service.create([{"school": 2, "email": "a@b.c"}, {"school": 1, "email": "a@b.c"}]),
        service.patch(second["_id"], {"email": "a@b.c"}),
        service.patch(None, {"email": "a@b.c"}, Params(query={"email": "x@y.z"})),
        service.update(second["_id"], {"school": 1, "email": "a@b.c"}),
    ):
        with pytest.raises(Conflict) as refused:
            await write
        assert refused.value.errors == {"email": "already exists"}
        assert refused.value.data == {"index": "one_email_a_school"}
    with pytest.raises(Conflict) as refused:
        await create(service, _id=first["_id"])
    assert refused.value.errors == {"_id": "already exists"}


@pytest.mark.parametrize("value", [2**70, "lone surrogate: \ud800", object()])
async def test_a_value_that_cannot_be_stored_is_refused(service: MongoService, value: Any) -> None:
    with pytest.raises(BadRequest):
        await service.create({"value": value})
    with pytest.raises(BadRequest):
        await service.find(Params(query={"value": value}))
    assert await service.find() == []


async def test_what_the_driver_says_does_not_reach_the_caller(service: MongoService) -> None:
    with pytest.raises(GeneralError) as failed:
        await service.find(Params(restrict={"secret": {"$nonsense": 1}}))
    assert failed.value.to_json() == {
        "name": "GeneralError",
        "message": "The database failed",
        "code": 500,
        "className": "general-error",
    }


@pytest.mark.parametrize("away", [ServerSelectionTimeoutError("nobody there"), AutoReconnect("gone")])
def test_a_server_that_is_away_is_unavailable(away: PyMongoError) -> None:
    """Raised by hand: a driver that really finds nobody leaks the socket of its last try now and then."""
    with pytest.raises(Unavailable), driver_errors():
        raise away


async def test_calls_share_the_transaction_of_their_session(
    service: MongoService, mongodb: AsyncMongoClient[Record]
) -> None:
    await create(service, name="before")
    async with mongodb.start_session() as session:
        inside = Params(session=session)
        await session.start_transaction()
        thing = cast("Record", await service.create({"name": "A"}, inside))
        await service.create([{"name": "B"}], inside)
        await service.patch(thing["_id"], {"name": "C"}, inside)
        await service.patch(None, {"seen": True}, inside)
        await service.update(thing["_id"], {"name": "D"}, inside)
        page = await service.find(Params(inside, paginate={"default": 1}))
        assert cast("Any", page)["total"] == 3
        with pytest.raises(NotFound):
            await service.get(thing["_id"])
        assert (await service.get(thing["_id"], inside))["name"] == "D"
        await service.remove(thing["_id"], inside)
        await service.remove(None, inside)
        await session.abort_transaction()
    (left,) = cast("list[Record]", await service.find())
    assert left["name"] == "before"
    assert "seen" not in left


async def test_an_error_that_the_driver_would_retry_stays_the_drivers(
    service: MongoService, mongodb: AsyncMongoClient[Record]
) -> None:
    thing = await create(service, count=0)
    async with mongodb.start_session() as first, mongodb.start_session() as second:
        await first.start_transaction()
        await second.start_transaction()
        await service.patch(thing["_id"], {"count": 1}, Params(session=first))
        with pytest.raises(PyMongoError) as clash:
            await service.patch(thing["_id"], {"count": 2}, Params(session=second))
        assert clash.value.has_error_label("TransientTransactionError")
        await first.commit_transaction()
    assert (await service.get(thing["_id"]))["count"] == 1


async def test_a_field_of_its_own_can_be_the_id(database: AsyncDatabase[Record]) -> None:
    service = MongoService(database["slugs"], id="slug", multi=True)
    thing = await create(service, slug="one", name="One")
    assert await service.get("one") == thing
    updated = await service.update("one", {"slug": "two", "_id": "x", "name": "Uno"})
    assert updated == {"_id": thing["_id"], "slug": "one", "name": "Uno"}
    assert await service.patch(None, {"name": "Un"}, Params(query={"slug": "one"})) == [
        {**updated, "name": "Un"}
    ]
    assert isinstance((await create(service, name="Two"))["slug"], str)


async def test_the_types_of_the_database_have_a_form_on_the_wire(service: MongoService) -> None:
    key = UUID(int=5)
    thing = await create(service, key=Binary.from_uuid(key), raw=Binary(b"ab", 5), price=Decimal128("1.50"))
    assert decode(encode(thing)) == {
        "_id": str(thing["_id"]),
        "key": str(key),
        "raw": "YWI=",
        "price": "1.50",
    }
