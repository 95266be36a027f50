from __future__ import annotations

from typing import Any, Final

from ...core.authentication.hook import hash_password
from ...core.context import HookContext, Params
from ...core.errors import BadRequest, Forbidden
from ...core.protect import protect
from ...core.schema import validate_data, validate_query
from ...core.shapes import is_mapping
from ...hooks.access import PLACES, allow
from .schema import UserData, UserQuery

OWN_FIELDS: Final = frozenset({"name", "avatar"})
BELONGINGS: Final = ("members", *PLACES.values())


def lower_email(context: HookContext) -> None:
    if is_mapping(context.data) and isinstance(context.data.get("email"), str):
        context.data = {**context.data, "email": context.data["email"].strip().lower()}


def admins_or_oneself(context: HookContext) -> None:
    """Raises Forbidden for another's account, and for a field of one's own that only admins may change."""
    user = context.params.user
    if not context.params.provider or user is None or user["role"] == "admin":
        return
    if not _is_own(context, user):
        raise Forbidden("Only admin may patch other users")
    locked = sorted(set(context.data) - OWN_FIELDS)
    if locked:
        raise Forbidden(f"Only admin may change {', '.join(locked)}", {"fields": locked})


def not_oneself(context: HookContext) -> None:
    user = context.params.user
    if context.params.provider and user is not None and _is_own(context, user):
        raise BadRequest("You cannot remove your own account")


async def remove_belongings(context: HookContext) -> None:
    """Who is gone is in no class and in no conversation; what was written stays."""
    for path in BELONGINGS:
        await context.app.service(path).remove(
            None, Params(query={"userId": context.result["_id"]}, adapter={"multi": True})
        )


async def leave_places_of_other_roles(context: HookContext) -> None:
    """Teachers teach classes and students are enrolled in them: who becomes something else does not stay."""
    if "role" not in context.data:
        return
    for role in PLACES.keys() - {context.result["role"]}:
        await context.app.service(PLACES[role]).remove(
            None, Params(query={"userId": context.result["_id"]}, adapter={"multi": True})
        )


def _is_own(context: HookContext, user: dict[str, Any]) -> bool:
    # An id is found in capitals too.
    return str(context.id).lower() == str(user["_id"])


HOOKS: dict[str, Any] = {
    "around": {"all": [protect("password", "lastSeenAt")]},
    "before": {
        "all": [validate_query(UserQuery())],
        "create": [allow("admin"), lower_email, validate_data(UserData()), hash_password("password")],
        "patch": [
            lower_email,
            validate_data(UserData(), partial=True),
            admins_or_oneself,
            hash_password("password"),
        ],
        "remove": [allow("admin"), not_oneself],
    },
    "after": {"patch": [leave_places_of_other_roles], "remove": [remove_belongings]},
}
