from __future__ import annotations

from typing import Any, Final

from ...core.application import Application
from ...core.context import HookContext, Params
from .asked import Asked
from .conditions import asked_of
from .cursor import Cursor, Rank, read_cursor, scope_of, written
from .ranking import highlights, score, snippet
from .windows import Window, read, read_first

LIMIT: Final = 25
MOST: Final = 50
WINDOWS: Final = 3
"""How many windows one call reads at most."""

ENOUGH: Final = 10
"""With so many results a page does not read another window to have more of them."""

Result = dict[str, Any]


class SearchService:
    """Messages of the caller's conversations by what they say and what is known of them.

    A query has ``q``, ``from``, ``in``, ``kind``, ``has``, ``before``, ``after``, ``mentions``, and
    ``$limit`` and ``$after``. ``params["conversations"]`` are the caller's, as a hook has found them.
    """

    def __init__(self, app: Application) -> None:
        self._app = app

    async def find(self, params: Params) -> Result:
        """A page ``{total, limit, skip, data, next}`` of ``{message, highlights, snippet}``.

        What the ranking sees is a window: the newest 200 messages that have the rarest of the words and
        marks asked for. Those of them that match are ordered by ``ranking.score``; then comes the next
        window, so that a better match that is older than a whole window comes after it. A call reads three
        windows at most, and none more once it has ten results: where few of what they hold match, a page
        may be short, even empty, and have a ``next`` all the same. ``total`` counts the matches in the
        windows that the page is from: there are at least so many. Without words the newest come first.

        Paging does not shift: each cursor knows its window, and what is written later is not in it. A
        message that is edited meanwhile may change its place.

        ``highlights`` and ``snippet`` are ``[start, end]`` in code points of the message's content.
        Raises BadRequest for names that are nobody's, and for a cursor of another search.
        """
        query, user = params.query, params.user or {}
        asked = await asked_of(self._app, query, user, params["conversations"])
        scope = scope_of(user, query)
        start = None
        if query.get("$after"):
            start = read_cursor(query["$after"], scope, len(asked.groups))
        limit = min(query.get("$limit", LIMIT), MOST)
        page = _Page(asked, limit)
        if asked.conversations:
            await page.fill(start)
        following = None if page.following is None else written(page.following, scope)
        shown = await self._shown(asked, page.ids, params)
        return {"total": page.total, "limit": limit, "skip": 0, "data": shown, "next": following}

    async def _shown(self, asked: Asked, ids: list[Any], params: Params) -> list[Result]:
        """What ``messages`` shows the caller of these, by one call; what has gone meanwhile is left out."""
        if not ids:
            return []
        query = {"_id": {"$in": ids}, "$limit": len(ids), "$sort": {"_id": 1}}
        inner = Params(params, query=query, paginate=False, mongodb={"hint": "_id_"})
        found = HookContext(self._app.service("messages"), "find", params=inner)
        await found.service.run(found)
        messages = {message["_id"]: message for message in found.outcome}
        return [_result(asked, messages[one]) for one in ids if one in messages]


class _Page:
    """``following`` is where the next page goes on, None where nothing is left."""

    def __init__(self, asked: Asked, limit: int) -> None:
        self.ids: list[Any] = []
        self.total = 0
        self.following: Cursor | None = None
        self._asked = asked
        self._limit = limit

    async def fill(self, start: Cursor | None) -> None:
        if start is None:
            along, window = await read_first(self._asked)
        else:
            along, window = start.along, await read(self._asked, start.along, start.bounds())
        self._take(window, along, start if start is not None and start.last is not None else None)
        for _ in range(WINDOWS - 1):
            if self.following is None or self.following.last is not None or self._has_enough:
                return
            self._take(await read(self._asked, along, self.following.bounds()), along, None)

    def _take(self, window: Window, along: int | None, again: Cursor | None) -> None:
        """``again`` is the cursor of a window of which a page before has shown the beginning."""
        newest, oldest = (window.newest, window.oldest) if again is None else (again.newest, again.oldest)
        if newest is None or oldest is None:
            self.following = None
            return
        ranked = sorted((_rank(self._asked, one, newest) for one in window.found), reverse=True)
        self.total += len(ranked)
        if again is not None and again.last is not None:
            shown = again.last
            ranked = [rank for rank in ranked if rank < shown]
        taken = ranked[: self._limit - len(self.ids)]
        self.ids += [rank[2] for rank in taken]
        more = window.more if again is None else again.more
        left = len(taken) < len(ranked)
        self.following = None
        if (left and taken) or (more and not left):
            last = taken[-1] if left else None
            self.following = Cursor(along=along, newest=newest, oldest=oldest, more=more, last=last)

    @property
    def _has_enough(self) -> bool:
        return len(self.ids) >= min(self._limit, ENOUGH)


def _rank(asked: Asked, message: Result, newest: Any) -> Rank:
    return score(asked, message, newest[0]), message["createdAt"], message["_id"]


def _result(asked: Asked, message: Result) -> Result:
    content: str = message.get("content") or ""
    spans = highlights(asked, content)
    return {"message": message, "highlights": spans, "snippet": snippet(content, spans)}
