"""A bridge for teams that still hold a collection of Motor, which has reached its end of life."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, cast

from motor.motor_asyncio import AsyncIOMotorCollection, AsyncIOMotorCommandCursor

from .collection import Documents


class MotorDocuments:
    """A collection of Motor that takes those calls of PyMongo's asynchronous one that the adapter makes.

    Of them the two differ in ``aggregate`` only, for which Motor does not wait. Sessions of a call
    (``params["session"]``) have to be Motor's own.
    """

    def __init__(self, collection: AsyncIOMotorCollection[dict[str, Any]]) -> None:
        self._collection = collection

    async def aggregate(
        self, pipeline: Sequence[Mapping[str, Any]], **options: Any
    ) -> AsyncIOMotorCommandCursor[dict[str, Any]]:
        return self._collection.aggregate(pipeline, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collection, name)


def motor_documents(collection: AsyncIOMotorCollection[dict[str, Any]]) -> Documents:
    """What ``MongoService`` takes for a collection of Motor. Warns: Motor gets no fixes any more."""
    warnings.warn(
        "Motor has reached its end of life: pass a collection of pymongo.AsyncMongoClient instead",
        DeprecationWarning,
        stacklevel=2,
    )
    return cast("Documents", MotorDocuments(collection))
