from __future__ import annotations

import asyncio
from typing import Any, cast
from uuid import UUID

import pytest
from bson import Binary, Decimal128, ObjectId
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import AutoReconnect, PyMongoError, ServerSelectionTimeoutError
from structlog.testing import capture_logs

from stonechat.core.adapters.driver import driver_errors
from stonechat.core.adapters.keyset import Keyset
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
        "data": {"name": "OperationFailure", "code": 2},
    }


@pytest.mark.parametrize("away", [ServerSelectionTimeoutError("nobody there"), AutoReconnect("gone")])
def test_a_server_that_is_away_is_unavailable(away: PyMongoError) -> None:
    """Raised by hand: a driver that really finds nobody leaks the socket of its last try now and then."""
    with capture_logs() as logs, pytest.raises(Unavailable), driver_errors():
        raise away
    (log,) = logs
    assert (log["reason"], "exc_info" in log) == (str(away), False)


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
    second = await create(service, name="Two")
    assert await service.get(second["slug"]) == second


async def test_a_given_id_that_reads_as_an_object_id_is_one(database: AsyncDatabase[Record]) -> None:
    hexadecimal = "64b000000000000000000001"
    service = MongoService(database["things"])
    assert (await create(service, _id=hexadecimal))["_id"] == ObjectId(hexadecimal)
    assert (await service.get(hexadecimal))["_id"] == ObjectId(hexadecimal)
    as_text = MongoService(database["slugs"], fields={"_id": str})
    thing = await create(as_text, _id=hexadecimal)
    assert thing == {"_id": hexadecimal}
    assert await as_text.get(hexadecimal) == thing
    assert await as_text.find(Params(query={"_id": {"$in": [hexadecimal]}})) == [thing]
    with pytest.raises(NotFound):
        await as_text.get(5)


async def test_the_types_of_the_database_have_a_form_on_the_wire(service: MongoService) -> None:
    key = UUID(int=5)
    thing = await create(service, key=Binary.from_uuid(key), raw=Binary(b"ab", 5), price=Decimal128("1.50"))
    assert decode(encode(thing)) == {
        "_id": str(thing["_id"]),
        "key": str(key),
        "raw": "YWI=",
        "price": "1.50",
    }


@pytest.fixture
async def sales(service: MongoService) -> MongoService:
    await service.create([{"shop": shop, "sold": sold} for shop, sold in [("a", 1), ("b", 2), ("b", 3)]])
    return service


PER_SHOP: Record = {"$group": {"_id": "$shop", "sold": {"$sum": "$sold"}}}


async def test_a_pipeline_goes_on_from_what_the_query_found(sales: MongoService) -> None:
    params = Params(query={"sold": {"$gt": 1}}, pipeline=[PER_SHOP])
    assert await sales.find(params) == [{"_id": "b", "sold": 5}]


async def test_a_pipeline_may_say_where_the_query_stands_in_it(sales: MongoService) -> None:
    pipeline: list[Record] = [PER_SHOP, {"$feathers": {}}, {"$addFields": {"seen": True}}]
    query = {"sold": {"$lt": 9}, "$sort": {"sold": -1}, "$limit": 1, "$select": ["sold"]}
    assert await sales.find(Params(query=query, pipeline=pipeline)) == [{"_id": "b", "sold": 5, "seen": True}]
    page = await sales.find(Params(query=query, pipeline=pipeline, paginate={"default": 1}))
    assert page == {"total": 2, "limit": 1, "skip": 0, "data": [{"_id": "b", "sold": 5, "seen": True}]}
    assert await sales.find(Params(query={"sold": 0}, pipeline=pipeline, paginate={"default": 1})) == {
        "total": 0,
        "limit": 1,
        "skip": 0,
        "data": [],
    }
    with pytest.raises(TypeError):
        await sales.find(Params(pipeline=pipeline, paginate={"default": 1, "keyset": True}))


async def test_a_pipeline_goes_for_one_record_too(sales: MongoService) -> None:
    sale = await create(sales, shop="c", sold=4)
    pipeline = [{"$addFields": {"twice": {"$multiply": ["$sold", 2]}}}]
    assert await sales.get(str(sale["_id"]), Params(pipeline=pipeline)) == {**sale, "twice": 8}
    with pytest.raises(NotFound):
        await sales.get(sale["_id"], Params(query={"shop": "a"}, pipeline=pipeline))


async def test_a_pipeline_keeps_to_the_tenant(database: AsyncDatabase[Record]) -> None:
    service = MongoService(database["things"], tenant="school", multi=True)
    await service.create([{"school": 1, "n": 1}, {"school": 2, "n": 2}])
    count = {"$group": {"_id": None, "n": {"$sum": 1}}}
    assert await service.find(Params(tenant=1, pipeline=[count])) == [{"_id": None, "n": 1}]


async def test_own_code_may_set_options_of_the_driver(service: MongoService) -> None:
    french = Params(mongodb={"collation": {"locale": "fr", "strength": 1}, "comment": "by name"})
    thing = await create(service, name="École", tags=["a", "b"])
    assert await service.find(Params(french, query={"name": "ecole"})) == [thing]
    assert await service.find(Params(query={"name": "ecole"})) == []
    page = await service.find(Params(french, query={"name": "ecole", "$limit": 0}, paginate={"default": 1}))
    assert cast("Any", page)["total"] == 1
    filters = Params(mongodb={"array_filters": [{"tag": "b"}], "max_time_ms": 5000})
    patched = await service.patch(thing["_id"], {"$set": {"tags.$[tag]": "c"}}, filters)
    assert cast("Record", patched)["tags"] == ["a", "c"]
    filters = Params(mongodb={"array_filters": [{"tag": "c"}]})
    many = await service.patch(None, {"$set": {"tags.$[tag]": "d"}}, filters)
    assert many == [{**thing, "tags": ["a", "d"]}]
    assert await service.remove(None, Params(french, query={"name": "ECOLE"})) == many
    upserted = await service.patch("one", {"name": "A"}, Params(mongodb={"upsert": True}))
    assert upserted == {"_id": "one", "name": "A"}
    with pytest.raises(TypeError, match="no option 'colation'"):
        await service.find(Params(mongodb={"colation": {}}))


async def test_which_update_operators_are_disabled_can_be_chosen(database: AsyncDatabase[Record]) -> None:
    service = MongoService(database["things"], disabled_operators=["$unset"])
    thing = await create(service, seq=1)
    assert await service.patch(thing["_id"], {"$rename": {"seq": "n"}}) == {"_id": thing["_id"], "n": 1}
    with pytest.raises(BadRequest, match=r"^Invalid operator \$unset$"):
        await service.patch(thing["_id"], {"$unset": {"n": ""}})
    allowed = Params(adapter={"disabled_operators": []})
    assert await service.patch(thing["_id"], {"$unset": {"n": ""}}, allowed) == {"_id": thing["_id"]}


async def test_an_estimate_is_the_collections_own_count(
    service: MongoService, mongodb: AsyncMongoClient[Record]
) -> None:
    estimated = Params(paginate={"default": 1, "count": "estimated"})
    await service.create([{"n": 1}, {"n": 2}])
    async with mongodb.start_session() as session:
        await session.start_transaction()
        await service.create({"n": 3}, Params(session=session))
        inside = await service.find(Params(estimated, session=session))
        await session.abort_transaction()
    outside = await service.find(estimated)
    assert [cast("Any", page)["total"] for page in (inside, outside)] == [3, 2]


async def test_the_collection_may_have_to_be_waited_for(database: AsyncDatabase[Record]) -> None:
    ready = asyncio.get_running_loop().create_future()
    service = MongoService(ready, paginate={"default": 1, "keyset": True})
    calls = [service.create({"n": 1}), service.create({"n": 2}), service.find()]
    waiting = asyncio.gather(*calls)
    ready.set_result(database["things"])
    await waiting
    assert cast("Any", await service.find())["total"] == 2


async def test_a_function_that_finds_the_collection_is_asked_until_it_does(
    database: AsyncDatabase[Record],
) -> None:
    answers: list[Any] = [ConnectionError("not yet"), database["things"]]

    async def find_collection() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    service = MongoService(find_collection)
    with pytest.raises(ConnectionError):
        await service.find()
    assert await service.find() == []
    assert await service.create({"_id": "a"}) == {"_id": "a"}
    assert await MongoService(lambda: database["things"]).get("a") == {"_id": "a"}


async def test_a_made_up_cursor_with_what_cannot_be_stored_is_refused(
    database: AsyncDatabase[Record],
) -> None:
    service = MongoService(database["pages"], paginate={"default": 2, "keyset": True})
    await service.create({"name": "A"})
    keyset = Keyset(order={"name": 1, "_id": 1}, scope=[service.cursor_scope()])
    cursor = keyset.cursor({"name": UUID(int=7), "_id": ObjectId()})
    with pytest.raises(BadRequest) as raised:
        await service.find(Params(query={"$sort": {"name": 1}, "$after": cursor}))
    assert raised.value.errors == {"$after": "is not a cursor of this query"}
