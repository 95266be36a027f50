"""Writes to a user what is unread, and where: never what the messages say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, cast

from ...core.application import Application
from ...core.context import Params
from ...core.jobs import GivenUp, Task
from ...core.mail import Mail, Mailer
from ...models import NotificationPreference
from ...models.record import now
from ...socket.absent import SETTING, Absent

DIGEST: Final = "digest"
PAUSE: Final = timedelta(days=1)
"""There is one mail in so long, unless the user has been here since the last one."""

MOST: Final = 50
"""Conversations that are named."""

Record = dict[str, Any]


class Digest:
    def __init__(self, app: Application, mailer: Mailer) -> None:
        self._app = app
        self._mailer = mailer

    async def send(self, task: Task) -> None:
        """``{userId, since}``: a message waits for the user since then."""
        user_id, since = task.payload["userId"], task.payload["since"]
        user = await self._first("users", _id=user_id)
        preference = await self._first("notification-preferences", userId=user_id)
        if user is None or preference is None or not preference.get("emailDigest"):
            return
        if await self._has_been_here(user, since) or user.get("erasingAt") is not None:
            return
        if _is_too_soon(user, preference.get("digestedAt")):
            return
        rows = await self._unread(user, preference["level"])
        if not rows:
            return
        subject, text = wording(user, rows)
        key = f"digest {user_id} {since.isoformat()}"
        taken = await self._mailer.send(Mail(to=user["email"], subject=subject, text=text, key=key))
        await NotificationPreference.documents().update_one(
            {"userId": user_id}, {"$set": {"digestedAt": now()}}
        )
        if not taken:
            raise GivenUp("the mail was refused")

    async def _has_been_here(self, user: Record, since: datetime) -> bool:
        seen: datetime | None = user.get("lastSeenAt")
        if seen is not None and seen >= since:
            return True
        return await cast("Absent", self._app.get(SETTING)).is_online(user)

    async def _unread(self, user: Record, level: str) -> list[Record]:
        """The conversations, the newest first, that have something for somebody who wants this ``level``."""
        params = Params(user=user, query={"$limit": MOST})
        page = await self._app.service("inbox").find(params)
        return [row for row in page["data"] if not row["muted"] and _count(row, level) > 0]

    async def _first(self, path: str, **query: Any) -> Record | None:
        found: list[Record] = await self._app.service(path).find(Params(query=query, paginate=False))
        return found[0] if found else None


def _is_too_soon(user: Mapping[str, Any], last: datetime | None) -> bool:
    if last is None or now() - last > PAUSE:
        return False
    seen: datetime | None = user.get("lastSeenAt")
    return seen is None or seen < last


def _count(row: Mapping[str, Any], level: str) -> int:
    if level == "none":
        return 0
    count: int = row["unread"] if level == "all" or row["kind"] == "direct" else row["mentions"]
    return count


def wording(user: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The subject and the text."""
    total = sum(row["unread"] for row in rows)
    subject = "One unread message" if total == 1 else f"{total} unread messages"
    lines = [f"{_name(row)}: {row['unread']}{_mentioning(row)}" for row in rows]
    ending = "You get this because you asked for it in your notification preferences."
    said = [f"Hello {user['name']},", f"{subject} for you:", "\n".join(lines), ending]
    return subject, "\n\n".join(said) + "\n"


def _name(row: Mapping[str, Any]) -> str:
    other: Mapping[str, Any] | None = row.get("other")
    name = row.get("name") or (other or {}).get("name") or "A conversation"
    return " ".join(str(name).split())


def _mentioning(row: Mapping[str, Any]) -> str:
    return f" ({row['mentions']} mentioning you)" if row["mentions"] else ""
