"""Classes: everybody of the school sees them, admins keep them."""

from __future__ import annotations

from ...core.adapters.beanie import BeanieService
from ...core.application import Application
from ...models import SchoolClass
from .hooks import HOOKS
from .schema import ClassResult

PATH = "classes"
METHODS = ("find", "get", "create", "patch", "remove")


def configure(app: Application) -> None:
    app.use(
        PATH,
        BeanieService(SchoolClass, tenant="schoolId", paginate=app.get("pagination")),
        methods=METHODS,
        schemas={"result": ClassResult()},
        description=__doc__,
        tenant=True,
    )
    app.service(PATH).hooks(HOOKS)
