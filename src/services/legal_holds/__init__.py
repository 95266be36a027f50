"""Legal holds: what a user has written, or a conversation, is kept until a school's admin lifts the hold."""

from __future__ import annotations

from ...core.application import Application
from .hooks import HOOKS
from .schema import LegalHoldResult
from .service import LegalHoldsService

PATH = "legal-holds"
METHODS = ("find", "get", "create", "remove")


def configure(app: Application) -> None:
    app.use(
        PATH,
        LegalHoldsService(paginate=app.get("pagination")),
        methods=METHODS,
        schemas={"result": LegalHoldResult()},
        description=__doc__,
        tenant=True,
    )
    app.service(PATH).hooks(HOOKS)
