"""What a table's columns are as fields of records: their types, on the way in and in a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID

from bson import ObjectId
from sqlalchemy import Column, Table, Text, cast, literal, literal_column, null
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import ARRAY, JSON

from ..coercion import COERCERS, Coercer, to_number
from ..encoding import encode
from ..errors import BadRequest
from .options import to_object_id

DEFAULT: Final[ColumnElement[Any]] = literal_column("DEFAULT")

NUMBERS: Final[Mapping[type[Any], tuple[type[Any], ...]]] = {
    int: (int, float),
    float: (int, float),
    Decimal: (int, float, Decimal),
}


@dataclass(frozen=True, slots=True)
class Field:
    """``kind`` is the type of its values; None for JSON, which has values of every type."""

    name: str
    column: Column[Any]
    kind: type[Any] | None

    @classmethod
    def of(cls, name: str, column: Column[Any]) -> Field:
        """Raises TypeError for a column that queries have no words for."""
        if isinstance(column.type, ARRAY):
            raise TypeError(f"column '{name}' is an array: use JSONB for lists")
        return cls(name, column, None if isinstance(column.type, JSON) else column.type.python_type)

    @property
    def coercer(self) -> Coercer | None:
        """For values of queries, which are text over REST."""
        return None if self.kind is None else _coercer(self.kind)

    def fits(self, value: Any) -> bool:
        """Whether a row could have this value, None aside."""
        if self.kind is None or isinstance(value, bool):
            return self.kind in (None, bool)
        return isinstance(value, NUMBERS.get(self.kind, self.kind))

    def stored(self, value: Any) -> Any:
        """What to write for a value of data. Raises BadRequest for one of another type."""
        if value is None:
            return null()
        try:
            if self.kind is None:
                return json_value(value)
            converted = _coercer(self.kind)(value)
            if self.kind is int and isinstance(converted, float):
                raise ValueError("not a whole number")  # noqa: TRY301 - one refusal for all of them
        except (ValueError, TypeError, ArithmeticError):
            raise BadRequest(
                f"'{self.name}' cannot be stored", {"errors": {self.name: "is not a value of this field"}}
            ) from None
        return converted

    def default(self) -> Any:
        """What to write where data has no value."""
        default = self.column.default
        if default is not None and default.is_scalar:
            return self.stored(default.arg)  # type: ignore[attr-defined]
        if default is not None and default.is_callable:
            return self.stored(default.arg(None))  # type: ignore[attr-defined]
        return DEFAULT


Fields = Mapping[str, Field]


def fields_of(table: Table) -> Fields:
    """By the keys of the columns, which are the names on the wire."""
    return {name: Field.of(name, column) for name, column in table.c.items()}


def unknown_field(path: str) -> BadRequest:
    return BadRequest(f"There is no field '{path}'", {"errors": {path: "is not a field"}})


def json_value(value: Any) -> ColumnElement[Any]:
    """A bound JSONB value; what JSON has no type for stands in it as it does on the wire.

    Raises TypeError for what has no form in JSON.
    """
    return cast(literal(encode(value).decode(), Text()), JSONB)


def _coercer(kind: type[Any]) -> Coercer:
    if kind is ObjectId:
        return to_object_id
    if kind in COERCERS:
        return COERCERS[kind]
    if issubclass(kind, Enum):
        return kind

    def coerce(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        read = READERS.get(kind)
        if read is None or not isinstance(value, str | int | float) or isinstance(value, bool):
            raise TypeError("of another type")
        return read(str(value))

    return coerce


def _decimal(text: str) -> Decimal:
    to_number(text)  # neither infinite nor longer than what is sensible
    return Decimal(text)


READERS: Final[Mapping[type[Any], Coercer]] = {
    Decimal: _decimal,
    UUID: UUID,
    date: date.fromisoformat,
    datetime: datetime.fromisoformat,
}
