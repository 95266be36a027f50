from __future__ import annotations

from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClient

from stonechat.core.adapters.mongo import MongoService
from stonechat.core.adapters.motor import motor_documents
from stonechat.core.context import Params


async def test_a_collection_of_motor_is_taken_with_a_warning_that_names_the_caller(mongodb_url: str) -> None:
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(mongodb_url, tz_aware=True)
    collection = client["test_motor"]["things"]
    try:
        with pytest.warns(DeprecationWarning, match="pymongo.AsyncMongoClient") as warned:
            documents = motor_documents(collection)
        assert warned[0].filename == __file__
        service = MongoService(documents, multi=True, paginate={"default": 1})
        await service.create([{"name": "A", "n": 1}, {"name": "A", "n": 2}])
        total: dict[str, Any] = {"$group": {"_id": "$name", "n": {"$sum": "$n"}}}
        unpaged = Params(pipeline=[total], paginate=False)
        assert await service.find(unpaged) == [{"_id": "A", "n": 3}]
        async with await client.start_session() as session, session.start_transaction():
            await service.remove(None, Params(session=session))
            await session.abort_transaction()
        page = await service.find()
        assert isinstance(page, dict)
        assert page["total"] == 2
    finally:
        await client.drop_database("test_motor")
        client.close()
