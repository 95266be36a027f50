from datetime import UTC, datetime
from typing import Any

import pytest
from bson import ObjectId
from marshmallow import Schema, fields

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.context import Params
from stonechat.core.errors import BadRequest
from stonechat.core.schema import Id, choice, count, field_types, moment, text

ID = "0123456789abcdef01234567"


class Home(Schema):
    city = text(20)
    number = count()


class Pupil(Schema):
    classId = Id()  # noqa: N815 - names are the wire's
    kind = choice(("day", "boarder"))
    born = moment()
    age = count()
    height = fields.Float()
    active = fields.Boolean()
    tags = fields.List(fields.String())
    home = fields.Nested(Home)
    homes: fields.List[Any] = fields.List(fields.Nested(Home))
    extra = fields.Raw()


def test_a_schema_tells_an_adapter_the_types_of_its_fields() -> None:
    assert field_types(Pupil()) == {
        "classId": ObjectId,
        "kind": str,
        "born": datetime,
        "age": int,
        "height": float,
        "active": bool,
        "tags": str,
        "home.city": str,
        "home.number": int,
        "homes.city": str,
        "homes.number": int,
    }


@pytest.mark.parametrize(
    "query",
    [
        {"age": "7"},
        {"age": {"$in": ["7", "8"]}},
        {"active": "true"},
        {"classId": ID},
        {"born": "2015-01-02T03:04:05Z"},
        {"homes.number": "4"},
    ],
)
async def test_an_adapter_finds_by_the_text_of_a_query_string(query: dict[str, Any]) -> None:
    pupil = {
        "age": 7,
        "active": True,
        "classId": ObjectId(ID),
        "born": datetime(2015, 1, 2, 3, 4, 5, tzinfo=UTC),
        "homes": [{"number": 4}],
    }
    service = MemoryService(store={1: pupil}, fields=field_types(Pupil()))
    assert len(await service.find(Params(query=query))) == 1
    with pytest.raises(BadRequest):
        await service.find(Params(query={"age": "many"}))
