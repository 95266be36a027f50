"""A conversation that anybody is in has an admin, unless it is between two people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.errors import BadRequest
from ...hooks.places import LED_BY_STAFF
from ...models import Member, User
from ...models.journal import Writing
from ...models.user import STAFF


async def keep_an_admin(conversation: Mapping[str, Any], writing: Writing, *, by_itself: bool) -> None:
    """See to an admin where one has gone: ``conversation`` is as it is without them. A team sees to its own.

    ``by_itself`` the longest-standing moderator follows, or else member of the staff, or else member.
    Where staff leads nobody else follows: there is no admin until somebody of the staff comes to moderate.
    Without, raises BadRequest: somebody has to be chosen first.
    """
    here = {"conversationId": conversation["_id"]}
    if conversation["kind"] == "direct" or conversation.get("teamId") or not conversation["memberCount"]:
        return
    if await Member.documents().find_one({**here, "role": "admin"}, {"_id": 1}, session=writing.session):
        return
    if not by_itself:
        raise BadRequest(
            "The conversation has no other admin: choose a successor first", {"code": "SUCCESSOR_NEEDED"}
        )
    successor = await _successor(conversation, writing)
    if successor is None:
        return
    await writing.revise(conversation["_id"])
    revision = writing.note(conversation["_id"], "members", "patched", successor, other=True)
    await Member.documents().update_one(
        {"_id": successor},
        {"$set": {"role": "admin", "silencedUntil": None, "revision": revision}},
        session=writing.session,
    )


async def _successor(conversation: Mapping[str, Any], writing: Writing) -> Any:
    """The id of the place that comes first, or None."""
    moderates = {"case": {"$eq": ["$role", "moderator"]}, "then": 0}
    is_staff = {"case": {"$in": [{"$first": "$user.role"}, list(STAFF)]}, "then": 1}
    able: dict[str, Any] = {"user.erasingAt": None}
    if conversation["kind"] in LED_BY_STAFF:
        able["user.role"] = {"$in": list(STAFF)}
    found = await Member.documents().aggregate(
        [
            {"$match": {"conversationId": conversation["_id"]}},
            {
                "$lookup": {
                    "from": User.Settings.name,
                    "localField": "userId",
                    "foreignField": "_id",
                    "as": "user",
                }
            },
            {"$match": able},
            {"$set": {"rank": {"$switch": {"branches": [moderates, is_staff], "default": 2}}}},
            {"$sort": {"rank": 1, "joinedAt": 1, "_id": 1}},
            {"$limit": 1},
            {"$project": {"_id": 1}},
        ],
        session=writing.session,
    )
    return next((place["_id"] for place in await found.to_list()), None)
