from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from ...core.adapters.bounds import behind
from ...core.adapters.driver import driver_errors
from ...core.adapters.keyset import Keyset
from ...core.context import Params
from ...core.pagination import Page, PaginationOptions
from ...core.projection import select_fields
from ...core.query import Query, QueryRules, parse_query, split_query
from ...core.schema import invalid
from ...models import Member
from ...models.inbox import count_new, count_totals, places_of
from ...models.record import now
from ...models.vault import Vault

PAGES: Final = PaginationOptions(default=25, max=100)
ORDER: Final = {"lastMessageAt": -1, "_id": -1}
CONVERSATION: Final = (
    *("_id", "schoolId", "kind", "name", "description", "classId", "createdBy", "clock", "revision"),
    *("lastMessage", "lastMessageAt", "memberCount", "archivedAt", "createdAt", "keyVersion"),
    *("teamId", "teamRoles", "positionGroups"),
)
RULES: Final = QueryRules(keyset=True)
PLACE: Final = ("role", "readSeq", "deliveredSeq", "mutedUntil")

Row = dict[str, Any]


class InboxService:
    """Read from conversations and places; nothing is stored for it."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def find(self, params: Params) -> Page:
        """A page by the newest message, in two commands whatever its size; ``next`` is for ``$after``.

        Raises BadRequest for a malformed query, and for a cursor that was made for another caller.
        """
        user, query = _user(params), split_query(parse_query(params.query, RULES))
        limit = cast("int", PAGES.limit(query.limit))
        keyset = Keyset(order=ORDER, scope=["inbox", str(user["_id"])])
        with driver_errors(tenant="schoolId"):
            found = await Member.documents().aggregate(_page(user, query, keyset, limit))
            (page,) = await found.to_list()
            rows: list[Row] = page["rows"][:limit]
            counts = await count_new(user, rows)
            await self._vault.open_previews(rows)
        at = now()
        for row in rows:
            row["muted"] = row["mutedUntil"] is not None and row["mutedUntil"] > at
            row.update(counts[row["_id"]])
        following = keyset.cursor(rows[-1]) if rows and len(page["rows"]) > limit else None
        if query.select is not None:
            rows = [select_fields(row, ["_id", *query.select]) for row in rows]
        total: int = next((one["total"] for one in page["count"]), 0)
        return {"total": total, "limit": limit, "skip": 0, "data": rows, "next": following}

    async def totals(self, data: Row, params: Params) -> Row:
        """``{unread, mentions, conversations, muted: {unread, mentions, conversations}}`` of the caller.

        ``data`` may name a ``kind`` of conversations.
        """
        with driver_errors(tenant="schoolId"):
            return await count_totals(_user(params), now(), data.get("kind"))


def _page(user: Mapping[str, Any], query: Query, keyset: Keyset, limit: int) -> list[Row]:
    """The stages for one document: ``rows``, one more than ``limit`` where there is more, and ``count``."""
    conditions = dict(query.conditions)
    archived = conditions.pop("archived", None)
    if not isinstance(archived, bool | None):
        raise invalid("archived", "must be true or false")
    if not archived:
        conditions["archivedAt"] = None
    after: list[Row] = []
    if query.after is not None:
        after.append({"$match": behind(ORDER, keyset.values(query.after))})
    return [
        *places_of(user),
        {"$replaceWith": {"$mergeObjects": ["$conversation", {"place": "$$ROOT"}]}},
        {"$unset": "place.conversation"},
        {"$match": conditions},
        {
            "$facet": {
                "rows": [*after, {"$sort": ORDER}, {"$limit": limit + 1}, *_shown(user)],
                "count": [{"$count": "total"}],
            }
        },
    ]


def _shown(user: Mapping[str, Any]) -> list[Row]:
    """The stages that make what clients get: ``other`` is the other one of a direct conversation's key."""
    people = {"$split": [{"$ifNull": ["$directKey", ""]}, ":"]}
    other = {"$first": {"$setDifference": [people, [str(user["_id"])]]}}
    return [
        {"$set": {"otherId": {"$convert": {"input": other, "to": "objectId", "onError": None}}}},
        {
            "$lookup": {
                "from": "users",
                "localField": "otherId",
                "foreignField": "_id",
                "pipeline": [{"$project": {"name": 1, "role": 1, "avatar": 1}}],
                "as": "people",
            }
        },
        {
            "$project": {
                **dict.fromkeys(CONVERSATION, 1),
                **{name: f"$place.{name}" for name in PLACE},
                "other": {"$ifNull": [{"$first": "$people"}, None]},
            }
        },
    ]


def _user(params: Params) -> dict[str, Any]:
    return cast("dict[str, Any]", params.user)
