"""The caller's conversations by their newest message, with what is new in each."""

from __future__ import annotations

from ...core.application import Application
from .hooks import HOOKS
from .schema import InboxResult, Totals
from .service import InboxService

PATH = "inbox"
METHODS = ("find", "totals")


def configure(app: Application) -> None:
    app.use(
        PATH,
        InboxService(app.get("vault")),
        methods=METHODS,
        schemas={"result": InboxResult(), "totals": Totals()},
        description=__doc__,
        paginated=True,
        tenant=True,
    )
    app.service(PATH).hooks(HOOKS)
