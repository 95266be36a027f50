"""Who may call: nobody without a user, and only the roles that a method names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, cast

from ..core.authentication.hook import authenticate
from ..core.context import HookContext
from ..core.errors import Forbidden

PLACES: Final[Mapping[str, str]] = {"teacher": "class-teachers", "student": "class-enrollments"}
"""By role the service that says which classes a user of it belongs to."""

Check = Callable[[HookContext], None]
_authenticate = authenticate("jwt")


async def require_user(context: HookContext) -> None:
    """Before hook of the whole application; a service is open only if it was registered ``public=True``.

    Raises NotAuthenticated.
    """
    if not context.service.options.get("public"):
        await cast("Awaitable[Any]", _authenticate(context))


def allow(*roles: str) -> Check:
    """Refuse clients whose user has none of ``roles``. Raises Forbidden."""

    def check(context: HookContext) -> None:
        user = context.params.user
        if context.params.provider and (user is None or user["role"] not in roles):
            raise Forbidden(f"Only {' or '.join(roles)} may {context.method} {context.path}")

    return check
