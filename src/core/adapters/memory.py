"""An adapter that keeps its records in this process: for tests, examples and what may be lost."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from typing import Any, Final, Unpack
from uuid import UUID

from bson import ObjectId

from ..context import Params
from ..errors import BadRequest, Conflict
from ..matching import compile_query
from ..ordering import comes_after, sort_records
from ..pagination import Page
from ..projection import select_fields
from ..query import Query
from ..shapes import is_list
from .base import REPLACE_MANY, AdapterBase, Result
from .index import Index
from .keyset import Keyset
from .options import AdapterOptions, OptionArguments
from .records import Flat, copy_record, stored_record

FLAT: Final = frozenset({Flat})
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
            self._put(str(stored_id), stored_record({**record, self.id: stored_id}))

    def parse_id(self, id: Any) -> Any:
        """The stored id that reads the same: over REST an id is always text."""
        record = self._records.get(str(id))
        if record is not None:
            return record[self.id]
        return int(id) if isinstance(id, str) and id.isdecimal() and len(id) < 16 else id

    async def _find(self, params: Params | None = None) -> list[Result] | Page:
        params = Params() if params is None else params
        query, pagination = self._query(params), self.options.pagination(params)
        limit = self.options.limit(query.limit, pagination)
        keyset = self._keyset(query, pagination, params)
        matching: Iterable[Result] = self._matching(query.conditions)
        if pagination.default is not None and not isinstance(matching, Collection):
            matching = list(matching)
        sort = query.sort if keyset is None else keyset.order
        ordered = _behind(matching, keyset, query.after)
        if sort:
            ordered = sort_records(list(ordered), sort)
        if query.skip:
            ordered = islice(ordered, query.skip, None)
        chosen = list(islice(ordered, limit if keyset is None else limit + 1))
        data = _outputs(chosen[:limit], self.id, query.select)
        if pagination.default is None or not isinstance(matching, Collection):
            return data
        total = pagination.total(len(matching), query.skip + len(data))
        page: Page = {"total": total, "limit": limit, "skip": query.skip, "data": data}
        if keyset is not None:
            page["next"] = keyset.cursor(chosen[limit - 1]) if 0 < limit < len(chosen) else None
        return page

    async def _get(self, id: Any, params: Params | None = None) -> Result:
        query = self._query(Params() if params is None else params)
        return _output(self._one(id, query), self.id, query.select)

    async def _create(self, data: Any, params: Params | None = None) -> Result | list[Result]:
        params = Params() if params is None else params
        select = self._query(params).select
        if is_list(data):
            return [_output(self._create_one(item, params), self.id, select) for item in data]
        return _output(self._create_one(data, params), self.id, select)

    async def _update(self, id: Any, data: Mapping[str, Any], params: Params | None = None) -> Result:
        if id is None or is_list(data):
            raise BadRequest(REPLACE_MANY)
        params = Params() if params is None else params
        query = self._query(params)
        old = self._one(id, query)
        new = stored_record({**self._stamped(data, params), self.id: old[self.id]})
        self._put(str(id), new, old)
        return _output(new, self.id, query.select)

    async def _patch(
        self, id: Any, data: Mapping[str, Any], params: Params | None = None
    ) -> Result | list[Result]:
        params = Params() if params is None else params
        for name in data:
            if name.startswith("$"):
                raise BadRequest(f"The memory adapter has no operator {name}")
        query = self._query(params)
        if id is not None:
            return _output(self._patch_one(self._one(id, query), data), self.id, query.select)
        patched = [self._patch_one(record, data) for record in self._many("patch", query, params)]
        return _outputs(sort_records(patched, query.sort or {}), self.id, query.select)

    async def _remove(self, id: Any, params: Params | None = None) -> Result | list[Result]:
        params = Params() if params is None else params
        query = self._query(params)
        if id is not None:
            return _output(self._remove_one(self._one(id, query)), self.id, query.select)
        removed = [self._remove_one(record) for record in self._many("remove", query, params)]
        return _outputs(sort_records(removed, query.sort or {}), self.id, query.select)

    def _one(self, id: Any, query: Query) -> Result:
        record, conditions = self._records.get(str(id)), query.conditions
        if record is None or (conditions and not compile_query(conditions)(record)):
            raise self._not_found(id)
        return record

    def _many(self, method: str, query: Query, params: Params) -> list[Result]:
        self._check_multi(method, params)
        found = list(self._matching(query.conditions))
        self._check_count(len(found))
        return found

    def _matching(self, conditions: Mapping[str, Any]) -> Iterable[Result]:
        """A collection, whose length is known, where an index answers all the conditions."""
        records, rest = self._candidates(conditions)
        return filter(compile_query(rest), records) if rest else records

    def _candidates(self, conditions: Mapping[str, Any]) -> tuple[Collection[Result], Mapping[str, Any]]:
        """Records that contain all matching ones, and the conditions still to be tried on them."""
        for name, value in conditions.items():
            if name == self.options.id and type(value) in ID_TYPES:
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
        record, name = self._stamped(data, params), self.id
        if record.get(name) is None:
            record[name] = self._new_id()
        else:
            self._check_id(record[name])
        key = str(record[name])
        if key in self._records:
            raise Conflict(f"A record with the id '{key}' exists", {"errors": {name: "already exists"}})
        record = stored_record(record)
        self._put(key, record)
        return record

    def _new_id(self) -> int:
        while str(self._next_id) in self._records:
            self._next_id += 1
        self._next_id += 1
        return self._next_id - 1

    def _patch_one(self, old: Result, data: Mapping[str, Any]) -> Result:
        new = stored_record({**old, **data, self.id: old[self.id]})
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


def _behind(records: Iterable[Result], keyset: Keyset | None, cursor: str | None) -> Iterable[Result]:
    if keyset is None or cursor is None:
        return records
    return filter(comes_after(keyset.order, keyset.values(cursor)), records)


def _output(record: Result, id: str, select: Collection[str] | None) -> Result:
    return copy_record(record if select is None else select_fields(record, [id, *select]))


def _outputs(records: Iterable[Result], id: str, select: Collection[str] | None) -> list[Result]:
    if select is not None:
        return [_output(record, id, select) for record in records]
    chosen = list(records)
    if FLAT.issuperset(map(type, chosen)):
        return list(map(dict[str, Any].copy, chosen))
    return [copy_record(record) for record in chosen]
