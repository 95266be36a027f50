from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.application import Application
from stonechat.core.authentication import (
    AuthenticationOptions,
    AuthenticationService,
    PasswordOptions,
    SessionOptions,
    TokenOptions,
    authenticate,
    authentication,
    hash_password,
)
from stonechat.core.protect import protect
from stonechat.socket.testing import ManualTime

Start = Callable[[AuthenticationOptions], Application]


@pytest.fixture
def cheap() -> PasswordOptions:
    return PasswordOptions(time_cost=1, memory_cost=8)


@pytest.fixture
def options(cheap: PasswordOptions) -> AuthenticationOptions:
    return AuthenticationOptions(tokens=TokenOptions(secret="s" * 32), passwords=cheap)


@pytest.fixture
def with_sessions(options: AuthenticationOptions) -> AuthenticationOptions:
    """Access tokens for a quarter of an hour, refresh tokens for a day."""
    tokens = replace(options.tokens, expires_in=15 * 60)
    return replace(options, tokens=tokens, sessions=SessionOptions(expires_in=24 * 60 * 60))


@pytest.fixture
def time() -> ManualTime:
    return ManualTime(start=datetime.now(UTC))


@pytest.fixture
def start(time: ManualTime) -> Start:
    """An application with users, notes that ask for a login, and authentication by the options given."""

    def build(app: Application, options: AuthenticationOptions) -> AuthenticationService:
        return AuthenticationService(
            app, options, call_later=time.call_later, now=lambda: time.now().timestamp()
        )

    def run(options: AuthenticationOptions) -> Application:
        app = Application()
        app.configure(authentication(options, build))
        app.use("users", MemoryService(start_id=1, multi=["create"]))
        users = app.service("users")
        users.hooks({"before": {name: [hash_password()] for name in ("create", "update", "patch")}})
        users.hooks({"after": {"all": [protect("password")]}})
        if options.sessions is not None:
            app.use(options.sessions.service, MemoryService(), methods=())
        app.use("notes", MemoryService())
        app.service("notes").hooks({"around": {"all": [authenticate("jwt")]}})
        return app

    return run


@pytest.fixture
def app(start: Start, options: AuthenticationOptions) -> Application:
    return start(options)
