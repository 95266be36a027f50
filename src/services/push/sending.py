"""Brings pushes to devices, and does what their providers answer."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final, NamedTuple

from ...core.application import Application
from ...core.context import Params
from ...core.errors import NotFound
from ...core.jobs import Task
from ...core.push import Address, Delivered, Expo, Gone, Later, Outcome, Push, providers_of
from ...models.inbox import count_totals
from ...models.push_notice import note_cleared, note_pushed, pushed_up_to
from ...models.record import now
from .numbers import Numbers
from .wording import wording

SEND: Final = "push-send"
CLEAR: Final = "push-clear"
RECEIPTS: Final = "push-receipts"
MAX_TRIES: Final = 6
RECEIPTS_AFTER: Final = timedelta(minutes=15)
"""Expo knows by then what Apple or Google said."""

Record = dict[str, Any]


class Sent(NamedTuple):
    device: Record
    outcome: Outcome


class Sending:
    """``contents``: whether a push says what a message says, or only where it is.

    Of an encrypted conversation it says the latter in any case.
    """

    def __init__(self, app: Application, numbers: Numbers, *, contents: bool) -> None:
        self._app = app
        self._contents = contents
        self._numbers = numbers

    async def send(self, task: Task) -> None:
        """``{conversationId, messageId, userIds}``, and ``{deviceIds, tries}`` of what is tried again."""
        payload = task.payload
        message = await self._one("messages", payload["messageId"])
        conversation = await self._one("conversations", payload["conversationId"])
        if message is None or message.get("deletedAt") is not None or conversation is None:
            return
        user_ids = await self._behind(payload["userIds"], message, again="deviceIds" in payload)
        devices = await self._devices(user_ids, payload.get("deviceIds"))
        if not devices:
            return
        sender = await self._one("users", message["senderId"])
        contents = self._contents and not conversation.get("keyVersion")
        title, body = wording(conversation, sender, message, contents=contents)
        badges = await self._badges({device["userId"] for device in devices})
        sounds = await self._sounds(badges)
        data = {"conversationId": str(conversation["_id"]), "messageId": str(message["_id"])}
        pushes = [
            Push(
                to=_address(device),
                topic=str(conversation["_id"]),
                title=title,
                body=body,
                badge=badges[device["userId"]],
                sound=sounds.get(device["userId"], True),
                data={**data, "seq": str(message["seq"])},
            )
            for device in devices
            if device["userId"] in badges
        ]
        reachable = [device for device in devices if device["userId"] in badges]
        sent = await self._bring(reachable, pushes)
        reached = {one.device["userId"] for one in sent if isinstance(one.outcome, Delivered)}
        await note_pushed(reached, conversation["_id"], conversation["schoolId"], message["seq"])
        await self._again(task, sent)

    async def clear(self, task: Task) -> None:
        """``{userId, conversationId, seq}``: the user has read that somewhere."""
        payload = task.payload
        user_id, conversation_id = payload["userId"], payload["conversationId"]
        silent = [name for name, provider in providers_of(self._app).items() if not provider.shows_silence]
        found = await self._devices([user_id])
        devices = [device for device in found if device["provider"] in silent]
        badges = await self._badges([user_id])
        if user_id not in badges:
            return
        data = {"conversationId": str(conversation_id), "readSeq": str(payload["seq"])}
        pushes = [
            Push(to=_address(device), topic=str(conversation_id), badge=badges[user_id], data=data)
            for device in devices
        ]
        await self._bring(devices, pushes)
        await note_cleared(user_id, conversation_id, payload["seq"])

    async def read_receipts(self, task: Task) -> None:
        """``{receipts: [[receipt, deviceId]]}``: what became of what Expo had taken."""
        expo = providers_of(self._app).get("expo")
        if not isinstance(expo, Expo):
            return
        devices = dict(task.payload["receipts"])
        for receipt, outcome in (await expo.receipts(list(devices))).items():
            if receipt in devices and isinstance(outcome, Gone):
                await self._forget(devices[receipt])

    async def _bring(self, devices: Sequence[Record], pushes: Sequence[Push]) -> list[Sent]:
        """Send each device its push; what is gone is removed."""
        sent: list[Sent] = []
        for name, provider in providers_of(self._app).items():
            own = [
                (device, push)
                for device, push in zip(devices, pushes, strict=True)
                if device["provider"] == name
            ]
            if own:
                outcomes = await provider.send([push for _, push in own])
                sent += [Sent(device, outcome) for (device, _), outcome in zip(own, outcomes, strict=True)]
        for one in sent:
            self._numbers.count(one.outcome)
            if isinstance(one.outcome, Gone):
                await self._forget(one.device["_id"])
        receipts = [
            [one.outcome.receipt, one.device["_id"]]
            for one in sent
            if isinstance(one.outcome, Delivered) and one.outcome.receipt is not None
        ]
        if receipts:
            await self._app.jobs.owe(RECEIPTS, {"receipts": receipts}, due=now() + RECEIPTS_AFTER)
        return sent

    async def _again(self, task: Task, sent: Sequence[Sent]) -> None:
        """Owe what the providers want to have later, when the last of them wants it."""
        late = [(one.device, one.outcome.seconds) for one in sent if isinstance(one.outcome, Later)]
        tries = task.payload.get("tries", 0) + 1
        if not late or tries >= MAX_TRIES:
            return
        ids = [device["_id"] for device, _ in late]
        users = list({device["userId"] for device, _ in late})
        wait = max(seconds for _, seconds in late) * 2 ** (tries - 1)
        await self._app.jobs.owe(
            SEND,
            {**task.payload, "userIds": users, "deviceIds": ids, "tries": tries},
            key=f"{task.payload['messageId']} {min(ids)} {tries}",
            school_id=task.school_id,
            due=now() + timedelta(seconds=wait),
        )

    async def _behind(self, user_ids: Sequence[Any], message: Record, *, again: bool) -> list[Any]:
        """Who is a member still, has not read the message, and was not told of it or a newer one."""
        params = Params(
            query={"conversationId": message["conversationId"], "$select": ["userId", "readSeq"]},
            restrict={"userId": {"$in": list(user_ids)}},
            paginate=False,
        )
        seq = message["seq"]
        places: list[Record] = await self._app.service("members").find(params)
        behind = [place["userId"] for place in places if place["readSeq"] < seq]
        pushed = await pushed_up_to(behind, message["conversationId"])
        return [one for one in behind if pushed.get(one, 0) < seq + again]

    async def _devices(
        self, user_ids: Iterable[Any], device_ids: Collection[Any] | None = None
    ) -> list[Record]:
        """Those of logins that last: of one that ended, a device may have been left."""
        restrict: Record = {"userId": {"$in": list(user_ids)}}
        if device_ids is not None:
            restrict["_id"] = {"$in": list(device_ids)}
        params = Params(query={}, restrict=restrict, paginate=False)
        devices: list[Record] = await self._app.service("devices").find(params)
        known = {device["sessionId"] for device in devices if device.get("sessionId") is not None}
        ended = known - await self._lasting(known)
        return [device for device in devices if device.get("sessionId") not in ended]

    async def _lasting(self, session_ids: Collection[str]) -> set[str]:
        """Of these login sessions, those that have neither ended nor expired."""
        if not session_ids:
            return set()
        params = Params(
            query={"$select": ["sid", "expiresAt", "revokedAt"]},
            restrict={"sid": {"$in": list(session_ids)}},
            paginate=False,
        )
        found: list[Record] = await self._app.service("sessions").find(params)
        at = now()
        return {one["sid"] for one in found if one["revokedAt"] is None and one["expiresAt"] > at}

    async def _badges(self, user_ids: Collection[Any]) -> dict[Any, int]:
        """How much each user has unread in all; without those who are no more."""
        params = Params(query={}, restrict={"_id": {"$in": list(user_ids)}}, paginate=False)
        users: list[Record] = await self._app.service("users").find(params)
        return {user["_id"]: (await count_totals(user, now()))["unread"] for user in users}

    async def _sounds(self, user_ids: Iterable[Any]) -> dict[Any, bool]:
        params = Params(
            query={"$select": ["userId", "sound"]},
            restrict={"userId": {"$in": list(user_ids)}},
            paginate=False,
        )
        found: list[Record] = await self._app.service("notification-preferences").find(params)
        return {one["userId"]: one["sound"] for one in found}

    async def _one(self, path: str, id: Any) -> Record | None:
        found: list[Record] = await self._app.service(path).find(Params(query={"_id": id}, paginate=False))
        return found[0] if found else None

    async def _forget(self, device_id: Any) -> None:
        with suppress(NotFound):  # it has been removed meanwhile
            await self._app.service("devices").remove(device_id)


def _address(device: Mapping[str, Any]) -> Address:
    return Address(device["token"], device.get("keys") or {})
