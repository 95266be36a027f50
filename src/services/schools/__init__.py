"""Schools: each user sees the own one, its admins may change it. New ones are made by own code."""

from __future__ import annotations

from ...core.application import Application
from .hooks import HOOKS
from .schema import SchoolResult
from .service import SchoolsService

PATH = "schools"
METHODS = ("find", "get", "patch")


def configure(app: Application) -> None:
    app.use(
        PATH,
        SchoolsService(paginate=app.get("pagination")),
        methods=METHODS,
        schemas={"result": SchoolResult()},
        description=__doc__,
        tenant=True,
    )
    app.service(PATH).hooks(HOOKS)
