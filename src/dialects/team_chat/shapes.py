"""Records of the school in the words of Team Chat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...core.errors import FeathersError
from ...core.shapes import is_mapping
from ..dialect import Data

TOMBSTONE: Final = "This message was deleted"
KINDS: Final = {"announcement": "announcements", "direct": "dm"}
STAFF_ONLY: Final = {
    frozenset({"admin", "coach"}): "coach",
    frozenset({"admin", "coach", "trainer"}): "trainer",
}
"""What a channel that is open to these roles is called."""

ALL_ROLES: Final = 6
NAMES: Final = {
    "content": "body",
    "conversationId": "channel_id",
    "teamId": "team_id",
    "messageId": "message_id",
    "replyTo": "reply_to",
    "attachments": "attachments",
    "overrideMute": "override_mute",
    "confirmToken": "confirm_token",
    "mutedUntil": "until_ts",
    "idempotencyKey": "Idempotency-Key",
    "name": "filename",
    "mediaType": "media_type",
    "$after": "cursor",
    "$limit": "limit",
}
"""Fields by the names that the client knows."""


def topic_of(team_id: object, channel_id: object) -> str:
    return f"team:{team_id}:channel:{channel_id}"


def team_of(team: Mapping[str, Any], place: Mapping[str, Any] | None) -> Data:
    return {
        "id": team["_id"],
        "name": team["name"],
        "description": team.get("description"),
        "position_groups": team["positionGroups"],
        "role": None if place is None else str(place["role"]).capitalize(),
        "position_group": None if place is None else place["positionGroup"],
        "created_at": team["createdAt"],
    }


def channel_of(row: Mapping[str, Any], team_id: object) -> Data:
    """``row`` is one of the inbox, or a conversation."""
    last: Mapping[str, Any] | None = row.get("lastMessage")
    other: Mapping[str, Any] | None = row.get("other")
    return {
        "id": row["_id"],
        "team_id": team_id,
        "type": _type_of(row),
        "name": row.get("name") if other is None else other["name"],
        "topic": topic_of(team_id, row["_id"]),
        "roles": [role.capitalize() for role in row.get("teamRoles") or ()],
        "position_groups": row.get("positionGroups") or [],
        "other_user_id": None if other is None else other["_id"],
        "member_count": row["memberCount"],
        "unread_count": row["unread"],
        "muted_until": row.get("mutedUntil"),
        "last_message": None if last is None else {"body": last["content"], "created_at": last["createdAt"]},
        "last_message_at": row.get("lastMessageAt"),
    }


def message_of(message: Mapping[str, Any]) -> Data:
    deleted = message.get("deletedAt") is not None
    shown: Data = {
        "id": message["_id"],
        "channel_id": message["conversationId"],
        "sender_id": message["senderId"],
        "body": message.get("content"),
        "tombstone": TOMBSTONE if deleted else None,
        "edited": message.get("editedAt") is not None,
        "edited_at": message.get("editedAt"),
        "deleted_at": message.get("deletedAt"),
        "deleted_by": message.get("deletedBy"),
        "pinned_at": message.get("pinnedAt"),
        "priority": message.get("alert") is not None,
        "reply_to": message.get("replyTo"),
        "thread": {
            "root_message_id": message.get("threadId") or message["_id"],
            "reply_count": message.get("replyCount", 0),
            "last_activity_at": message.get("lastReplyAt"),
        },
        "reactions": message.get("reactions") or [],
        "attachments": [_file_of(file) for file in message.get("attachments") or ()],
        "created_at": message["createdAt"],
    }
    # The sender's own: how far a message has come, and whether it was there before.
    for name in ("status", "duplicate"):
        if name in message:
            shown[name] = message[name]
    return shown


def media_of(attachment: Mapping[str, Any]) -> Data:
    download: Data = attachment.get("download") or {}
    return {
        "id": attachment["_id"],
        "channel_id": attachment["conversationId"],
        "message_id": attachment.get("messageId"),
        "sender_id": attachment["userId"],
        "filename": attachment["name"],
        "media_type": attachment["mediaType"],
        "size": attachment["size"],
        "url": download.get("url"),
        "thumbnail_url": attachment.get("thumbnailUrl"),
        "created_at": attachment["createdAt"],
    }


def alert_of(alert: Mapping[str, Any]) -> Data:
    return {
        "id": alert["_id"],
        "team_id": alert["teamId"],
        "channel_id": None if alert["scope"] == "team" else alert["conversationId"],
        "message_id": alert["messageId"],
        "sender_id": alert["senderId"],
        "scope": alert["scope"],
        "reason": alert["reason"],
        "created_at": alert["createdAt"],
    }


def failure(error: FeathersError) -> Mapping[str, Any]:
    """``{code, message, details}``; ``code`` is the services' own where they name one."""
    details: Data = dict(error.data) if is_mapping(error.data) else {}
    code: str = details.pop("code", None) or _code_of(error)
    if is_mapping(error.errors):
        details["fields"] = {_known(name): reason for name, reason in error.errors.items()}
    return {"code": code, "message": error.message, "details": details}


def _code_of(error: FeathersError) -> str:
    if error.code == 403:
        return "PERMISSION_DENIED"
    return error.class_name.replace("-", "_").upper()


def _known(name: str) -> str:
    first, _, rest = name.partition(".")
    return ".".join(part for part in (NAMES.get(first, first), rest) if part)


def _type_of(row: Mapping[str, Any]) -> str:
    if row["kind"] in KINDS:
        return KINDS[row["kind"]]
    if row.get("positionGroups"):
        return "position_group"
    roles = frozenset[str](row.get("teamRoles") or ())
    return "team" if len(roles) == ALL_ROLES else STAFF_ONLY.get(roles, "channel")


def _file_of(file: Mapping[str, Any]) -> Data:
    return {
        "attachment_id": file.get("attachmentId"),
        "filename": file["name"],
        "url": file["url"],
        "thumbnail_url": file.get("thumbnailUrl"),
        "media_type": file.get("mediaType"),
        "size": file.get("size"),
    }
