from __future__ import annotations

from typing import Any, Final, cast

from ...core.application import Application
from ...core.context import Params
from ...core.pagination import Page, records_of, with_records
from ...core.service import create_context
from ...hooks.files import shown_files

Message = dict[str, Any]

IN_ORDER: Final = {"seq": 1}


class OversightService:
    def __init__(self, app: Application) -> None:
        self._app = app

    async def find(self, params: Params) -> Page:
        """A page of a conversation's messages, as its members get them.

        ``query``: ``conversationId``, conditions for ``seq``, ``$limit``, ``$skip``, ``$sort``. What was
        removed, and is still there, comes besides as ``deletedContent`` and ``deletedAttachments``.
        """
        query = {"$sort": IN_ORDER, **params.query}
        within = Params(query=query, tenant=params["tenant"], session=params.get("session"))
        call = create_context(self._app.service("messages"), "find", params=within)
        await self._app.service("messages").run(call)
        stored, shown = records_of(call.result), records_of(call.outcome)
        seen = [await self._seen(*both) for both in zip(stored, shown, strict=True)]
        return cast("Page", with_records(call.outcome, seen))

    async def _seen(self, stored: Message, shown: Message) -> Message:
        if stored["deletedAt"] is None:
            return shown
        files = await shown_files(self._app, stored["attachments"], stored, revoked=True)
        return {**shown, "deletedContent": stored["content"], "deletedAttachments": files}
