"""What has changed in conversations, and whether it was told: for the admins of a school."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from ...core.application import Application
from ...models.journal import CHANGED
from .hooks import HOOKS
from .outbox import Outbox
from .schema import DeliveryResult
from .service import DeliveriesService

PATH = "deliveries"
METHODS = ("find", "get", "retry")


def configure(app: Application) -> None:
    service = DeliveriesService(paginate=app.get("pagination"))
    app.use(
        PATH,
        service,
        methods=METHODS,
        schemas={"result": DeliveryResult(), "retry": DeliveryResult()},
        description=__doc__,
        tenant=True,
    )
    app.service(PATH).hooks(HOOKS)
    if app.get("background"):
        _send_with(app, Outbox(app))


def _send_with(app: Application, outbox: Outbox) -> None:
    """Commands that are not served have nobody to tell: what they change is sent by who has."""

    async def running(_: Any, proceed: Callable[[], Awaitable[None]]) -> None:
        await proceed()
        app.set("outbox", app.tasks.start(outbox.run(), name="outbox"))

    async def stop(_: Any, proceed: Callable[[], Awaitable[None]]) -> None:
        await proceed()
        task: asyncio.Task[Any] | None = app.get("outbox")
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await outbox.flush()

    app.on("published", outbox.published)
    app.on(CHANGED, outbox.changed)
    app.hooks({"around": {"setup": [running], "teardown": [stop]}})
