"""Fields for what services of a database exchange."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from bson import ObjectId
from bson.errors import InvalidId
from marshmallow import ValidationError, fields, validate


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


def text(longest: int, *, shortest: int = 1, **options: Any) -> fields.String:
    """A text of ``shortest`` to ``longest`` characters that is more than white space."""
    checks: list[Any] = [validate.Length(min=shortest, max=longest)]
    if shortest:
        checks.append(validate.Regexp(r"\s*\S", error="must not be blank"))
    return fields.String(validate=checks, **options)


def choice(values: tuple[str, ...], **options: Any) -> fields.String:
    return fields.String(validate=validate.OneOf(values), **options)


def moment(**options: Any) -> fields.AwareDateTime:
    """An ISO 8601 time; one without a zone is UTC."""
    return fields.AwareDateTime(default_timezone=UTC, **options)


def count(**options: Any) -> fields.Integer:
    """A whole number from 0 up to what JavaScript keeps exactly."""
    return Whole(validate=validate.Range(min=0, max=2**53 - 1), **options)
