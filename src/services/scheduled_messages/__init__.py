"""Messages to be sent later: seen by their sender only, and changed while they wait."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ...core.application import Application
from ...core.documentation import data_schema, result_schema
from .hooks import hooks
from .rehearsal import end_rehearsal
from .schema import scheduled_result
from .sender import Sender
from .service import ScheduledMessagesService

PATH = "scheduled-messages"
METHODS = ("find", "get", "create", "patch", "remove")


def configure(app: Application) -> None:
    """Goes after ``messages``, whose rules hold here too."""
    records = ScheduledMessagesService(paginate=app.get("pagination"))
    app.use(
        PATH,
        records,
        methods=METHODS,
        schemas={"result": scheduled_result(result_schema(app, "messages"))},
        description=__doc__,
        tenant=True,
    )
    service = app.service(PATH)
    service.hooks(hooks(data_schema(app, "messages", "create")))
    app.service("messages").hooks({"before": {"create": [end_rehearsal]}})
    if app.get("background"):
        _send_with(app, Sender(app, service, records))


def _send_with(app: Application, sender: Sender) -> None:
    """Commands that are not served have nobody to tell: what is due is sent by who has."""

    async def start(_: Any, proceed: Callable[[], Awaitable[None]]) -> None:
        await proceed()
        sender.start()

    async def stop(_: Any, proceed: Callable[[], Awaitable[None]]) -> None:
        await sender.stop()
        await proceed()

    app.set("schedule", sender)
    for event in ("created", "patched"):
        app.service(PATH).on(event, sender.wake)
    app.hooks({"around": {"setup": [start], "teardown": [stop]}})
