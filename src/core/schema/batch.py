"""Records of another service, asked for one by one and found together."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from ..context import HookContext, Params
from ..pagination import records_of
from ..query import MAX_LIST
from ..service import Service
from ..shapes import is_list, is_mapping
from .resolver import ResolverStatus

Found = dict[str, Any] | None

KEPT: Final = ("tenant", "user", "session")


class Batched:
    """``await users(id, context, status)`` is the record with this id, or None.

    What the functions of a resolver ask for in the same turn of the event loop is one query (one for
    every ``size`` ids). Nothing is asked for twice in a call, and nothing is kept beyond it.
    """

    def __init__(self, path: str, id: str, size: int) -> None:
        self.path = path
        self.id = id
        self.size = size

    async def __call__(self, id: Any, context: HookContext, status: ResolverStatus | None = None) -> Found:
        """``status`` is the resolver's, which ends what would go round in circles."""
        if id is None or is_mapping(id) or is_list(id):
            return None
        batches: dict[Batched, _Batch] = vars(context).setdefault("batches", {})
        batch = batches.get(self)
        if batch is None:
            batch = batches[self] = _Batch(self, context.app.service(self.path), self._params(context))
        return await batch.load(id, status)

    def _params(self, context: HookContext) -> Params:
        """A restriction names fields of one service, so only calls of the same one keep it."""
        names = (*KEPT, "restrict") if context.path == self.path else KEPT
        kept = {name: context.params[name] for name in names if name in context.params}
        return Params(kept, paginate=False)


class _Batch:
    """The ids that one call asks for; a shared future for each."""

    def __init__(self, of: Batched, service: Service, params: Params) -> None:
        self._service = service
        self._id = of.id
        self._size = of.size
        self._params = params
        self._known: dict[str, asyncio.Future[Found]] = {}
        self._waiting: list[Any] = []

    async def load(self, id: Any, status: ResolverStatus | None) -> Found:
        future = self._known.get(str(id))
        if future is None:
            loop = asyncio.get_running_loop()
            future = self._known[str(id)] = loop.create_future()
            if not self._waiting:
                loop.call_soon(self._send, status)
            self._waiting.append(id)
        # Others may wait for the same record: who gives up must not take it from them.
        return await asyncio.shield(future)

    def _send(self, status: ResolverStatus | None) -> None:
        ids, self._waiting = self._waiting, []
        for start in range(0, len(ids), self._size):
            some = ids[start : start + self._size]
            _ = self._service.app.tasks.start(self._find(some, status), name=f"batch {self._service.path}")

    async def _find(self, ids: list[Any], status: ResolverStatus | None) -> None:
        futures = [self._known[str(one)] for one in ids]
        params = Params(self._params, query={self._id: {"$in": ids}}, resolve=status)
        try:
            records = records_of(await self._service.find(params))
            found: dict[str, Found] = {str(record[self._id]): record for record in records}
            for one, future in zip(ids, futures, strict=True):
                future.set_result(found.get(str(one)))
        except Exception as error:  # noqa: BLE001 - raised where the records are waited for
            for future in futures:
                future.set_exception(error)
        finally:
            for future in futures:
                future.cancel()


def batched(path: str, id: str = "_id", *, size: int = MAX_LIST) -> Batched:
    """For functions of a resolver: records of the service ``path`` by ``id``, a field with unique values.

    The calls are own code's, for the same tenant and user as the call that is resolved. ``size`` is the
    most ids of one query: at most 1,000, which is the longest list of the query language, and no more
    than the ``hard_limit`` of the service's adapter.
    """
    return Batched(path, id, size)
