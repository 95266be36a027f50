"""What is told of somebody's presence, alone or among others."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .connections import Identity
from .events import ServerEvent
from .status import Status


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """One user's change; `before` and `after` are what a viewer knew and knows, None for offline."""

    event: ServerEvent
    payload: dict[str, Any]
    before: Status | None
    after: Status | None

    @property
    def user_id(self) -> str:
        return str(self.payload["userId"])


def came_online(subject: Identity, at: datetime, *, before: Status | None = None) -> Change:
    payload: dict[str, Any] = {"userId": subject.user_id, "role": subject.role, "at": at}
    if not subject.status.is_plain:
        payload |= subject.status.told()
    return Change(ServerEvent.USER_ONLINE, payload, before, subject.status)


def went_offline(subject: Identity, last_seen: datetime | None) -> Change:
    """`last_seen` is None where the viewer merely may see the subject no longer."""
    payload = {"userId": subject.user_id, "lastSeenAt": last_seen}
    return Change(ServerEvent.USER_OFFLINE, payload, subject.status, None)


def together(changes: Iterable[Change]) -> dict[str, Any]:
    """The payload of `presence:changes`: what the single events carry, and whether each is `online`."""
    return {"changes": [{**change.payload, "online": change.after is not None} for change in changes]}
