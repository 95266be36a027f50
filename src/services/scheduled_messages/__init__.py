"""Messages to be sent later: seen by their sender only, and changed while they wait."""

from __future__ import annotations

from ...core.application import Application
from ...core.background import Background
from ...core.documentation import data_schema, result_schema
from .hooks import hooks
from .rehearsal import end_rehearsal
from .schema import scheduled_result
from .sender import GRACE, LOOKS_EVERY, Sender
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
    sender = Sender(app, service, records)
    schedule = Background(app, "scheduled messages", sender.send_next, every=LOOKS_EVERY, grace=GRACE)
    # What is scheduled now may be for earlier than what is waited for.
    service.on("created", schedule.wake).on("patched", schedule.wake)
    schedule.attach()
    app.set("schedule", schedule)
