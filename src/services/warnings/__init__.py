"""Warnings for what somebody has written or done: the warned user sees the own ones, admins all of them."""

from __future__ import annotations

from ...core.adapters.beanie import BeanieService
from ...core.application import Application
from ...models import ConductWarning
from .hooks import HOOKS
from .schema import WarningResult

PATH = "warnings"
METHODS = ("find", "get", "create", "patch")


def configure(app: Application) -> None:
    app.use(
        PATH,
        BeanieService(ConductWarning, tenant="schoolId", paginate=app.get("pagination")),
        methods=METHODS,
        schemas={"result": WarningResult()},
        description=__doc__,
        tenant=True,
    )
    app.service(PATH).hooks(HOOKS)
