"""What was done to people, records and conversations, and by whom. Admins read it; nobody writes it."""

from __future__ import annotations

from ...core.adapters.beanie import BeanieService
from ...core.application import Application
from ...models import AuditEntry
from .hooks import HOOKS
from .schema import AuditResult

PATH = "audit-log"
METHODS = ("find", "get")


def configure(app: Application) -> None:
    app.use(
        PATH,
        BeanieService(AuditEntry, tenant="schoolId", paginate=app.get("pagination")),
        methods=METHODS,
        schemas={"result": AuditResult()},
        description=__doc__,
        tenant=True,
    )
    app.service(PATH).hooks(HOOKS)
