"""Who may call: nobody without a user, only the roles that a method names, and the suspended only to read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast

from ..core.authentication.hook import authenticate
from ..core.context import HookContext
from ..core.errors import Forbidden

PLACES: Final[Mapping[str, str]] = {"teacher": "class-teachers", "student": "class-enrollments"}
"""By role the service that says which classes a user of it belongs to."""

WHILE_SUSPENDED: Final = "while_suspended"
"""The option of ``app.use`` for the methods, besides ``find`` and ``get``, that the suspended may call."""

PRIVATE_FIELDS: Final = frozenset(
    {"password", "lastSeenAt", "status", "statusText", "suspendedUntil", "suspendedReason", "erasingAt"}
)
"""What other users of a school do not see of a user."""

Check = Callable[[HookContext], None]
_authenticate = authenticate("jwt")


async def require_user(context: HookContext) -> None:
    """Before hook of the whole application; a service is open only if it was registered ``public=True``.

    Raises NotAuthenticated.
    """
    if not context.service.options.get("public"):
        await cast("Awaitable[Any]", _authenticate(context))


def not_suspended(context: HookContext) -> None:
    """Before hook of the whole application, behind ``require_user``: who is suspended reads, and no more.

    What is public stays open: logging in and out, and one's password. So do the methods that a service
    names by its option ``while_suspended``. Raises Forbidden.
    """
    options = context.service.options
    if not context.params.provider or context.method in {"find", "get"} or options.get("public"):
        return
    if context.params.user is not None and context.method not in options.get(WHILE_SUSPENDED, ()):
        require_unsuspended(context.params.user)


def require_unsuspended(user: Mapping[str, Any]) -> None:
    """Raises Forbidden."""
    until = user.get("suspendedUntil")
    if until is not None and until > datetime.now(UTC):
        raise Forbidden("You are suspended", {"code": "SUSPENDED", "until": until})


def allow(*roles: str) -> Check:
    """Refuse clients whose user has none of ``roles``. Raises Forbidden."""

    def check(context: HookContext) -> None:
        user = context.params.user
        if context.params.provider and (user is None or user["role"] not in roles):
            raise Forbidden(f"Only {' or '.join(roles)} may {context.method} {context.path}")

    return check
