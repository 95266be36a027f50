from __future__ import annotations

from typing import Any, Final

from ...core.authentication.hook import hash_password
from ...core.context import UNSET, HookContext
from ...core.errors import BadRequest, Forbidden
from ...core.hooks import Next
from ...core.pagination import records_of, with_records
from ...core.protect import protect
from ...core.schema import invalid, validate_data, validate_query
from ...core.shapes import is_mapping
from ...hooks.access import PLACES, PRIVATE_FIELDS, allow
from ...hooks.audit import audited, changed_fields, of_another, values_of
from ...hooks.standing import still_in_role
from ...hooks.transactions import joined
from ...models.record import now
from .roles import keep_an_admin, leave_places_of_other_roles, manage_no_more, not_held, read_before
from .schema import UserData, UserPatch, UserQuery

OWN_FIELDS: Final = frozenset({"name", "avatar"})
BELONGINGS: Final = (
    "members",
    "warnings",
    "blocks",
    "scheduled-messages",
    "notification-preferences",
    "devices",
    "team-members",
    *PLACES.values(),
)


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


def suspension(context: HookContext) -> None:
    """Raises Forbidden for one's own, BadRequest for one that is over or a reason without a time."""
    data, user = context.data, context.params.user
    if "suspendedUntil" not in data:
        if "suspendedReason" in data:
            raise invalid("suspendedReason", "needs suspendedUntil")
        return
    if context.params.provider and user is not None and _is_own(context, user):
        raise Forbidden("You cannot suspend yourself")
    until = data["suspendedUntil"]
    if until is not None and until <= now():
        raise invalid("suspendedUntil", "is not in the future")
    # The reason belongs to one suspension: a new one without a reason has none.
    context.data = {**data, "suspendedReason": None if until is None else data.get("suspendedReason")}


def not_erased(context: HookContext) -> None:
    """Nobody makes a user of a school again out of one who was erased, or is being: there is none."""
    if context.params.provider:
        context.params["restrict"] = {"erasingAt": None}


async def private_fields(context: HookContext, proceed: Next) -> None:
    """Who reads another user sees nothing private of them; admins see suspensions.

    What is written is written by admins, or of oneself: others hear of it by the publisher.
    """
    await proceed()
    reader = context.params.user
    if not context.params.provider or reader is None or context.result is UNSET or reader["role"] == "admin":
        return

    def shown(user: dict[str, Any]) -> dict[str, Any]:
        if user.get("_id") == reader["_id"]:
            return user
        return {name: value for name, value in user.items() if name not in PRIVATE_FIELDS}

    context.dispatch = with_records(context.result, [shown(user) for user in records_of(context.result)])


def not_oneself(context: HookContext) -> None:
    user = context.params.user
    if context.params.provider and user is not None and _is_own(context, user):
        raise BadRequest("You cannot remove your own account")


async def remove_belongings(context: HookContext) -> None:
    """Who is gone is in no class and in no conversation; what was written stays."""
    user_id = context.result["_id"]
    belongings = [*((path, "userId") for path in BELONGINGS), ("blocks", "blockedId")]
    for path, field in belongings:
        params = joined(context, query={field: user_id}, adapter={"multi": True})
        await context.app.service(path).remove(None, params)


def changed_account(context: HookContext, user: dict[str, Any]) -> dict[str, Any]:
    told = {name: context.data[name] for name in ("role", "suspendedUntil") if name in context.data}
    return {**changed_fields(context, user), **told}


def of_power(context: HookContext, user: dict[str, Any]) -> bool:
    """Whether a patch is of somebody else, or of a role, be it the own one."""
    return "role" in context.data or of_another("_id")(context, user)


def _is_own(context: HookContext, user: dict[str, Any]) -> bool:
    # An id is found in capitals too.
    return str(context.id).lower() == str(user["_id"])


HOOKS: dict[str, Any] = {
    "around": {
        "all": [protect("password", "lastSeenAt", "status", "statusText", "erasingAt"), private_fields],
        "create": [audited(details=values_of("role"))],
        "patch": [audited(details=changed_account, when=of_power)],
        "remove": [audited(details=values_of("role"))],
    },
    "before": {
        "all": [validate_query(UserQuery())],
        "create": [
            allow("admin"),
            still_in_role,
            lower_email,
            validate_data(UserData()),
            hash_password("password"),
        ],
        "patch": [
            lower_email,
            validate_data(UserPatch(), partial=True),
            still_in_role,
            admins_or_oneself,
            suspension,
            not_erased,
            read_before,
            keep_an_admin,
            hash_password("password"),
        ],
        "remove": [
            allow("admin"),
            still_in_role,
            not_oneself,
            read_before,
            keep_an_admin,
            not_held,
        ],
    },
    "after": {"patch": [leave_places_of_other_roles, manage_no_more], "remove": [remove_belongings]},
}
