"""The order of values of any type, as MongoDB defines it.

Values of different types never compare equal and never raise: first comes nothing (None, missing),
then numbers, text, objects, lists, bytes, ids, booleans, dates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from math import inf, isnan
from typing import Any, Final, TypeVar, cast
from uuid import UUID

from .shapes import is_list, is_mapping

Record = Mapping[str, Any]
R = TypeVar("R", bound=Record)
OrderKey = tuple[int, Any]

EMPTY_LIST, NOTHING, NUMBER, TEXT, OBJECT, LIST, BYTES, OTHER, BOOLEAN, DATE = range(10)

SORTED_AS_THEY_ARE: Final[frozenset[type]] = frozenset({str, int, float, datetime})


class Missing(Enum):
    """The types of ``MISSING``, the value of a field that a record does not have, and of ``EMPTY``."""

    MISSING = "missing"
    EMPTY = "empty"


MISSING: Final = Missing.MISSING

EMPTY: Final = Missing.EMPTY
"""What an empty list is sorted by, as it has no element to be sorted by; less than nothing."""


def order_key(value: Any) -> OrderKey:
    """A hashable key: equal for equal values only, and comparable with the key of any other value."""
    kind = value.__class__
    if kind is str:
        return TEXT, value
    if kind is int:
        return NUMBER, value
    if kind is float:
        return NUMBER, -inf if isnan(value) else value
    if value is None or value is MISSING:
        return NOTHING, 0
    if kind is bool:
        return BOOLEAN, value
    return _rarer_key(value)


def _rarer_key(value: Any) -> OrderKey:  # noqa: PLR0911 - one for each type
    match value:
        case Missing():
            return EMPTY_LIST, 0
        case Enum():
            return order_key(value.value)
        case datetime():
            return DATE, value if value.tzinfo else value.replace(tzinfo=UTC)
        case date():
            return DATE, datetime.combine(value, time.min, UTC)
        case Mapping():
            fields = cast("Mapping[str, Any]", value).items()
            keys = ((name, order_key(inner)) for name, inner in fields)
            return OBJECT, tuple((rank, name, inner) for name, (rank, inner) in keys)
        case list() | tuple():
            return LIST, tuple(order_key(inner) for inner in cast("Sequence[Any]", value))
        case bytes():
            return BYTES, (len(value), value)
        case UUID():
            return BYTES, (16, value.bytes)
        case Decimal() | int() | float():
            return NUMBER, value
        case _:
            return OTHER, str(value)


def values_at(value: Any, path: Sequence[str], start: int = 0) -> Iterator[Any]:
    """What a dotted path leads to: several values where it crosses lists, perhaps none.

    A list is entered at a numeric segment and through those of its elements that are objects. A path
    that ends early leads to ``MISSING``. A list at the end of the path stands for its elements too,
    but not if it was found by its number in another list: that one comes as a tuple.
    """
    if start == len(path):
        yield value
    elif is_mapping(value):
        yield from values_at(value.get(path[start], MISSING), path, start + 1)
    elif is_list(value):
        numbered = _element(value, path[start])
        if start == len(path) - 1 and numbered is not MISSING:
            yield tuple(numbered) if is_list(numbered) else numbered
        elif is_mapping(numbered) or is_list(numbered):
            yield from values_at(numbered, path, start + 1)
        for element in value:
            if is_mapping(element):
                yield from values_at(element, path, start)
    else:
        yield MISSING


def _element(values: list[Any], segment: str) -> Any:
    return values[int(segment)] if segment.isdecimal() and int(segment) < len(values) else MISSING


def sort_records(records: Sequence[R], sort: Mapping[str, int]) -> list[R]:
    """Sort stably by several fields, the first the most significant; -1 is descending.

    A list counts as its smallest element, or its greatest when descending.
    """
    result = list(records)
    for path, direction in reversed(list(sort.items())):
        descending = direction < 0
        order = _order(result, path, descending=descending)
        result = [result[index] for index in order]
    return result


def _order(records: Sequence[Record], path: str, *, descending: bool) -> list[int]:
    indices = range(len(records))
    if "." not in path:
        values: list[Any] = [record.get(path) for record in records]
        value_of: Callable[[int], Any] = values.__getitem__
        kinds: set[type[Any]] = set(map(type, values))
        if len(kinds) == 1 and kinds <= SORTED_AS_THEY_ARE:
            try:
                return sorted(indices, key=value_of, reverse=descending)
            except TypeError:  # datetimes with and without a zone
                pass
    segments = path.split(".")
    keys = [_sort_key(record, segments, descending=descending) for record in records]
    return sorted(indices, key=keys.__getitem__, reverse=descending)


def sort_value(record: Record, path: str, direction: int) -> Any:
    """The value by which a record is sorted: of a list the smallest element, or the greatest for -1.

    None also where the record has none, ``EMPTY`` for an empty list.
    """
    values = list(_sort_values(record, path.split("."), 0)) or [None]
    return max(values, key=order_key) if direction < 0 else min(values, key=order_key)


def comes_after(sort: Mapping[str, int], values: Sequence[Any]) -> Callable[[Record], bool]:
    """Whether a record comes behind the one that has these ``sort_value``, by all fields of the sort."""
    fields = [
        (path.split("."), direction < 0, order_key(value))
        for (path, direction), value in zip(sort.items(), values, strict=True)
    ]

    def is_behind(record: Record) -> bool:
        for path, descending, bound in fields:
            key = _sort_key(record, path, descending=descending)
            if key != bound:
                return (key < bound) if descending else (key > bound)
        return False

    return is_behind


def _sort_key(record: Record, path: Sequence[str], *, descending: bool) -> OrderKey:
    keys = [order_key(value) for value in _sort_values(record, path, 0)] or [(NOTHING, 0)]
    return max(keys) if descending else min(keys)


def _sort_values(value: Any, path: Sequence[str], start: int) -> Iterator[Any]:
    """All values at a path; unlike in a query, an element without the rest of it counts, as None."""
    if is_list(value):
        if start == len(path):
            yield from value or [EMPTY]
        elif (numbered := _element(value, path[start])) is not MISSING:
            yield from _sort_values(numbered, path, start + 1)
        else:
            for element in value:
                yield from [None] if is_list(element) else _sort_values(element, path, start)
    elif start == len(path):
        yield value
    else:
        inner = value.get(path[start], MISSING) if is_mapping(value) else MISSING
        yield from [None] if inner is MISSING else _sort_values(inner, path, start + 1)
