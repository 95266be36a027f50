from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, strategies as st

from stonechat.core.errors import BadRequest, PayloadTooLarge
from stonechat.core.shapes import is_list, is_mapping
from stonechat.core.transports.rest.requests import parse_query, read_body
from stonechat.core.transports.web import path_segments

# What `qs` 6.14 answers with `arrayLimit: 1000`, the parser of Feathers' servers.
QUERIES: list[tuple[str, dict[str, Any]]] = [
    ("", {}),
    ("a=1", {"a": "1"}),
    ("a=", {"a": ""}),
    ("a", {"a": ""}),
    ("a&b", {"a": "", "b": ""}),
    ("=x", {}),
    ("&&a=1&&", {"a": "1"}),
    ("a=b=c", {"a": "b=c"}),
    ("a+b=c+d", {"a b": "c d"}),
    ("a%20b=c%2Bd", {"a b": "c+d"}),
    ("a.b=1", {"a.b": "1"}),
    ("%24in=1", {"$in": "1"}),
    ("%C3%A9=%F0%9F%98%80", {"é": "😀"}),
    ("a=%zz", {"a": "%zz"}),
    ("a[b]=1", {"a": {"b": "1"}}),
    ("a%5Bb%5D=1", {"a": {"b": "1"}}),
    ("a[b]=c=d", {"a": {"b": "c=d"}}),
    ("a[b][c]=1&a[b][d]=2", {"a": {"b": {"c": "1", "d": "2"}}}),
    ("a[b][c][d][e][f]=1", {"a": {"b": {"c": {"d": {"e": {"f": "1"}}}}}}),
    ("a[b][c][d][e][f][g]=1", {"a": {"b": {"c": {"d": {"e": {"f": {"[g]": "1"}}}}}}}),
    ("a[b][c][d][e][f][g][h]=1", {"a": {"b": {"c": {"d": {"e": {"f": {"[g][h]": "1"}}}}}}}),
    ("[b][c][d][e][f][g]=1", {"b": {"c": {"d": {"e": {"f": {"[g]": "1"}}}}}}),
    ("a=1&a=2", {"a": ["1", "2"]}),
    ("a=1&b=2&a=1&a=3", {"a": ["1", "1", "3"], "b": "2"}),
    ("a[]=1", {"a": ["1"]}),
    ("a[]=1&a[]=2", {"a": ["1", "2"]}),
    ("a[0]=1&a[1]=2", {"a": ["1", "2"]}),
    ("a[1]=2&a[0]=1", {"a": ["1", "2"]}),
    ("a[10]=3&a[9]=2&a[1]=1", {"a": ["1", "2", "3"]}),
    ("s2[5]=x", {"s2": ["x"]}),
    ("a[0]=y&a[]=x", {"a": ["y", "x"]}),
    ("a=1&a[]=2", {"a": ["1", "2"]}),
    ("a[]=1&a=2", {"a": ["1", "2"]}),
    ("a[0]=1&a=2", {"a": ["1", "2"]}),
    ("a[b]=1&a=2", {"a": [{"b": "1"}, "2"]}),
    ("a[0][]=1&a[0][]=2", {"a": [["1", "2"]]}),
    ("a[0][b]=1&a[0][c]=2&a[1][b]=3", {"a": [{"b": "1", "c": "2"}, {"b": "3"}]}),
    ("a[][b]=1&a[][c]=2", {"a": [{"b": "1", "c": "2"}]}),
    ("a[0]=x&a[b]=y", {"a": {"0": "x", "b": "y"}}),
    ("a[]=x&a[]=z&a[b]=y", {"a": {"0": "x", "1": "z", "b": "y"}}),
    ("a=1&a[b]=2", {"a": ["1", {"b": "2"}]}),
    ("a[01]=x", {"a": {"01": "x"}}),
    ("a[-1]=x", {"a": {"-1": "x"}}),
    ("a[1001]=x", {"a": {"1001": "x"}}),
    ("[0]=a&[1]=b", {"0": "a", "1": "b"}),
    ("a[b=1", {"a[b": "1"}),
    ("a]b=1", {"a]b": "1"}),
    ("a[[b]]=1", {"a[": {"b": "1"}}),
    ("a[b]c=1", {"a": {"b": "1"}}),
    ("a[__proto__][b]=1&c=2", {"c": "2"}),
    ("__proto__[b]=1&[__proto__]=1&c=2", {"c": "2"}),
    (
        "name[$in][0]=Ada&name[$in][1]=Bo&$sort[name]=-1&$limit=5&$select[]=name",
        {"name": {"$in": ["Ada", "Bo"]}, "$sort": {"name": "-1"}, "$limit": "5", "$select": ["name"]},
    ),
    ("$or[0][a]=1&$or[1][b][$gt]=2", {"$or": [{"a": "1"}, {"b": {"$gt": "2"}}]}),
]

KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="[]"), min_size=1).filter(
    lambda key: key != "__proto__" and not key.isdecimal()
)
LEAVES = st.text(st.characters(exclude_categories=["Cs"]))


def nested(depth: int) -> st.SearchStrategy[Any]:
    if depth == 0:
        return LEAVES
    inner = nested(depth - 1)
    return (
        LEAVES
        | st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(KEYS, inner, min_size=1, max_size=3)
    )


def stringify(value: Any, key: str) -> list[str]:
    """As Feathers' client writes a query: with indices, everything encoded."""
    if isinstance(value, str):
        return [f"{quote(key, safe='')}={quote(value, safe='')}"]
    items: Any = value.items() if is_mapping(value) else enumerate(value)
    return [pair for name, item in items for pair in stringify(item, f"{key}[{name}]" if key else str(name))]


@pytest.mark.parametrize(("text", "expected"), QUERIES)
def test_queries_are_read_as_qs_reads_them(text: str, expected: dict[str, Any]) -> None:
    assert parse_query(text) == expected


@given(st.dictionaries(KEYS, nested(5), max_size=3))
def test_what_a_client_writes_is_read_back(query: dict[str, Any]) -> None:
    assert parse_query("&".join(stringify(query, ""))) == query


@given(st.text() | st.text("a0[]=&%+$2") | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_any_text_is_read(text: str) -> None:
    assert _leaves_are_texts(parse_query(text))


def _leaves_are_texts(value: Any) -> bool:
    if is_mapping(value):
        return all(map(_leaves_are_texts, value.values()))
    return all(map(_leaves_are_texts, value)) if is_list(value) else isinstance(value, str)


def test_a_list_of_a_thousand_is_a_list() -> None:
    items = [str(number) for number in range(1000)]
    assert parse_query("&".join(f"a[{at}]={item}" for at, item in enumerate(items))) == {"a": items}


def test_more_than_a_thousand_parameters_are_refused() -> None:
    with pytest.raises(BadRequest, match="more than 2000 parameters"):
        parse_query("&".join(["a=1"] * 2001))


@pytest.mark.parametrize("index", ["9" * 5_000, "٣", "²"])
def test_an_odd_index_is_a_name(index: str) -> None:
    assert parse_query(f"a[{index}]=x") == {"a": {index: "x"}}


def test_deep_nesting_costs_nothing() -> None:
    assert list(parse_query("a" + "[b]" * 50_000 + "=1")) == ["a"]


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        (b"/", []),
        (b"/users/5", ["users", "5"]),
        (b"//users//5/", ["users", "5"]),
        (b"/users/a%2Fb", ["users", "a/b"]),
        (b"/users/%2F", ["users", "/"]),
        (b"/users/a%20b+c", ["users", "a b+c"]),
        (b"/users/%C3%A9", ["users", "é"]),
        (b"/users/%zz", ["users", "%zz"]),
        (b"/users/%FF", ["users", "\ufffd"]),
        (b"/users/5%3Fx?y=%2F", ["users", "5?x"]),
    ],
)
def test_segments_are_decoded_one_by_one(raw: bytes, parts: list[str]) -> None:
    scope = {"raw_path": raw, "path": raw.partition(b"?")[0].decode("latin-1")}
    assert path_segments(scope) == parts


def test_a_server_may_not_know_the_raw_path() -> None:
    assert path_segments({"path": "/users/é"}) == ["users", "é"]


JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


async def body(*chunks: bytes, kind: str | None = JSON, limit: int = 100, ends: bool = True) -> Any:
    """Read ``chunks``; the client leaves behind the last of them if it does not end."""
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": chunk, "more_body": not ends or at < len(chunks) - 1}
        for at, chunk in enumerate(chunks)
    ]
    messages.append({"type": "http.disconnect"})

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    return await read_body({} if kind is None else {"content-type": kind}, receive, limit)


@pytest.mark.parametrize(
    "kind", [JSON, "application/json; charset=utf-8", "Application/JSON", "application/ld+json", None]
)
async def test_json_is_read(kind: str | None) -> None:
    assert await body(b'{"a":', b" [1,null]}", kind=kind) == {"a": [1, None]}


async def test_forms_are_read_as_queries_are() -> None:
    assert await body(b"name=Ada+L&tags[]=x&ta", b"gs[]=y&at%5Bb%5D=1", kind=FORM) == {
        "name": "Ada L",
        "tags": ["x", "y"],
        "at": {"b": "1"},
    }


@pytest.mark.parametrize("kind", [JSON, FORM, "text/plain", None])
async def test_an_empty_body_is_an_empty_object(kind: str | None) -> None:
    assert await body(b"", kind=kind) == {}


@pytest.mark.parametrize("text", [b"{", b"nope", b"{'a': 1}", b'{"a":1}{', b"\xff\xfe", b"NaN"])
async def test_malformed_json_is_refused(text: bytes) -> None:
    with pytest.raises(BadRequest, match="The body is not valid JSON"):
        await body(text)


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "text/json"])
async def test_other_kinds_of_body_are_refused_by_name(kind: str) -> None:
    with pytest.raises(BadRequest, match="The body must be application/json, not") as raised:
        await body(b"{}", kind=kind)
    assert raised.value.data == {"contentType": kind.partition(";")[0]}


async def test_a_body_of_just_the_limit_is_read() -> None:
    assert await body(json.dumps("x" * 98).encode()) == "x" * 98


@pytest.mark.parametrize("chunks", [[b"x" * 101], [b"x" * 60, b"x" * 41], [b"x"] * 101])
async def test_a_body_beyond_the_limit_is_refused(chunks: list[bytes]) -> None:
    with pytest.raises(PayloadTooLarge, match="The body exceeds 100 bytes") as raised:
        await body(*chunks)
    assert raised.value.data == {"limit": 100}


async def test_a_body_that_says_it_is_too_large_is_not_read() -> None:
    async def receive() -> dict[str, Any]:
        raise AssertionError("must not be called")

    with pytest.raises(PayloadTooLarge):
        await read_body({"content-length": "101"}, receive, 100)


@pytest.mark.parametrize("length", ["-1", "x", "", "\xb2"])
async def test_an_odd_length_is_not_believed(length: str) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"{}"}

    assert await read_body({"content-length": length}, receive, 100) == {}


@pytest.mark.parametrize("kind", [JSON, FORM])
async def test_half_a_body_is_nothing(kind: str) -> None:
    with pytest.raises(BadRequest, match="The client left"):
        await body(b"a=1&b=", kind=kind, ends=False)
