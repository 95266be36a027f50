from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal, get_args

from beanie import PydanticObjectId
from pydantic import BaseModel, Field
from pymongo import ASCENDING, IndexModel

from .record import SchoolRecord, index, now

ProviderName = Literal["expo", "fcm", "apns", "web"]
PROVIDERS: Final[tuple[ProviderName, ...]] = get_args(ProviderName)
Platform = Literal["ios", "android", "web"]
PLATFORMS: Final[tuple[Platform, ...]] = get_args(Platform)

FORGOTTEN_AFTER: Final = timedelta(days=60)
"""A device registers whenever its app starts; one that has not for so long is not used any more."""


class SubscriptionKeys(BaseModel):
    p256dh: str
    auth: str


class Device(SchoolRecord):
    """Where pushes for a user go: it is one user's at a time, which ``digest``, that of its token, sees to.

    ``seenAt`` is when it last registered. It goes with the login session ``sessionId``.
    """

    user_id: PydanticObjectId
    provider: ProviderName
    token: str
    digest: str
    keys: SubscriptionKeys | None = None
    platform: Platform | None = None
    session_id: str | None = None
    seen_at: datetime = Field(default_factory=now)

    class Settings:
        name = "devices"
        indexes = [  # noqa: RUF012 - beanie's form
            index("digest", unique=True),
            index("userId", "seenAt"),
            IndexModel(
                [("seenAt", ASCENDING)],
                name="seenAt",
                expireAfterSeconds=int(FORGOTTEN_AFTER.total_seconds()),
            ),
        ]
