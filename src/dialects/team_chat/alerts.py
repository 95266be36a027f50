"""Team Chat's priority alerts and home feed as calls of the school's services."""

from __future__ import annotations

from ..caller import Caller
from ..dialect import Data
from .shapes import alert_of, message_of


async def send(caller: Caller, data: Data) -> Data:
    """Without its token an alert is not sent: the answer has one, and what it is for."""
    alert: Data = {"content": data["body"], "reason": data["reason"]}
    if data.get("channel_id") is not None:
        alert["conversationId"] = str(data["channel_id"])
    elif "team_id" in data:
        alert["teamId"] = str(data["team_id"])
    if "override_mute" in data:
        alert["overrideMute"] = data["override_mute"]
    if "confirm_token" in data:
        alert["confirmToken"] = data["confirm_token"]
    answer = await caller.call("alerts", "create", alert)
    if "confirmToken" in answer:
        return {
            "status": "confirmation_required",
            "confirm_token": answer["confirmToken"],
            "expires_at": answer["expiresAt"],
            "muted_members": answer["muted"],
        }
    return {"status": "sent", "alert": {**alert_of(answer), "body": data["body"]}}


async def feed(caller: Caller, data: Data) -> Data:
    query: Data = {"$limit": data["limit"]}
    if "cursor" in data:
        query["$after"] = data["cursor"]
    page = await caller.call("feed", "find", query=query)
    return {"items": [message_of(message) for message in page["data"]], "next_cursor": page["next"]}
