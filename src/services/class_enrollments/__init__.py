"""Who is in which class. Students see their own places, admins decide them."""

from __future__ import annotations

from ...core.adapters.beanie import BeanieService
from ...core.application import Application
from ...hooks.class_places import PlaceResult
from ...models import ClassEnrollment
from .hooks import HOOKS

PATH = "class-enrollments"
METHODS = ("find", "get", "create", "remove")


def configure(app: Application) -> None:
    app.use(
        PATH,
        BeanieService(ClassEnrollment, tenant="schoolId", paginate=app.get("pagination")),
        methods=METHODS,
        schemas={"result": PlaceResult()},
        description=__doc__,
        tenant=True,
    )
    app.service(PATH).hooks(HOOKS)
