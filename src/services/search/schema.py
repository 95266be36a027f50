from __future__ import annotations

from typing import Any, cast

from bson import ObjectId
from marshmallow import Schema, ValidationError, fields

from ...core.schema import Id, choice, moment, text
from ...models.conversation import KINDS
from .conditions import HAS


class Someone(fields.Field[Any]):
    """A user's id, or ``me``."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if value == "me" or isinstance(value, ObjectId):
            return value
        if isinstance(value, str) and ObjectId.is_valid(value):
            return ObjectId(value)
        raise ValidationError("is neither an id nor me")


_FIELDS: dict[str, Any] = {
    "q": text(200),
    "from": Id(),
    "in": Id(),
    "kind": choice(KINDS),
    "has": choice(HAS),
    "before": moment(),
    "after": moment(),
    "mentions": Someone(),
}
# Two of the names are words of Python, which no attribute can be called by.
SearchQuery = cast("Any", Schema).from_dict(_FIELDS, name="SearchQuery")


class SearchResult(Schema):
    """``message`` is as ``messages get`` shows it; the offsets count code points of its content."""

    message = fields.Dict(required=True)
    highlights = fields.List(fields.List(fields.Integer()), required=True)
    snippet = fields.List(fields.Integer(), required=True)
