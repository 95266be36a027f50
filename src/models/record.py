"""What every record of a school has in common."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, cast

from beanie import Document, PydanticObjectId
from bson import ObjectId
from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel
from pymongo import ASCENDING, IndexModel
from pymongo.asynchronous.client_session import AsyncClientSession

from ..core.adapters.collection import Documents

# What a partial index is for. The planner uses one only where it sees that what is asked for fulfils
# the filter: for an equality it sees that of ``$gt``, and not of ``$type``.
ANY_TEXT: Final = {"$gt": ""}
ANY_ID: Final = {"$gt": ObjectId(bytes(12))}
ANY_MOMENT: Final = {"$gt": datetime.fromtimestamp(0, UTC)}


def now() -> datetime:
    """The present in UTC, to the millisecond, which is what MongoDB keeps."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class Record(Document):
    """A document whose fields go by their camelCase names in MongoDB and on the wire."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    created_at: datetime = Field(default_factory=now)

    @classmethod
    def documents(cls) -> Documents:
        """The collection itself, for statements that a service has no words for."""
        return cast("Documents", cls.get_pymongo_collection())  # pyright: ignore[reportUnknownMemberType]

    @classmethod
    def session(cls) -> AsyncClientSession:
        """A session of the records' client, to be entered with ``async with``."""
        return cls.documents().database.client.start_session()


class SchoolRecord(Record):
    """A record of one school; nothing ever refers to another school's."""

    school_id: PydanticObjectId


def index(*fields: str, unique: bool = False, where: dict[str, Any] | None = None) -> IndexModel:
    """An ascending index over fields by their names in MongoDB, partial with ``where``."""
    options: dict[str, Any] = {"unique": unique, "name": "_".join(fields)}
    if where is not None:
        options["partialFilterExpression"] = where
    return IndexModel([(name, ASCENDING) for name in fields], **options)
