"""An adapter that keeps its records in this process: for tests, examples and what may be lost."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final, Unpack
from uuid import UUID

from bson import ObjectId

from ..context import Params
from ..errors import BadRequest, Conflict
from ..matching import compile_query
from ..ordering import sort_records
from ..pagination import Page
from ..projection import select_fields
from ..shapes import is_list
from .base import REPLACE_MANY, AdapterBase, Result
from .index import Index
from .options import AdapterOptions, OptionArguments
from .records import copy_record

ID_TYPES: Final = frozenset({str, int, UUID, ObjectId})


class MemoryService(AdapterBase):
    """Records in the order of their creation, by an id that is counted up unless data brings one.

    ``indexes`` names fields that are often asked for one value. ``fields`` should say what the values
    are, or the text of a query string will not find a number. The records belong to one process and
    are gone with it.
    """

    def __init__(
        self,
        *,
        start_id: int = 0,
        store: Mapping[Any, Mapping[str, Any]] | None = None,
        indexes: Iterable[str] = (),
        **options: Unpack[OptionArguments],
    ) -> None:
        super().__init__(AdapterOptions.of(options))
        self._next_id = start_id
        self._records: dict[str, Result] = {}
        self._indexes = {name: Index(name) for name in indexes}
        for stored_id, record in (store or {}).items():
            self._put(str(stored_id), {**copy_record(record), self.id: stored_id})

    def parse_id(self, id: Any) -> Any:
        """The stored id that reads the same: over REST an id is always text."""
        record = self._records.get(str(id))
        if record is not None:
            return record[self.id]
        return int(id) if isinstance(id, str) and id.isdecimal() and len(id) < 16 else id

    async def _find(self, params: Params | None = None) -> list[Result] | Page:
        params = Params() if params is None else params
        options, query = self.options.for_call(params), self._query(params)
        limit = options.limit(query.limit)
        matching = self._matching(query.conditions)
        if options.paginate.default is None and not query.sort:
            first = islice(islice(matching, query.skip, None), limit)
            return [_output(record, self.id, query.select) for record in first]
        found = list(matching)
        if query.sort:
            found = sort_records(found, query.sort)
        chosen = found[query.skip : query.skip + limit]
        data = [_output(record, self.id, query.select) for record in chosen]
        if options.paginate.default is None:
            return data
        return {"total": len(found), "limit": limit, "skip": query.skip, "data": data}

    async def _get(self, id: Any, params: Params | None = None) -> Result:
        params = Params() if params is None else params
        return _output(self._one(id, params), self.id, self._query(params).select)

    async def _create(self, data: Any, params: Params | None = None) -> Result | list[Result]:
        params = Params() if params is None else params
        if is_list(data):
            return [self._create_one(item, params) for item in data]
        return self._create_one(data, params)

    async def _update(self, id: Any, data: Mapping[str, Any], params: Params | None = None) -> Result:
        if id is None or is_list(data):
            raise BadRequest(REPLACE_MANY)
        params = Params() if params is None else params
        old = self._one(id, params)
        new = {**copy_record(self._stamped(data, params)), self.id: old[self.id]}
        self._put(str(id), new, old)
        return _output(new, self.id, self._query(params).select)

    async def _patch(
        self, id: Any, data: Mapping[str, Any], params: Params | None = None
    ) -> Result | list[Result]:
        params = Params() if params is None else params
        for name in data:
            if name.startswith("$"):
                raise BadRequest(f"The memory adapter has no operator {name}")
        query = self._query(params)
        if id is not None:
            return _output(self._patch_one(self._one(id, params), data), self.id, query.select)
        patched = [self._patch_one(record, data) for record in self._many("patch", params)]
        return [_output(record, self.id, query.select) for record in sort_records(patched, query.sort)]

    async def _remove(self, id: Any, params: Params | None = None) -> Result | list[Result]:
        params = Params() if params is None else params
        query = self._query(params)
        if id is not None:
            return _output(self._remove_one(self._one(id, params)), self.id, query.select)
        removed = [self._remove_one(record) for record in self._many("remove", params)]
        return [_output(record, self.id, query.select) for record in sort_records(removed, query.sort)]

    def _one(self, id: Any, params: Params) -> Result:
        record = self._records.get(str(id))
        conditions = self._query(params).conditions
        if record is None or (conditions and not compile_query(conditions)(record)):
            raise self._not_found(id)
        return record

    def _many(self, method: str, params: Params) -> list[Result]:
        self._check_multi(method, params)
        found = list(self._matching(self._query(params).conditions))
        self._check_count(len(found))
        return found

    def _matching(self, conditions: Mapping[str, Any]) -> Iterator[Result]:
        records, rest = self._candidates(conditions)
        return filter(compile_query(rest), records) if rest else iter(records)

    def _candidates(self, conditions: Mapping[str, Any]) -> tuple[Collection[Result], Mapping[str, Any]]:
        """Records that contain all matching ones, and the conditions still to be tried on them."""
        for name, value in conditions.items():
            if name == self.id and type(value) in ID_TYPES:
                record = self._records.get(str(value))
                return ([] if record is None else [record]), conditions
            index = self._indexes.get(name)
            found = None if index is None else index.candidates(value)
            if index is not None and found is not None:
                if index.is_exact(value):
                    conditions = {key: other for key, other in conditions.items() if key != name}
                return found, conditions
        return self._records.values(), conditions

    def _create_one(self, data: Mapping[str, Any], params: Params) -> Result:
        record = copy_record(self._stamped(data, params))
        if record.get(self.id) is None:
            record[self.id] = self._new_id()
        self._check_id(record[self.id])
        key = str(record[self.id])
        if key in self._records:
            raise Conflict(f"A record with the id '{key}' exists", {"errors": {self.id: "already exists"}})
        self._put(key, record)
        return _output(record, self.id, self._query(params).select)

    def _new_id(self) -> int:
        while str(self._next_id) in self._records:
            self._next_id += 1
        self._next_id += 1
        return self._next_id - 1

    def _patch_one(self, old: Result, data: Mapping[str, Any]) -> Result:
        new = {**old, **copy_record(data), self.id: old[self.id]}
        self._put(str(old[self.id]), new, old)
        return new

    def _remove_one(self, record: Result) -> Result:
        key = str(record[self.id])
        del self._records[key]
        for index in self._indexes.values():
            index.discard(key, record)
        return record

    def _put(self, key: str, record: Result, old: Result | None = None) -> None:
        self._records[key] = record
        for index in self._indexes.values():
            index.put(key, record, old)


def _output(record: Result, id: str, select: Collection[str] | None) -> Result:
    return copy_record(record if select is None else select_fields(record, [id, *select]))
