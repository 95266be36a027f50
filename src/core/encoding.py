"""JSON as it goes over every wire: one encoding for REST, acknowledgements and events.

Datetimes are ISO 8601 in UTC with milliseconds and ``Z``; decimals and database ids are text; NaN
and infinity become null. A package that brings its own value types registers them on ``jsonable``.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import singledispatch
from typing import Any, Final

import orjson

OPTIONS: Final = orjson.OPT_PASSTHROUGH_DATETIME


@singledispatch
def jsonable(value: object) -> Any:
    """What stands for ``value`` in JSON. Raises TypeError where nothing is registered for its type."""
    raise TypeError(f"{type(value).__name__} has no JSON form")


@jsonable.register
def _(value: datetime) -> str:
    aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return aware.isoformat(timespec="milliseconds")[:-6] + "Z"


@jsonable.register(date)
@jsonable.register(time)
def _(value: date | time) -> str:
    return value.isoformat()


@jsonable.register
def _(value: Decimal) -> str:
    return str(value)


@jsonable.register(set)
@jsonable.register(frozenset)
def _(value: AbstractSet[Any]) -> list[Any]:
    return sorted(value, key=str)


def encode(value: Any) -> bytes:
    """Raises TypeError for a value that has no JSON form."""
    try:
        return orjson.dumps(value, jsonable, OPTIONS)
    except TypeError:  # keys that are no text, perhaps: allowing them takes twice as long
        return orjson.dumps(value, jsonable, OPTIONS | orjson.OPT_NON_STR_KEYS)


def decode(text: str | bytes) -> Any:
    """Raises ValueError for malformed JSON."""
    return orjson.loads(text)
