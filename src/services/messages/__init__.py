"""Messages: in order, once, and only for the members of their conversation."""

from __future__ import annotations

from ...core.application import Application
from ...hooks.idempotency import IDEMPOTENT
from .hooks import hooks
from .schema import MessageResult, Seen
from .service import MessagesService

PATH = "messages"
COUNTED = 1000
"""So far a page's ``total`` counts: to count a long conversation takes longer than to read a page of it."""
METHODS = ("find", "get", "create", "patch", "remove", "restore", "seen")


def configure(app: Application) -> None:
    app.use(
        PATH,
        MessagesService(
            app.get("journal"), app.get("vault"), paginate={**app.get("pagination"), "count": COUNTED}
        ),
        methods=METHODS,
        schemas={"result": MessageResult(), "restore": MessageResult(), "seen": Seen()},
        openapi={"create": IDEMPOTENT},
        description=__doc__,
        tenant=True,
        while_suspended=("seen",),
    )
    app.service(PATH).hooks(hooks(app.settings["messages"]["max_length"]))
