"""The methods of an adapter over a collection of MongoDB, by PyMongo's asynchronous client."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from bson import BSON, Binary, Decimal128, ObjectId
from bson.binary import UUID_SUBTYPE
from bson.errors import BSONError
from pymongo import ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection

from ..context import Params
from ..encoding import jsonable
from ..errors import BadRequest
from ..ordering import EMPTY
from ..pagination import Page
from ..projection import outermost, select_fields
from ..query import Query, all_of
from ..shapes import is_list
from .base import REPLACE_MANY, AdapterBase, Result
from .bounds import behind
from .driver import driver_errors
from .keyset import Keyset, bad_cursor
from .pipeline import Stage, query_stages, with_stages
from .statement import session_of, statement_options

Documents = AsyncCollection[dict[str, Any]]

jsonable.register(ObjectId, str)
jsonable.register(Decimal128, str)


@jsonable.register
def _(value: Binary) -> str:
    """A UUID as such, other bytes in base64."""
    return str(value.as_uuid()) if value.subtype == UUID_SUBTYPE else b64encode(value).decode()


class MongoAdapter(AdapterBase):
    """The methods over any collection; a subclass says which, and what its documents look like.

    What own code may say in params, besides what every adapter knows::

        session   goes along with every statement, so that calls may share a transaction
        mongodb   options for the driver's statements, in its own names (``collation``, ``hint``, …): each
                  statement of a call gets those that it takes
        pipeline  ``find`` and ``get`` aggregate: these stages come behind those of the query, or around
                  them where one of the stages is ``{"$feathers": {}}``

    Own code may also patch with update operators (``{"$inc": {"seq": 1}}``), clients may not.
    """

    @property
    def collection(self) -> Documents:
        raise NotImplementedError

    async def documents(self) -> Documents:
        """The collection, where it may take waiting to have it."""
        return self.collection

    def cursor_scope(self) -> str:
        return self.collection.name

    def to_document(self, data: Mapping[str, Any]) -> Result:
        """The document to store for the data of a create or update. May raise BadRequest."""
        return dict(data)

    def to_changes(self, data: Mapping[str, Any]) -> Result:
        """The fields to set for the data of a patch. May raise BadRequest."""
        return dict(data)

    async def _find(self, params: Params | None = None) -> list[Result] | Page:
        params = Params() if params is None else params
        query, pagination = self._query(params), self.options.pagination(params)
        limit = self.options.limit(query.limit, pagination)
        if pagination.keyset:
            await self.documents()  # for its name, to which the cursors belong
        keyset = self._keyset(query, pagination, params)
        if keyset is not None:
            return await self._find_by_keyset(query, keyset, limit, params)
        found = await self._fetch(query, limit, params, params.get("pipeline"))
        if pagination.default is None:
            return found
        if len(found) < limit and (found or not query.skip) and "pipeline" not in params:
            total = query.skip + len(found)
        else:
            total = await self._total(query, query.skip + len(found), params)
        return {"total": total, "limit": limit, "skip": query.skip, "data": found}

    async def _find_by_keyset(
        self, query: Query, keyset: Keyset, limit: int, params: Params
    ) -> list[Result] | Page:
        """One record more than asked for tells whether anything comes behind the page."""
        if "pipeline" in params:
            raise TypeError("a pipeline cannot be paged by keyset: pass paginate without it")
        conditions, select = query.conditions, query.select
        if query.after is not None:
            values = keyset.values(query.after)
            await self._check_storable(values)
            conditions = all_of(conditions, behind(keyset.order, values))
        if select is not None:
            select = [*select, *keyset.order]
        wanted = Query(conditions, skip=query.skip, sort=keyset.order, select=select)
        found = await self._fetch(wanted, limit + 1 if limit else 0, params)
        chosen = found[:limit]
        data = chosen
        if query.select is not None:
            data = [select_fields(record, [self.id, *query.select]) for record in chosen]
        if self.options.pagination(params).default is None:
            return data
        total = await self._total(query, query.skip + len(data), params)
        following = keyset.cursor(chosen[-1]) if len(found) > limit else None
        return {"total": total, "limit": limit, "skip": query.skip, "data": data, "next": following}

    async def _check_storable(self, values: Sequence[Any]) -> None:
        """Refuse a cursor, made up by somebody, with values that this collection cannot hold."""
        documents = await self.documents()
        try:
            plain = [value for value in values if value is not EMPTY]
            BSON.encode({"": plain}, codec_options=documents.codec_options)
        except (BSONError, ValueError, OverflowError):
            raise bad_cursor() from None

    async def _get(self, id: Any, params: Params | None = None) -> Result:
        params = Params() if params is None else params
        query = self._query(params)
        if "pipeline" in params:
            one = Query(self._one(id, query), select=query.select)
            return self._found(id, next(iter(await self._fetch(one, 1, params, params["pipeline"])), None))
        documents = await self.documents()
        with self._errors():
            found = await documents.find_one(
                self._one(id, query), self._projection(query), **statement_options("find", params)
            )
        return self._found(id, found)

    async def _create(self, data: Any, params: Params | None = None) -> Result | list[Result]:
        """Of many, those before one that fails stay, unless ``params["session"]`` has a transaction."""
        params = Params() if params is None else params
        items: list[Mapping[str, Any]] = data if is_list(data) else [data]
        records = [self._with_id(self.to_document(self._stamped(item, params))) for item in items]
        documents, options = await self.documents(), statement_options("insert", params)
        with self._errors():
            if not is_list(data):
                await documents.insert_one(records[0], **options)
            elif records:
                await documents.insert_many(records, **options)
            created = [_as_stored(record, documents) for record in records]
        if (select := self._query(params).select) is not None:
            created = [select_fields(document, [self.id, *select]) for document in created]
        return created if is_list(data) else created[0]

    async def _update(self, id: Any, data: Mapping[str, Any], params: Params | None = None) -> Result:
        if id is None or is_list(data):
            raise BadRequest(REPLACE_MANY)
        params = Params() if params is None else params
        query = self._query(params)
        document = self.to_document({**self._stamped(data, params), self.id: self._stored_id(id)})
        document.pop("_id", None)
        documents = await self.documents()
        with self._errors():
            updated = await documents.find_one_and_replace(
                self._one(id, query),
                document,
                projection=self._projection(query),
                return_document=ReturnDocument.AFTER,
                **statement_options("replace", params),
            )
        return self._found(id, updated)

    async def _patch(
        self, id: Any, data: Mapping[str, Any], params: Params | None = None
    ) -> Result | list[Result]:
        params = Params() if params is None else params
        if id is None:
            self._check_multi("patch", params)
        query, changes = self._query(params), self._changes(data, params)
        if id is None:
            return await self._patch_many(changes, query, params)
        documents = await self.documents()
        with self._errors():
            patched = await documents.find_one_and_update(
                self._one(id, query),
                changes,
                projection=self._projection(query),
                return_document=ReturnDocument.AFTER,
                **statement_options("modify", params),
            )
        return self._found(id, patched)

    async def _remove(self, id: Any, params: Params | None = None) -> Result | list[Result]:
        params = Params() if params is None else params
        if id is None:
            self._check_multi("remove", params)
        query = self._query(params)
        if id is None:
            return await self._remove_many(query, params)
        documents = await self.documents()
        with self._errors():
            removed = await documents.find_one_and_delete(
                self._one(id, query),
                projection=self._projection(query),
                **statement_options("delete", params),
            )
        return self._found(id, removed)

    def parse_id(self, id: Any) -> Any:
        if (parse := self.options.fields.get(self.id)) is not None:
            return parse(id)
        return ObjectId(id) if self.id == "_id" and isinstance(id, str) and ObjectId.is_valid(id) else id

    async def _patch_many(self, changes: Result, query: Query, params: Params) -> list[Result]:
        """The records that matched before; they may no longer match what they were found by."""
        ids = [document["_id"] for document in await self._fetch_all(query, ["_id"], params)]
        these = {"_id": {"$in": ids}}
        documents = await self.documents()
        with self._errors():
            await documents.update_many(these, changes, **statement_options("update_many", params))
        return await self._fetch(Query(these, sort=query.sort, select=query.select), len(ids), params)

    async def _remove_many(self, query: Query, params: Params) -> list[Result]:
        select = None if query.select is None else ["_id", *query.select]
        found = await self._fetch_all(query, select, params)
        these = {"_id": {"$in": [document["_id"] for document in found]}}
        documents = await self.documents()
        with self._errors():
            await documents.delete_many(these, **statement_options("delete_many", params))
        return found

    async def _fetch_all(self, query: Query, select: list[str] | None, params: Params) -> list[Result]:
        wanted = Query(query.conditions, sort=query.sort, select=select)
        found = await self._fetch(wanted, self.options.hard_limit + 1, params)
        self._check_count(len(found))
        return found

    async def _fetch(
        self, query: Query, limit: int, params: Params, pipeline: Sequence[Stage] | None = None
    ) -> list[Result]:
        if limit == 0:  # which MongoDB would take for no limit
            return []
        documents = await self.documents()
        with self._errors():
            if pipeline is not None:
                stages = with_stages(pipeline, query_stages(query, limit, self._projection(query)))
                found = await documents.aggregate(stages, **statement_options("aggregate", params))
                return await found.to_list()
            cursor = documents.find(
                query.conditions,
                self._projection(query),
                skip=query.skip,
                limit=limit,
                sort=list(query.sort.items()) if query.sort else None,
                **statement_options("find", params),
            )
            return await cursor.to_list()

    async def _total(self, query: Query, seen: int, params: Params) -> int:
        pagination, documents = self.options.pagination(params), await self.documents()
        with self._errors():
            if "pipeline" in params:
                matching = with_stages(params["pipeline"], [{"$match": query.conditions}])
                counting = await documents.aggregate(
                    [*matching, {"$count": "total"}], **statement_options("aggregate", params)
                )
                return next((counted["total"] for counted in await counting.to_list()), 0)
            # In a transaction MongoDB has no estimate to give.
            if pagination.count == "estimated" and not query.conditions and session_of(params) is None:
                return await documents.estimated_document_count(**statement_options("estimate", params))
            bound: dict[str, Any] = {"limit": pagination.count} if isinstance(pagination.count, int) else {}
            options = {**statement_options("count", params), **bound}
            return pagination.total(await documents.count_documents(query.conditions, **options), seen)

    def _one(self, id: Any, query: Query) -> Result:
        return all_of({self.id: self._stored_id(id)}, query.conditions)

    def _stored_id(self, id: Any) -> Any:
        try:
            return self.parse_id(id)
        except (ValueError, TypeError):
            raise self._not_found(id) from None

    def _found(self, id: Any, document: Result | None) -> Result:
        if document is None:
            raise self._not_found(id)
        return document

    def _changes(self, data: Mapping[str, Any], params: Params) -> Result:
        """The update document. Raises BadRequest for an operator that could move another field's value."""
        operators = {name: change for name, change in data.items() if name.startswith("$")}
        if refused := self.options.for_call(params).disabled_operators & operators.keys():
            raise BadRequest(f"Invalid operator {min(refused)}")
        fields = self.to_changes({name: value for name, value in data.items() if not name.startswith("$")})
        return {**operators, "$set": {**operators.get("$set", {}), **fields}}

    def _with_id(self, document: Result) -> Result:
        if document.get("_id") is None:
            document["_id"] = ObjectId()
        if self.id != "_id" and document.get(self.id) is None:
            document[self.id] = str(ObjectId())
        return document

    def _projection(self, query: Query) -> dict[str, int] | None:
        if query.select is None:
            return None
        return dict.fromkeys(outermost([self.id, *query.select]), 1)

    def _errors(self) -> AbstractContextManager[None]:
        return driver_errors(tenant=self.options.tenant)


def _as_stored(document: Result, documents: Documents) -> Result:
    """As a ``find`` returns it: times to the millisecond, in the client's zone."""
    options = documents.codec_options
    return BSON.encode(document, codec_options=options).decode(options)
