"""Pages of results, and how many records a call may get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, Self, TypedDict

from .shapes import is_list, is_mapping

Count = Literal["exact", "estimated"] | int


class Page(TypedDict):
    """What ``find`` returns with pagination: ``total`` counts all matching records.

    ``next`` is there with keyset paging only: the cursor for ``$after`` that brings the page behind
    this one, or None where nothing comes behind it.
    """

    total: int
    limit: int
    skip: int
    data: list[dict[str, Any]]
    next: NotRequired[str | None]


@dataclass(frozen=True, slots=True)
class PaginationOptions:
    """How ``find`` pages.

    ::

        default  how many records a page has; without it ``find`` returns a list
        max      the most that ``$limit`` can ask for, of a list too
        keyset   True: pages have ``next``, and queries may say ``$after``. A text signs the cursors, so
                 that nobody can make one; it must be the same on all nodes
        count    what ``total`` is: "exact"; a number, up to which is counted, so that a total this
                 large means "at least"; or "estimated", which takes the collection's own count where
                 a query has no conditions at all. That count may be off after a crash and, on a
                 sharded cluster, while chunks move. Within a transaction it is exact
    """

    default: int | None = None
    max: int | None = None
    keyset: bool | str = False
    count: Count = "exact"

    @classmethod
    def of(cls, value: Self | Mapping[str, Any] | bool | None) -> Self:
        """From what an application writes: options, a mapping of them, or False for none.

        Raises ValueError for a ``count`` that is none.
        """
        if isinstance(value, cls):
            return value
        if not is_mapping(value):
            return cls()
        return cls(
            value.get("default"),
            value.get("max"),
            value.get("keyset") or False,
            _count(value.get("count", "exact")),
        )

    def limit(self, requested: int | None) -> int | None:
        """The number of records for a valid ``$limit`` or None; None where nothing limits it."""
        wanted = requested if requested is not None else self.default
        if wanted is None:
            return self.max
        return wanted if self.max is None else min(wanted, self.max)

    def total(self, counted: int, seen: int) -> int:
        """The total of a page for ``counted`` matching records, of which it proves that ``seen`` exist."""
        return counted if isinstance(self.count, str) else max(min(counted, self.count), seen)


def records_of(result: Any) -> list[Any]:
    """The records in what a method returned: those of a page or a list, or the one that it is."""
    if is_list(result):
        return result
    return result["data"] if _is_page(result) else [result]


def with_records(result: Any, records: list[Any]) -> Any:
    """``result`` with other records in their places."""
    if is_list(result):
        return records
    return {**result, "data": records} if _is_page(result) else records[0]


def _count(value: Any) -> Count:
    if value in ("exact", "estimated") or (type(value) is int and value > 0):
        count: Count = value
        return count
    raise ValueError(f"a count is 'exact', 'estimated' or how many to count at most, not {value!r}")


def _is_page(result: Any) -> bool:
    return is_mapping(result) and "total" in result and is_list(result.get("data"))
