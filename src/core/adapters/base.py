"""What all database adapters have in common: the rules of Feathers, of tenants and of safe data."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Final

from bson import ObjectId

from ..context import Params
from ..errors import BadRequest, Forbidden, GeneralError, MethodNotAllowed, NotFound
from ..pagination import Page, PaginationOptions
from ..query import AFTER, Query, QueryRules, all_of, parse_query, split_query
from ..shapes import is_list, is_mapping
from .keyset import Keyset
from .options import AdapterOptions
from .records import check_keys

Result = dict[str, Any]

PLAIN_IDS: Final = frozenset({str, int, ObjectId})
REPLACE_MANY: Final = "You can not replace multiple instances. Did you mean 'patch'?"


class AdapterBase(ABC):
    """A service over records of one kind.

    The public methods check and type what came from outside and then call the raw method of the same
    name with an underscore, which trusts its query and data. Both confine themselves to

    - ``params["tenant"]``, where the option ``tenant`` names the field for it, and
    - ``params["restrict"]``, conditions of own code, which are neither checked nor typed.

    Records are dicts. None of the methods changes its arguments. Errors: BadRequest for a malformed
    query, data or id; NotFound where no record matches id, query, tenant and restriction together;
    MethodNotAllowed for many records without the option ``multi``; Forbidden for another tenant's
    value in data; Conflict for an id or a unique field that exists.
    """

    def __init__(self, options: AdapterOptions) -> None:
        self.options = options
        self._rules: dict[bool, QueryRules] = {}

    @property
    def id(self) -> str:
        return self.options.id

    async def find(self, params: Params | None = None) -> list[Result] | Page:
        """A page where the pagination has a default, else a list."""
        return await self._find(self._sanitized(params))

    async def get(self, id: Any, params: Params | None = None) -> Result:
        self._check_id(id)
        return await self._get(id, self._sanitized(params))

    async def create(self, data: Any, params: Params | None = None) -> Result | list[Result]:
        """Of the query only ``$select`` counts."""
        params = self._sanitized(params)
        if is_list(data):
            self._check_multi("create", params)
            return await self._create([self._checked(item, params) for item in data], params)
        return await self._create(self._checked(data, params), params)

    async def update(self, id: Any, data: Any, params: Params | None = None) -> Result:
        """Replace everything but the id."""
        if id is None or is_list(data):
            raise BadRequest(REPLACE_MANY)
        self._check_id(id)
        params = self._sanitized(params)
        return await self._update(id, self._checked(self._without_id(data), params), params)

    async def patch(self, id: Any, data: Any, params: Params | None = None) -> Result | list[Result]:
        """Replace the given fields, of all matching records if ``id`` is None."""
        if id is not None:
            self._check_id(id)
        params = self._sanitized(params, unlimited=True)
        return await self._patch(id, self._checked_changes(self._without_id(data), params), params)

    async def remove(self, id: Any, params: Params | None = None) -> Result | list[Result]:
        """Return what was removed: of all matching records if ``id`` is None."""
        if id is not None:
            self._check_id(id)
        return await self._remove(id, self._sanitized(params, unlimited=True))

    @abstractmethod
    async def _find(self, params: Params | None = None) -> list[Result] | Page: ...

    @abstractmethod
    async def _get(self, id: Any, params: Params | None = None) -> Result: ...

    @abstractmethod
    async def _create(self, data: Any, params: Params | None = None) -> Result | list[Result]: ...

    @abstractmethod
    async def _update(self, id: Any, data: Mapping[str, Any], params: Params | None = None) -> Result: ...

    @abstractmethod
    async def _patch(
        self, id: Any, data: Mapping[str, Any], params: Params | None = None
    ) -> Result | list[Result]: ...

    @abstractmethod
    async def _remove(self, id: Any, params: Params | None = None) -> Result | list[Result]: ...

    @abstractmethod
    def parse_id(self, id: Any) -> Any:
        """The id as it is stored. Raises ValueError or TypeError where no record can have it."""

    def sanitize_query(self, params: Params) -> dict[str, Any]:
        """The checked and typed query. Raises BadRequest."""
        return parse_query(params.query, self._query_rules(params))

    def cursor_scope(self) -> str:
        """What sets the records of this adapter apart: a cursor made under another name is refused."""
        return type(self).__name__

    def _query_rules(self, params: Params) -> QueryRules:
        keyset = bool(self.options.pagination(params).keyset)
        if params.get("adapter"):
            return self._make_rules(self.options.for_call(params), keyset)
        if (rules := self._rules.get(keyset)) is None:
            rules = self._rules[keyset] = self._make_rules(self.options, keyset)
        return rules

    def _make_rules(self, options: AdapterOptions, keyset: bool) -> QueryRules:
        return QueryRules(
            id=self.id,
            fields={**options.fields, self.id: self.parse_id},
            filters=options.filters,
            operators=options.operators,
            keyset=keyset,
        )

    def _query(self, params: Params) -> Query:
        """The query of a raw call, with the tenant and the restriction among its conditions."""
        query = split_query(params.get("query") or {})
        tenant, restriction = self._tenant_values(params), params.get("restrict")
        if tenant or restriction:
            query.conditions = all_of(query.conditions, tenant, restriction or {})
        return query

    def _keyset(self, query: Query, pagination: PaginationOptions, params: Params) -> Keyset | None:
        """The order of the pages; None without keyset paging. Raises BadRequest for ``$after`` then."""
        if not pagination.keyset:
            if query.after is not None:
                raise BadRequest(f"Invalid filter value {AFTER}")
            return None
        order: dict[str, int] = {}
        for name, direction in (query.sort or {}).items():
            order[name] = direction
            if name == self.id:
                break
        else:
            order[self.id] = next(reversed(order.values()), 1)
        scope = [self.cursor_scope(), *map(str, self._tenant_values(params).values())]
        secret = pagination.keyset if isinstance(pagination.keyset, str) else ""
        return Keyset(order=order, scope=scope, secret=secret)

    def _tenant_values(self, params: Params) -> Result:
        """The field of the tenant and its value; nothing for own code that names no tenant."""
        name = self.options.tenant
        if name is None:
            return {}
        value = params.get("tenant")
        if value is None:
            if params.provider is not None:
                raise GeneralError("An external call reached the database without a tenant")
            return {}
        return {name: self._tenant_value(name, value)}

    def _tenant_value(self, name: str, value: Any) -> Any:
        parse = self.parse_id if name == self.id else self.options.fields.get(name)
        return value if parse is None else parse(value)

    def _stamped(self, data: Mapping[str, Any], params: Params) -> Result:
        """A copy of a record to be written, with the tenant that it belongs to."""
        return dict(data) if self.options.tenant is None else {**data, **self._tenant_values(params)}

    def _not_found(self, id: Any) -> NotFound:
        return NotFound(f"No record found for id '{id}'")

    def _check_multi(self, method: str, params: Params) -> None:
        if method not in self.options.for_call(params).multi:
            raise MethodNotAllowed(f"Can not {method} multiple entries")

    def _check_count(self, count: int) -> None:
        """Refuse a call for more records than are found at once, rather than do half of it."""
        if count > self.options.hard_limit:
            raise BadRequest(f"More than {self.options.hard_limit} records at once")

    def _sanitized(self, params: Params | None, *, unlimited: bool = False) -> Params:
        if params is None:
            return Params()
        if not params.get("query"):
            return params
        query = self.sanitize_query(params)
        if unlimited:
            if AFTER in query:
                raise BadRequest(f"{AFTER} is for find only", {"errors": {AFTER: "is for find only"}})
            query.pop("$limit", None)
        sanitized = Params(params)
        sanitized["query"] = query
        return sanitized

    def _check_id(self, id: Any) -> None:
        if type(id) in PLAIN_IDS:
            return
        if id is None or isinstance(id, bool | Mapping | list | tuple | set):
            raise BadRequest(f"Invalid id '{json.dumps(id, default=str)}'")

    def _without_id(self, data: Any) -> Any:
        if is_mapping(data) and self.options.id in data:
            return {key: value for key, value in data.items() if key != self.id}
        return data

    def _checked(self, data: Any, params: Params) -> Mapping[str, Any]:
        if not is_mapping(data):
            raise BadRequest("Data must be an object")
        check_keys(data)
        return self._of_tenant(data, params)

    def _checked_changes(self, data: Any, params: Params) -> Mapping[str, Any]:
        """Own code may patch with the operators of its database, such as ``$inc``; a client may not."""
        if params.provider is not None or not is_mapping(data):
            return self._checked(data, params)
        operators = {key: value for key, value in data.items() if key.startswith("$")}
        fields = {key: value for key, value in data.items() if key not in operators}
        return {
            **{key: self._of_tenant(value, params) for key, value in operators.items()},
            **self._checked(fields, params),
        }

    def _of_tenant(self, data: Mapping[str, Any], params: Params) -> Mapping[str, Any]:
        """The data, with the tenant in its own type where it is mentioned. Raises Forbidden for another."""
        if self.options.tenant is None:
            return data
        for name, tenant in self._tenant_values(params).items():
            if name not in data:
                continue
            try:
                same = self._tenant_value(name, data[name]) == tenant
            except (ValueError, TypeError):
                same = False
            if not same:
                raise Forbidden(f"'{name}' is not yours to choose", {"errors": {name: "is another's"}})
            data = {**data, name: tenant}
        return data
