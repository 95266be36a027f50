"""Records as they were before conversations had a revision."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import argon2
from bson import ObjectId
from pymongo import ASCENDING, TEXT
from pymongo.asynchronous.database import AsyncDatabase

Mongo = AsyncDatabase[dict[str, Any]]
Record = dict[str, Any]

BEGAN: Final = datetime(2025, 9, 1, 7, tzinfo=UTC)
PASSWORD: Final = "long-enough"
HASH: Final = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
WHOLE: Final = [
    ("ada", "Photosynthesis is our homework", None),
    ("ben", "Which page?", 0),
    ("ada", "Said by mistake", None),
    ("ada", "Page twelve", 1),
]
"""Who says what, and which of them it answers; the third was removed."""


class OldSchool:
    """A school as it was written before conversations had a revision."""

    def __init__(self) -> None:
        self.id, self.ada, self.ben, self.lesson = [ObjectId() for _ in range(4)]
        self.whole, self.torn = ObjectId(), ObjectId()
        self.messages = [ObjectId() for _ in WHOLE]
        self.torn_messages = [ObjectId() for _ in range(4)]

    async def store(self, database: Mongo) -> None:
        settings = {"editWindowMinutes": None, "retentionDays": None, "maxGroupMembers": 1000}
        school = {"_id": self.id, "createdAt": BEGAN, "name": "The old school", "slug": "old"}
        await database["schools"].insert_one({**school, "timezone": "UTC", "settings": settings})
        await database["users"].insert_many(
            [self._user(self.ada, "ada", "teacher"), self._user(self.ben, "ben", "student")]
        )
        preference = self._record(userId=self.ben, level="mentions", duringQuietHours=False)
        await database["notification-preferences"].insert_one(preference)
        await database["classes"].insert_one(self._record(_id=self.lesson, name="Latin", subject=None))
        seqs = [1, 2, 7, 1000]
        messages = [self._said(number, *said) for number, said in enumerate(WHOLE)]
        torn = [
            self._message(self.torn, seq, self.ada, f"Number {seq}", _id=one)
            for seq, one in zip(seqs, self.torn_messages, strict=True)
        ]
        await database["messages"].insert_many([*messages, *torn])
        await database["conversations"].insert_many(
            [self._conversation(self.whole, messages[-1]), self._conversation(self.torn, torn[-1])]
        )
        await database["members"].insert_many(
            [
                self._member(self.whole, self.ada, "admin", 4),
                self._member(self.whole, self.ben, "member", 2),
                self._member(self.torn, self.ada, "admin", 1000),
                self._member(self.torn, self.ben, "member", 7),
            ]
        )
        await database["messages"].create_index(
            [("schoolId", ASCENDING), ("content", TEXT)], name="schoolId_content_text"
        )

    def _said(self, number: int, name: str, content: str, answers: int | None) -> Record:
        message = self._message(
            self.whole,
            number + 1,
            self.ada if name == "ada" else self.ben,
            content,
            _id=self.messages[number],
            replyTo=None if answers is None else self.messages[answers],
        )
        if number == 2:
            message |= {"deletedAt": BEGAN + timedelta(days=1), "deletedBy": self.ada}
        return message

    def _record(self, **fields: Any) -> Record:
        return {"_id": ObjectId(), "schoolId": self.id, "createdAt": BEGAN, **fields}

    def _user(self, one: ObjectId, name: str, role: str) -> Record:
        user = self._record(_id=one, email=f"{name}@old.example", collegeId=None, name=name, role=role)
        return {**user, "password": HASH, "avatar": None, "lastSeenAt": None}

    def _conversation(self, one: ObjectId, newest: Record) -> Record:
        shown = {name: newest[name] for name in ("seq", "senderId", "type", "content", "createdAt")}
        return self._record(
            _id=one,
            kind="group",
            name="A talk",
            description=None,
            classId=None,
            teamId=None,
            createdBy=self.ada,
            directKey=None,
            clock=newest["seq"],
            lastMessage=shown,
            lastMessageAt=newest["createdAt"],
            memberCount=2,
        )

    def _member(self, conversation: ObjectId, user: ObjectId, role: str, read: int) -> Record:
        cursors = {"deliveredSeq": read, "readSeq": read, "readAt": BEGAN, "mutedUntil": None}
        return self._record(conversationId=conversation, userId=user, role=role, joinedAt=BEGAN, **cursors)

    def _message(
        self, conversation: ObjectId, seq: int, sender: ObjectId, content: str, **more: Any
    ) -> Record:
        return self._record(
            conversationId=conversation,
            senderId=sender,
            type="text",
            content=content,
            attachments=[],
            seq=seq,
            idempotencyKey=None,
            fingerprint=None,
            **{"replyTo": None, **more},
            mentions=[],
            editedAt=None,
            deletedAt=None,
            deletedBy=None,
            pinnedAt=None,
        )

    async def lengthen(self, database: Mongo, count: int) -> None:
        """Let so many messages follow, without what a list of conversations shows of them."""
        await database["messages"].insert_many(
            self._message(self.whole, seq, self.ben, f"Number {seq}") for seq in range(5, count + 5)
        )
        await database["conversations"].update_one({"_id": self.whole}, {"$inc": {"clock": count}})
