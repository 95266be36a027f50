"""Work that goes on after the call that asked for it, and after the process that began it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final, Protocol
from uuid import uuid4

import structlog
from pymongo.errors import PyMongoError

from ..core.application import Application
from ..core.background import AT_ONCE, Background
from ..core.context import Params
from ..core.errors import FeathersError, NotFound, Unavailable
from .job import Job
from .lease import claim
from .record import now

logger = structlog.stdlib.get_logger(__name__)

LEASE: Final = timedelta(seconds=60)
LOOKS_EVERY: Final = 15.0  # seconds
WAITS: Final = 0.2  # seconds between two looks at a job that another process does
ENDED: Final = ("DONE", "FAILED")


class Progress(Protocol):
    async def __call__(self, done: int, total: int | None = None, **changes: Any) -> None:
        """Tell how far a job has come, at least every minute. Raises Lost."""
        ...


Work = Callable[[dict[str, Any], Progress], Awaitable[dict[str, Any]]]
"""Does a job, from its beginning or what is left of it; answers the changes of its record at the end."""


class Lost(Exception):
    """The job is another process's now, or gone."""


class Jobs:
    """Does the jobs of one service, one after the other; every node takes those that nobody holds."""

    def __init__(self, app: Application, path: str, model: type[Job], work: Work) -> None:
        self.name = uuid4().hex
        self.background = Background(app, f"jobs of {path}", self.run_next, every=LOOKS_EVERY)
        self._app = app
        self._path = path
        self._model = model
        self._work = work

    async def run_next(self) -> float | None:
        """Do the job that waits for the longest time; None where there is none."""
        return None if await self._run() is None else AT_ONCE

    async def run_one(self, job_id: Any) -> dict[str, Any]:
        """Do this job now, or wait for who does it; the record at its end."""
        while True:
            job = await self._run(_id=job_id)
            if job is None:
                job = await self._model.documents().find_one({"_id": job_id})
                if job is None:
                    raise NotFound(f"No record found for id '{job_id}'")
                if job["state"] in ENDED:
                    return job
                await asyncio.sleep(WAITS)

    async def _run(self, **which: Any) -> dict[str, Any] | None:
        """Take a free job and do it; the job as it was taken, None where none is free.

        Where that is cancelled, the job is free for others at once.
        """
        begun = {"state": "RUNNING", "runner": self.name, "startedAt": now()}
        job = await claim(self._model, "leaseUntil", now(), LEASE, {"$set": begun}, where=which)
        if job is None:
            return None
        try:
            await self._do(job)
        except asyncio.CancelledError:
            held = {"_id": job["_id"], "runner": self.name}
            again = {"state": "WAITING", "runner": None, "leaseUntil": now()}
            await self._model.documents().update_one(held, {"$set": again})
            raise
        except Lost:
            logger.warning("a job was taken over", path=self._path, job=str(job["_id"]))
        return job

    async def _do(self, job: dict[str, Any]) -> None:
        async def progress(done: int, total: int | None = None, **changes: Any) -> None:
            counts = {"done": done} if total is None else {"done": done, "total": total}
            await self._note(job, {**counts, **changes, "leaseUntil": now() + LEASE})

        ended = {"leaseUntil": None, "openKey": None}
        try:
            result = await self._work(job, progress)
        except (Lost, PyMongoError, Unavailable):
            # Where the database was away, whoever looks after the lease has run out goes on.
            raise
        except FeathersError as error:
            result = {"state": "FAILED", "error": error.message}
        except Exception:
            logger.exception("a job failed", path=self._path, job=str(job["_id"]))
            result = {"state": "FAILED", "error": "Internal error"}
        await self._note(job, {"state": "DONE", **ended, **result, "finishedAt": now()})

    async def _note(self, job: dict[str, Any], changes: dict[str, Any]) -> None:
        try:
            await self._app.service(self._path).patch(
                job["_id"], changes, Params(restrict={"runner": self.name})
            )
        except NotFound:
            raise Lost from None
