"""Where owed tasks are kept until they are done."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from ..context import Params
from .task import Task


@dataclass(frozen=True, slots=True)
class Held:
    """A task that somebody is doing; ``holder`` tells this taking of it from all others."""

    id: str
    task: Task
    holder: str


class Ledger(Protocol):
    """The tasks of all nodes. Who took one holds it until the lease ends, unless it is renewed.

    What the methods for a held task note, they note only while it is held: otherwise they answer False.
    """

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
        """Note a task, as ``Jobs.owe`` says; its id where it waits and is due, else None."""
        ...

    async def take(
        self, kinds: Collection[str], lease: timedelta, *, task_id: str | None = None, key: str | None = None
    ) -> Held | None:
        """Of the tasks of these kinds that are due and that nobody holds, the one that has been for longest.

        ``task_id`` and ``key`` name a certain one. Each taking is an attempt.
        """
        ...

    async def renew(self, held: Held, lease: timedelta) -> bool: ...

    async def done(self, held: Held) -> bool:
        """What was owed once more meanwhile waits again."""
        ...

    async def put_off(self, held: Held, until: datetime, reason: str, *, counts: bool) -> bool:
        """Let it wait. The attempt is not counted where ``counts`` is false.

        What was owed once more meanwhile comes with it then, at the earlier time, else after it.
        """
        ...

    async def fail(self, held: Held, reason: str) -> bool:
        """What was owed once more meanwhile waits."""
        ...

    async def next_due(self, kinds: Collection[str]) -> datetime | None:
        """When the next task of these kinds may be taken, if nothing changes."""
        ...
