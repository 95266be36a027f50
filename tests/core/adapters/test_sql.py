"""What the SQL adapter does beyond the contract, on a real PostgreSQL."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from bson import ObjectId
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Identity,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    event,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from structlog.testing import capture_logs

from stonechat.core.adapters.sql import SMALL, SQLService
from stonechat.core.adapters.sql_transaction import sql_transaction
from stonechat.core.adapters.sql_types import ObjectIdText, UtcMoment
from stonechat.core.application import Application
from stonechat.core.context import HookContext, Params
from stonechat.core.errors import (
    BadRequest,
    Conflict,
    FeathersError,
    GeneralError,
    NotFound,
    PayloadTooLarge,
    Timeout,
    Unavailable,
)

Record = dict[str, Any]
Call = Callable[[], Awaitable[object]]

OURS, THEIRS = ObjectId("65f000000000000000000009"), ObjectId("65f00000000000000000000a")

METADATA = MetaData()
SHELVES = Table(
    "shelves", METADATA, Column("id", Integer, Identity(), primary_key=True), Column("name", Text)
)
BOOKS = Table(
    "books",
    METADATA,
    Column("id", Integer, Identity(), primary_key=True),
    Column("title", String(40), nullable=False),
    Column("isbn", Text, unique=True),
    Column("pages", Integer, CheckConstraint("pages > 0", name="some_pages")),
    Column("copies", BigInteger, default=1),
    Column("price", Numeric(8, 2)),
    Column("lent", Boolean, nullable=False, server_default=text("false")),
    Column("bought_on", Date, key="boughtOn"),
    Column("code", Uuid, default=uuid4),
    Column("shelf_id", Integer, ForeignKey(SHELVES.c.id), key="shelfId"),
    Column("school_id", ObjectIdText, key="schoolId"),
    Column("read_at", UtcMoment, key="readAt"),
    Column("notes", JSONB),
    UniqueConstraint("schoolId", "title"),
)


@pytest.fixture(scope="module")
async def engine(postgres_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(postgres_url)
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
    yield engine
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.drop_all)
    await engine.dispose()


@pytest.fixture
async def make(engine: AsyncEngine) -> AsyncIterator[Callable[..., SQLService]]:
    """Makes the service of books with the given options; the tables are empty."""

    def make(**options: Any) -> SQLService:
        whole: dict[str, Any] = {"id": "id", "multi": True, **options}
        return SQLService(engine, BOOKS, **whole)

    yield make
    async with engine.begin() as connection:
        await connection.execute(BOOKS.delete())
        await connection.execute(SHELVES.delete())


@pytest.fixture
def books(make: Callable[..., SQLService]) -> SQLService:
    return make()


async def create(service: SQLService, **data: Any) -> Record:
    return cast("Record", await service.create({"title": "A book", **data}))


async def titles(service: SQLService, query: Mapping[str, Any], **params: Any) -> list[str]:
    found = await service.find(Params(query=dict(query), **params))
    assert isinstance(found, list)
    return [book["title"] for book in found]


async def test_a_row_has_all_columns_with_what_the_database_and_the_table_add(books: SQLService) -> None:
    book = await create(books)
    assert isinstance(book["id"], int)
    assert isinstance(book.pop("code"), UUID)
    assert book == {
        **dict.fromkeys(("isbn", "pages", "price", "boughtOn", "shelfId", "schoolId", "readAt", "notes")),
        "id": book["id"],
        "title": "A book",
        "copies": 1,
        "lent": False,
    }


async def test_what_is_replaced_has_its_defaults_again(books: SQLService) -> None:
    book = await create(books, copies=7, lent=True, isbn="1", notes={"a": 1})
    replaced = await books.update(book["id"], {"title": "Another"})
    assert (replaced["copies"], replaced["lent"], replaced["isbn"], replaced["notes"]) == (
        1,
        False,
        None,
        None,
    )
    assert replaced["id"] == book["id"]


async def test_values_come_from_json_and_come_back_in_their_types(books: SQLService) -> None:
    code = uuid4()
    given = {
        "price": "12.50",
        "boughtOn": "2026-11-21",
        "code": str(code),
        "schoolId": str(OURS),
        "readAt": "2026-11-21T12:00:00+02:00",
    }
    book = await create(books, **given)
    assert book["price"] == Decimal("12.50")
    assert book["boughtOn"].isoformat() == "2026-11-21"
    assert (book["code"], book["schoolId"]) == (code, OURS)
    assert book["readAt"] == datetime(2026, 11, 21, 10, tzinfo=UTC)
    for query in (
        {"price": "12.5"},
        {"price": {"$gt": 12}},
        {"boughtOn": {"$lte": "2026-11-21"}},
        {"code": {"$in": [str(code)]}},
        {"schoolId": {"$in": [str(OURS), str(THEIRS)]}},
        {"readAt": {"$gte": datetime(2026, 11, 21, 12, tzinfo=timezone(timedelta(hours=2)))}},
        {"id": str(book["id"])},
    ):
        assert await titles(books, query, provider="rest") == ["A book"]


@pytest.mark.parametrize("id", ["x", "1.5", "", str(2**40), 2**40, "1; DROP TABLE books"])
async def test_an_id_that_is_no_number_or_too_large_is_not_found(books: SQLService, id: Any) -> None:
    await create(books)
    with pytest.raises(NotFound):
        await books.get(id)
    assert await titles(books, {"id": {"$in": [id]}}) == []
    assert await titles(books, {"id": {"$ne": id}}) == ["A book"]


@pytest.mark.parametrize(
    "query",
    [
        {"nothing": 1},
        {"school_id": str(OURS)},
        {"title.inside": 1},
        {"$or": [{"title": "A book"}, {"nothing": None}]},
        {"$and": [{"$or": [{"nothing": {"$in": [1]}}]}]},
        {"$sort": {"nothing": 1}},
        {"$select": ["nothing"]},
        {'title" = title OR "title': "x"},
        {"$sort": {"title; DROP TABLE books": 1}},
        {"$select": ["id, (SELECT 1)"]},
    ],
    ids=str,
)
async def test_what_is_no_column_is_refused_wherever_it_stands(books: SQLService, query: Record) -> None:
    book = await create(books)
    params = Params(query=query, provider="rest")
    calls: list[Call] = [
        lambda: books.find(params),
        lambda: books.get(book["id"], params),
        lambda: books.patch(book["id"], {"title": "Mine"}, params),
        lambda: books.remove(None, params),
    ]
    for call in calls:
        with pytest.raises(BadRequest) as refused:
            await call()
        assert list(refused.value.errors.values()) == ["is not a field"]
    assert await titles(books, {}) == ["A book"]


async def test_data_for_what_is_no_column_is_refused(books: SQLService) -> None:
    book = await create(books)
    data = {"title": "Mine", "nothing": 1}
    calls: list[Call] = [
        lambda: books.create(data),
        lambda: books.update(book["id"], data),
        lambda: books.patch(book["id"], data),
    ]
    for call in calls:
        with pytest.raises(BadRequest) as refused:
            await call()
        assert refused.value.errors == {"nothing": "is not a field"}
    assert await titles(books, {}) == ["A book"]


HOSTILE = ("'", '"', "\\", "';--", "%s%(x)s", ":x $1", "{}", "$$ ? (@ == 1)", "') OR 1=1 --", "\n[*]", "ü\t*")


async def test_whatever_a_text_says_it_is_only_a_value(books: SQLService) -> None:
    await create(books, title="Another", notes={"k": "another"})
    await books.create([{"title": value, "notes": {"k": value, "l": [value]}} for value in HOSTILE])
    for value in HOSTILE:
        for condition in (
            {"title": value},
            {"title": {"$in": [value]}},
            {"title": {"$gte": value, "$lte": value}},
            {"notes.k": {"$gte": value, "$lte": value}},
            {"notes.l": {"$in": [value]}},
            {"notes": {"l": [value], "k": value}},
        ):
            assert await titles(books, {}, restrict=condition) == [value]
        path = f"notes.{value.replace('.', '').strip('$')}"
        assert await titles(books, {"$sort": {path: 1}}, restrict={path: value}) == []


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"pages": "many"}, "pages"),
        ({"pages": 1.5}, "pages"),
        ({"pages": True}, "pages"),
        ({"title": 5}, "title"),
        ({"title": ["A book"]}, "title"),
        ({"price": "1e999"}, "price"),
        ({"code": "x"}, "code"),
        ({"boughtOn": "yesterday"}, "boughtOn"),
        ({"readAt": "later"}, "readAt"),
        ({"schoolId": "ours"}, "schoolId"),
        ({"lent": "perhaps"}, "lent"),
        ({"notes": object()}, "notes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_value_of_another_type_is_refused_with_its_field(
    books: SQLService, data: Record, field: str
) -> None:
    book = await create(books)
    calls: list[Call] = [
        lambda: books.create({"title": "B", **data}),
        lambda: books.patch(book["id"], data),
    ]
    for call in calls:
        with pytest.raises(BadRequest) as refused:
            await call()
        assert refused.value.errors == {field: "is not a value of this field"}


@pytest.mark.parametrize(
    ("data", "kind", "errors"),
    [
        ({"isbn": "1"}, Conflict, {"isbn": "already exists"}),
        ({"schoolId": OURS, "title": "A book"}, Conflict, {"title": "already exists"}),
        ({"title": None}, BadRequest, {"title": "is required"}),
        ({"shelfId": 99}, BadRequest, {"shelfId": "refers to nothing"}),
        ({"pages": 0}, BadRequest, None),
        ({"pages": 2**33}, BadRequest, None),
        ({"title": "x" * 41}, BadRequest, None),
        ({"title": "nu\0l"}, BadRequest, None),
        ({"notes": {"nu\0l": 1}}, BadRequest, None),
        ({"notes": ["nu\0l"]}, BadRequest, None),
        ({"title": "\ud800"}, BadRequest, None),
        ({"isbn": random.Random(1).randbytes(10_000).hex()}, PayloadTooLarge, None),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_what_the_database_refuses_has_its_reason(
    make: Callable[..., SQLService], data: Record, kind: type[FeathersError], errors: Record | None
) -> None:
    books = make(tenant="schoolId")
    await create(books, isbn="1", schoolId=OURS)
    with pytest.raises(kind) as refused:
        await books._create({"title": "Another", **data})
    assert refused.value.errors == errors
    assert "INSERT" not in str(refused.value.to_json())
    assert await titles(books, {}) == ["A book"]


async def test_many_are_created_together_or_not_at_all(books: SQLService) -> None:
    await create(books, isbn="7")
    with pytest.raises(Conflict):
        await books.create([{"title": f"Book {number}", "isbn": str(number)} for number in range(9)])
    assert await titles(books, {}) == ["A book"]


async def test_more_than_one_statement_can_hold_are_created_in_their_order(books: SQLService) -> None:
    many = [{"title": f"Book {number}", "pages": number} for number in range(1, 1001)]
    created = cast("list[Record]", await books.create(many))
    assert [book["title"] for book in created] == [book["title"] for book in many]
    assert await titles(books, {"$sort": {"id": 1}, "$limit": 2, "$skip": 998}) == ["Book 999", "Book 1000"]


async def test_an_upsert_creates_or_overwrites_what_is_named(books: SQLService) -> None:
    by_isbn = Params(upsert=("isbn",))
    first = cast("Record", await books.create({"title": "First", "isbn": "1", "pages": 3}, by_isbn))
    again = cast("Record", await books.create({"title": "Second", "isbn": "1"}, by_isbn))
    assert again == {**first, "title": "Second"}
    both = [{"title": "Third", "isbn": "1"}, {"title": "New", "isbn": "2"}]
    for _ in range(2):
        found = cast("list[Record]", await books.create(both, by_isbn))
        assert [book["title"] for book in found] == ["Third", "New"]
    assert sorted(await titles(books, {})) == ["New", "Third"]
    with pytest.raises(BadRequest):
        await books.create([both[0], both[0]], by_isbn)
    with pytest.raises(BadRequest):
        await books.create(both[0], Params(upsert=("nothing",)))


async def test_an_upsert_takes_nothing_from_another_tenant(make: Callable[..., SQLService]) -> None:
    books = make(tenant="schoolId")
    await books.create({"title": "Theirs", "isbn": "1"}, Params(tenant=THEIRS))
    both = [{"title": "Ours", "isbn": "2"}, {"title": "Taken", "isbn": "1"}]
    with pytest.raises(Conflict):
        await books.create(both, Params(tenant=OURS, upsert=("isbn",)))
    assert await titles(books, {}) == ["Theirs"]


async def test_nothing_comes_first_and_text_in_the_order_of_its_characters(books: SQLService) -> None:
    for title, isbn in (("a", "b"), ("b", None), ("c", "B"), ("d", "ä")):
        await create(books, title=title, isbn=isbn)
    assert await titles(books, {"$sort": {"isbn": 1}}) == ["b", "c", "a", "d"]
    assert await titles(books, {"$sort": {"isbn": -1}}) == ["d", "a", "c", "b"]
    assert await titles(books, {"isbn": {"$gt": "a"}, "$sort": {"isbn": 1}}) == ["a", "d"]


@pytest.mark.parametrize(
    ("restriction", "expected"),
    [
        ({"$nor": [{"isbn": "1"}]}, ["Two", "None"]),
        ({"isbn": {"$not": {"$gt": "1"}}}, ["One", "None"]),
        ({"isbn": {"$exists": False}}, ["None"]),
        ({"isbn": {"$exists": True}}, ["One", "Two"]),
        ({"isbn": {"$gte": None}}, ["None"]),
        ({"isbn": {"$lt": None}}, []),
        ({"isbn": {"$eq": "2"}}, ["Two"]),
        ({"isbn": 2}, []),
        ({"pages": {"$gt": 1.5}}, ["Two"]),
        ({"pages": {"$lt": 2**62}}, ["One", "Two"]),
        ({"pages": {"$in": [1, 2.5, "x", None]}}, ["One", "None"]),
        ({"title": {"$regex": "^[ot]", "$options": "i"}}, ["One", "Two"]),
        ({"pages": {"$regex": "1"}}, []),
        ({"notes": None}, ["None"]),
        ({"notes.k": None}, ["None", "Two"]),
        ({"notes.k": {"$exists": True}}, ["One"]),
        ({"notes.k": {"$regex": "^V", "$options": "i"}}, ["One"]),
        ({"notes.l": {"$gte": 2}}, ["Two"]),
        ({"notes.l.1": 2}, ["Two"]),
        ({"notes.l": {"$nin": [1, 7]}}, ["One", "None"]),
        ({"notes.l": {"$in": [[1, 2], {"a": 1}]}}, ["Two"]),
        ({"notes.at": {"$gt": datetime(2026, 1, 1, tzinfo=UTC)}}, ["One"]),
    ],
    ids=str,
)
async def test_own_code_has_more_operators(
    books: SQLService, restriction: Record, expected: list[str]
) -> None:
    noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    await create(books, title="One", isbn="1", pages=1, notes={"k": "value", "at": noon})
    await create(books, title="Two", isbn="2", pages=2, notes={"l": [1, 2]})
    await create(books, title="None")
    assert sorted(await titles(books, {}, restrict=restriction)) == sorted(expected)


@pytest.mark.parametrize(
    "restriction",
    [
        {"title": {"$where": "1"}},
        {"$expr": True},
        {"title": {"$regex": "("}},
        {"title": {"$regex": "a", "$options": "x"}},
        {"title": {"$regex": 5}},
        {"notes.99999999999": 1},
    ],
    ids=str,
)
async def test_what_it_cannot_say_is_a_bad_request(books: SQLService, restriction: Record) -> None:
    await create(books, notes=[1])
    with pytest.raises(BadRequest):
        await books.find(Params(restrict=restriction))


async def test_operators_of_another_database_are_refused(books: SQLService) -> None:
    book = await create(books)
    with pytest.raises(BadRequest):
        await books.patch(book["id"], {"$inc": {"pages": 1}})


async def test_a_cursor_with_values_of_other_types_is_refused(make: Callable[..., SQLService]) -> None:
    page = {"default": 1, "keyset": True}
    books, others = make(paginate=page), make(paginate=page)
    others._fields = {**others._fields, "pages": others._fields["title"]}
    for title in "ABC":
        await create(books, title=title, pages=1)
    found = await others.find(Params(query={"$sort": {"pages": 1}}))
    assert isinstance(found, dict)
    with pytest.raises(BadRequest) as refused:
        await books.find(Params(query={"$sort": {"pages": 1}, "$after": found.get("next")}))
    assert refused.value.errors == {"$after": "is not a cursor of this query"}


async def test_a_page_by_keyset_begins_in_the_index(engine: AsyncEngine, books: SQLService) -> None:
    statements: list[str] = []
    many = [{"title": f"{number:05}"} for number in range(30)]
    await books.create(many)
    params = Params(query={"$limit": 5}, paginate={"default": 5, "keyset": True})
    first = cast("Record", await books.find(params))

    def keep(*arguments: Any) -> None:
        statements.append(str(arguments[2]))

    event.listen(engine.sync_engine, "before_cursor_execute", keep)
    params.query["$after"] = first["next"]
    assert len(cast("Record", await books.find(params))["data"]) == 5
    event.remove(engine.sync_engine, "before_cursor_execute", keep)
    assert "books.id >= " in statements[0]


async def test_a_large_table_is_estimated_where_that_is_chosen(
    engine: AsyncEngine, make: Callable[..., SQLService]
) -> None:
    books = make(paginate={"default": 1, "count": "estimated"})
    async with engine.begin() as connection:
        numbers = func.generate_series(1, SMALL + 1).column_valued("number")
        await connection.execute(BOOKS.insert().from_select(["title"], select(numbers.cast(Text))))
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        await connection.execute(text("ANALYZE books"))
    await books.remove(None, Params(query={"title": "1"}))
    assert cast("Record", await books.find())["total"] == SMALL + 1
    assert cast("Record", await books.find(Params(query={"title": {"$ne": "2"}})))["total"] == SMALL - 1
    async with engine.begin() as connection:
        await connection.execute(BOOKS.delete())
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        await connection.execute(text("VACUUM ANALYZE books"))
    assert cast("Record", await books.find())["total"] == 0


async def test_a_database_that_is_away_is_unavailable(tmp_path: Path) -> None:
    engine = create_async_engine(f"postgresql+asyncpg://stonechat@/postgres?host={tmp_path}")
    books = SQLService(engine, BOOKS, id="id")
    with pytest.raises(Unavailable):
        await books.find()
    await engine.dispose()


async def test_a_statement_that_takes_too_long_and_one_that_fails(postgres_url: str) -> None:
    engine = create_async_engine(
        postgres_url, connect_args={"server_settings": {"statement_timeout": "20", "search_path": "nowhere"}}
    )
    books = SQLService(engine, BOOKS, id="id")
    with pytest.raises(GeneralError) as failed, capture_logs() as logs:
        await books.find()
    assert [entry["event"] for entry in logs] == ["database error"]
    assert failed.value.data == {"name": "ProgrammingError", "code": "42P01"}
    slow = Table("pg_stat_activity", MetaData(), Column("pid", Integer), schema="pg_catalog")
    waiting = SQLService(engine, slow, id="pid")
    with pytest.raises(Timeout):
        async with waiting._statements(Params()) as connection:
            await connection.execute(select(func.pg_sleep(5)))
    await engine.dispose()


def test_a_table_without_the_id_or_with_an_array_is_refused() -> None:
    engine = create_async_engine("postgresql+asyncpg://nobody@/none")
    with pytest.raises(KeyError):
        SQLService(engine, BOOKS)
    lists = Table("lists", MetaData(), Column("_id", Integer), Column("tags", ARRAY(Text)))
    with pytest.raises(TypeError, match="tags"):
        SQLService(engine, lists)


class Library:
    """Books that take a place on a shelf, in one transaction."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.app = Application()
        self.heard: list[str] = []
        self.app.use("books", SQLService(engine, BOOKS, id="id"))
        self.app.use("shelves", SQLService(engine, SHELVES, id="id"))
        self.books, self.shelves = self.app.service("books"), self.app.service("shelves")
        self.books.hooks({"around": {"create": [sql_transaction(engine)]}})
        self.books.hooks({"before": {"create": [self.shelve]}})
        self.shelves.on("created", lambda *_: self.heard.append("shelf"))
        self.attempts = 0

    async def shelve(self, context: HookContext) -> None:
        self.attempts += 1
        inside = context.params.internal()
        shelf = await self.shelves.create({"name": context.data["title"]}, inside)
        assert await self.shelves.find() == []
        assert len(await self.shelves.find(inside)) == 1
        context.params["after_commit"](lambda: self.heard.append("committed"))
        context.data["shelfId"] = shelf["id"]
        self.heard.append("running")


@pytest.fixture
def library(engine: AsyncEngine, make: Callable[..., SQLService]) -> Library:
    return Library(engine)


async def test_all_is_committed_together_and_told_after_that(library: Library) -> None:
    book = await library.books.create({"title": "One"})
    (shelf,) = await library.shelves.find()
    assert book["shelfId"] == shelf["id"]
    assert library.heard[0] == "running"
    assert sorted(library.heard[1:]) == ["committed", "shelf"]


async def test_an_error_takes_everything_back(library: Library) -> None:
    with pytest.raises(BadRequest):
        await library.books.create({"title": None})
    assert await library.shelves.find() == []
    assert library.heard == ["running"]


async def test_a_transaction_that_clashes_is_run_again(engine: AsyncEngine, library: Library) -> None:
    """Two that lock the same rows in opposite orders: one of them is the victim, and comes through later."""
    one, other = await library.shelves.create({"name": "1"}), await library.shelves.create({"name": "2"})
    both_hold_one, attempts = asyncio.Barrier(2), {one["id"]: 0, other["id"]: 0}

    async def lock_both(context: HookContext) -> None:
        inside, first = context.params.internal(), context.id
        second = other["id"] if first == one["id"] else one["id"]
        attempts[first] += 1
        await library.app.service("plain").patch(first, {"name": str(first)}, inside)
        if attempts[first] == 1:
            await both_hold_one.wait()
        await library.app.service("plain").patch(second, {"name": str(first)}, inside)

    library.app.use("plain", SQLService(engine, SHELVES, id="id"))
    hooks: Any = {"around": {"patch": [sql_transaction(engine)]}, "before": {"patch": [lock_both]}}
    library.shelves.hooks(hooks)
    await asyncio.gather(*(library.shelves.patch(shelf["id"], {"name": "done"}) for shelf in (one, other)))
    assert sum(attempts.values()) == 3
