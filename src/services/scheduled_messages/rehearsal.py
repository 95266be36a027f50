"""A new message judged by all of its rules, without being sent."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ...core.application import Application
from ...core.context import HookContext, Params
from ...hooks.seats import REHEARSAL


class _PassedError(Exception):
    """Raised once every rule has let the message pass: nothing behind the rules happens."""


async def rehearse(app: Application, message: Mapping[str, Any], params: Params) -> None:
    """Have the rules of ``messages`` judge the data of a message, for the caller of ``params``.

    It counts towards the caller's limit of messages. Raises what the rules raise.
    """
    own = Params(
        provider=params.provider, user=params.user, authenticated=params.authenticated, **{REHEARSAL: True}
    )
    with suppress(_PassedError):
        await app.service("messages").create(dict(message), own)


def end_rehearsal(context: HookContext) -> None:
    """The last hook before a message is created."""
    if context.params.get(REHEARSAL):
        raise _PassedError
