"""Attachments: the files of messages.

``create`` says what will be uploaded and answers where to; ``complete``, after the upload, has it checked;
then a message may name it. ``get`` gives an address for five minutes to who may read the conversation, and
``find`` the files of a conversation's messages, the newest first.
"""

from __future__ import annotations

from datetime import timedelta

from ...core.application import Application
from ...core.context import HookContext
from ...core.storage import LocalStore, storage_of
from .hooks import hooks
from .schema import AttachmentResult
from .service import AttachmentsService, Rules

PATH = "attachments"
METHODS = ("find", "get", "create", "complete", "remove")
COUNTED = 1000


def configure(app: Application) -> None:
    settings = app.settings["attachments"]
    rules = Rules(
        quota=settings["school_bytes"],
        max_pixels=settings["max_pixels"],
        uploading=timedelta(minutes=settings["upload_minutes"]),
        unused=timedelta(hours=settings["unused_hours"]),
    )
    paginate = {**app.get("pagination"), "count": COUNTED, "keyset": True}
    service = AttachmentsService(app, rules, paginate)
    app.use(
        PATH,
        service,
        methods=METHODS,
        schemas={"result": AttachmentResult(), "complete": AttachmentResult()},
        description=__doc__,
        tenant=True,
    )
    app.service(PATH).hooks(hooks(settings["max_bytes"], frozenset(settings["types"])))
    store = storage_of(app)
    if isinstance(store, LocalStore):
        store.wanted = service.waits_for
    background = service.custodian.background

    def soon(context: HookContext) -> None:
        wait = context.params.get("after_commit")
        if wait is None:
            background.wake()
        else:
            wait(background.wake)

    # What a message's end, or its return, leaves to be done need not wait for the next look.
    app.service("messages").on("removed", background.wake)
    app.service("messages").hooks({"after": {"restore": [soon]}})
    background.attach()
