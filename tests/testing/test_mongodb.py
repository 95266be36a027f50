from __future__ import annotations

from typing import Any

from pymongo import AsyncMongoClient

from stonechat.testing import mongodb


async def test_a_private_mongodb_is_empty_and_has_transactions() -> None:
    async with mongodb() as url, AsyncMongoClient[dict[str, Any]](url) as client:
        assert set(await client.list_database_names()) == {"admin", "config", "local"}
        async with client.start_session() as session, await session.start_transaction():
            await client.school.notes.insert_one({"text": "Hello"}, session=session)
        assert await client.school.notes.count_documents({}) == 1
