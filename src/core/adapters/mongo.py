"""An adapter over a collection of MongoDB, by PyMongo's asynchronous client."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Final, Unpack

from bson import BSON, Binary, Decimal128, ObjectId
from bson.binary import UUID_SUBTYPE
from pymongo import ReturnDocument
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection

from ..context import Params
from ..encoding import jsonable
from ..errors import BadRequest
from ..pagination import Page
from ..projection import outermost, select_fields
from ..query import Query, all_of
from ..shapes import is_list
from .base import REPLACE_MANY, AdapterBase, Result
from .driver import driver_errors
from .options import AdapterOptions, OptionArguments

Documents = AsyncCollection[dict[str, Any]]

REFUSED_OPERATORS: Final = frozenset({"$rename"})

jsonable.register(ObjectId, str)
jsonable.register(Decimal128, str)


@jsonable.register
def _(value: Binary) -> str:
    """A UUID as such, other bytes in base64."""
    return str(value.as_uuid()) if value.subtype == UUID_SUBTYPE else b64encode(value).decode()


class MongoAdapter(AdapterBase):
    """The methods over any collection; a subclass says which, and what its documents look like.

    ``params["session"]`` goes along with every statement, so calls may share a transaction. Own code
    may patch with update operators (``{"$inc": {"seq": 1}}``).
    """

    @property
    def collection(self) -> Documents:
        raise NotImplementedError

    def to_document(self, data: Mapping[str, Any]) -> Result:
        """The document to store for the data of a create or update. May raise BadRequest."""
        return dict(data)

    def to_changes(self, data: Mapping[str, Any]) -> Result:
        """The fields to set for the data of a patch. May raise BadRequest."""
        return dict(data)

    async def _find(self, params: Params | None = None) -> list[Result] | Page:
        params = Params() if params is None else params
        options, query = self.options.for_call(params), self._query(params)
        limit = options.limit(query.limit)
        found = await self._fetch(query, limit, params)
        if options.paginate.default is None:
            return found
        total = await self._total(query, len(found), limit, params)
        return {"total": total, "limit": limit, "skip": query.skip, "data": found}

    async def _get(self, id: Any, params: Params | None = None) -> Result:
        params = Params() if params is None else params
        query = self._query(params)
        with self._errors():
            found = await self.collection.find_one(
                self._one(id, query), self._projection(query), session=_session(params)
            )
        return self._found(id, found)

    async def _create(self, data: Any, params: Params | None = None) -> Result | list[Result]:
        """Of many, those before one that fails stay, unless ``params["session"]`` has a transaction."""
        params = Params() if params is None else params
        items: list[Mapping[str, Any]] = data if is_list(data) else [data]
        documents = [self._with_id(self.to_document(self._stamped(item, params))) for item in items]
        with self._errors():
            if not is_list(data):
                await self.collection.insert_one(documents[0], session=_session(params))
            elif documents:
                await self.collection.insert_many(documents, session=_session(params))
            created = [self._as_stored(document) for document in documents]
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
        with self._errors():
            updated = await self.collection.find_one_and_replace(
                self._one(id, query),
                document,
                projection=self._projection(query),
                return_document=ReturnDocument.AFTER,
                session=_session(params),
            )
        return self._found(id, updated)

    async def _patch(
        self, id: Any, data: Mapping[str, Any], params: Params | None = None
    ) -> Result | list[Result]:
        params = Params() if params is None else params
        if id is None:
            self._check_multi("patch", params)
        query, changes = self._query(params), self._changes(data)
        if id is None:
            return await self._patch_many(changes, query, params)
        with self._errors():
            patched = await self.collection.find_one_and_update(
                self._one(id, query),
                changes,
                projection=self._projection(query),
                return_document=ReturnDocument.AFTER,
                session=_session(params),
            )
        return self._found(id, patched)

    async def _remove(self, id: Any, params: Params | None = None) -> Result | list[Result]:
        params = Params() if params is None else params
        if id is None:
            self._check_multi("remove", params)
        query = self._query(params)
        if id is None:
            return await self._remove_many(query, params)
        with self._errors():
            removed = await self.collection.find_one_and_delete(
                self._one(id, query), projection=self._projection(query), session=_session(params)
            )
        return self._found(id, removed)

    def parse_id(self, id: Any) -> Any:
        return ObjectId(id) if isinstance(id, str) and ObjectId.is_valid(id) else id

    async def _patch_many(self, changes: Result, query: Query, params: Params) -> list[Result]:
        """The records that matched before; they may no longer match what they were found by."""
        ids = [document["_id"] for document in await self._fetch_all(query, ["_id"], params)]
        these = {"_id": {"$in": ids}}
        with self._errors():
            await self.collection.update_many(these, changes, session=_session(params))
        return await self._fetch(Query(these, sort=query.sort, select=query.select), len(ids), params)

    async def _remove_many(self, query: Query, params: Params) -> list[Result]:
        select = None if query.select is None else ["_id", *query.select]
        found = await self._fetch_all(query, select, params)
        these = {"_id": {"$in": [document["_id"] for document in found]}}
        with self._errors():
            await self.collection.delete_many(these, session=_session(params))
        return found

    async def _fetch_all(self, query: Query, select: list[str] | None, params: Params) -> list[Result]:
        wanted = Query(query.conditions, sort=query.sort, select=select)
        found = await self._fetch(wanted, self.options.hard_limit + 1, params)
        self._check_count(len(found))
        return found

    async def _fetch(self, query: Query, limit: int, params: Params) -> list[Result]:
        if limit == 0:  # which MongoDB would take for no limit
            return []
        with self._errors():
            cursor = self.collection.find(
                query.conditions,
                self._projection(query),
                skip=query.skip,
                limit=limit,
                sort=list(query.sort.items()) or None,
                session=_session(params),
            )
            return await cursor.to_list()

    async def _total(self, query: Query, found: int, limit: int, params: Params) -> int:
        if found < limit and (found or not query.skip):
            return query.skip + found
        with self._errors():
            return await self.collection.count_documents(query.conditions, session=_session(params))

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

    def _changes(self, data: Mapping[str, Any]) -> Result:
        """The update document. Raises BadRequest for an operator that could move another field's value."""
        operators = {name: change for name, change in data.items() if name.startswith("$")}
        if refused := REFUSED_OPERATORS & operators.keys():
            raise BadRequest(f"Invalid operator {min(refused)}")
        fields = self.to_changes({name: value for name, value in data.items() if not name.startswith("$")})
        return {**operators, "$set": {**operators.get("$set", {}), **fields}}

    def _with_id(self, document: Result) -> Result:
        if document.get("_id") is None:
            document["_id"] = ObjectId()
        if self.id != "_id" and document.get(self.id) is None:
            document[self.id] = str(ObjectId())
        return document

    def _as_stored(self, document: Result) -> Result:
        """As a ``find`` returns it: times to the millisecond, in the client's zone."""
        options = self.collection.codec_options
        return BSON.encode(document, codec_options=options).decode(options)

    def _projection(self, query: Query) -> dict[str, int] | None:
        if query.select is None:
            return None
        return dict.fromkeys(outermost([self.id, *query.select]), 1)

    def _errors(self) -> AbstractContextManager[None]:
        return driver_errors(tenant=self.options.tenant)


class MongoService(MongoAdapter):
    """Documents of any shape. ``fields`` should say what the values are, as queries over REST are text."""

    def __init__(self, collection: Documents, **options: Unpack[OptionArguments]) -> None:
        super().__init__(AdapterOptions.of(options))
        self._collection = collection

    @property
    def collection(self) -> Documents:
        return self._collection


def _session(params: Params) -> AsyncClientSession | None:
    return params.get("session")
