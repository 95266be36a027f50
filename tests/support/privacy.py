"""Messages of another time, and what the database still knows of somebody."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from beanie import PydanticObjectId
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from stonechat.core.application import Application
from stonechat.core.shapes import is_list, is_mapping
from stonechat.models import Conversation, Message
from stonechat.models.record import now
from tests.support.people import newcomer
from tests.support.school import Json, Person, School


async def stored(message: Json) -> dict[str, Any]:
    """The message as the database has it."""
    found = await Message.documents().find_one({"_id": ObjectId(message["_id"])})
    assert found is not None
    return found


async def aged(*messages: Json, days: float) -> None:
    """Let the messages have been written so many days ago."""
    ids = [ObjectId(message["_id"]) for message in messages]
    at = now() - timedelta(days=days)
    await Message.documents().update_many({"_id": {"$in": ids}}, {"$set": {"createdAt": at}})


async def many_old(person: Person, conversation: str, count: int, *, days: float) -> None:
    """Old messages of one person, put where nobody could have written so many."""
    at = now() - timedelta(days=days)
    where = {"_id": ObjectId(conversation)}
    talk = await Conversation.documents().find_one_and_update(where, {"$inc": {"clock": count}})
    assert talk is not None
    await Message.documents().insert_many(
        {
            **Message(
                school_id=talk["schoolId"],
                conversation_id=talk["_id"],
                sender_id=PydanticObjectId(person.id),
                content=f"Old {seq}",
                seq=seq,
            ).model_dump(by_alias=True, exclude={"id", "revision_id"}),
            "createdAt": at,
        }
        for seq in range(talk["clock"] + 1, talk["clock"] + count + 1)
    )


async def settle(admin: Person, **settings: Json) -> None:
    """Change the settings of an admin's school."""
    data = {"settings": settings}
    answer = await admin.rest("patch", "schools", id=admin.user["schoolId"], data=data)
    assert answer.code == 200, answer


async def people_of(school: School, slug: str, *roles: str) -> list[Person]:
    return [await newcomer(school, role, at=slug) for role in roles]


async def traces(app: Application, *texts: str) -> list[str]:
    """``collection field`` of everything in the database that holds one of the texts, in whatever letters."""
    database: AsyncDatabase[dict[str, Any]] = app.get("database").database
    pattern = re.compile("|".join(map(re.escape, texts)), re.IGNORECASE)
    found: set[str] = set()
    for name in await database.list_collection_names():
        if name.startswith("system."):
            continue
        async for record in database[name].find():
            found.update(f"{name} {field}" for field, value in _texts(record) if pattern.search(value))
    return sorted(found)


def _texts(value: Any, field: str = "") -> Iterator[tuple[str, str]]:
    if is_mapping(value):
        for name, part in value.items():
            yield field, name
            yield from _texts(part, f"{field}.{name}" if field else name)
    elif is_list(value):
        for part in value:
            yield from _texts(part, field)
    elif isinstance(value, bytes):
        yield from ((field, text) for text in _plain(value))
    elif isinstance(value, str):
        yield field, value


def _plain(value: bytes) -> Iterable[str]:
    """The bytes as text, and what a zip file's parts are when they are unpacked."""
    yield value.decode("latin-1")
    for start in re.finditer(rb"PK\x03\x04", value):
        at = start.start()
        names = int.from_bytes(value[at + 26 : at + 28], "little")
        extra = int.from_bytes(value[at + 28 : at + 30], "little")
        unpacked = zlib.decompressobj(-zlib.MAX_WBITS).decompress(value[at + 30 + names + extra :])
        yield unpacked.decode("latin-1")
