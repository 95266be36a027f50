"""An adapter over a table of PostgreSQL, by SQLAlchemy's asyncio."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Unpack

from sqlalchemy import Row, Table, and_, delete, func, insert, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert as insert_or_update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.dml import ReturningDelete, ReturningInsert, ReturningUpdate
from sqlalchemy.sql.elements import ColumnElement

from ..context import Params
from ..errors import BadRequest, Conflict
from ..ordering import sort_records
from ..pagination import Page
from ..projection import outermost, select_fields
from ..query import Query
from ..shapes import is_list
from .base import REPLACE_MANY, AdapterBase, Result
from .keyset import Keyset
from .options import AdapterOptions, OptionArguments
from .sql_columns import fields_of, unknown_field
from .sql_conditions import condition, term
from .sql_errors import sql_errors
from .sql_terms import Condition, Term, after

MAX_BOUND: Final = 5_000
"""Values that one statement may have: PostgreSQL takes six times as many, the driver's patience does not."""

SMALL: Final = 10_000
"""Up to so many rows are counted where an estimate would do: until it is analysed, a table has none."""

Statement = ReturningInsert[Any] | ReturningUpdate[Any] | ReturningDelete[Any]


class SQLService(AdapterBase):
    """Rows of one table, whose columns' keys are the names of the fields.

    Values of queries get the types of the columns; ``fields`` says more, and what lies inside of JSON
    columns. Every field that is no column is a BadRequest. A record has all columns, with None for NULL.
    Without ``$sort`` records come in the order of their ids, which also tells equal ones apart.

    What own code may say in params, besides what every adapter knows::

        transaction  the connection to use, so that calls may share a transaction: see ``sql_transaction``
        upsert       ``create`` overwrites, where there is a record with the same values of these unique
                     fields, the other fields of the data

    Many records are written together or not at all.
    """

    def __init__(self, engine: AsyncEngine, table: Table, **options: Unpack[OptionArguments]) -> None:
        """Raises KeyError for a table without the id, TypeError for a column that is an array."""
        self._fields = fields_of(table)
        kinds = {name: field.coercer for name, field in self._fields.items() if field.coercer is not None}
        super().__init__(AdapterOptions.of({**options, "fields": {**kinds, **options.get("fields", {})}}))
        self._engine = engine
        self._each_by_itself = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._table = table
        self._id = self._fields[self.id].column
        self._names = {column.name: name for name, column in table.c.items()}

    @property
    def table(self) -> Table:
        return self._table

    def parse_id(self, id: Any) -> Any:
        coercer = self.options.fields.get(self.id) or self._fields[self.id].coercer
        return id if coercer is None else coercer(id)

    def cursor_scope(self) -> str:
        return self._table.fullname

    async def _find(self, params: Params | None = None) -> list[Result] | Page:
        params = Params() if params is None else params
        query, pagination = self._asked(params), self.options.pagination(params)
        limit, keyset = self.options.limit(query.limit, pagination), self._keyset(query, pagination, params)
        order = self._order(query, keyset)
        where = place = condition(query.conditions, self._fields)
        if keyset is not None and query.after is not None:
            place = and_(where, after(order, keyset.values(query.after)))
        names = self._chosen(query.select)
        keys = [key.key(descending=descending) for key, descending in order] if keyset else []
        wanted = (
            select(*self._columns(names), *(key.label(f"key_{place}") for place, key in enumerate(keys)))
            .where(place)
            .order_by(*(key.ordered(descending=descending) for key, descending in order))
            .limit(limit if keyset is None else limit + 1)
            .offset(query.skip)
        )
        async with self._statements(params) as connection:
            rows: Sequence[Row[Any]] = (await connection.execute(wanted)).all() if limit else ()
            data = [self._picked(dict(zip(names, row, strict=False)), query.select) for row in rows[:limit]]
            if pagination.default is None:
                return data
            if keyset is None and len(data) < limit and (data or not query.skip):
                total = query.skip + len(data)
            else:
                total = await self._total(connection, query, where, query.skip + len(data), params)
        page: Page = {"total": total, "limit": limit, "skip": query.skip, "data": data}
        if keyset is not None:
            last = rows[limit - 1][len(names) :] if len(rows) > limit else None
            page["next"] = None if last is None else keyset.cursor_at(last)
        return page

    async def _get(self, id: Any, params: Params | None = None) -> Result:
        params = Params() if params is None else params
        query = self._asked(params)
        names = self._chosen(query.select)
        wanted = select(*self._columns(names)).where(self._one(id, query))
        async with self._statements(params) as connection:
            row = (await connection.execute(wanted)).first()
        if row is None:
            raise self._not_found(id)
        return self._picked(dict(zip(names, row, strict=True)), query.select)

    async def _create(self, data: Any, params: Params | None = None) -> Result | list[Result]:
        params = Params() if params is None else params
        items: list[Mapping[str, Any]] = data if is_list(data) else [data]
        given = [self._stamped(item, params) for item in items]
        rows = [self._whole(item) for item in given]
        size = max(MAX_BOUND // len(self._fields), 1)
        created: list[Result] = []
        together = len(rows) > size or "upsert" in params
        async with self._statements(params, together=together) as connection:
            for start in range(0, len(rows), size):
                statement = self._insert(rows[start : start + size], given[start : start + size], params)
                created += await self._returned(connection, statement)
            if len(created) < len(rows):  # what an upsert has found is another tenant's
                raise Conflict("A record with this value exists")
        select = self._asked(params).select
        picked = [self._picked(record, select) for record in created]
        return picked if is_list(data) else picked[0]

    async def _update(self, id: Any, data: Mapping[str, Any], params: Params | None = None) -> Result:
        if id is None or is_list(data):
            raise BadRequest(REPLACE_MANY)
        params = Params() if params is None else params
        query = self._asked(params)
        row = self._whole({**self._stamped(data, params), self.id: None})
        del row[self.id]
        statement = update(self._table).where(self._one(id, query)).values(self._by_column(row))
        return await self._changed(id, statement.returning(*self._columns(self._fields)), query, params)

    async def _patch(
        self, id: Any, data: Mapping[str, Any], params: Params | None = None
    ) -> Result | list[Result]:
        params = Params() if params is None else params
        if id is None:
            self._check_multi("patch", params)
        for name in data:
            if name.startswith("$"):
                raise BadRequest(f"The SQL adapter has no operator {name}")
        query = self._asked(params)
        changes = {name: self._field(name).stored(value) for name, value in data.items() if name != self.id}
        # Without changes the id is set to what it is: that answers, and locks, as any other patch does.
        values = self._by_column(changes) or {self._id: self._id}
        where = self._many(query) if id is None else self._one(id, query)
        statement = update(self._table).where(where).values(values).returning(*self._columns(self._fields))
        if id is None:
            return await self._changed_many(statement, query, params)
        return await self._changed(id, statement, query, params)

    async def _remove(self, id: Any, params: Params | None = None) -> Result | list[Result]:
        params = Params() if params is None else params
        if id is None:
            self._check_multi("remove", params)
        query = self._asked(params)
        where = self._many(query) if id is None else self._one(id, query)
        statement = delete(self._table).where(where).returning(*self._columns(self._fields))
        if id is None:
            return await self._changed_many(statement, query, params)
        return await self._changed(id, statement, query, params)

    async def _changed(self, id: Any, statement: Statement, query: Query, params: Params) -> Result:
        async with self._statements(params) as connection:
            changed = await self._returned(connection, statement)
        if not changed:
            raise self._not_found(id)
        return self._picked(changed[0], query.select)

    async def _changed_many(self, statement: Statement, query: Query, params: Params) -> list[Result]:
        async with self._statements(params, together=True) as connection:
            changed = await self._returned(connection, statement)
            self._check_count(len(changed))
        ordered = sort_records(changed, query.sort or {self.id: 1})
        return [self._picked(record, query.select) for record in ordered]

    async def _returned(self, connection: AsyncConnection, statement: Statement) -> list[Result]:
        rows = await connection.execute(statement)
        return [dict(zip(self._fields, row, strict=True)) for row in rows]

    def _insert(
        self, rows: Sequence[Result], given: Sequence[Mapping[str, Any]], params: Params
    ) -> ReturningInsert[Any]:
        values = [{self._fields[name].column.key: value for name, value in row.items()} for row in rows]
        unique: Sequence[str] | None = params.get("upsert")
        columns = self._columns(self._fields)
        if unique is None:
            return insert(self._table).values(values).returning(*columns)
        statement = insert_or_update(self._table).values(values)
        keys = [self._field(name).column for name in unique]
        named = set[str]().union(*given) - {*unique, self.id}
        changes = {
            self._fields[name].column: statement.excluded[self._fields[name].column.key] for name in named
        }
        tenant = self._tenant_values(params)
        return statement.on_conflict_do_update(
            index_elements=keys,
            set_=changes or {keys[0]: statement.excluded[keys[0].key]},
            where=condition(tenant, self._fields) if tenant else None,
        ).returning(*columns)

    async def _total(
        self, connection: AsyncConnection, query: Query, where: Condition, seen: int, params: Params
    ) -> int:
        pagination = self.options.pagination(params)
        if pagination.count == "estimated" and not query.conditions:
            name = self._engine.dialect.identifier_preparer.format_table(self._table)
            wanted = text("SELECT reltuples FROM pg_class WHERE oid = to_regclass(:name)")
            estimated = int(await connection.scalar(wanted, {"name": name}) or 0)
            if estimated > SMALL:
                return estimated
        matching = select(literal(1)).select_from(self._table).where(where)
        if isinstance(pagination.count, int):
            matching = matching.limit(pagination.count)
        counted = await connection.scalar(select(func.count()).select_from(matching.subquery()))
        return pagination.total(counted or 0, seen)

    def _asked(self, params: Params) -> Query:
        """The query of a call. Raises BadRequest where it sorts by, or selects, what is no field."""
        query = self._query(params)
        for path in (*(query.sort or ()), *(query.select or ())):
            term(path, self._fields)
        return query

    def _order(self, query: Query, keyset: Keyset | None) -> list[tuple[Term, bool]]:
        """The terms to sort by, and whether descending. The id is among them: no two rows are equal."""
        order = dict(query.sort or {}) if keyset is None else dict(keyset.order)
        if self.id not in order:
            order[self.id] = next(reversed(order.values()), 1)
        return [(term(path, self._fields), direction < 0) for path, direction in order.items()]

    def _one(self, id: Any, query: Query) -> Condition:
        try:
            stored = self.parse_id(id)
        except (ValueError, TypeError, ArithmeticError):
            raise self._not_found(id) from None
        these = condition(query.conditions, self._fields)
        return and_(term(self.id, self._fields).equals(stored), these)

    def _many(self, query: Query) -> Condition:
        """The rows that match now, one more than may be changed; none of them changes meanwhile."""
        matching = (
            select(self._id.label("id"))
            .where(condition(query.conditions, self._fields))
            .order_by(self._id)
            .limit(self.options.hard_limit + 1)
            .with_for_update()
            .cte("matching")
        )
        return self._id.in_(select(matching.c.id))

    def _whole(self, data: Mapping[str, Any]) -> Result:
        """A value for every field, or the word that the database has one."""
        for name in data:
            self._field(name)
        return {
            name: field.default()
            if data.get(name) is None and (name not in data or name == self.id)
            else field.stored(data[name])
            for name, field in self._fields.items()
        }

    def _field(self, name: str) -> Any:
        if (field := self._fields.get(name)) is None:
            raise unknown_field(name)
        return field

    def _by_column(self, row: Mapping[str, Any]) -> dict[Any, Any]:
        return {self._fields[name].column: value for name, value in row.items()}

    def _chosen(self, selected: Sequence[str] | None) -> list[str]:
        """The fields to read for a ``$select``."""
        if selected is None:
            return list(self._fields)
        roots = {self.id, *(path.partition(".")[0] for path in selected)}
        return [name for name in self._fields if name in roots]

    def _columns(self, names: Sequence[str] | Mapping[str, Any]) -> list[ColumnElement[Any]]:
        return [self._fields[name].column for name in names]

    def _picked(self, record: Result, selected: Sequence[str] | None) -> Result:
        return record if selected is None else select_fields(record, outermost([self.id, *selected]))

    @asynccontextmanager
    async def _statements(self, params: Params, *, together: bool = False) -> AsyncGenerator[AsyncConnection]:
        """The connection for a call: that of its transaction, or one of its own.

        On one of its own each statement stands for itself, unless they are to happen ``together``.
        """
        joined: AsyncConnection | None = params.get("transaction")
        with sql_errors(self._names, tenant=self.options.tenant, joined=joined is not None):
            if joined is not None:
                yield joined
            elif together:
                async with self._engine.begin() as connection:
                    yield connection
            else:
                async with self._each_by_itself.connect() as connection:
                    yield connection
