"""Conversations, seen by their members only."""

from __future__ import annotations

from ...core.application import Application
from .hooks import HOOKS
from .schema import ConversationResult
from .service import ConversationsService

PATH = "conversations"
METHODS = ("find", "get", "create", "patch")
EXISTING = {
    "responses": {"200": {"description": "The direct conversation that the two people have already."}}
}


def configure(app: Application) -> None:
    app.use(
        PATH,
        ConversationsService(app, app.get("journal"), paginate=app.get("pagination")),
        methods=METHODS,
        schemas={"result": ConversationResult()},
        openapi={"create": EXISTING},
        description=__doc__,
        tenant=True,
    )
    app.service(PATH).hooks(HOOKS)
