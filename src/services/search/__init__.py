"""Search: the messages of one's own conversations, by what they say, who wrote them, when and where."""

from __future__ import annotations

from typing import Any

from ...core.application import Application
from .hooks import HOOKS
from .schema import SearchResult
from .service import SearchService

PATH = "search"
CURSOR: dict[str, Any] = {
    "parameters": [
        {
            "name": "$after",
            "in": "query",
            "description": "The page after the one whose `next` this is.",
            "schema": {"type": "string"},
        }
    ],
    "responses": {
        "200": {
            "description": "A page; `total` is a lower bound.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Page"}}},
        }
    },
}


def configure(app: Application) -> None:
    app.use(
        PATH,
        SearchService(app),
        methods=("find",),
        schemas={"result": SearchResult()},
        openapi={"find": CURSOR},
        description=__doc__,
        paginated=True,
        tenant=True,
    )
    app.service(PATH).hooks(HOOKS)
