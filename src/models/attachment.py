from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal, get_args

from beanie import PydanticObjectId
from pydantic import Field

from .record import ANY_ID, ANY_MOMENT, SchoolRecord, index

AttachmentState = Literal["WAITING", "CHECKING", "READY", "ATTACHED", "REVOKED", "GONE"]
ATTACHMENT_STATES: Final[tuple[AttachmentState, ...]] = get_args(AttachmentState)


class Attachment(SchoolRecord):
    """A file that ``userId`` has for a conversation. ``size`` in bytes, as it was declared, then as it is.

    ::

        WAITING   for its upload          ATTACHED  to the message ``messageId``
        CHECKING  what was uploaded       REVOKED   that message was removed: nobody gets the file
        READY     for a message           GONE      is about to be deleted, with its file

    ``dueAt`` is when something is to be done about it: an upload that never came, or was never used, is to
    go then, and the file is to be where its state says. ``thumbnail`` tells whether there is a small picture.
    """

    user_id: PydanticObjectId
    conversation_id: PydanticObjectId
    name: str
    media_type: str
    size: int = Field(ge=1)
    state: AttachmentState = "WAITING"
    message_id: PydanticObjectId | None = None
    width: int | None = None
    height: int | None = None
    thumbnail: bool = False
    due_at: datetime | None = None
    attached_at: datetime | None = None

    class Settings:
        name = "attachments"
        indexes = [  # noqa: RUF012 - beanie's form
            # The gallery of a conversation, and what is to go with it.
            index("conversationId", "state", "attachedAt", "_id"),
            index("userId"),
            index("messageId", where={"messageId": ANY_ID}),
            index("dueAt", where={"dueAt": ANY_MOMENT}),
        ]


class StorageUse(SchoolRecord):
    """``bytes`` of a school's attachments: what they have, or are to have once they are uploaded."""

    bytes: int = 0

    class Settings:
        name = "storage-uses"
        indexes = [index("schoolId", unique=True)]  # noqa: RUF012 - beanie's form


def folder_of(attachment: dict[str, Any]) -> str:
    """Where the files of an attachment are: the end of the keys differs."""
    school, conversation = attachment["schoolId"], attachment["conversationId"]
    return f"schools/{school}/conversations/{conversation}/{attachment['_id']}"


def key_of(attachment: dict[str, Any], *, revoked: bool = False) -> str:
    return f"{'revoked/' if revoked else ''}{folder_of(attachment)}/{attachment['name']}"


def thumbnail_key(attachment: dict[str, Any], *, revoked: bool = False) -> str:
    """No name of a file begins with a dot."""
    return f"{'revoked/' if revoked else ''}{folder_of(attachment)}/.thumbnails/small.webp"


def upload_key(attachment: dict[str, Any]) -> str:
    """Where clients may write. What was checked is elsewhere, where nobody can change it."""
    return f"uploads/{folder_of(attachment)}/{attachment['name']}"
