"""Erasures: everything personal of a user is taken out of the school, for good. For its admins."""

from __future__ import annotations

from ...core.application import Application
from .hooks import HOOKS
from .schema import ErasureResult
from .service import ErasuresService

PATH = "erasures"
METHODS = ("find", "get", "create")


def configure(app: Application) -> None:
    service = ErasuresService(app, paginate=app.get("pagination"))
    app.use(
        PATH,
        service,
        methods=METHODS,
        schemas={"result": ErasureResult()},
        description=__doc__,
        tenant=True,
    )
    app.service(PATH).hooks(HOOKS).hooks({"after": {"create": [service.jobs.owe]}})
