"""Work about a user that somebody has asked for, and watches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol
from uuid import uuid4

import structlog
from pymongo import ReturnDocument
from pymongo.errors import PyMongoError

from ..core.application import Application
from ..core.context import HookContext, Params
from ..core.errors import FeathersError, NotFound, Unavailable
from ..core.jobs import Task
from ..core.shapes import is_list
from .job import Job
from .record import ANY_TEXT, now

logger = structlog.stdlib.get_logger(__name__)

ATTEMPTS: Final = 100
"""Only where the database was away, or the process was killed: what fails otherwise has failed."""

WAITS: Final = 0.2  # seconds between two looks at a job that another process does
ENDED: Final = ("DONE", "FAILED")


class Progress(Protocol):
    async def __call__(self, done: int, total: int | None = None, **changes: Any) -> None:
        """Tell how far a job has come. Raises Lost."""
        ...


Work = Callable[[dict[str, Any], Progress], Awaitable[dict[str, Any]]]
"""Does a job, from its beginning or what is left of it; answers the changes of its record at the end."""


class Lost(Exception):
    """The job is another process's now, or gone."""


class Jobs:
    """The jobs of one service: each of its records is an owed task of the kind ``path``."""

    def __init__(self, app: Application, path: str, model: type[Job], work: Work) -> None:
        self._app = app
        self._path = path
        self._model = model
        self._work = work
        app.jobs.define(path, self._do, attempts=ATTEMPTS)

    async def owe(self, context: HookContext) -> None:
        """After a create, in its transaction."""
        for job in context.result if is_list(context.result) else [context.result]:
            await self._owe(job, context.params)

    async def setup(self) -> None:
        """Owe what is not done yet: it may have been asked for before there were tasks."""
        if self._app.get("background") is False:
            return
        async for job in self._model.documents().find({"openKey": ANY_TEXT}):
            await self._owe(job, None)

    async def run_one(self, job_id: Any) -> dict[str, Any]:
        """Do this job now, or wait for who does it; the record at its end. Raises NotFound."""
        while True:
            await self._app.jobs.do(self._path, str(job_id))
            job = await self._model.documents().find_one({"_id": job_id})
            if job is None:
                raise NotFound(f"No record found for id '{job_id}'")
            if job["state"] in ENDED:
                return job
            await asyncio.sleep(WAITS)

    async def _owe(self, job: dict[str, Any], params: Params | None) -> None:
        await self._app.jobs.owe(
            self._path, {"jobId": job["_id"]}, key=str(job["_id"]), school_id=job["schoolId"], params=params
        )

    async def _do(self, task: Task) -> None:
        job = await self._model.documents().find_one_and_update(
            {"_id": task.payload["jobId"], "state": {"$nin": ENDED}},
            {"$set": {"state": "RUNNING", "runner": uuid4().hex, "startedAt": now()}},
            return_document=ReturnDocument.AFTER,
        )
        if job is None:
            return
        try:
            await self._run(job)
        except Lost:
            logger.warning("a job was taken over, or removed", path=self._path, job=str(job["_id"]))

    async def _run(self, job: dict[str, Any]) -> None:
        async def progress(done: int, total: int | None = None, **changes: Any) -> None:
            counts = {"done": done} if total is None else {"done": done, "total": total}
            await self._note(job, {**counts, **changes})

        try:
            result = await self._work(job, progress)
        except (Lost, PyMongoError, Unavailable):
            # Where the database was away, it is begun again.
            raise
        except FeathersError as error:
            result = {"state": "FAILED", "error": error.message}
        except Exception:
            logger.exception("a job failed", path=self._path, job=str(job["_id"]))
            result = {"state": "FAILED", "error": "Internal error"}
        await self._note(job, {"state": "DONE", "openKey": None, **result, "finishedAt": now()})

    async def _note(self, job: dict[str, Any], changes: dict[str, Any]) -> None:
        try:
            await self._app.service(self._path).patch(
                job["_id"], changes, Params(restrict={"runner": job["runner"]})
            )
        except NotFound:
            raise Lost from None
