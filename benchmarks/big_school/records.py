"""The records of a big school, made up: the same ones for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final

import argon2
from bson import ObjectId

from stonechat.models.conversation import PREVIEW
from stonechat.models.words import words_of

PASSWORD: Final = "as-big-as-it-gets"  # noqa: S105 - of made-up people
SLUG: Final = "big-school"
READER: Final = "reader@big.example"
"""Has read nearly everything."""
SLEEPER: Final = "sleeper@big.example"
"""Is in the same conversations, and has never read anything."""

PEOPLE: Final = 1000
OF_READER: Final = 200
"""Conversations that the two of them are in."""
LARGEST_GROUP: Final = 30
COMMON_WORD: Final = "homework"
RARE_WORD: Final = "quokka"
RARE_EVERY: Final = 5000
CONTENTS: Final = 20_000
BEGAN: Final = datetime(2025, 9, 1, 7, tzinfo=UTC)
SYLLABLES: Final = (
    "ba",
    "co",
    "du",
    "fi",
    "ga",
    "he",
    "jo",
    "ku",
    "la",
    "me",
    "ni",
    "po",
    "ra",
    "so",
    "tu",
    "xo",
)

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation with all that belongs to it."""

    record: Record
    members: list[Record]
    messages: list[Record]
    reactions: list[Record] = field(default_factory=list[Record])


class BigSchool:
    """``messages`` are spread over ``conversations`` as in life: a few are long, most are short."""

    def __init__(self, messages: int, conversations: int, seed: int = 1) -> None:
        self._random = random.Random(seed)  # noqa: S311 - nothing secret comes of it
        self.id = ObjectId()
        self.sizes = _sizes(messages, conversations)
        self._step = max(1, conversations // OF_READER)
        self._contents = [self._content() for _ in range(min(CONTENTS, messages))]
        password = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
        emails = [READER, SLEEPER, *(f"person-{number}@big.example" for number in range(PEOPLE))]
        self.users: list[Record] = [self._user(email, password) for email in emails]
        self._written = count(1)

    def school(self) -> Record:
        settings = {"editWindowMinutes": 15, "maxGroupMembers": 1000}
        fields = {"name": "Big School", "slug": SLUG, "timezone": "UTC", "settings": settings}
        return {"_id": self.id, "createdAt": BEGAN, **fields}

    def conversations(self) -> Iterator[Conversation]:
        for number, size in enumerate(self.sizes):
            yield self._conversation(number, size)

    def _user(self, email: str, password: str) -> Record:
        name = email.partition("@")[0]
        role = "teacher" if name.endswith("7") else "student"
        person = {"email": email, "name": name, "role": role, "password": password}
        unset = {"collegeId": None, "avatar": None, "lastSeenAt": None}
        return {**self._new(BEGAN), **person, **unset}

    def _conversation(self, number: int, size: int) -> Conversation:
        own_id, began = ObjectId(), BEGAN + timedelta(minutes=number)
        readers = number % self._step == 0 and number // self._step < OF_READER
        direct = number % 5 == 4 and not readers
        others = 2 if direct else self._random.randint(3, LARGEST_GROUP)
        people = self._random.sample(self.users[2:], others)
        if readers:
            people = [*self.users[:2], *people]
        revisions = count(1)
        members = [self._member(own_id, person, began, size, next(revisions)) for person in people]
        messages = [self._message(own_id, people, began, seq, next(revisions)) for seq in range(1, size + 1)]
        reactions = list(self._talk_back(messages, people, revisions))
        newest = messages[-1] if messages else None
        fields: Record = {
            "kind": "direct" if direct else "group",
            "name": None if direct else f"Talk {number}",
            "description": None,
            "classId": None,
            "teamId": None,
            "createdBy": people[0]["_id"],
            "directKey": ":".join(sorted(str(one["_id"]) for one in people)) if direct else None,
            "clock": size,
            "revision": next(revisions) - 1,
            "lamport": size,
            "lastMessage": None if newest is None else _preview(newest),
            "lastMessageAt": None if newest is None else newest["createdAt"],
            "memberCount": len(members),
            "archivedAt": None,
            "slowModeSeconds": 0,
            "writerRoles": [],
        }
        return Conversation({**self._new(began), "_id": own_id, **fields}, members, messages, reactions)

    def _member(self, conversation: ObjectId, user: Record, joined: datetime, clock: int, rev: int) -> Record:
        read = 0 if user["email"] == SLEEPER else max(0, clock - self._random.randint(0, 20))
        return {
            **self._new(joined),
            "conversationId": conversation,
            "userId": user["_id"],
            "role": "admin" if rev == 1 else "member",
            "joinedAt": joined,
            "joinedSeq": 0,
            "deliveredSeq": max(read, 0 if user["email"] == SLEEPER else clock),
            "readSeq": read,
            "readAt": joined if read else None,
            "touchedAt": joined,
            "mutedUntil": None,
            "silencedUntil": None,
            "lastSentAt": None,
            "revision": rev,
        }

    def _message(
        self, conversation: ObjectId, people: list[Record], began: datetime, seq: int, revision: int
    ) -> Record:
        sender, chance = self._random.choice(people), self._random.random()
        content, words = self._random.choice(self._contents)
        if next(self._written) % RARE_EVERY == 0:
            content, words = f"{content} {RARE_WORD}", [*words, *words_of(RARE_WORD)]
        at = began + timedelta(minutes=3 * seq)
        mentions = self._mentions(people) if chance > 0.97 else []
        marks = [f"from:{sender['_id']}", *(f"mentions:{one}" for one in mentions)]
        return {
            **self._new(at),
            "conversationId": conversation,
            "senderId": sender["_id"],
            "type": "text",
            "content": content,
            "attachments": [],
            "seq": seq,
            "revision": revision,
            "createdRevision": revision,
            "lamport": seq,
            "idempotencyKey": str(ObjectId()),
            "fingerprint": None,
            "replyTo": None,
            "threadId": None,
            "replyCount": 0,
            "lastReplyAt": None,
            "forwardedFrom": None,
            "mentions": mentions,
            "reactions": [],
            "words": [*marks, *words],
            "editedAt": None,
            "editCount": 0,
            "deletedAt": at if chance < 0.01 else None,
            "deletedBy": sender["_id"] if chance < 0.01 else None,
            "expungedAt": None,
            "pinnedAt": None,
            "pinnedBy": None,
        }

    def _mentions(self, people: list[Record]) -> list[Any]:
        chance = self._random.random()
        if chance < 0.2:
            return ["all"] if chance < 0.1 else ["student"]
        return [self._random.choice(people)["_id"]]

    def _talk_back(
        self, messages: list[Record], people: list[Record], revisions: count[int]
    ) -> Iterator[Record]:
        """Replies to, and reactions at, about one message of twenty each; the reactions."""
        for at in range(10, len(messages), 20):
            root, reply = messages[at - 10], messages[at]
            reply["replyTo"] = reply["threadId"] = root["_id"]
            root["revision"] = next(revisions)
            if reply["deletedAt"] is None:
                root.update(replyCount=1, lastReplyAt=reply["createdAt"])
            emoji, revision = self._random.choice(("👍", "🎉", "❤️")), next(revisions)
            reply.update(reactions=[{"emoji": emoji, "count": 1}], revision=revision)
            yield {
                **self._new(reply["createdAt"]),
                "messageId": reply["_id"],
                "conversationId": reply["conversationId"],
                "userId": people[0]["_id"],
                "emoji": emoji,
                "revision": revision,
            }

    def _content(self) -> tuple[str, list[str]]:
        words = [self._word() for _ in range(self._random.randint(3, 25))]
        if self._random.random() < 0.05:
            words.append(COMMON_WORD)
        content = " ".join(words).capitalize()
        return content, words_of(content)

    def _word(self) -> str:
        """Short words come often, long ones seldom."""
        syllables = min(1 + int(self._random.expovariate(0.8)), 5)
        return "".join(self._random.choices(SYLLABLES, k=syllables))

    def _new(self, at: datetime) -> Record:
        return {"_id": ObjectId(), "schoolId": self.id, "createdAt": at}


def _sizes(messages: int, conversations: int) -> list[int]:
    """Falling with the root of the rank, ``messages`` in all."""
    weights = [1 / rank**0.5 for rank in range(1, conversations + 1)]
    total, given, sizes = sum(weights), 0, list[int]()
    for number, weight in enumerate(weights):
        rest = conversations - number - 1
        size = messages - given if rest == 0 else max(1, round(messages * weight / total))
        sizes.append(max(0, min(size, messages - given)))
        given += sizes[-1]
    return sizes


def _preview(message: Record) -> Record:
    content = None if message["deletedAt"] is not None else message["content"][:PREVIEW]
    return {
        "seq": message["seq"],
        "senderId": message["senderId"],
        "type": message["type"],
        "content": content,
        "createdAt": message["createdAt"],
    }
