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
WRITTEN_DEPTH: Final = 254
"""How many levels orjson writes. It reads more."""
MAX_DEPTH: Final = 128
"""How many are taken in: whatever is asked can be given back in an answer."""


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
    """Raises ValueError for malformed JSON, and for what is nested more deeply than 128 levels."""
    value = orjson.loads(text)
    brackets = (
        text.count("[") + text.count("{") if isinstance(text, str) else text.count(b"[") + text.count(b"{")
    )
    if brackets > MAX_DEPTH and _is_deep(value):
        raise ValueError(f"nested more deeply than {MAX_DEPTH} levels")
    return value


def _is_deep(value: Any) -> bool:
    """Whether it is too deep to be written with so much around it; walking through it takes far longer."""
    for _ in range(WRITTEN_DEPTH - MAX_DEPTH):
        value = [value]
    try:
        orjson.dumps(value)
    except TypeError:
        return True
    return False
