"""A process that does slow jobs: ``python -m tests.nodes.job_worker MONGODB_URL DATABASE [REDIS_URL]``.

Each line that it reads is the name of a job to owe. A job notes in ``traces`` that it was begun, by which
process, waits until its name is in ``gates``, and notes that it was done.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

from stonechat.core.application import Application
from stonechat.core.jobs import Task, jobs
from stonechat.models.database import Database, database
from stonechat.models.record import now
from stonechat.models.tasks import Tasks

LEASE_SECONDS: Final = 1.0
READY: Final = "ready"


async def main(url: str, name: str, redis_url: str = "") -> None:
    opened = Database(url, name, Path())
    app = Application().configure(database(opened))
    app.configure(jobs(Tasks(), url=redis_url, name=name, lease=LEASE_SECONDS))

    async def work(task: Task) -> None:
        trace = {"job": task.payload["job"], "process": os.getpid(), "attempt": task.attempt}
        await opened.database["traces"].insert_one({**trace, "event": "begun", "at": now()})
        while await opened.database["gates"].find_one({"job": trace["job"]}) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await opened.database["traces"].insert_one({**trace, "event": "done", "at": now()})

    app.jobs.define("slow", work)
    await app.setup()
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
        await app.jobs.owe("slow", {"job": line}, key=line)
    await app.teardown()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
