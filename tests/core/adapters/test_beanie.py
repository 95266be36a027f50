from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, cast
from uuid import UUID

import beanie
import pytest
from beanie import Document, PydanticObjectId
from bson import Decimal128, ObjectId
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic.alias_generators import to_camel
from pymongo.asynchronous.database import AsyncDatabase

from stonechat.core.adapters.beanie import BeanieService
from stonechat.core.context import Params
from stonechat.core.errors import BadRequest, NotFound

Record = dict[str, Any]

CAMEL = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Kind(StrEnum):
    DIRECT = "direct"
    GROUP = "group"


class Reaction(BaseModel):
    model_config = CAMEL

    user_id: PydanticObjectId
    given_at: datetime


class Message(Document):
    model_config = CAMEL

    sender_id: PydanticObjectId
    content: Annotated[str, Field(min_length=1, max_length=10)]
    kind: Kind = Kind.GROUP
    seq: int = 0
    edited: bool | None = None
    sent_at: datetime | None = None
    due_on: date | None = None
    price: Decimal | None = None
    key: UUID | None = None
    read_by: list[PydanticObjectId] = Field(default=[])
    reactions: list[Reaction] = Field(default=[])
    replies: list[Message] = Field(default=[])
    extra: dict[str, Any] = Field(default={})
    internal: str = Field(default="x", exclude=True)

    @field_validator("content")
    @classmethod
    def not_only_spaces(cls, content: str) -> str:
        if not content.strip():
            raise ValueError("says nothing")
        return content.strip()

    @model_validator(mode="after")
    def of_somebody(self) -> Message:
        if self.kind is Kind.DIRECT and not self.read_by:
            raise ValueError("a direct message has a reader")
        return self

    class Settings:
        name = "messages"


class Setting(Document):
    id: str = Field(default="", alias="_id")  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride]
    value: int

    class Settings:
        name = "settings"


SENDER = ObjectId()


@pytest.fixture
async def messages(database: AsyncDatabase[Record]) -> BeanieService:
    await cast("Any", beanie).init_beanie(database=database, document_models=[Message, Setting])
    return BeanieService(Message, multi=True)


async def create(service: BeanieService, **data: Any) -> Record:
    return cast("Record", await service.create({"senderId": str(SENDER), "content": "hi", **data}))


async def errors_of(call: Any) -> dict[str, str]:
    with pytest.raises(BadRequest) as refused:
        await call
    return cast("dict[str, str]", refused.value.errors)


async def test_a_created_document_has_the_models_defaults_and_types(messages: BeanieService) -> None:
    created = await create(messages, sentAt="2024-05-01T12:00:00.123456Z", content=" hi ", price="1.50")
    assert created["senderId"] == SENDER
    assert created["content"] == "hi"
    assert created["kind"] == "group"
    assert created["readBy"] == []
    assert created["sentAt"] == datetime(2024, 5, 1, 12, 0, 0, 123000, tzinfo=UTC)
    assert "internal" not in created
    assert "revisionId" not in created
    assert "id" not in created
    assert created == await messages.get(created["_id"])
    assert created["price"] == Decimal128("1.50")


async def test_every_field_at_fault_is_named(messages: BeanieService) -> None:
    data = {
        "content": " ",
        "seq": "many",
        "kind": "shout",
        "reactions": [{"userId": str(SENDER)}],
        "admin": True,
        "sender_id": str(SENDER),
        "id": str(ObjectId()),
        "internal": "y",
        "revisionId": None,
    }
    errors = await errors_of(messages.create(data))
    assert errors == {
        "senderId": "Field required",
        "content": "says nothing",
        "seq": errors["seq"],
        "kind": errors["kind"],
        "reactions.0.givenAt": "Field required",
        "admin": "unknown field",
        "sender_id": "unknown field",
        "id": "unknown field",
        "internal": "unknown field",
        "revisionId": "unknown field",
    }
    assert await messages.find() == []


async def test_an_unknown_field_alone_is_refused(messages: BeanieService) -> None:
    data = {"senderId": SENDER, "content": "hi", "isAdmin": True}
    assert await errors_of(messages.create(data)) == {"isAdmin": "unknown field"}
    message = await create(messages)
    assert await errors_of(messages.update(message["_id"], data)) == {"isAdmin": "unknown field"}
    assert await errors_of(messages.patch(message["_id"], {"isAdmin": True})) == {"isAdmin": "unknown field"}


async def test_a_patch_validates_its_fields_alone(messages: BeanieService) -> None:
    message = await create(messages)
    patched = await messages.patch(
        message["_id"], {"content": " new ", "dueOn": "2024-05-01", "readBy": [str(SENDER)]}
    )
    assert cast("Record", patched)["content"] == "new"
    assert cast("Record", patched)["readBy"] == [SENDER]
    assert cast("Record", patched)["dueOn"] == datetime(2024, 5, 1, tzinfo=UTC)
    faults = {"content": "", "seq": [], "edited": "maybe", "reactions": [{"userId": 5}], "senderId": None}
    errors = await errors_of(messages.patch(message["_id"], faults))
    assert set(errors) == {
        "content",
        "seq",
        "edited",
        "reactions.0.userId",
        "reactions.0.givenAt",
        "senderId",
    }
    assert await errors_of(messages.patch(None, {"content": "  "})) == {"content": "says nothing"}
    assert await messages.get(message["_id"]) == patched


async def test_null_is_no_id(messages: BeanieService) -> None:
    """Of None the model's own type would make a new id."""
    message = await create(messages)
    data = {"senderId": None, "content": "hi", "readBy": [None], "reactions": [{"userId": None}]}
    faults = dict.fromkeys(("senderId", "readBy", "reactions.userId"), "must be an id")
    for call in (
        messages.create(data),
        messages.update(message["_id"], data),
        messages.patch(message["_id"], data),
    ):
        assert faults.items() <= (await errors_of(call)).items()
    assert await messages.find() == [message]


async def test_an_update_gets_defaults_and_the_rules_of_the_whole_model(messages: BeanieService) -> None:
    message = await create(messages, seq=7, edited=True)
    updated = await messages.update(message["_id"], {"senderId": SENDER, "content": "again"})
    assert (updated["_id"], updated["seq"], updated["edited"]) == (message["_id"], 0, None)
    data = {"senderId": SENDER, "content": "psst", "kind": "direct"}
    assert await errors_of(messages.update(message["_id"], data)) == {"": "a direct message has a reader"}


@pytest.mark.parametrize(
    "query",
    [
        {"senderId": str(SENDER)},
        {"senderId": {"$in": [str(SENDER), str(ObjectId())]}},
        {"kind": "group"},
        {"kind": {"$nin": ["direct"]}},
        {"seq": {"$gt": "6.5"}},
        {"edited": "true"},
        {"sentAt": {"$lt": "2024-05-01T12:00:01Z"}},
        {"dueOn": "2024-05-01"},
        {"dueOn": {"$gt": "2024-04-30"}},
        {"price": {"$lt": "2"}},
        {"key": "12345678123456781234567812345678"},
        {"readBy": str(SENDER)},
        {"readBy": [str(SENDER)]},
        {"readBy.0": str(SENDER)},
        {"reactions.userId": str(SENDER)},
        {"reactions.0.givenAt": {"$gte": "2024-05-01T12:00:00Z"}},
        {"replies.senderId": {"$ne": str(SENDER)}},
        {"extra.anything": "5"},
        {"content": "x" * 100, "$or": [{"seq": "1"}], "$limit": "0"},
    ],
)
async def test_queries_get_the_types_of_the_model(messages: BeanieService, query: Record) -> None:
    message = await create(
        messages,
        seq=7,
        edited=True,
        sentAt="2024-05-01T12:00:00Z",
        dueOn="2024-05-01",
        price="1.5",
        key="12345678-1234-5678-1234-567812345678",
        readBy=[str(SENDER)],
        reactions=[{"userId": str(SENDER), "givenAt": "2024-05-01T12:00:00Z"}],
        extra={"anything": "5"},
    )
    expected = [] if "$limit" in query else [message]
    assert await messages.find(Params(query=query, provider="rest")) == expected


@pytest.mark.parametrize(
    "query",
    [{"kind": "shout"}, {"senderId": "x"}, {"reactions.userId": 5}, {"key": "x"}, {"dueOn": "some day"}],
)
async def test_a_value_that_is_none_of_the_fields_is_refused(messages: BeanieService, query: Record) -> None:
    assert list(await errors_of(messages.find(Params(query=query)))) == list(query)


async def test_the_query_is_not_held_to_the_rules_for_data(messages: BeanieService) -> None:
    assert await messages.find(Params(query={"content": "x" * 100})) == []


async def test_an_id_may_have_another_type(messages: BeanieService) -> None:
    settings = BeanieService(Setting)
    created = await settings.create({"_id": "theme", "value": 1})
    assert created == {"_id": "theme", "value": 1}
    assert await settings.update("theme", {"value": "2"}) == {"_id": "theme", "value": 2}
    assert await settings.get("theme") == {"_id": "theme", "value": 2}
    with pytest.raises(NotFound):
        await settings.get(5)


async def test_fields_can_be_given_a_type_of_their_own(messages: BeanieService) -> None:
    await create(messages, extra={"level": 5})
    service = BeanieService(Message, fields={"extra.level": int})
    assert len(await service.find(Params(query={"extra.level": {"$gt": "4"}}))) == 1
