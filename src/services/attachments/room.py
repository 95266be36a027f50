"""How much of a school's room its files take: counted where they are written, in the same transaction."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import DuplicateKeyError

from ...core.adapters.driver import driver_errors
from ...core.errors import Forbidden
from ...models import Attachment, StorageUse
from ...models.record import now

T = TypeVar("T")


async def together(work: Callable[[AsyncClientSession], Coroutine[Any, Any, T]]) -> T:
    """Do ``work`` in a transaction, which may repeat it."""
    with driver_errors(tenant="schoolId"):
        async with Attachment.session() as session:
            return await session.with_transaction(work)


async def open_account(school_id: Any) -> None:
    """Before room is first taken: two transactions could not both begin to count."""
    nothing = {"bytes": 0, "createdAt": now()}
    with suppress(DuplicateKeyError):
        await StorageUse.documents().update_one(
            {"schoolId": school_id}, {"$setOnInsert": nothing}, upsert=True
        )


async def take_room(school_id: Any, size: int, quota: int, session: AsyncClientSession) -> None:
    """Raises Forbidden where a school's files would have more than ``quota`` bytes."""
    fits = {"schoolId": school_id, "bytes": {"$lte": quota - size}}
    taken = await StorageUse.documents().update_one(fits, {"$inc": {"bytes": size}}, session=session)
    if not taken.matched_count:
        raise Forbidden(
            f"The files of the school may have {quota} bytes together, and this would be more",
            {"code": "QUOTA_EXCEEDED", "quota": quota},
        )


async def change_room(school_id: Any, size: int, session: AsyncClientSession) -> None:
    """``size`` more, or less than none."""
    if size:
        await StorageUse.documents().update_one(
            {"schoolId": school_id}, {"$inc": {"bytes": size}}, session=session
        )
