"""What was announced to the caller, and what alerted: the newest of all conversations first."""

from __future__ import annotations

from ...core.application import Application
from ...core.documentation import result_schema
from .hooks import HOOKS
from .service import FeedService

PATH = "feed"
METHODS = ("find",)


def configure(app: Application) -> None:
    app.use(
        PATH,
        FeedService(app),
        methods=METHODS,
        schemas={"result": result_schema(app, "messages")},
        description=__doc__,
        paginated=True,
        tenant=True,
    )
    app.service(PATH).hooks(HOOKS)
