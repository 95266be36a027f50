"""The people of a school. Everybody sees who is there; admins keep the accounts."""

from __future__ import annotations

from ...core.application import Application
from .hooks import HOOKS
from .schema import UserResult
from .service import UsersService

PATH = "users"
METHODS = ("find", "get", "create", "patch", "remove")


def configure(app: Application) -> None:
    app.use(
        PATH,
        UsersService(paginate=app.get("pagination")),
        methods=METHODS,
        schemas={"result": UserResult()},
        description=__doc__,
        tenant=True,
    )
    app.service(PATH).hooks(HOOKS)
