from __future__ import annotations

from datetime import datetime

from pymongo import ASCENDING, IndexModel

from .record import Record, index


class LoginSession(Record):
    """From a login until the logout; ``sid`` is its id in access tokens. MongoDB removes what has expired."""

    sid: str
    user_id: str
    token_hash: str
    expires_at: datetime
    revoked_at: datetime | None = None

    class Settings:
        name = "sessions"
        indexes = [  # noqa: RUF012 - beanie's form
            index("sid", unique=True),
            index("userId"),
            index("revokedAt"),
            IndexModel([("expiresAt", ASCENDING)], name="expiresAt", expireAfterSeconds=0),
        ]
