"""Messages to be sent later: seen by their sender only, and changed while they wait."""

from __future__ import annotations

from ...core.application import Application
from ...core.background import Background
from ...core.documentation import data_schema, result_schema
from .hooks import hooks
from .rehearsal import end_rehearsal
from .schema import scheduled_result
from .sender import KIND, LOOKS_EVERY, Sender
from .service import ScheduledMessagesService

PATH = "scheduled-messages"
METHODS = ("find", "get", "create", "patch", "remove")


def configure(app: Application) -> None:
    """Goes after ``messages``, whose rules hold here too."""
    records = ScheduledMessagesService(app.get("vault"), paginate=app.get("pagination"))
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
    sender = Sender(app, service, records)
    app.jobs.define(KIND, sender.do)
    service.hooks({"after": {"create": [sender.owe], "patch": [sender.owe]}})
    schedule = Background(app, KIND, sender.look, every=LOOKS_EVERY)
    schedule.attach()
    app.set("schedule", schedule)
