"""Records on their way in: what their keys may be, and copies that nobody else can change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any, Final, cast
from uuid import UUID

from bson import ObjectId

from ..errors import BadRequest
from ..shapes import is_list, is_mapping

MAX_DEPTH: Final = 64

IMMUTABLE: Final = frozenset(
    {str, int, float, bool, NoneType, bytes, datetime, date, timedelta, Decimal, UUID, ObjectId}
)


class Flat(dict[str, Any]):
    """A stored record whose values nobody can change: a shallow copy of it is a whole one."""

    __slots__ = ()


def check_keys(data: Any, depth: int = 0) -> None:
    """Refuse keys that a database would take for operators or paths, and data nested without end.

    Raises BadRequest, naming the key.
    """
    if depth > MAX_DEPTH:
        raise BadRequest(f"Data may be at most {MAX_DEPTH} levels deep")
    if is_mapping(data):
        for key, value in data.items():
            if not key.isidentifier() and (key.startswith("$") or "." in key or "\0" in key):
                raise BadRequest(f"Invalid field name {key!r}", {"errors": {key: "is not a field name"}})
            if type(value) not in IMMUTABLE:
                check_keys(value, depth + 1)
    elif is_list(data):
        for value in data:
            if type(value) not in IMMUTABLE:
                check_keys(value, depth + 1)


def stored_record(data: Mapping[str, Any]) -> dict[str, Any]:
    """A deep copy to keep, which remembers if copies of it need not be deep."""
    return Flat(data) if IMMUTABLE.issuperset(map(type, data.values())) else copy_record(data)


def copy_record(record: Mapping[str, Any]) -> dict[str, Any]:
    if type(record) is Flat:
        return record.copy()
    return {key: value if type(value) in IMMUTABLE else copy_value(value) for key, value in record.items()}


def copy_value(value: Any) -> Any:
    """A deep copy, cheap where there is little to copy, with tuples and enums as a database keeps them."""
    if type(value) in IMMUTABLE:
        return value
    if is_mapping(value):
        return copy_record(value)
    if isinstance(value, list | tuple):
        return [copy_value(element) for element in cast("Sequence[Any]", value)]
    return value.value if isinstance(value, Enum) else deepcopy(value)
