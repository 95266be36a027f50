from __future__ import annotations

from typing import Any, Final

from ...core.application import Application
from ...core.context import Params
from ...core.errors import NotFound
from ...core.pagination import Page
from .calls import Calls, in_school_names, picked, shown_page
from .shapes import Data, analytics_of

NAMES: Final = {"conversationId": "group_id", "lastMessageAt": "last_message_at"}


class AnalyticsService:
    """The numbers of groups; one of them goes by the id of its group."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def find(self, params: Params) -> Page:
        calls, query = Calls(self._app, params, NAMES), dict(params.query)
        selected = query.pop("$select", None)
        page: Page = await calls.make("analytics", "find", query=in_school_names(query))
        return shown_page(page, [analytics_of(numbers) for numbers in page["data"]], selected)

    async def get(self, id: Any, params: Params) -> Data:
        calls = Calls(self._app, params, NAMES)
        page: Page = await calls.make("analytics", "find", query={"conversationId": id})
        for numbers in page["data"]:
            return picked(analytics_of(numbers), params.query.get("$select"))
        raise NotFound(f"No record found for id '{id}'")
