from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from beanie import PydanticObjectId

from ...core.adapters.beanie import BeanieService
from ...models import User
from ...models.status import StatusName


class UsersService(BeanieService):
    def __init__(self, paginate: Mapping[str, int | None]) -> None:
        super().__init__(User, tenant="schoolId", paginate=paginate)

    async def set_status(self, user_id: str, status: StatusName, text: str) -> None:
        """No event, as of ``mark_seen``."""
        there = {"_id": PydanticObjectId(user_id), "erasingAt": None}
        await User.documents().update_one(there, {"$set": {"status": status, "statusText": text}})

    async def mark_seen(self, user_id: str, at: datetime) -> None:
        """Note when somebody left. No event: only the audience of the presence may learn it."""
        there = {"_id": PydanticObjectId(user_id), "erasingAt": None}
        await User.documents().update_one(there, {"$set": {"lastSeenAt": at}})
