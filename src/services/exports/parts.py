"""What an export holds: for each kind of record a file, which records, and what is left out of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ...hooks.reports import FOR_REVIEWERS
from ...models import (
    Alert,
    Attachment,
    Block,
    ClassEnrollment,
    ClassTeacher,
    ConductWarning,
    Conversation,
    Device,
    LoginSession,
    Member,
    Message,
    MessageEdit,
    NotificationPreference,
    Reaction,
    Report,
    ScheduledMessage,
    TeamMember,
    User,
)
from ...models.audit_entry import AuditEntry
from ...models.record import Record
from ...models.sealing import EDIT, MESSAGE, SCHEDULED, Form
from ...models.vault import Vault

Batch = list[dict[str, Any]]


async def _as_they_are(batch: Batch, _: Vault) -> Batch:
    return batch


@dataclass(frozen=True, slots=True)
class Part:
    """``where`` selects by the user record, ``completed`` adds to a batch what is kept elsewhere.

    ``form`` says what of the records may be sealed.
    """

    file: str
    about: str
    model: type[Record]
    where: Callable[[Mapping[str, Any]], dict[str, Any]]
    hidden: tuple[str, ...] = ("schoolId",)
    sort: str | None = None
    completed: Callable[[Batch, Vault], Awaitable[Batch]] = _as_they_are
    form: Form | None = None


def by(field: str) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    return lambda user: {field: user["_id"]}


def by_text(field: str) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """For records that name the user by a text."""
    return lambda user: {field: str(user["_id"])}


async def named(batch: Batch, _: Vault) -> Batch:
    """With the kind and name of the conversation; that of two people has no name."""
    ids = list({record["conversationId"] for record in batch})
    fields = {"kind": 1, "name": 1}
    found = await Conversation.documents().find({"_id": {"$in": ids}}, fields).to_list()
    names = {one["_id"]: {"kind": one["kind"], "name": one.get("name")} for one in found}
    return [{**record, "conversation": names.get(record["conversationId"])} for record in batch]


async def with_edits(batch: Batch, vault: Vault) -> Batch:
    """With what each message said before, the oldest first."""
    ids = [message["_id"] for message in batch]
    edits: dict[Any, list[dict[str, Any]]] = {}
    fields = {"_id": 0, "createdAt": 1, **dict.fromkeys((*EDIT.texts, *EDIT.needed), 1)}
    found = await MessageEdit.documents().find({"messageId": {"$in": ids}}, fields).sort("number").to_list()
    await vault.open(EDIT, found)
    for edit in found:
        said = {name: edit[name] for name in ("content", "createdAt")}
        edits.setdefault(edit["messageId"], []).append(said)
    return await named([{**message, "edits": edits.get(message["_id"], [])} for message in batch], vault)


OF_MESSAGES: Final = (
    "schoolId",
    "words",
    "fingerprint",
    "revision",
    "createdRevision",
    "reactions",
    "feedAt",
)

PARTS: Final = (
    Part("profile.jsonl", "The account.", User, by("_id"), ("schoolId", "password")),
    Part(
        "memberships.jsonl",
        "The conversations that you are in, and how far you have read each.",
        Member,
        by("userId"),
        completed=named,
    ),
    Part("teaching.jsonl", "The classes that you teach.", ClassTeacher, by("userId")),
    Part("enrollments.jsonl", "The classes that you are enrolled in.", ClassEnrollment, by("userId")),
    Part("teams.jsonl", "The teams that you are in.", TeamMember, by("userId")),
    Part(
        "alerts.jsonl",
        "The priority alerts that you have sent, and why; what they say is with your messages.",
        Alert,
        by("senderId"),
        ("schoolId", "confirmationId"),
    ),
    Part(
        "messages.jsonl",
        "What you have written; `edits` is what a message said before. One with `deletedAt` was removed,"
        " and one with `expungedAt` says nothing any more.",
        Message,
        by("senderId"),
        OF_MESSAGES,
        sort="createdAt",
        completed=with_edits,
        form=MESSAGE,
    ),
    Part(
        "attachments.jsonl",
        "The files that you have uploaded: names, types and sizes. The files themselves are not in here.",
        Attachment,
        by("userId"),
        ("schoolId", "dueAt", "thumbnail"),
    ),
    Part("reactions.jsonl", "Your reactions to messages.", Reaction, by("userId")),
    Part(
        "reports.jsonl",
        "The messages that you have reported.",
        Report,
        by("reporterId"),
        ("schoolId", *FOR_REVIEWERS),
    ),
    Part("warnings.jsonl", "The warnings that you were given.", ConductWarning, by("userId")),
    Part("blocks.jsonl", "Whom you have blocked.", Block, by("userId")),
    Part(
        "scheduled-messages.jsonl",
        "Messages that were to be sent later.",
        ScheduledMessage,
        by("userId"),
        ("schoolId", "place", "dueAt", "attempts"),
        form=SCHEDULED,
    ),
    Part(
        "notification-preferences.jsonl",
        "What you want to be disturbed by.",
        NotificationPreference,
        by("userId"),
    ),
    Part(
        "devices.jsonl",
        "The devices that notifications are sent to.",
        Device,
        by("userId"),
        ("schoolId", "token", "digest", "keys"),
    ),
    Part(
        "audit-log.jsonl",
        "What was done to your account by people with power, and by whom.",
        AuditEntry,
        lambda user: {"schoolId": user["schoolId"], "subject.id": user["_id"]},
        ("schoolId", "hash", "previous"),
    ),
    Part("sessions.jsonl", "Where you are logged in.", LoginSession, by_text("userId"), ("tokenHash",)),
)
