"""Work that goes on after the call that asked for it, and after the process that began it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final, Protocol
from uuid import uuid4

import structlog
from pymongo import ReturnDocument
from pymongo.errors import PyMongoError

from ..core.application import Application
from ..core.context import HookContext, Params
from ..core.errors import Conflict, FeathersError, NotFound, Unavailable
from ..core.shapes import is_mapping
from ..models.job import Job
from ..models.record import ANY_MOMENT, now

logger = structlog.stdlib.get_logger(__name__)

LEASE: Final = timedelta(seconds=60)
LOOKS_EVERY: Final = 15.0  # seconds
WAITS: Final = 0.2  # seconds between two looks at a job that another process does
ENDED: Final = ("DONE", "FAILED")

OF_THE_RUNNER: Final = ("runner", "leaseUntil", "openKey")
"""Fields of a job that are no client's business."""


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
        self._app = app
        self._path = path
        self._model = model
        self._work = work
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Does nothing in a process that is not to do anything of its own accord."""
        if self._app.get("background"):
            self._task = self._app.tasks.start(self._run(), name=f"jobs of {self._path}")

    def wake(self) -> None:
        """There is something to do: do not wait for the next look."""
        self._wanted.set()

    async def stop(self) -> None:
        """A job that is not done is free for others at once."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def run_next(self) -> bool:
        """Do the job that waits for the longest time; whether there was one."""
        return await self._claim({}) is not None

    async def run_one(self, job_id: Any) -> dict[str, Any]:
        """Do this job now, or wait for who does it; the record at its end."""
        while True:
            job = await self._claim({"_id": job_id})
            if job is None:
                job = await self._model.documents().find_one({"_id": job_id})
                if job is None:
                    raise NotFound(f"No record found for id '{job_id}'")
                if job["state"] in ENDED:
                    return job
                await asyncio.sleep(WAITS)

    async def _claim(self, which: Mapping[str, Any]) -> dict[str, Any] | None:
        """Take a free job and do it; the job as it was taken, None where none is free."""
        free = {"leaseUntil": {"$lte": now(), **ANY_MOMENT}, **which}
        begun = {"state": "RUNNING", "runner": self.name, "startedAt": now(), "leaseUntil": now() + LEASE}
        job = await self._model.documents().find_one_and_update(
            free, {"$set": begun}, sort=[("leaseUntil", 1)], return_document=ReturnDocument.AFTER
        )
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

    async def _run(self) -> None:
        while True:
            self._wanted.clear()
            try:
                while await self.run_next():
                    pass
            except (FeathersError, PyMongoError):
                logger.exception("jobs have to wait", path=self._path)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), LOOKS_EVERY)

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


def refuse_second(context: HookContext) -> None:
    """On the error of a create: says what it means that the job is there already."""
    error = context.error
    if isinstance(error, Conflict) and is_mapping(error.data) and error.data.get("index") == "openKey":
        context.error = Conflict("This is being done already", {"errors": {"userId": "is being done"}})
