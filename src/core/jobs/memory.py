from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from ..context import Params
from .ledger import Held
from .task import Task


@dataclass(slots=True)
class _Entry:
    task: Task
    due: datetime
    holder: str | None = None
    again: tuple[Mapping[str, Any], datetime] | None = None
    id: str = field(default_factory=lambda: uuid4().hex)


class MemoryLedger:
    """Tasks that are forgotten when the process ends: for applications without a database, and for tests.

    ``failed`` are those that were given up, with the reason.
    """

    def __init__(self) -> None:
        self._open: dict[str, _Entry] = {}
        self.failed: list[tuple[Task, str]] = []

    def __len__(self) -> int:
        return len(self._open)

    async def add(
        self,
        kind: str,
        payload: Mapping[str, Any],
        *,
        key: str | None,
        school_id: Any,
        due: datetime,
        params: Params | None,
    ) -> str | None:
        known = None if key is None else self._named(kind, key)
        if known is None:
            known = _Entry(Task(kind, payload, school_id, key, attempt=0), due)
            self._open[known.id] = known
        elif known.holder is not None:
            known.again = (payload, due)
            return None
        known.due = min(known.due, due)
        return known.id if known.due <= _now() else None

    async def take(
        self, kinds: Collection[str], lease: timedelta, *, task_id: str | None = None, key: str | None = None
    ) -> Held | None:
        at = _now()
        fitting = [
            entry
            for entry in self._open.values()
            if entry.task.kind in kinds
            and entry.due <= at
            and task_id in {None, entry.id}
            and key in {None, entry.task.key}
        ]
        entry = min(fitting, key=lambda entry: entry.due, default=None)
        if entry is None:
            return None
        entry.task = replace(entry.task, attempt=entry.task.attempt + 1)
        entry.holder, entry.due = uuid4().hex, at + lease
        return Held(entry.id, entry.task, entry.holder)

    async def renew(self, held: Held, lease: timedelta) -> bool:
        entry = self._held(held)
        if entry is not None:
            entry.due = _now() + lease
        return entry is not None

    async def done(self, held: Held) -> bool:
        entry = self._held(held)
        if entry is None:
            return False
        if entry.again is None:
            del self._open[entry.id]
        else:
            payload, entry.due = entry.again
            entry.task = replace(entry.task, payload=payload, attempt=0)
            entry.again = entry.holder = None
        return True

    async def put_off(self, held: Held, until: datetime, reason: str, *, counts: bool) -> bool:
        entry = self._held(held)
        if entry is None:
            return False
        entry.holder, entry.due = None, until
        if not counts:
            entry.task = replace(entry.task, attempt=entry.task.attempt - 1)
            if entry.again is not None:
                payload, due = entry.again
                entry.task = replace(entry.task, payload=payload)
                entry.due, entry.again = min(until, due), None
        return True

    async def fail(self, held: Held, reason: str) -> bool:
        if self._held(held) is None:
            return False
        self.failed.append((held.task, reason))
        return await self.done(held)

    async def next_due(self, kinds: Collection[str]) -> datetime | None:
        return min((one.due for one in self._open.values() if one.task.kind in kinds), default=None)

    def _named(self, kind: str, key: str) -> _Entry | None:
        name = (kind, key)
        return next((one for one in self._open.values() if (one.task.kind, one.task.key) == name), None)

    def _held(self, held: Held) -> _Entry | None:
        entry = self._open.get(held.id)
        return entry if entry is not None and entry.holder == held.holder else None


def _now() -> datetime:
    return datetime.now(UTC)
