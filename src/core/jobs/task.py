"""What is owed: work that a call leaves behind, and that is done after it, once, whatever happens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from ..context import Params

ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of owed work as its work function gets it; ``attempt`` counts from 1."""

    kind: str
    payload: Mapping[str, Any]
    school_id: Any = None
    key: str | None = None
    attempt: int = 1


Work = Callable[[Task], Awaitable[None]]
"""Does a task from its beginning. It may have been done before, wholly or in part: it bears repetition."""


class GivenUp(Exception):
    """Raised by work that no further attempt would do: the task has failed, for the reason given."""


class PutOff(Exception):
    """Raised by work that has to wait ``until`` then, as for a limit; no attempt is lost."""

    def __init__(self, until: datetime, reason: str = "") -> None:
        super().__init__(reason)
        self.until = until


class Jobs(Protocol):
    """``app.jobs``: what services leave to be done, and who does it."""

    def define(self, kind: str, work: Work, *, attempts: int = ATTEMPTS) -> None:
        """Say how tasks of a kind are done, while the application is configured.

        One that raises is tried again, later each time, ``attempts`` times in all; ``GivenUp`` and ``PutOff``
        say it otherwise. Raises ValueError for a kind that is defined already.
        """
        ...

    async def owe(
        self,
        kind: str,
        payload: Mapping[str, Any],
        *,
        key: str | None = None,
        school_id: Any = None,
        due: datetime | None = None,
        params: Params | None = None,
    ) -> None:
        """Have a task done as soon as may be, or when it is ``due``; ``payload`` holds what BSON can.

        Written in the transaction of ``params``, it is owed if and when that is committed. What is owed with
        a ``key`` while it waits is owed once, at the earlier time, as it was first said; while it is being
        done, it is done once more afterwards. Raises LookupError for a kind that nobody has defined.
        """
        ...

    async def do(self, kind: str, key: str) -> bool:
        """Do the task of this key here and now, also without a background.

        False where it is not there, is not due, or is being done by somebody else.
        """
        ...


class NoJobs:
    """Of an application for which none are configured."""

    def define(self, kind: str, work: Work, *, attempts: int = ATTEMPTS) -> None:
        raise RuntimeError(f"no jobs are configured to do '{kind}': app.configure(jobs(...)) comes first")

    async def owe(
        self,
        kind: str,
        payload: Mapping[str, Any],
        *,
        key: str | None = None,
        school_id: Any = None,
        due: datetime | None = None,
        params: Params | None = None,
    ) -> None:
        raise LookupError(f"nobody does '{kind}'")

    async def do(self, kind: str, key: str) -> bool:
        return False
