"""Teams: their members see them, who may manages them."""

from __future__ import annotations

from ...core.application import Application
from .hooks import HOOKS
from .schema import Entries, TeamResult
from .service import TeamsService

PATH = "teams"
METHODS = ("find", "get", "create", "patch", "remove", "audit")


def configure(app: Application) -> None:
    app.use(
        PATH,
        TeamsService(app, paginate=app.get("pagination")),
        methods=METHODS,
        schemas={"result": TeamResult(), "audit": Entries()},
        description=__doc__,
        tenant=True,
        while_suspended=("audit",),
    )
    app.service(PATH).hooks(HOOKS)
