"""What a push says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...models.conversation import PREVIEW

NOBODY: Final = "Stonechat"


def wording(
    conversation: Mapping[str, Any],
    sender: Mapping[str, Any] | None,
    message: Mapping[str, Any],
    *,
    contents: bool,
) -> tuple[str, str]:
    """The title, which is where the message is, and the text; none without ``contents``.

    It is in nobody's language: names, and what the message says, or its first attachment's name.
    """
    who = sender["name"] if sender is not None else NOBODY
    where = conversation.get("name")
    title = who if conversation["kind"] == "direct" or not where else where
    if not contents:
        return title, ""
    said = message.get("content") or next(
        (one.get("name", "") for one in message.get("attachments") or ()), ""
    )
    said = said if len(said) <= PREVIEW else f"{said[: PREVIEW - 1]}…"
    return title, said if title == who else f"{who}: {said}"
