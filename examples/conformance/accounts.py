"""Users, logging in, and a service for who has done so."""

from __future__ import annotations

import os
import secrets
from typing import Any

from examples.conformance.ids import with_both_ids
from stonechat import (
    Application,
    AuthenticationOptions,
    HookContext,
    LocalOptions,
    MemoryService,
    Params,
    PasswordOptions,
    TokenOptions,
    authenticate,
    authentication,
    hash_password,
    protect,
)

DAY = 24 * 60 * 60


class Dummy:
    """Answers with what is known of the caller."""

    async def find(self, params: Params) -> dict[str, Any]:
        user = params.user or {}
        return {
            "provider": params.provider,
            "authentication": params.authentication,
            "authenticated": params.authenticated,
            "user": {name: value for name, value in user.items() if name != "password"},
            "query": params.query,
        }


def accounts(app: Application) -> None:
    """The variable ``JWT_TTL`` says how many seconds a token is good for, a day if it is not set."""
    options = AuthenticationOptions(
        tokens=TokenOptions(
            secret=secrets.token_urlsafe(32), expires_in=int(os.environ.get("JWT_TTL", str(DAY)))
        ),
        local=LocalOptions(lower_case_fields=frozenset()),
        # The weakest there is: a suite makes many users, and nobody's password is at stake.
        passwords=PasswordOptions(time_cost=1, memory_cost=8),
    )
    app.configure(authentication(options))
    app.use("users", MemoryService()).use("dummy", Dummy())
    hashed = hash_password(minimum=1)
    app.service("users").hooks(
        {
            "before": {"find": [first_only], "create": [hashed], "update": [hashed], "patch": [hashed]},
            "after": {"all": [with_both_ids, protect("password")]},
        }
    )
    app.service("dummy").hooks({"before": {"all": [authenticate("jwt")]}})


def first_only(context: HookContext) -> None:
    """Of several users with one name Feathers logs in the first; here, nobody could log in as such."""
    if context.params.provider is None:
        context.params.query["$limit"] = 1
