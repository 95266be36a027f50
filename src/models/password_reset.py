from __future__ import annotations

from datetime import datetime

from pymongo import ASCENDING, IndexModel

from .record import Record, index


class PasswordReset(Record):
    """A token, of which only the hash is kept, that lets its owner set a new password once."""

    user_id: str
    token_hash: str
    expires_at: datetime

    class Settings:
        name = "password-resets"
        indexes = [  # noqa: RUF012 - beanie's form
            index("tokenHash", unique=True),
            index("userId"),
            IndexModel([("expiresAt", ASCENDING)], name="expiresAt", expireAfterSeconds=0),
        ]
