"""What a client has missed, from what it says it holds: on every reconnection, instead of fetching anew."""

from __future__ import annotations

from ...core.application import Application
from .hooks import HOOKS
from .schema import SyncResult
from .service import SyncService

PATH = "sync"
METHODS = ("find", "create")
BY_QUERY = {
    "parameters": [
        {
            "name": "conversations",
            "in": "query",
            "style": "deepObject",
            "description": "What is held, by conversation: `conversations[<id>]=<seq>`.",
            "schema": {"type": "object", "additionalProperties": True},
        },
        {
            "name": "at",
            "in": "query",
            "description": "`at` of the last answer.",
            "schema": {"type": "string", "format": "date-time"},
        },
    ]
}


def configure(app: Application) -> None:
    app.use(
        PATH,
        SyncService(app),
        methods=METHODS,
        schemas={"result": SyncResult(), "find": SyncResult()},
        openapi={"find": BY_QUERY},
        description=__doc__,
        tenant=True,
        while_suspended=("create",),
    )
    app.service(PATH).hooks(HOOKS)
