from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from beanie import PydanticObjectId
from pymongo import UpdateOne

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

    async def mark_seen(self, user_ids: Iterable[str], at: datetime) -> None:
        """Note when these left, of each unless it was later on another node.

        No event: only the audience of the presence may learn it.
        """
        # One by one they are tried again when the database has another primary, which update_many is not.
        marks = [
            UpdateOne({"_id": PydanticObjectId(one), "erasingAt": None}, {"$max": {"lastSeenAt": at}})
            for one in user_ids
        ]
        await User.documents().bulk_write(marks, ordered=False)
