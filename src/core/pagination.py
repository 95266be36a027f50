"""Pages of results, and how many records a call may get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, TypedDict

from .shapes import is_list, is_mapping


class Page(TypedDict):
    """What ``find`` returns with pagination: ``total`` counts all matching records."""

    total: int
    limit: int
    skip: int
    data: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class PaginationOptions:
    """``default`` makes ``find`` return pages; ``max`` alone only limits the length of its list."""

    default: int | None = None
    max: int | None = None

    @classmethod
    def of(cls, value: Self | Mapping[str, int | None] | bool | None) -> Self:
        """From what an application writes: options, ``{default, max}``, or False for none."""
        if isinstance(value, cls):
            return value
        if isinstance(value, Mapping):
            return cls(value.get("default"), value.get("max"))
        return cls()

    def limit(self, requested: int | None) -> int | None:
        """The number of records for a valid ``$limit`` or None; None where nothing limits it."""
        wanted = next((count for count in (requested, self.default, self.max) if count is not None), None)
        if wanted is None or self.max is None:
            return wanted
        return min(wanted, self.max)


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


def _is_page(result: Any) -> bool:
    return is_mapping(result) and "total" in result and is_list(result.get("data"))
