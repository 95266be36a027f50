from __future__ import annotations

from typing import Any, Final, cast

from ...core.adapters.bounds import behind
from ...core.adapters.driver import driver_errors
from ...core.adapters.keyset import Keyset
from ...core.application import Application
from ...core.context import Params
from ...core.pagination import Page, PaginationOptions, records_of
from ...core.query import QueryRules, all_of, parse_query, split_query
from ...core.service import create_context
from ...models import Message
from ...models.record import ANY_MOMENT

PAGES: Final = PaginationOptions(default=25, max=100)
ORDER: Final = {"feedAt": -1, "_id": -1}
COUNTED: Final = 1000
"""So far ``total`` counts."""
RULES: Final = QueryRules(keyset=True)
BY_TIME: Final = "conversationId_feedAt__id"
"""The index of nothing else than what is in feeds. There are others that begin alike."""


class FeedService:
    """Read from the messages; nothing is stored for it but when each came into it."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def find(self, params: Params) -> Page:
        """A page of messages, as their readers get them; ``next`` is for ``$after``.

        ``query``: ``conversationId``, ``$limit``, ``$after``. Raises BadRequest for a malformed query, and
        for a cursor that was made for another caller.
        """
        user = cast("dict[str, Any]", params.user)
        query = split_query(parse_query(params.query, RULES))
        limit = cast("int", PAGES.limit(query.limit))
        keyset = Keyset(order=ORDER, scope=["feed", str(user["_id"])])
        own = {"conversationId": {"$in": params["conversations"]}}
        there = all_of(own, query.conditions, {"feedAt": ANY_MOMENT, "deletedAt": None})
        wanted = there if query.after is None else all_of(there, behind(ORDER, keyset.values(query.after)))
        messages = Message.documents()
        with driver_errors(tenant="schoolId"):
            found = (
                await messages.find(wanted, {"feedAt": 1})
                .sort(list(ORDER.items()))
                .hint(BY_TIME)
                .limit(limit + 1)
                .to_list()
            )
            total = await messages.count_documents(there, limit=COUNTED, hint=BY_TIME)
        page = found[:limit]
        following = keyset.cursor(page[-1]) if page and len(found) > limit else None
        data = await self._shown([one["_id"] for one in page], user)
        return {"total": total, "limit": limit, "skip": 0, "data": data, "next": following}

    async def _shown(self, ids: list[Any], user: dict[str, Any]) -> list[dict[str, Any]]:
        """The messages as their service shows them, in this order."""
        within = Params(query={"_id": {"$in": ids}}, tenant=user["schoolId"], user=user, paginate=False)
        call = create_context(self._app.service("messages"), "find", params=within)
        await self._app.service("messages").run(call)
        shown = {message["_id"]: message for message in records_of(call.outcome)}
        return [shown[one] for one in ids if one in shown]
