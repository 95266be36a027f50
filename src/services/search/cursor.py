"""Where in a search a page has ended, as a text that a client can hand back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bson import ObjectId

from ...core.adapters.keyset import Keyset, bad_cursor
from ...core.encoding import encode
from .windows import Bounds, Place

Rank = tuple[float, datetime, ObjectId]
"""A message's place among those of its window: by score, then by time."""

PARTS: Final = ("along", "newestAt", "newest", "oldestAt", "oldest", "more", "score", "at", "id")
NOT_ANY: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """``last`` is the last message shown of the window; None goes on behind the window.

    ``along`` is what the windows of this search are read by, ``more`` whether there are any behind.
    """

    along: int | None
    newest: Place
    oldest: Place
    more: bool
    last: Rank | None

    def bounds(self) -> Bounds:
        if self.last is None:
            return Bounds(below=self.oldest)
        return Bounds(newest=self.newest, oldest=self.oldest)


def written(cursor: Cursor, scope: list[str]) -> str:
    along = NOT_ANY if cursor.along is None else cursor.along
    last: tuple[Any, ...] = cursor.last or (None, None, None)
    values = (along, *cursor.newest, *cursor.oldest, cursor.more, *last)
    return _keyset(scope).cursor(dict(zip(PARTS, values, strict=True)))


def read_cursor(text: object, scope: list[str], groups: int) -> Cursor:
    """Raises BadRequest for a cursor of another search, and for one that somebody has made up."""
    if not isinstance(text, str):
        raise bad_cursor()
    match _keyset(scope).values(text):
        case [
            int(along),
            datetime(tzinfo=one) as newest_at,
            ObjectId() as newest,
            datetime(tzinfo=other) as oldest_at,
            ObjectId() as oldest,
            bool(more),
            *rest,
        ] if (
            one is not None and other is not None and (0 <= along < groups or (along, groups) == (NOT_ANY, 0))
        ):
            pass
        case _:
            raise bad_cursor()
    last: Rank | None
    match rest:
        case [None, None, None]:
            last = None
        case [float(score), datetime(tzinfo=zone) as at, ObjectId() as identifier] if zone is not None:
            last = score, at, identifier
        case _:
            raise bad_cursor()
    return Cursor(
        along=None if along == NOT_ANY else along,
        newest=(newest_at, newest),
        oldest=(oldest_at, oldest),
        more=more,
        last=last,
    )


def scope_of(user: Mapping[str, Any], query: Mapping[str, Any]) -> list[str]:
    """What a cursor belongs to: the same words, asked by the same user."""
    said = sorted((name, encode(value).decode()) for name, value in query.items() if not name.startswith("$"))
    return ["search", str(user["_id"]), *(part for pair in said for part in pair)]


def _keyset(scope: list[str]) -> Keyset:
    return Keyset(order=dict.fromkeys(PARTS, 1), scope=scope)
