"""Team Chat's teams and channels as calls of the school's services."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from ...hooks.seats import not_a_member
from ..caller import Caller
from ..dialect import Data
from .shapes import channel_of, media_of, team_of

PAGE: Final = 100


async def teams(caller: Caller, _: Data) -> Data:
    own = {"userId": caller.user_id, "$limit": PAGE}
    places = {one["teamId"]: one for one in (await caller.call("team-members", "find", query=own))["data"]}
    found = await caller.call("teams", "find", query={"$limit": PAGE, "$sort": {"name": 1}})
    return {"teams": [team_of(team, places.get(team["_id"])) for team in found["data"]]}


async def channels(caller: Caller, data: Data) -> Data:
    team = await caller.call("teams", "get", id=str(data["id"]))
    own = [row async for row in _rows(caller, {"teamId": str(team["_id"])})]
    direct = [row async for row in _rows(caller, {"kind": "direct"})]
    with_whom = [str(row["other"]["_id"]) for row in direct if row["other"] is not None]
    people: set[Any] = set()
    for at in range(0, len(with_whom), PAGE):
        asked = with_whom[at : at + PAGE]
        query = {"teamId": str(team["_id"]), "userId": {"$in": asked}, "$limit": PAGE}
        found = await caller.call("team-members", "find", query=query)
        people.update(place["userId"] for place in found["data"])
    own += [row for row in direct if row["other"] is not None and row["other"]["_id"] in people]
    return {"channels": [channel_of(row, team["_id"]) for row in own]}


async def audit(caller: Caller, data: Data) -> Data:
    asked: Data = {"teamId": str(data["id"])}
    if "cursor" in data:
        asked["before"] = data["cursor"]
    entries = (await caller.call("teams", "audit", asked))["entries"]
    shown = [
        {
            "number": entry["number"],
            "action": entry["action"],
            "actor_id": entry["actorId"],
            "subject": entry["subject"],
            "details": entry["details"],
            "created_at": entry["at"],
        }
        for entry in entries
    ]
    return {"entries": shown, "next_cursor": shown[-1]["number"] if shown else None}


async def mute(caller: Caller, data: Data) -> Data:
    place = await own_place(caller, str(data["id"]))
    until = None if data["until_ts"] is None else data["until_ts"].isoformat()
    changed = await caller.call("members", "patch", {"mutedUntil": until}, id=str(place["_id"]))
    return {
        "channel_id": changed["conversationId"],
        "user_id": changed["userId"],
        "until_ts": changed["mutedUntil"],
    }


async def media(caller: Caller, data: Data) -> Data:
    await own_place(caller, str(data["id"]))
    query: Data = {"conversationId": str(data["id"]), "$limit": data["limit"]}
    if "cursor" in data:
        query["$after"] = data["cursor"]
    page = await caller.call("attachments", "find", query=query)
    return {"media": [media_of(one) for one in page["data"]], "next_cursor": page["next"]}


async def upload(caller: Caller, data: Data) -> Data:
    file = {"name": data["filename"], "mediaType": data["media_type"], "size": data["size"]}
    made = await caller.call("attachments", "create", {"conversationId": str(data["id"]), **file})
    send = made["upload"]
    there = {name: send[name] for name in ("method", "url", "headers")}
    return {**media_of(made), "upload": {**there, "expires_at": send["expiresAt"]}}


async def complete(caller: Caller, data: Data) -> Data:
    return media_of(await caller.call("attachments", "complete", {"attachmentId": str(data["id"])}))


async def own_place(caller: Caller, channel_id: str) -> Data:
    """The caller's place in a channel. Raises Forbidden for who is not in it."""
    query = {"conversationId": channel_id, "userId": caller.user_id, "$limit": 1}
    found = (await caller.call("members", "find", query=query))["data"]
    if not found:
        raise not_a_member(channel_id)
    place: Data = found[0]
    return place


async def _rows(caller: Caller, conditions: Data) -> AsyncIterator[Data]:
    """All that the inbox has of that kind."""
    query: dict[str, Any] = {**conditions, "$limit": PAGE}
    while True:
        page = await caller.call("inbox", "find", query=query)
        for row in page["data"]:
            yield row
        if page["next"] is None:
            return
        query["$after"] = page["next"]
