"""Messages: in order, once, and only for the members of their conversation."""

from __future__ import annotations

from ...core.application import Application
from .hooks import hooks
from .service import MessagesService

PATH = "messages"
METHODS = ("find", "get", "create", "patch", "remove")


def configure(app: Application) -> None:
    app.use(PATH, MessagesService(paginate=app.get("pagination")), methods=METHODS, tenant=True)
    app.service(PATH).hooks(hooks(app.settings["messages"]["max_length"]))
