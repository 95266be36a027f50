"""Whether a message disturbs somebody; told by sockets or by other ways, the rules are the same."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from .connections import Identity

Message = Mapping[str, Any]


def is_disturbing(message: Message) -> bool:
    """What the system says, and what is gone already, disturbs nobody."""
    return message["type"] != "system" and message.get("deletedAt") is None


def wants(preference: Mapping[str, Any], *, mentioned: bool, quiet: bool) -> bool:
    """Whether somebody with these preferences wants to be disturbed by a message."""
    if quiet and not preference["duringQuietHours"]:
        return False
    level = preference["level"]
    return level == "all" or (level == "mentions" and mentioned)


def is_mentioned(identity: Identity, mentions: Collection[str]) -> bool:
    """Mentions are ids of users, names of roles, or ``all``."""
    return not {identity.user_id, identity.role, "all"}.isdisjoint(mentions)


def is_meant(message: Message, identity: Identity, *, direct: bool) -> bool:
    """Whoever writes to one person alone means that person, and an alert means everybody."""
    if direct or message.get("alert") is not None:
        return True
    return is_mentioned(identity, {str(one) for one in message.get("mentions") or ()})


def overrides(message: Message) -> bool:
    """Whether it is an alert for those too who do not want to be disturbed."""
    alert = message.get("alert")
    return alert is not None and alert["overridesMute"]
