"""The service over a collection of MongoDB, which may still have to be waited for."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeGuard, Unpack, cast

from .base import Result
from .collection import Documents, MongoAdapter
from .options import AdapterOptions, OptionArguments

Opening = Awaitable[Documents] | Callable[[], Documents | Awaitable[Documents]]


class MongoService(MongoAdapter):
    """Documents of any shape. ``fields`` should say what the values are, as queries over REST are text.

    An ``_id`` that reads as an ObjectId is one, unless ``fields`` has another type for it.

    The collection may also be something to wait for, or a function that returns either: it is asked for
    by the first call, again if that fails, and then kept.
    """

    def __init__(self, collection: Documents | Opening, **options: Unpack[OptionArguments]) -> None:
        super().__init__(AdapterOptions.of(options))
        self._opening = collection if _is_opening(collection) else None
        self._opened: asyncio.Future[Documents] | None = None
        self._collection = None if self._opening is not None else cast("Documents", collection)

    @property
    def collection(self) -> Documents:
        """Raises RuntimeError where it has still to be waited for."""
        if self._collection is None:
            raise RuntimeError("the collection is not known before the first call")
        return self._collection

    def to_document(self, data: Mapping[str, Any]) -> Result:
        document = dict(data)
        if self.id == "_id" and isinstance(data.get("_id"), str):
            document["_id"] = self.parse_id(data["_id"])
        return document

    async def documents(self) -> Documents:
        if self._collection is None:
            if self._opened is None or (self._opened.done() and self._opened.exception()):
                self._opened = asyncio.ensure_future(self._open())
            self._collection = await asyncio.shield(self._opened)
        return self._collection

    async def _open(self) -> Documents:
        opening = cast("Opening", self._opening)
        found = opening() if callable(opening) else opening
        return await found if inspect.isawaitable(found) else found


def _is_opening(collection: Documents | Opening) -> TypeGuard[Opening]:
    """A collection has a ``__call__`` too, which only says that it is none of its methods."""
    return inspect.isawaitable(collection) or inspect.isroutine(collection) or isinstance(collection, partial)
