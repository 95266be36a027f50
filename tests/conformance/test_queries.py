"""The query language over REST, where every value arrives as text, on every adapter."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import quote

import httpx2
import pytest

from tests.conformance.test_rest import error

Json = dict[str, Any]

ADAPTERS: Final = ("people", "people-mongo", "people-beanie", "people-schema")
TAGGED: Final = "name[$in][]=Ann%20Q&name[$in][]=Bob%20Q&name[$in][]=Cid%20Q"


class People:
    """Three records of one adapter, which nobody else finds by these names."""

    def __init__(self, rest: httpx2.AsyncClient, path: str) -> None:
        self.rest = rest
        self.path = path
        self.records: list[Json] = []

    async def names(self, query: str) -> list[str]:
        response = await self.rest.get(f"{self.path}?{TAGGED}&{query}")
        assert response.status_code == 200, response.text
        return [one["name"] for one in response.json()]


@pytest.fixture(params=ADAPTERS)
async def people(request: pytest.FixtureRequest, rest: httpx2.AsyncClient) -> AsyncIterator[People]:
    people = People(rest, f"/{request.param}")
    for name, age, created in (("Ann Q", 9, True), ("Bob Q", 30, False), ("Cid Q", 101, True)):
        response = await rest.post(people.path, json={"name": name, "age": age, "created": created})
        people.records.append(response.json())
    yield people
    for record in people.records:
        await rest.delete(f"{people.path}/{record['_id']}")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("$sort[age]=1", ["Ann Q", "Bob Q", "Cid Q"]),
        ("$sort[age]=-1", ["Cid Q", "Bob Q", "Ann Q"]),
        ("$sort[created]=1&$sort[age]=-1", ["Bob Q", "Cid Q", "Ann Q"]),
        ("$sort[age]=-1&$sort[created]=1", ["Cid Q", "Bob Q", "Ann Q"]),
        ("$sort[age]=1&$limit=2", ["Ann Q", "Bob Q"]),
        ("$sort[age]=1&$skip=1", ["Bob Q", "Cid Q"]),
        ("$sort[age]=1&$skip=1&$limit=1", ["Bob Q"]),
        ("$limit=0", []),
        ("age=30", ["Bob Q"]),
        ("created=true&$sort[age]=1", ["Ann Q", "Cid Q"]),
        ("created=false", ["Bob Q"]),
        ("age[$lt]=30", ["Ann Q"]),
        ("age[$lte]=30&$sort[age]=1", ["Ann Q", "Bob Q"]),
        ("age[$gt]=30", ["Cid Q"]),
        ("age[$gte]=30&$sort[age]=1", ["Bob Q", "Cid Q"]),
        ("age[$gt]=9&age[$lt]=101", ["Bob Q"]),
        ("age[$ne]=30&$sort[age]=1", ["Ann Q", "Cid Q"]),
        ("age[$in][]=9&age[$in][]=101&$sort[age]=1", ["Ann Q", "Cid Q"]),
        ("age[$nin][]=9&age[$nin][]=101", ["Bob Q"]),
        ("$or[0][age]=9&$or[1][age][$gt]=100&$sort[age]=1", ["Ann Q", "Cid Q"]),
        ("$and[0][age][$gt]=8&$and[1][created]=true&$sort[age]=1", ["Ann Q", "Cid Q"]),
        ("$and[0][$or][0][age]=9&$and[0][$or][1][age]=30&$and[1][created]=true", ["Ann Q"]),
    ],
)
async def test_values_get_the_types_of_their_fields(people: People, query: str, expected: list[str]) -> None:
    assert await people.names(query) == expected


async def test_selected_fields_come_with_the_id(people: People) -> None:
    record = people.records[0]
    for query in ("$select[]=name", "$select[0]=name"):
        response = await people.rest.get(f"{people.path}/{record['_id']}?{query}")
        assert response.json() == {"_id": record["_id"], "name": "Ann Q"}
    found = await people.rest.get(f"{people.path}?{TAGGED}&age=9&$select[]=age")
    assert found.json() == [{"_id": record["_id"], "age": 9}]


async def test_an_id_is_found_among_others_as_text(people: People) -> None:
    first, second, _ = people.records
    query = f"_id[$in][]={first['_id']}&_id[$in][]={second['_id']}&$sort[age]=1"
    assert await people.names(query) == ["Ann Q", "Bob Q"]
    assert await people.names(f"_id={second['_id']}") == ["Bob Q"]


async def test_the_query_narrows_get_update_patch_and_remove(people: People) -> None:
    path = f"{people.path}/{people.records[0]['_id']}"
    missing = error("NotFound", 404, f"No record found for id '{people.records[0]['_id']}'")
    for verb, data in (("GET", None), ("PUT", {"name": "x"}), ("PATCH", {"name": "x"}), ("DELETE", None)):
        response = await people.rest.request(verb, f"{path}?age=30", json=data)
        assert (response.status_code, response.json()) == (404, missing)
    assert (await people.rest.get(f"{path}?age=9")).json()["name"] == "Ann Q"


@pytest.mark.parametrize("id", ["nope", "123456789", "0" * 24, "a%20b", "%C3%A9", "%24ne", "null"])
async def test_an_id_that_nobody_has_is_not_found(people: People, id: str) -> None:
    for verb in ("GET", "PUT", "PATCH", "DELETE"):
        data = {"name": "x"} if verb.startswith("P") else None
        response = await people.rest.request(verb, f"{people.path}/{id}", json=data)
        assert response.status_code == 404
        body = response.json()
        assert (body["name"], body["className"]) == ("NotFound", "not-found")
        assert body["message"].startswith("No record found for id '")


@pytest.mark.parametrize(
    ("query", "message", "data"),
    [
        ("$where=1", "Invalid filter value $where", None),
        ("$regex=a", "Invalid filter value $regex", None),
        ("$populate=x", "Invalid filter value $populate", None),
        ("name[$regex]=a", "Invalid query parameter $regex", {"$regex": "a"}),
        ("name[$where]=a", "Invalid query parameter $where", {"$where": "a"}),
        ("$or[0][$where]=a", "Invalid query parameter $where", {"$where": "a"}),
        ("$and[0][name][$exists]=a", "Invalid query parameter $exists", {"$exists": "a"}),
        ("$or[0][0][$where]=a", "Invalid query parameter $where", {"$where": "a"}),
        ("$select[$where]=a", "Invalid query parameter $where", {"$where": "a"}),
        ("$sort[$where]=a", "Invalid query parameter $where", {"$where": "a"}),
    ],
)
@pytest.mark.parametrize("name", ["people", "people-mongo", "people-beanie"])
async def test_operators_that_are_not_allowed_are_refused(
    rest: httpx2.AsyncClient, name: str, query: str, message: str, data: Json | None
) -> None:
    response = await rest.get(f"/{name}?{query}")
    expected = error("BadRequest", 400, message)
    assert response.json() == (expected if data is None else {**expected, "data": data})
    for verb in ("PATCH", "DELETE"):
        body = {"name": "x"} if verb == "PATCH" else None
        assert (await rest.request(verb, f"/{name}/1?{query}", json=body)).status_code == 400


async def test_pages_say_what_they_are_part_of(people: People) -> None:
    async def page(query: str, **options: Any) -> Any:
        text = quote(json.dumps({"paginate": options}))
        response = await people.rest.get(f"{people.path}?{TAGGED}&$sort[age]=1&$conformance={text}&{query}")
        found = response.json()
        return {**found, "data": [one["age"] for one in found["data"]]}

    pages: dict[str, Json] = {
        "": {"total": 3, "limit": 2, "skip": 0, "data": [9, 30]},
        "$skip=2": {"total": 3, "limit": 2, "skip": 2, "data": [101]},
        "$limit=1": {"total": 3, "limit": 1, "skip": 0, "data": [9]},
        "$limit=1000": {"total": 3, "limit": 2, "skip": 0, "data": [9, 30]},
        "$limit=0": {"total": 3, "limit": 0, "skip": 0, "data": []},
    }
    for query, expected in pages.items():
        assert await page(query, default=2, max=2) == expected, query


@pytest.mark.parametrize(("text", "limit"), [("-1", 2), ("x", 2), ("", 2), ("1x", 1)])
@pytest.mark.parametrize("name", ["people", "people-mongo", "people-beanie"])
async def test_a_limit_that_is_no_count_is_the_default(
    rest: httpx2.AsyncClient, name: str, text: str, limit: int
) -> None:
    options = quote(json.dumps({"paginate": {"default": 2, "max": 5}}))
    page = await rest.get(f"/{name}?$conformance={options}&$limit={text}")
    assert page.json()["limit"] == limit


@pytest.mark.parametrize(
    "query",
    [
        *("nope=1", "password=x", "name[$regex]=x", "$select[]=nope", "$sort[nope]=1", "$or[0][nope]=1"),
        *("age=old", "created=perhaps", "age[$in][]=old"),
    ],
)
async def test_a_query_schema_refuses_what_it_does_not_know(rest: httpx2.AsyncClient, query: str) -> None:
    response = await rest.get(f"/people-schema?{query}")
    assert response.status_code == 400
    assert response.json()["name"] == "BadRequest"


async def test_a_schema_names_an_unknown_field(rest: httpx2.AsyncClient) -> None:
    for response in (
        await rest.get("/people-schema?nope=1"),
        await rest.post("/people-schema", json={"name": "x", "nope": 1}),
        await rest.patch("/people-schema/1", json={"nope": 1}),
    ):
        body = response.json()
        assert (response.status_code, body["message"]) == (400, "validation failed")
        assert set(body["errors"]) == {"nope"}
        assert [problem["params"] for problem in body["data"]] == [{"additionalProperty": "nope"}]
