"""Who is in which conversation, and how far each has received and read."""

from __future__ import annotations

from ...core.application import Application
from .hooks import HOOKS
from .schema import Cursors, MemberResult, Receipt
from .service import MembersService

PATH = "members"
METHODS = ("find", "get", "create", "patch", "remove", "acknowledge")


def configure(app: Application) -> None:
    service = MembersService(paginate=app.get("pagination"))
    app.use(
        PATH,
        service,
        methods=METHODS,
        events=["delivered", "read"],
        # Receipts go by the names that the school's clients know.
        wire_events={"delivered": "message:delivered", "read": "message:read"},
        schemas={
            "result": MemberResult(),
            "acknowledge": Cursors(),
            "delivered": Receipt(),
            "read": Receipt(),
        },
        description=__doc__,
        tenant=True,
    )
    app.service(PATH).hooks(HOOKS)
