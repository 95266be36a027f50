"""Types of columns for what records hold that SQL has no type for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from sqlalchemy import DateTime, Dialect, String
from sqlalchemy.types import TypeDecorator


class ObjectIdText(TypeDecorator[ObjectId]):
    """An ObjectId as its 24 hexadecimal digits, which sort as the ids do."""

    impl = String(24, collation="C")
    cache_ok = True

    @property
    def python_type(self) -> type[Any]:
        return ObjectId

    def process_bind_param(self, value: ObjectId | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> ObjectId | None:
        return None if value is None else ObjectId(value)


class UtcMoment(TypeDecorator[datetime]):
    """A moment in a column without a time zone, where it stands in UTC."""

    impl = DateTime(timezone=False)
    cache_ok = True

    @property
    def python_type(self) -> type[Any]:
        return datetime

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or value.tzinfo is None:
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)
