"""An index of one field, for the memory adapter."""

from __future__ import annotations

from collections.abc import Collection
from types import NoneType
from typing import Any, Final
from uuid import UUID

from bson import ObjectId

from ..shapes import is_list
from .base import Result

INDEXABLE: Final = frozenset({str, int, float, bool, NoneType, UUID, ObjectId})
EXACT: Final = frozenset({str, ObjectId})

_OTHER: Final = object()


class Index:
    """Finds records by a plain value of one field: ``buckets[value][key]`` is a record.

    A list is in the bucket of each of its elements. A bucket may hold more than the records that
    equal its value (1 and True share one), never less; for texts and object ids it is exact.
    """

    def __init__(self, field: str) -> None:
        self._field = field
        self._buckets: dict[Any, dict[str, Result]] = {}

    def put(self, key: str, record: Result, old: Result | None = None) -> None:
        """Add a record, in the place of ``old`` where it has the same values."""
        values = self._values(record)
        if old is not None:
            self._discard(key, self._values(old) - values)
        for value in values:
            if (bucket := self._buckets.get(value)) is None:
                bucket = self._buckets[value] = {}
            bucket[key] = record

    def discard(self, key: str, record: Result) -> None:
        self._discard(key, self._values(record))

    def candidates(self, value: Any) -> Collection[Result] | None:
        """The records that may have this value; None for values that the index cannot find."""
        if type(value) not in INDEXABLE:
            return None
        bucket, rest = self._buckets.get(value, {}), self._buckets.get(_OTHER, {})
        return {**bucket, **rest}.values() if rest else bucket.values()

    def is_exact(self, value: Any) -> bool:
        """Whether all candidates for this value do have it."""
        return type(value) in EXACT and _OTHER not in self._buckets

    def _discard(self, key: str, values: set[Any]) -> None:
        for value in values:
            bucket = self._buckets[value]
            del bucket[key]
            if not bucket:
                del self._buckets[value]

    def _values(self, record: Result) -> set[Any]:
        value = record.get(self._field)
        if type(value) in INDEXABLE:
            return {value}
        elements: list[Any] = value if is_list(value) else [value]
        return {element if type(element) in INDEXABLE else _OTHER for element in elements}
