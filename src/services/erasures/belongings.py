"""Which records are about a user, by the field that names the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ...models import (
    Alert,
    Attachment,
    Block,
    ClassEnrollment,
    ClassTeacher,
    ConductWarning,
    Device,
    Export,
    ExportPiece,
    LegalHold,
    LoginSession,
    Member,
    Message,
    NotificationPreference,
    PasswordReset,
    PushNotice,
    Reaction,
    Report,
    ScheduledMessage,
    TeamMember,
)
from ...models.record import Record

Table = Sequence[tuple[str, type[Record], str]]

SHARED: Final[Table] = (
    ("messages", Message, "senderId"),
    ("reactions", Reaction, "userId"),
    ("forwarded copies", Message, "forwardedFrom.senderId"),
    ("places in conversations", Member, "userId"),
    ("classes taught", ClassTeacher, "userId"),
    ("enrollments", ClassEnrollment, "userId"),
    ("places in teams", TeamMember, "userId"),
    ("files", Attachment, "userId"),
)
"""What others see too: it goes by the journal or its service."""

OWN: Final[Table] = (
    ("reports made", Report, "reporterId"),
    ("reports about messages", Report, "authorId"),
    ("warnings", ConductWarning, "userId"),
    ("blocks", Block, "userId"),
    ("blocks by others", Block, "blockedId"),
    ("alerts sent", Alert, "senderId"),
    ("exports", Export, "userId"),
    ("exports asked for", Export, "requestedBy"),
    ("scheduled messages", ScheduledMessage, "userId"),
    ("notification preferences", NotificationPreference, "userId"),
    ("devices", Device, "userId"),
    ("push notices", PushNotice, "userId"),
    ("lifted legal holds", LegalHold, "userId"),
)
"""What is deleted as it is."""

OF_THE_LOGIN: Final[Table] = (
    ("sessions", LoginSession, "userId"),
    ("password resets", PasswordReset, "userId"),
)
"""The same, of the authentication, which keeps ids as texts."""


async def count_belongings(user_id: Any) -> dict[str, int]:
    """How many records of each name there are; of messages those that say something still."""
    counts: dict[str, int] = {}
    for name, model, field in (*SHARED, *OWN):
        where = {field: user_id, "expungedAt": None} if model is Message else {field: user_id}
        counts[name] = await model.documents().count_documents(where)
    for name, model, field in OF_THE_LOGIN:
        counts[name] = await model.documents().count_documents({field: str(user_id)})
    return counts


async def delete_own(user_id: Any) -> None:
    archives: Mapping[str, Any] = {"$or": [{"userId": user_id}, {"requestedBy": user_id}]}
    exports = await Export.documents().distinct("_id", archives)
    # The archives first: without their records nobody would find them again.
    await ExportPiece.documents().delete_many({"exportId": {"$in": exports}})
    for _, model, field in OWN:
        await model.documents().delete_many({field: user_id})


async def delete_logins(user_id: Any) -> None:
    for _, model, field in OF_THE_LOGIN:
        await model.documents().delete_many({field: str(user_id)})
