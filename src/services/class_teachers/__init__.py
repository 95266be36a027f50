"""Who teaches which class. Everybody of the school sees it, admins decide it."""

from __future__ import annotations

from ...core.adapters.beanie import BeanieService
from ...core.application import Application
from ...hooks.class_places import PlaceResult
from ...models import ClassTeacher
from .hooks import HOOKS

PATH = "class-teachers"
METHODS = ("find", "get", "create", "remove")


def configure(app: Application) -> None:
    app.use(
        PATH,
        BeanieService(ClassTeacher, tenant="schoolId", paginate=app.get("pagination")),
        methods=METHODS,
        schemas={"result": PlaceResult()},
        description=__doc__,
        tenant=True,
    )
    app.service(PATH).hooks(HOOKS)
