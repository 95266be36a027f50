"""Conversations, seen by their members only."""

from __future__ import annotations

from ...core.application import Application
from .hooks import HOOKS
from .service import ConversationsService

PATH = "conversations"
METHODS = ("find", "get", "create", "patch")


def configure(app: Application) -> None:
    app.use(PATH, ConversationsService(paginate=app.get("pagination")), methods=METHODS, tenant=True)
    app.service(PATH).hooks(HOOKS)
