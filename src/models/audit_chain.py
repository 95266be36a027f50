"""Whether the audit log of a school is what was written, and all of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .audit_entry import BEFORE_THE_FIRST, AuditEntry, AuditHead, digest

EVERY: Final = 10_000


class ChainBroken(Exception):
    """``number`` is that of the first entry that does not fit."""

    def __init__(self, number: object, reason: str) -> None:
        super().__init__(f"entry {number} {reason}")
        self.number = number
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Link:
    """An entry by its number and hash."""

    number: int
    hash: str


NOTHING: Final = Link(0, BEFORE_THE_FIRST)


async def check_chain(
    school_id: Any, *, known: Link = NOTHING, progress: Callable[[int], object] | None = None
) -> Link:
    """Walk through the whole log; its newest entry. Raises ChainBroken.

    ``known`` is an entry as it once was: whoever can write the whole database can write a whole new chain,
    and only what is kept elsewhere tells. ``progress`` is called with every 10,000th number. The log may
    grow meanwhile.
    """
    last, where = NOTHING, {"schoolId": school_id}
    while True:
        least = await _head(school_id)
        async for entry in AuditEntry.documents().find(where).sort("number"):
            last = _next(last, entry)
            if last.number == known.number and last.hash != known.hash:
                raise ChainBroken(last.number, "is another than the known one")
            if progress is not None and last.number % EVERY == 0:
                progress(last.number)
        if last.number < max(least.number, known.number):
            raise ChainBroken(last.number + 1, "is missing, and all behind it")
        head = await _head(school_id)
        if head.number <= last.number:
            return _end(last, head)
        where = {"schoolId": school_id, "number": {"$gt": last.number}}


def _next(last: Link, entry: Mapping[str, Any]) -> Link:
    number = entry.get("number")
    if not isinstance(number, int) or number <= last.number:
        raise ChainBroken(number, "has a number that no entry has")
    if number > last.number + 1:
        raise ChainBroken(last.number + 1, "is missing")
    found = digest(entry)
    if found != entry.get("hash"):
        raise ChainBroken(number, "was changed")
    if entry["previous"] != last.hash:
        raise ChainBroken(number, "does not follow the one before it")
    return Link(number, found)


def _end(last: Link, head: Link) -> Link:
    if head.number < last.number:
        raise ChainBroken(head.number + 1, "was not written by the school")
    if head.hash != last.hash:
        raise ChainBroken(last.number, "is not the newest one that the school has written")
    return last


async def _head(school_id: Any) -> Link:
    head = await AuditHead.documents().find_one({"schoolId": school_id})
    return NOTHING if head is None else Link(head["number"], head["hash"])
