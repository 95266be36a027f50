"""Fields for what services of a database exchange."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast

from bson import ObjectId
from bson.errors import InvalidId
from marshmallow import Schema, ValidationError, fields, validate


class Id(fields.Field[ObjectId]):
    """A MongoDB id: 24 hex digits from a client, an ObjectId inside."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> ObjectId:
        if isinstance(value, ObjectId):
            return value
        try:
            return ObjectId(value if isinstance(value, str) else "")
        except InvalidId:
            raise ValidationError("is not an id") from None

    def _serialize(self, value: ObjectId | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else str(value)


class Whole(fields.Integer):
    """A whole number, or the text of one, as query strings have it; nothing is cut off."""

    def _validated(self, value: Any) -> int:
        if isinstance(value, float) and not value.is_integer():
            raise ValidationError("Not a valid integer.")
        return super()._validated(value)


class Moment(fields.AwareDateTime):
    """A time as it is stored. In its own zone it can be in the year 1 or 9999, and in UTC in none."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        try:
            loaded = super()._deserialize(value, attr, data, **kwargs)  # pyright: ignore[reportUnknownMemberType]
            return loaded.astimezone(UTC)
        except OverflowError:
            raise ValidationError("is beyond the calendar") from None


STORED_AS: Final[Mapping[type[fields.Field[Any]], type[Any]]] = {
    Id: ObjectId,
    fields.Boolean: bool,
    fields.Integer: int,
    fields.Float: float,
    fields.DateTime: datetime,
    fields.String: str,
}


def text(longest: int, *, shortest: int = 1, **options: Any) -> fields.String:
    """A text of ``shortest`` to ``longest`` characters that is more than white space."""
    checks: list[Any] = [validate.Length(min=shortest, max=longest)]
    if shortest:
        checks.append(validate.Regexp(r"\s*\S", error="must not be blank"))
    return fields.String(validate=checks, **options)


def choice(values: tuple[str, ...], **options: Any) -> fields.String:
    return fields.String(validate=validate.OneOf(values), **options)


def moment(**options: Any) -> fields.AwareDateTime:
    """An ISO 8601 time; one without a zone is UTC, and inside all are."""
    return Moment(default_timezone=UTC, **options)


def count(**options: Any) -> fields.Integer:
    """A whole number from 0 up to what JavaScript keeps exactly."""
    return Whole(validate=validate.Range(min=0, max=2**53 - 1), **options)


def field_types(schema: Schema) -> dict[str, type[Any]]:
    """The types of the fields by dotted name, as adapters take them by their option ``fields``.

    Ids, booleans, numbers, times and texts, within lists and nested schemas too. Fields of other kinds
    are left out: their values stay as they come.
    """
    return dict(_types(schema, ""))


def _types(schema: Schema, prefix: str) -> Iterator[tuple[str, type[Any]]]:
    of_schema = cast("Mapping[str, Any]", schema.fields)  # pyright: ignore[reportUnknownMemberType]
    for name, field in of_schema.items():
        inner = field
        while isinstance(inner, fields.List):
            inner = cast("Any", inner).inner
        if isinstance(inner, fields.Nested):
            yield from _types(cast("Any", inner).schema, f"{prefix}{name}.")
        for kind, stored in STORED_AS.items():
            if isinstance(inner, kind):
                yield prefix + name, stored
