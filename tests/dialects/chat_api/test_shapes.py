"""What the Chat System says of the school's records and errors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from stonechat.core.errors import BadRequest, FeathersError, Forbidden
from stonechat.core.schema import invalid
from stonechat.dialects.chat_api.shapes import conversation_of, error_of, message_of, pair_of

ADA, BEN = str(ObjectId()), str(ObjectId())
START = datetime(2026, 11, 1, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def message(**more: Any) -> dict[str, Any]:
    said = {"_id": ObjectId(), "conversationId": ObjectId(), "senderId": ObjectId(ADA), "seq": 5}
    return {**said, "content": "Hello", "attachments": [], "createdAt": START, **more}


def place(read: int) -> dict[str, Any]:
    return {"readSeq": read, "readAt": START + MINUTE}


def test_a_conversation_of_more_people_is_no_pair() -> None:
    assert pair_of({"kind": "group", "directKey": None}) is None
    assert pair_of({"kind": "direct", "directKey": f"{ADA}:{BEN}"}) == (ADA, BEN)


def test_the_receiver_is_the_one_who_has_not_sent_it() -> None:
    shown = message_of(message(), (ADA, BEN))
    assert (str(shown["sender_id"]), shown["receiver_id"]) == (ADA, BEN)
    assert message_of(message(senderId=ObjectId(BEN)), (ADA, BEN))["receiver_id"] == ADA


@pytest.mark.parametrize(("read", "is_read"), [(4, False), (5, True), (6, True)])
def test_a_message_is_read_when_the_cursor_of_its_receiver_has_reached_it(read: int, is_read: bool) -> None:
    shown = message_of(message(), (ADA, BEN), {ADA: place(9), BEN: place(read)})
    assert (shown["is_read"], shown["read_at"]) == (is_read, START + MINUTE if is_read else None)
    assert shown["updatedAt"] == (START + MINUTE if is_read else START)


def test_a_message_was_updated_when_it_was_last_changed() -> None:
    changed = message(editedAt=START + MINUTE, deletedAt=START + 2 * MINUTE)
    assert message_of(changed, (ADA, BEN))["updatedAt"] == START + 2 * MINUTE


def test_a_conversation_without_messages_was_updated_when_it_was_made() -> None:
    empty = {"_id": ObjectId(), "createdAt": START, "lastMessage": None, "lastMessageAt": None}
    shown = conversation_of(empty, (ADA, BEN), None)
    assert (shown["last_message"], shown["last_message_at"], shown["unread_count"]) == (None, None, 0)
    assert shown["updatedAt"] == START


@pytest.mark.parametrize(
    ("error", "body"),
    [
        (invalid("memberIds", "no such user"), {"receiver_id": "no such user"}),
        (invalid("attachments.0.url", "Not a valid URL."), {"attachment_url": "Not a valid URL."}),
        (invalid("content", "is missing"), {"content": "is missing"}),
    ],
)
def test_errors_name_the_fields_that_the_client_knows(error: BadRequest, body: dict[str, str]) -> None:
    assert error_of(error) == {"message": "validation failed", "errors": body}


def test_a_code_is_told_with_the_error() -> None:
    error: FeathersError = Forbidden("Too late", {"code": "EDIT_WINDOW_EXPIRED"})
    assert error_of(error) == {"message": "Too late", "code": "EDIT_WINDOW_EXPIRED"}
