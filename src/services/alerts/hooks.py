from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

from bson import ObjectId

from ...core.context import UNSET, HookContext
from ...core.errors import Forbidden, TooManyRequests
from ...core.protect import protect
from ...core.schema import invalid, validate_data, validate_query
from ...core.throttle import parse_limit
from ...hooks.audit import audited
from ...hooks.finding import sorted_only_by
from ...hooks.membership import only_own, require_active
from ...hooks.ownership import by_caller, caller, sorted_by
from ...hooks.places import FIXED
from ...hooks.records import first, records
from ...hooks.repeats import answered
from ...hooks.team_rights import require_right, rights_of
from ...hooks.transactions import joined
from ...models import Alert, Member
from ...models.record import now
from .confirmation import Confirmations
from .schema import AlertQuery, alert_data

CONTENT = "content"
ALERT_ID = "alertId"


async def find_channel(context: HookContext) -> None:
    """Of a whole team it is the first announcement. Raises BadRequest for what is no channel of a team."""
    data = context.data
    data["scope"] = "team" if "teamId" in data else "channel"
    if "teamId" in data:
        query: dict[str, Any] = {"teamId": data["teamId"], "kind": "announcement", "archivedAt": None}
        order: dict[str, Any] = {"$sort": {"createdAt": 1, "_id": 1}, "$limit": 1}
        found = await records(context, "conversations", {**query, **order})
        if not found:
            raise invalid("teamId", "has no announcements")
        data["conversationId"] = found[0]["_id"]


async def who_may(context: HookContext) -> None:
    """Raises Forbidden, and BadRequest for a conversation that is no channel of a team."""
    data = context.data
    place, conversation = await require_active(context, data["conversationId"])
    if conversation.get("teamId") is None:
        raise invalid("conversationId", "is no channel of a team")
    data["teamId"] = conversation["teamId"]
    require_right(context, place["teamRole"], "send_alert")
    context.params["overrides"] = "override_mute" in rights_of(context.app, place["teamRole"])


async def whom_it_disturbs(context: HookContext) -> None:
    """An alert passes a mute only where that is the sender's right, and wish.

    Where somebody has muted the channel it must be said whether it is to: nobody is to think that it has
    reached everybody. Raises Forbidden.
    """
    data = context.data
    asked: bool | None = data.pop("overrideMute", None)
    here = {"conversationId": data["conversationId"], "userId": {"$ne": data["senderId"]}}
    muted = await Member.documents().count_documents(
        {**here, "mutedUntil": {"$gt": now()}}, session=context.params.get("session")
    )
    may: bool = context.params["overrides"]
    if (asked and not may) or (asked is None and muted):
        reason = (
            "Your role in the team does not allow alerts to pass a mute"
            if asked
            else "Some have muted the channel: say with overrideMute whether the alert is to reach them"
        )
        raise Forbidden(reason, {"code": "MUTE_OVERRIDE_REQUIRED", "muted": muted, "allowed": may})
    data["overridesMute"] = bool(asked)
    context.params["muted"] = muted


async def within_limits(context: HookContext) -> None:
    """Raises TooManyRequests. What was sent is counted, so that no restart forgets it."""
    data, at = context.data, now()
    if context.result is not UNSET:
        return
    own = {"senderId": data["senderId"], "teamId": data["teamId"]}
    for limit in context.app.settings["teams"]["alerts"]:
        item = parse_limit(limit)
        window = timedelta(seconds=item.get_expiry())
        lately = {**own, "createdAt": {"$gt": at - window}}
        found = Alert.documents().find(lately, {"createdAt": 1}, session=context.params.get("session"))
        newest = await found.sort("createdAt", -1).limit(item.amount).to_list()
        if len(newest) == item.amount:
            wait = (newest[-1]["createdAt"] + window - at).total_seconds()
            raise TooManyRequests(
                f"Only {limit} of alerts in a team are let pass",
                {"code": "ALERT_LIMIT", "limit": limit, "retryAfter": max(1, math.ceil(wait))},
            )


def remember_message(context: HookContext) -> None:
    """What the message says is kept with it, and not twice."""
    context.params[CONTENT] = context.data.pop(CONTENT)


async def write_message(context: HookContext) -> None:
    """It is a message as others are, pinned and marked."""
    data, at = context.data, now()
    if context.result is not UNSET:
        return
    data["_id"] = ObjectId()
    fixed = {
        "alert": {ALERT_ID: data["_id"], "overridesMute": data["overridesMute"]},
        "pinnedAt": at,
        "pinnedBy": data["senderId"],
    }
    user = caller(context)
    params = joined(context, user=user, tenant=user["schoolId"], **{FIXED: fixed})
    said = {"conversationId": data["conversationId"], "content": context.params[CONTENT]}
    message = await context.app.service("messages").create(said, params)
    data["messageId"] = message["_id"]


def sent(context: HookContext, _: dict[str, Any]) -> bool:
    return context.event is not None


def of_the_team(_: HookContext, alert: dict[str, Any]) -> tuple[str, Any]:
    return "teams", alert["teamId"]


def what_was_sent(_: HookContext, alert: dict[str, Any]) -> dict[str, Any]:
    return {name: alert[name] for name in ("conversationId", "messageId", "scope", "overridesMute")}


def hooks(confirmations: Confirmations, max_length: int) -> dict[str, Any]:
    """``max_length`` of what an alert says, in characters."""

    async def confirm(context: HookContext) -> None:
        """With a token the alert is confirmed, or was before: then it is the answer. Raises BadRequest."""
        data = context.data
        token: str | None = data.pop("confirmToken", None)
        if token is not None:
            data["confirmationId"] = confirmations.confirmed(data, token)
            earlier = await first(context, "alerts", {"confirmationId": data["confirmationId"]})
            if earlier is not None:
                answered(context, earlier)

    def ask(context: HookContext) -> None:
        """Without one the answer is a token."""
        data = context.data
        if "confirmationId" not in data:
            shown = ("conversationId", "teamId", "senderId", "scope", "reason", "overridesMute")
            asked = {name: data[name] for name in shown}
            answered(context, {**asked, **confirmations.ask(data), "muted": context.params["muted"]})
            context.http.status = 202

    checked, own = validate_query(AlertQuery()), only_own("conversationId")
    return {
        "around": {
            "all": [protect("confirmationId")],
            "create": [audited(subject=of_the_team, details=what_was_sent, when=sent)],
        },
        "before": {
            "find": [
                checked,
                sorted_only_by(("createdAt",), ("_id",), skip_by="createdAt"),
                own,
                sorted_by(createdAt=-1),
            ],
            "get": [checked, own],
            "create": [
                validate_data(alert_data(max_length)),
                by_caller("senderId"),
                find_channel,
                who_may,
                whom_it_disturbs,
                confirm,
                within_limits,
                ask,
                remember_message,
                write_message,
            ],
        },
    }
