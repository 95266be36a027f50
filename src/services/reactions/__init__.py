"""Reactions: one of each emoji by each user at a message, counted on the message."""

from __future__ import annotations

from ...core.application import Application
from .hooks import HOOKS
from .schema import ReactionResult
from .service import ReactionsService

PATH = "reactions"
METHODS = ("find", "get", "create", "remove")
EXISTING = {"responses": {"200": {"description": "The reaction is there already."}}}


def configure(app: Application) -> None:
    app.use(
        PATH,
        ReactionsService(app.get("journal"), paginate=app.get("pagination")),
        methods=METHODS,
        schemas={"result": ReactionResult()},
        openapi={"create": EXISTING},
        description=__doc__,
        tenant=True,
    )
    app.service(PATH).hooks(HOOKS)
