"""Looks, soon after new messages, to whom they are to be pushed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final, cast

from ...core.application import Application
from ...core.context import Params
from ...core.jobs import Task
from ...core.service import Service
from ...models.push_notice import pushed_up_to, shows
from ...models.record import now
from ...socket.absent import SETTING, Absent, Waiting
from ...socket.disturbing import is_disturbing
from ...socket.newest import Newest
from .sending import CLEAR, SEND

LOOK: Final = "push-look"
FRESH: Final = timedelta(hours=1)
"""What is older is not pushed any more, should nobody have looked for so long."""

CHUNK: Final = 50
CONVERSATIONS: Final = 10_000


class Looking:
    """A look is at a conversation, ``delay`` seconds after the first of messages that come close together.

    Where somebody who wants them has not read them and has a socket still, there is another one after
    ``again`` seconds: a device that lost its network is taken for connected for some time.
    """

    def __init__(self, app: Application, *, delay: float, again: float) -> None:
        self._app = app
        self._delay = timedelta(seconds=delay)
        self._again = timedelta(seconds=again)
        # _due[conversationId] = when there is a look that was owed here
        self._due: Newest[str, Any] = Newest(CONVERSATIONS)

    def published(self, service: Service, event: str, item: Any, error: Exception | None) -> None:
        """Listens to the application's ``published``: an event was told, by this node."""
        if service.path == "messages" and event == "created" and is_disturbing(item):
            _ = self._app.tasks.start(self._owe_look(item), name="owe a push")
        elif service.path == "members" and event == "read":
            _ = self._app.tasks.start(self._owe_clearing(item), name="owe a cleared badge")

    async def look(self, task: Task) -> None:
        conversation = await self._conversation(task.payload["conversationId"])
        if conversation is None:
            return
        absent = cast("Absent", self._app.get(SETTING))
        waiting = await absent.waiting(conversation, now() - FRESH, self._owners)
        pushed = await pushed_up_to([one.user_id for one in waiting], conversation["_id"])
        waiting = [one for one in waiting if pushed.get(one.user_id, 0) < one.message["seq"]]
        away = [one for one in waiting if not one.is_online]
        await self._owe_pushes(conversation, away)
        recent = now() - 2 * self._again
        if any(one.is_online and one.message["createdAt"] > recent for one in waiting):
            await self._owe(conversation, now() + self._again, name="again")

    async def _owe_pushes(self, conversation: Mapping[str, Any], away: Sequence[Waiting]) -> None:
        by_message: dict[Any, list[Any]] = {}
        for one in away:
            by_message.setdefault(one.message["_id"], []).append(one.user_id)
        for message_id, user_ids in by_message.items():
            ids = sorted(user_ids)
            for chunk in (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)):
                names = sha256("".join(map(str, chunk)).encode()).hexdigest()[:16]
                await self._app.jobs.owe(
                    SEND,
                    {
                        "conversationId": conversation["_id"],
                        "messageId": message_id,
                        "userIds": chunk,
                    },
                    key=f"{message_id} {names}",
                    school_id=conversation["schoolId"],
                )

    async def _owe_look(self, message: Mapping[str, Any]) -> None:
        key, at = str(message["conversationId"]), now()
        due = self._due.get(key)
        # Shortly before it is due, the clock of another node may have begun it already.
        if due is not None and at < due - self._delay / 2:
            return
        self._due.pop(key)
        self._due.put(key, at + self._delay)
        conversation = {"_id": message["conversationId"], "schoolId": message["schoolId"]}
        try:
            await self._owe(conversation, at + self._delay)
        except BaseException:
            # The next message owes it then.
            self._due.pop(key)
            raise

    async def _owe(self, conversation: Mapping[str, Any], due: Any, *, name: str = "first") -> None:
        payload = {"conversationId": conversation["_id"]}
        key = f"{conversation['_id']} {name}"
        await self._app.jobs.owe(LOOK, payload, key=key, school_id=conversation["schoolId"], due=due)

    async def _owe_clearing(self, receipt: Mapping[str, Any]) -> None:
        user_id, conversation_id = receipt["userId"], receipt["conversationId"]
        if not await shows(user_id, conversation_id, receipt["seq"]):
            return
        payload = {"userId": user_id, "conversationId": conversation_id, "seq": receipt["seq"]}
        await self._app.jobs.owe(CLEAR, payload, key=f"{user_id} {conversation_id} {receipt['seq']}")

    async def _conversation(self, id: Any) -> Mapping[str, Any] | None:
        query = {"_id": id, "archivedAt": None, "$select": ["schoolId"]}
        found: list[Any] = await self._app.service("conversations").find(Params(query=query, paginate=False))
        return found[0] if found else None

    async def _owners(self, ids: Sequence[Any]) -> Collection[Any]:
        """Of these users, those who have a device."""
        owned = {"userId": {"$in": list(ids)}}
        params = Params(query={"$select": ["userId"]}, restrict=owned, paginate=False)
        return {device["userId"] for device in await self._app.service("devices").find(params)}
