from __future__ import annotations

from datetime import datetime

from beanie import PydanticObjectId

from .record import SchoolRecord, index


class EncryptionKey(SchoolRecord):
    """A version of the key of a conversation, from 1: ``wrapped`` by the master key ``masterId``.

    From ``rotatedAt`` on nothing more is sealed with it, and what was can still be read.
    """

    conversation_id: PydanticObjectId
    version: int
    master_id: str
    wrapped: bytes
    created_by: PydanticObjectId
    rotated_at: datetime | None = None

    class Settings:
        name = "encryption-keys"
        indexes = [  # noqa: RUF012 - beanie's form
            index("conversationId", "version", unique=True),
            index("masterId"),
        ]
