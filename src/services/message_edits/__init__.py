"""What messages said before they were edited, for those who may read the message."""

from __future__ import annotations

from ...core.application import Application
from ...models import MessageEdit
from ...models.opened import OpenedService
from ...models.sealing import EDIT
from .hooks import HOOKS
from .schema import EditResult

PATH = "message-edits"
METHODS = ("find",)


def configure(app: Application) -> None:
    app.use(
        PATH,
        OpenedService(MessageEdit, EDIT, app.get("vault"), tenant="schoolId", paginate=app.get("pagination")),
        methods=METHODS,
        schemas={"result": EditResult()},
        description=__doc__,
        tenant=True,
    )
    app.service(PATH).hooks(HOOKS)
