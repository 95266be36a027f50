"""What messages said before they were edited, for those who may read the message."""

from __future__ import annotations

from ...core.adapters.beanie import BeanieService
from ...core.application import Application
from ...models import MessageEdit
from .hooks import HOOKS
from .schema import EditResult

PATH = "message-edits"
METHODS = ("find",)


def configure(app: Application) -> None:
    app.use(
        PATH,
        BeanieService(MessageEdit, tenant="schoolId", paginate=app.get("pagination")),
        methods=METHODS,
        schemas={"result": EditResult()},
        description=__doc__,
        tenant=True,
    )
    app.service(PATH).hooks(HOOKS)
