"""Who is in which team, as what. Who is in its channels follows from it."""

from __future__ import annotations

from ...core.adapters.beanie import BeanieService
from ...core.application import Application
from ...models import TeamMember
from .hooks import HOOKS
from .schema import TeamMemberResult

PATH = "team-members"
METHODS = ("find", "get", "create", "patch", "remove")


def configure(app: Application) -> None:
    app.use(
        PATH,
        BeanieService(TeamMember, tenant="schoolId", paginate=app.get("pagination")),
        methods=METHODS,
        schemas={"result": TeamMemberResult()},
        description=__doc__,
        tenant=True,
    )
    app.service(PATH).hooks(HOOKS)
