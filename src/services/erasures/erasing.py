from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from pymongo.asynchronous.client_session import AsyncClientSession

from ...core.application import Application
from ...core.authentication.service import authentication_of
from ...core.context import HookContext, Params
from ...core.errors import NotFound
from ...hooks.access import PLACES
from ...hooks.leaving import require_another_admin, require_not_held
from ...models import Conversation, Member, Message, Reaction, User
from ...models.audit_entry import append
from ...models.expunging import expunge, take_reactions
from ...models.journal import Journal, Writing
from ...models.record import ANY_TEXT, now
from .belongings import delete_logins, delete_own

BATCH: Final = 100
NAME: Final = "Erased user"
FOR_EVER: Final = datetime(9999, 12, 31, tzinfo=UTC)
KEPT: Final = frozenset({"_id", "schoolId", "role", "createdAt", "erasingAt"})
"""Fields of a user that an erasure leaves as they are."""

Record = dict[str, Any]
Tell = Callable[[int, str], Awaitable[None]]
"""(records done, name of the step); called before each step and after each batch."""


class Erasing:
    """Takes what is personal of one user out of the database, step by step.

    Each step takes up what it finds, so that after a crash all of them are simply run again. The first one
    keeps the user out, the last one gives up the name and says ``erasedAt``: when that is there, there is
    nothing left of what the user has written.
    """

    def __init__(self, app: Application, user: Mapping[str, Any], by: Any, tell: Tell) -> None:
        self._app = app
        self._user = user
        self._id = user["_id"]
        self._by = by
        self._tell = tell
        self._done = 0
        self._step = ""
        self._journal: Journal = app.get("journal")

    async def run(self) -> None:
        """Raises Conflict where a legal hold keeps something, also one that comes meanwhile."""
        if self._user.get("erasedAt") is not None:
            return
        steps: dict[str, Callable[[], Awaitable[None]]] = {
            "login": self.keep_out,
            "messages": self.expunge_messages,
            "reactions": self.take_reactions,
            "forwarded copies": self.forget_origins,
            "belongings": self.delete_belongings,
            "places": self.leave_places,
            "account": self.give_up_the_name,
        }
        for self._step, step in steps.items():
            await require_not_held(self._user)
            await self._tell(self._done, self._step)
            await step()

    async def keep_out(self) -> None:
        """Nobody logs in as the user any more, nor writes by a socket that another process still holds.

        Raises Conflict where meanwhile the user has become the last admin of the school.
        """

        async def lock(session: AsyncClientSession) -> bool:
            users, there = User.documents(), {"_id": self._id, "erasingAt": None}
            user = await users.find_one(there, session=session)
            if user is None:
                return False
            if user["role"] == "admin":
                await require_another_admin(user["schoolId"], [self._id], session)
            changes = {"$set": {"erasingAt": now(), "password": ""}}
            await users.update_one(there, changes, session=session)
            return True

        async with User.session() as session:
            locked = await session.with_transaction(lock)
        await Member.documents().update_many({"userId": self._id}, {"$set": {"silencedUntil": FOR_EVER}})
        authentication = authentication_of(self._app)
        if authentication is not None and authentication.sessions is not None:
            await authentication.sessions.end_all(str(self._id))
        await delete_logins(self._id)
        if locked:
            await self._tell_of_user()

    async def expunge_messages(self) -> None:
        messages = Message.documents()
        # A key is the client's to choose, and may say anything. First, for events tell it.
        keys = {"senderId": self._id, "idempotencyKey": ANY_TEXT}
        await messages.update_many(keys, {"$set": {"idempotencyKey": None}})
        say_something = {"senderId": self._id, "expungedAt": None}
        for conversation_id in await messages.distinct("conversationId", say_something):
            seq = 0
            while True:
                behind = {"conversationId": conversation_id, **say_something, "seq": {"$gt": seq}}
                batch = await messages.find(behind, {"seq": 1}).sort("seq").limit(BATCH).to_list()
                if not batch:
                    break
                seq = batch[-1]["seq"]
                await self._expunge(conversation_id, [message["_id"] for message in batch])
                await self._note(len(batch))

    async def take_reactions(self) -> None:
        while batch := await Reaction.documents().find({"userId": self._id}).limit(BATCH).to_list():
            for conversation_id, reactions in _by_conversation(batch).items():
                ids = [reaction["_id"] for reaction in reactions]
                take = partial(_take_reactions, conversation_id, ids)
                await self._journal.write(take, None, turn=conversation_id)
            await self._note(len(batch))

    async def forget_origins(self) -> None:
        """What others have forwarded is theirs, and stays; from whom they had it goes."""
        copies = {"forwardedFrom.senderId": self._id}
        while batch := await Message.documents().find(copies).limit(BATCH).to_list():
            for conversation_id, messages in _by_conversation(batch).items():
                ids = [message["_id"] for message in messages]
                forget = partial(_forget_origins, conversation_id, ids)
                await self._journal.write(forget, None, turn=conversation_id)
            await self._note(len(batch))

    async def delete_belongings(self) -> None:
        await self._app.service("attachments").custodian.forget_of(self._id)
        await delete_own(self._id)

    async def leave_places(self) -> None:
        """Out of classes and conversations. In one of two people the place stays, for the other to read."""
        await self._leave({"userId": self._id})

    async def give_up_the_name(self) -> None:
        # A call that was on its way while the user was locked out may have written since.
        await self.expunge_messages()
        await self.take_reactions()
        await self.delete_belongings()
        await self._leave({"userId": self._id, "silencedUntil": {"$ne": FOR_EVER}})
        await require_not_held(self._user)

        async def rename(session: AsyncClientSession) -> bool:
            users, there = User.documents(), {"_id": self._id, "erasedAt": None}
            user = await users.find_one(there, session=session)
            if user is None:
                return False
            kept = {name: value for name, value in user.items() if name in KEPT}
            nobody = User(
                school_id=user["schoolId"],
                email=f"erased-{self._id}@invalid",
                name=NAME,
                role=user["role"],
                password="",
                erased_at=now(),
            )
            blank = nobody.model_dump(by_alias=True, exclude={"id", "revision_id"})
            await users.replace_one(there, {**blank, **kept}, session=session)
            subject = ("users", self._id)
            await append(user["schoolId"], self._by, "users.erase", subject, session=session)
            return True

        async with User.session() as session:
            if await session.with_transaction(rename):
                await self._tell_of_user()

    async def _expunge(self, conversation_id: Any, ids: list[Any]) -> None:
        async def work(writing: Writing) -> None:
            await require_not_held(self._user)
            these = {"_id": {"$in": ids}, "expungedAt": None}
            found = await Message.documents().find(these, session=writing.session).to_list()
            if found:
                await expunge(writing, conversation_id, found, now(), by=self._by)

        await self._journal.write(work, None, turn=conversation_id)

    async def _leave(self, which: Mapping[str, Any]) -> None:
        for path in (*PLACES.values(), "team-members"):
            await self._app.service(path).remove(
                None, Params(query={"userId": self._id}, adapter={"multi": True})
            )
        places = await Member.documents().find(which, {"conversationId": 1}).to_list()
        ids = [place["conversationId"] for place in places]
        direct = {"_id": {"$in": ids}, "kind": "direct"}
        of_two = set(await Conversation.documents().distinct("_id", direct))
        for place in places:
            if place["conversationId"] in of_two:
                await self._journal.write(partial(_silence, place), None, turn=place["conversationId"])
            else:
                await self._app.service("members").remove(place["_id"], Params())
            await self._note(1)

    async def _note(self, count: int) -> None:
        self._done += count
        await self._tell(self._done, self._step)

    async def _tell_of_user(self) -> None:
        """The school hears that the user has changed, and this process closes the user's connections."""
        service = self._app.service("users")
        context = HookContext(service, "get", id=self._id, params=Params())
        with suppress(NotFound):
            await service.run(context)
            service.emit("patched", context.result, context)


async def _take_reactions(conversation_id: Any, ids: list[Any], writing: Writing) -> None:
    there = Reaction.documents().find({"_id": {"$in": ids}}, session=writing.session)
    if found := await there.to_list():
        await take_reactions(writing, conversation_id, found)


async def _forget_origins(conversation_id: Any, ids: list[Any], writing: Writing) -> None:
    messages = Message.documents()
    found = await messages.find({"_id": {"$in": ids}}, {"deletedAt": 1}, session=writing.session).to_list()
    there = [message["_id"] for message in found if message["deletedAt"] is None]
    if there:
        await writing.revise(conversation_id, len(there))
    for message_id in there:
        revision = writing.note(conversation_id, "messages", "patched", message_id, other=True)
        await messages.update_one(
            {"_id": message_id}, {"$set": {"revision": revision}}, session=writing.session
        )
    await messages.update_many(
        {"_id": {"$in": ids}}, {"$set": {"forwardedFrom": None}}, session=writing.session
    )


async def _silence(place: Record, writing: Writing) -> None:
    await writing.revise(place["conversationId"])
    revision = writing.note(place["conversationId"], "members", "patched", place["_id"], other=True)
    nothing = {"readAt": None, "mutedUntil": None, "lastSentAt": None, "silencedUntil": FOR_EVER}
    await Member.documents().update_one(
        {"_id": place["_id"]}, {"$set": {**nothing, "revision": revision}}, session=writing.session
    )


def _by_conversation(records: list[Record]) -> dict[Any, list[Record]]:
    groups: defaultdict[Any, list[Record]] = defaultdict(list)
    for record in records:
        groups[record["conversationId"]].append(record)
    return dict(groups)
