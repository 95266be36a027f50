from __future__ import annotations

from typing import Any

from bson import ObjectId

from stonechat.core.adapters.fields import ModelFields
from stonechat.models import Message
from stonechat.models.record import now
from stonechat.services.messages.document import document_of
from tests.support.school import School

IDS = ("_id", "conversationId", "senderId", "schoolId")
SAID: dict[str, Any] = {"content": "Hello", "type": "text", "seq": 1, "words": ["hello"]}


async def test_a_message_is_stored_as_its_model_would_have_it(school: School) -> None:
    """``school`` has bound the models."""
    assert school.app.is_set_up
    message = {**{name: ObjectId() for name in IDS}, **SAID, "createdAt": now(), "revision": 3}
    assert document_of(message) == ModelFields(Message).document(message)


def test_two_messages_share_no_list() -> None:
    assert document_of({})["reactions"] is not document_of({})["reactions"]
