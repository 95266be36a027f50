from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from bson import ObjectId

from stonechat.core.application import Application
from stonechat.core.authentication import (
    AuthenticationOptions,
    AuthenticationService,
    JwtOptions,
    authenticate,
    authentication,
    authentication_of,
    hash_password,
)
from stonechat.core.context import HookContext, Params
from stonechat.core.errors import FeathersError, NotAuthenticated, NotFound
from stonechat.core.publications import Publication
from stonechat.core.service import Service

Start = Callable[[AuthenticationOptions], Application]
LOGIN = {"strategy": "local", "email": "ada@hill.example", "password": "correct horse"}


@pytest.fixture
async def login(app: Application) -> Service:
    await app.service("users").create({"email": LOGIN["email"], "password": LOGIN["password"], "name": "Ada"})
    return app.service("authentication")


def external(**params: Any) -> Params:
    return Params(provider="rest", **params)


def bearer(token: str) -> dict[str, str]:
    return {"strategy": "jwt", "accessToken": token}


async def refusal(login: Service, data: Any) -> FeathersError:
    with pytest.raises(NotAuthenticated) as raised:
        await login.create(data, external())
    return raised.value


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, " (no `strategy` set)"),
        ([LOGIN], " (no `strategy` set)"),
        ({}, " (no `strategy` set)"),
        ({"strategy": ""}, " (no `strategy` set)"),
        ({"strategy": "unknown"}, " (strategy not allowed in authStrategies)"),
        ({"strategy": {"$ne": 1}}, " (strategy not allowed in authStrategies)"),
        ({"strategy": ["local"]}, " (strategy not allowed in authStrategies)"),
    ],
)
async def test_a_login_needs_a_strategy_that_is_allowed(login: Service, data: Any, reason: str) -> None:
    assert (await refusal(login, data)).message == f"Invalid authentication information{reason}"


async def test_a_strategy_that_may_not_create_tokens_is_refused(
    start: Start, options: AuthenticationOptions
) -> None:
    app = start(replace(options, auth_strategies=("jwt",)))
    error = await refusal(app.service("authentication"), LOGIN)
    assert error.message.endswith("(strategy not allowed in authStrategies)")


async def test_without_strategies_nobody_logs_in(start: Start, options: AuthenticationOptions) -> None:
    app = start(replace(options, auth_strategies=()))
    error = await refusal(app.service("authentication"), LOGIN)
    assert error.message == "No authentication strategies allowed for creating a JWT (`authStrategies`)"


@pytest.mark.parametrize(
    ("token", "message"),
    [
        (None, "No access token"),
        ("", "No access token"),
        ("x.y.z", "invalid token"),
        ({"$ne": 1}, "jwt malformed"),
    ],
)
async def test_a_token_must_be_one(login: Service, token: object, message: str) -> None:
    assert (await refusal(login, {"strategy": "jwt", "accessToken": token})).message == message


async def test_the_token_of_a_removed_user_is_refused(login: Service) -> None:
    token = (await login.create(LOGIN, external()))["accessToken"]
    await login.app.service("users").remove(1)
    assert (await refusal(login, bearer(token))).code == 401


async def test_a_failing_database_does_not_look_like_a_bad_token(login: Service) -> None:
    token = (await login.create(LOGIN, external()))["accessToken"]

    def fail(context: HookContext) -> None:
        raise ConnectionError("the database is away")

    login.app.service("users").hooks({"before": {"get": [fail]}})
    with pytest.raises(ConnectionError):
        await login.create(bearer(token), external())


async def test_a_login_answers_with_token_payload_and_the_safe_user(login: Service) -> None:
    result = await login.create(LOGIN, external())
    payload = result["authentication"]["payload"]
    assert result == {
        "accessToken": result["accessToken"],
        "authentication": {"strategy": "local", "payload": payload},
        "user": {"_id": 1, "email": "ada@hill.example", "name": "Ada"},
    }
    assert payload["sub"] == "1"
    assert set(payload) == {"iat", "exp", "aud", "iss", "sub", "jti"}


async def test_a_login_by_token_answers_with_the_same_token(login: Service) -> None:
    first = await login.create(LOGIN, external())
    token = first["accessToken"]
    assert await login.create(bearer(token), external()) == {
        "accessToken": token,
        "authentication": {**bearer(token), "payload": first["authentication"]["payload"]},
        "user": first["user"],
    }


async def test_the_password_stays_even_if_the_users_service_forgets_to_hide_it(
    options: AuthenticationOptions,
) -> None:
    app = Application().configure(authentication(options))
    app.use("users", Users("1"))
    app.service("users").hooks({"before": {"create": [hash_password()]}})
    await app.service("users").create({"email": LOGIN["email"], "password": LOGIN["password"]})
    result = await app.service("authentication").create(LOGIN, external())
    assert result["user"] == {"_id": "1", "email": "ada@hill.example"}


async def test_what_own_code_gets_is_safe_too(login: Service) -> None:
    assert "password" not in (await login.create(LOGIN))["user"]


async def test_the_user_is_shown_as_its_service_shows_it_to_itself(login: Service) -> None:
    def only_own_address(context: HookContext) -> None:
        me = context.params.user
        if me is None or me["_id"] != context.result["_id"]:
            context.dispatch = {"_id": context.result["_id"]}

    login.app.service("users").hooks({"after": {"get": [only_own_address]}})
    assert (await login.create(LOGIN, external()))["user"]["email"] == "ada@hill.example"


@pytest.mark.parametrize(("authenticated", "id"), [(False, None), (False, "x.y.z"), (True, "x.y.z")])
async def test_logging_out_needs_ones_own_token(login: Service, authenticated: bool, id: str | None) -> None:
    token = (await login.create(LOGIN, external()))["accessToken"]
    params = external(authentication=bearer(token)) if authenticated else external()
    with pytest.raises(NotAuthenticated):
        await login.remove(id, params)


async def test_logging_out_verifies_the_token_again(login: Service) -> None:
    token = (await login.create(LOGIN, external()))["accessToken"]
    await login.app.service("users").remove(1)
    with pytest.raises(NotAuthenticated):
        await login.remove(None, external(authentication=bearer(token)))


@pytest.mark.parametrize("by_id", [True, False])
async def test_logging_out_answers_with_who_was_logged_in(login: Service, by_id: bool) -> None:
    first = await login.create(LOGIN, external())
    token = first["accessToken"]
    result = await login.remove(token if by_id else None, external(authentication=bearer(token)))
    assert (result["accessToken"], result["user"]) == (token, first["user"])


@pytest.mark.parametrize(
    ("value", "token"),
    [
        (None, None),
        ("", None),
        ("Basic YWRhOmFkYQ==", None),
        ("Digest x", None),
        ("Bearerx x.y.z", None),
        ("Bearer x.y.z extra", "x.y.z"),
        ("Basic x.y.z extra", None),
        ("x.y.z and more", None),
        ("Bearer x.y.z", "x.y.z"),
        ("bearer x.y.z", "x.y.z"),
        ("JWT x.y.z", "x.y.z"),
        ("jwt  x.y.z ", "x.y.z"),
        ("x.y.z", "x.y.z"),
    ],
)
def test_headers_may_carry_a_token(app: Application, value: str | None, token: str | None) -> None:
    headers = {} if value is None else {"authorization": value}
    parsed = app.service("authentication").wrapped.parse(headers)
    assert parsed == (None if token is None else bearer(token))


def test_header_and_schemes_are_options(start: Start, options: AuthenticationOptions) -> None:
    app = start(replace(options, jwt=JwtOptions(header="X-Token", schemes=("Ticket",))))
    service = app.service("authentication").wrapped
    assert service.parse({"authorization": "Bearer x.y.z"}) is None
    assert service.parse({"x-token": "Bearer x.y.z"}) is None
    assert service.parse({"x-token": "ticket x.y.z"}) == bearer("x.y.z")


def test_only_parse_strategies_read_headers(start: Start, options: AuthenticationOptions) -> None:
    app = start(replace(options, parse_strategies=()))
    assert app.service("authentication").wrapped.parse({"authorization": "Bearer x.y.z"}) is None


async def test_login_and_logout_are_told_after_all_hooks_and_waited_for(login: Service) -> None:
    told: list[tuple[str, Any, Params]] = []

    async def on_login(result: Any, params: Params, context: HookContext) -> None:
        told.append(("login", result, params))

    async def on_logout(result: Any, params: Params, context: HookContext) -> None:
        told.append(("logout", result, params))

    def mark(context: HookContext) -> None:
        context.result = {**context.result, "marked": True}

    login.app.on("login", on_login)
    login.app.on("logout", on_logout)
    login.hooks({"after": {"all": [mark]}})
    params = external()
    result = await login.create(LOGIN, params)
    await login.remove(None, external(authentication=bearer(result["accessToken"])))
    assert [(name, one["marked"]) for name, one, _ in told] == [("login", True), ("logout", True)]
    assert told[0][2] is params
    assert (params.user or {})["password"].startswith("$argon2id$")


async def test_neither_a_failure_nor_own_code_is_a_login(login: Service) -> None:
    told: list[Any] = []

    def record(*args: object) -> None:
        told.append(args)

    login.app.on("login", record)
    login.app.on("logout", record)
    await refusal(login, {**LOGIN, "password": "wrong"})
    token = (await login.create(LOGIN))["accessToken"]
    await login.remove(None, Params(authentication=bearer(token)))
    assert told == []


async def test_nothing_is_published_though_the_application_publishes_everything(login: Service) -> None:
    events: list[str] = []

    def everyone(item: Any, context: HookContext) -> Publication:
        events.append(context.path)
        return None

    def record(*args: object) -> None:
        events.append("event")

    login.app.publish(everyone)
    for event in login.events:
        login.on(event, record)
    token = (await login.create(LOGIN, external()))["accessToken"]
    await login.remove(None, external(authentication=bearer(token)))
    assert events == []


class SchoolTokens(AuthenticationService):
    async def get_payload(self, result: Mapping[str, Any], params: Params) -> dict[str, Any]:
        return {**await super().get_payload(result, params), "schoolId": result["user"]["schoolId"]}


async def test_a_class_of_ones_own_adds_to_the_payload(options: AuthenticationOptions) -> None:
    app = Application().configure(authentication(options, SchoolTokens))
    app.use("users", Users("1"))
    user = {"email": LOGIN["email"], "password": await _hash(app, LOGIN["password"]), "schoolId": "hill"}
    await app.service("users").create(user)
    result = await app.service("authentication").create(LOGIN, external(payload={"device": "tablet"}))
    payload = result["authentication"]["payload"]
    assert (payload["schoolId"], payload["device"]) == ("hill", "tablet")


class Users:
    """Users in a dict, all of whom get the one id."""

    def __init__(self, id: object) -> None:
        self.id = id
        self.users: dict[str, dict[str, Any]] = {}

    async def find(self, params: Params) -> dict[str, Any]:
        wanted = {key: value for key, value in params.query.items() if key != "$limit"}
        found = [user for user in self.users.values() if wanted.items() <= user.items()]
        return {"total": len(found), "limit": 2, "skip": 0, "data": found}

    async def get(self, id: Any, params: Params) -> dict[str, Any]:
        if str(id) not in self.users:
            raise NotFound(f"No record found for id '{id}'")
        return self.users[str(id)]

    async def create(self, data: dict[str, Any], params: Params) -> dict[str, Any]:
        user = self.users[str(self.id)] = {"_id": self.id, **data}
        return user


async def _hash(app: Application, password: str) -> str:
    service = authentication_of(app)
    assert service is not None
    return await service.passwords.hash(password)


@pytest.mark.parametrize("id", [7, "seven", ObjectId("0123456789abcdef01234567")])
async def test_ids_of_any_kind_become_the_subject(options: AuthenticationOptions, id: object) -> None:
    app = Application().configure(authentication(options))
    app.use("users", Users(id))
    app.use("notes", Users(1))
    app.service("notes").hooks({"around": [authenticate("jwt")]})
    await app.service("users").create(
        {"email": LOGIN["email"], "password": await _hash(app, "correct horse")}
    )
    result = await app.service("authentication").create(LOGIN, external())
    assert result["authentication"]["payload"]["sub"] == str(id)
    params = external(authentication=bearer(result["accessToken"]))
    seen: list[object] = []

    def record(context: HookContext) -> None:
        seen.append((context.params.user or {})["_id"])

    app.service("notes").hooks({"before": {"find": [record]}})
    await app.service("notes").find(params)
    assert seen == [id]


async def test_setup_refuses_what_does_not_exist(start: Start, options: AuthenticationOptions) -> None:
    with pytest.raises(LookupError, match="Can not find service 'users'"):
        await Application().configure(authentication(options)).setup()
    with pytest.raises(LookupError, match="strategy 'oidc'"):
        await start(replace(options, auth_strategies=("jwt", "oidc"))).setup()
    await start(options).setup()


def test_the_service_offers_two_methods_and_says_that_it_is_public(app: Application) -> None:
    service = app.default_authentication()
    assert service is not None
    assert service is app.service("authentication")
    assert service.methods == ("create", "remove")
    assert (service.options["public"], service.options["tenant"]) == (True, False)
