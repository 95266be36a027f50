"""The messages of a peer, as somebody would keep them who writes a server for nothing else."""

from __future__ import annotations

import itertools
from typing import Any

Message = dict[str, Any]


class Store:
    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._messages: dict[int, Message] = {}
        self._conversations: dict[str, list[Message]] = {}

    def create(self, data: Message) -> Message:
        number = next(self._numbers)
        message: Message = {"id": number, **data}
        self._messages[number] = message
        self._conversations.setdefault(message["conversationId"], []).append(message)
        return message

    def get(self, number: int) -> Message | None:
        return self._messages.get(number)

    def page(self, conversation: str, limit: int) -> dict[str, Any]:
        found = self._conversations.get(conversation, [])
        return {"total": len(found), "limit": limit, "skip": 0, "data": found[:limit]}
