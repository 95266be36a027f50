"""Reports of messages that break the rules: made by who sees the message, resolved by who keeps order.

Admins of the school see all of them, teachers those of conversations that they manage, reporters their own,
and the author of the message none.
"""

from __future__ import annotations

from ...core.application import Application
from .hooks import HOOKS
from .schema import ReportResult
from .service import ReportsService

PATH = "reports"
METHODS = ("find", "get", "create", "patch")
OPENAPI = {
    "create": {"responses": {"200": {"description": "A repeat: the caller's first report of the message."}}},
    "patch": {"responses": {"409": {"description": "The report was resolved before."}}},
}


def configure(app: Application) -> None:
    app.use(
        PATH,
        ReportsService(paginate=app.get("pagination")),
        methods=METHODS,
        schemas={"result": ReportResult()},
        openapi=OPENAPI,
        description=__doc__,
        tenant=True,
    )
    app.service(PATH).hooks(HOOKS)
