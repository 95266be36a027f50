"""The hooks of authentication: who is calling, and passwords stored as hashes only."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ..context import HookContext, Params
from ..errors import BadRequest, NotAuthenticated
from ..hooks import HookFunction, Next
from ..shapes import is_list, is_mapping
from .hashing import HASHED, LONGEST_PASSWORD, PasswordHasher
from .service import authentication_of


def authenticate(*strategies: str) -> HookFunction:
    """Before or around a method: let a client pass only if one of ``strategies`` knows it.

    Afterwards ``params`` has the entity as stored (``user``), ``authentication`` with the token's
    payload, and ``authenticated``. Calls of own code pass without any. Tokens are verified and
    their user loaded at every call: who is removed is out at once.

    Raises NotAuthenticated; ValueError without a strategy.
    """
    if not strategies:
        raise ValueError("The authenticate hook needs at least one allowed strategy")

    async def hook(context: HookContext, next: Next | None = None) -> None:
        await _authenticate(context, strategies)
        if next is not None:
            await next()

    return hook


def hash_password(
    field: str = "password", *, minimum: int = 8, hasher: PasswordHasher | None = None
) -> HookFunction:
    """Before create, update and patch: replace the password in the data by its hash.

    Data without the field passes. ``hasher`` is the application's authentication's by default.
    Raises BadRequest, with the field in ``errors``, for what is no text of at least ``minimum``
    characters.
    """

    async def hook(context: HookContext) -> None:
        if context.params.get(HASHED) is True:
            return
        chosen = hasher or _hasher_of(context)
        if is_list(context.data):
            checked = [_password(item, field, minimum) for item in context.data]
            context.data = await asyncio.gather(
                *(
                    _hashed(item, field, password, chosen)
                    for item, password in zip(context.data, checked, strict=True)
                )
            )
        else:
            password = _password(context.data, field, minimum)
            context.data = await _hashed(context.data, field, password, chosen)

    return hook


async def _authenticate(context: HookContext, strategies: tuple[str, ...]) -> None:
    if context.type not in {"before", "around"}:
        raise NotAuthenticated("The authenticate hook must be used as a before hook")
    service = authentication_of(context.app)
    if service is None:
        raise NotAuthenticated("Could not find a valid authentication service")
    if context.service.wrapped is service:
        raise NotAuthenticated("The authenticate hook does not need to be used on the authentication service")
    params = context.params
    if params.authenticated:
        return
    if params.authentication:
        result = await service.authenticate(params.authentication, params, *strategies)
        result.pop("accessToken", None)
        context.params = Params({**params, **result, "authenticated": True})
    elif params.provider is not None:
        raise NotAuthenticated("Not authenticated")


def _hasher_of(context: HookContext) -> PasswordHasher:
    service = authentication_of(context.app)
    if service is None:
        raise RuntimeError("hash_password needs a hasher or a configured authentication")
    return service.passwords


def check_password(password: object, field: str, minimum: int) -> str:
    """Raises BadRequest, with the field in ``errors``, for what cannot be a password."""
    if not isinstance(password, str) or not minimum <= len(password) <= LONGEST_PASSWORD:
        reason = f"must be a text of {minimum} to {LONGEST_PASSWORD} characters"
        raise BadRequest(f"{field} {reason}", {"errors": {field: reason}})
    return password


def _password(item: object, field: str, minimum: int) -> str | None:
    return check_password(item[field], field, minimum) if is_mapping(item) and field in item else None


async def _hashed(
    item: Mapping[str, Any], field: str, password: str | None, hasher: PasswordHasher
) -> Mapping[str, Any]:
    return item if password is None else {**item, field: await hasher.hash(password)}
