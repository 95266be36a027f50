"""What admins read in conversations that they are not in. They say why, and the audit log keeps it."""

from __future__ import annotations

from ...core.application import Application
from .hooks import HOOKS
from .schema import seen_message
from .service import OversightService

PATH = "oversight"
METHODS = ("find",)


def configure(app: Application) -> None:
    app.use(
        PATH,
        OversightService(app),
        methods=METHODS,
        schemas={"result": seen_message(app)},
        paginated=True,
        description=__doc__,
        tenant=True,
    )
    app.service(PATH).hooks(HOOKS)
