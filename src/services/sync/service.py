from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ...core.application import Application
from ...core.context import HookContext, Params
from ...core.errors import NotAuthenticated
from ...models import Conversation
from .log import Held, held_of, missed_of, receipts_since
from .missed import Missed

MAX_JOINED: Final = 200


class SyncService:
    """Answers in a number of queries that does not grow with what is asked or missed."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def find(self, params: Params) -> dict[str, Any]:
        """See ``create``; for who asks by a query."""
        return await self.create(params["asked"], params)

    async def create(self, data: Mapping[str, Any], params: Params) -> dict[str, Any]:
        """Everything that the caller lacks: see SyncResult. Raises NotAuthenticated without a user.

        ``data``: ``conversations``, what is held by conversation, and ``at`` of the last answer.
        """
        user = params.user
        if user is None:
            raise NotAuthenticated("sync needs params.user")
        at = await _present()
        asked: Mapping[Any, Mapping[str, Any]] = data["conversations"]
        places = await self._places(user)
        own = await self._conversations(places, user)
        known = {one: own[one] for one in asked if one in own}
        held = await held_of({one: asked[one] for one in known}, data.get("at"))
        missed = await missed_of(known, held)
        receipts = await receipts_since(held)
        told = await self._told(known, held, missed, receipts, user)
        # Who was removed meanwhile must not read what was written after that.
        still = await self._places(user)
        own = {one: own[one] for one in own if still.get(one) == places[one]}
        joined = [one for one in own if one not in asked]
        return {
            "at": at,
            "conversations": {str(one): told[one] for one in told if one in own},
            "joined": [own[one] for one in joined[:MAX_JOINED]],
            "left": [one for one in asked if one not in own],
            "resync": len(joined) > MAX_JOINED,
        }

    async def _places(self, user: Mapping[str, Any]) -> dict[Any, Any]:
        """The ids of the user's places by conversation."""
        query = {"userId": user["_id"], "$select": ["conversationId"]}
        return {place["conversationId"]: place["_id"] for place in await self._all("members", query, user)}

    async def _conversations(self, ids: Iterable[Any], user: Mapping[str, Any]) -> dict[Any, dict[str, Any]]:
        return {
            one["_id"]: one for one in await self._all("conversations", {"_id": {"$in": list(ids)}}, user)
        }

    async def _told(
        self,
        known: Mapping[Any, dict[str, Any]],
        held: Mapping[Any, Held],
        missed: Mapping[Any, Missed | None],
        receipts: Mapping[Any, list[dict[str, Any]] | None],
        user: Mapping[str, Any],
    ) -> dict[Any, dict[str, Any]]:
        reactions = await self._records("reactions", missed, user)
        for changes in missed.values():
            if changes is not None:
                changes.reacted(reactions)
        records = {
            "messages": await self._records("messages", missed, user),
            "members": await self._records("members", missed, user),
            "reactions": reactions,
        }
        told: dict[Any, dict[str, Any]] = {}
        for one, conversation in known.items():
            numbers = {"revision": conversation["revision"], "clock": conversation["clock"]}
            changes, read = missed.get(one), receipts.get(one, [])
            if changes is None or read is None or held.get(one) is None:
                told[one] = {**numbers, "resync": True}
                continue
            if not changes and not read:
                continue
            told[one] = {
                **numbers,
                **({"conversation": conversation} if changes.conversation else {}),
                **{path: changes.pick(path, found) for path, found in records.items()},
                "left": changes.left,
                "taken": changes.taken,
                "receipts": read,
            }
        return told

    async def _records(
        self, path: str, missed: Mapping[Any, Missed | None], user: Mapping[str, Any]
    ) -> dict[Any, dict[str, Any]]:
        ids = [record_id for changes in missed.values() if changes for record_id in changes.ids(path)]
        if not ids:
            return {}
        return {record["_id"]: record for record in await self._all(path, {"_id": {"$in": ids}}, user)}

    async def _all(self, path: str, query: dict[str, Any], user: Mapping[str, Any]) -> list[dict[str, Any]]:
        """As clients are shown them."""
        service = self._app.service(path)
        params = Params(query=query, user=user, tenant=user["schoolId"], paginate=False)
        context = await service.run(HookContext(service, "find", params=params))
        found: list[dict[str, Any]] = context.outcome
        return found


async def _present() -> Any:
    """The time by the clock that the database stamps cursors with."""
    hello = await Conversation.documents().database.command("hello")
    return hello["localTime"]
