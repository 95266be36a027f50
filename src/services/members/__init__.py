"""Who is in which conversation, and how far each has received and read."""

from __future__ import annotations

from ...core.application import Application
from .hooks import HOOKS
from .schema import Cursors, MemberResult, Receipt, Writer
from .service import MembersService

PATH = "members"
METHODS = ("find", "get", "create", "patch", "remove", "acknowledge", "writable")


def configure(app: Application) -> None:
    service = MembersService(app.get("journal"), paginate=app.get("pagination"))
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
            "writable": Writer(),
            "delivered": Receipt(),
            "read": Receipt(),
        },
        description=__doc__,
        tenant=True,
        # Receipts say what was read, which the suspended may.
        while_suspended=("acknowledge",),
    )
    app.service(PATH).hooks(HOOKS)
