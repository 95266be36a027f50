"""Conversations that are encrypted."""

from __future__ import annotations

import os
from base64 import b64encode

from tests.support.school import Json, Person


def master(name: str) -> str:
    """A master key of that id, as the configuration has it."""
    return f"{name}:{b64encode(os.urandom(32)).decode()}"


async def encrypt(person: Person, talk: str) -> Json:
    """The first version of the conversation's key, as it was answered."""
    answer = await person.rest("create", "encryption-keys", data={"conversationId": talk})
    assert answer.code == 201, answer
    return answer.body


async def rotate(person: Person, talk: str) -> Json:
    answer = await person.rest("rotate", "encryption-keys", data={"conversationId": talk})
    assert answer.code == 200, answer
    return answer.body
