from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.application import Application
from stonechat.core.authentication import (
    AuthenticationOptions,
    PasswordHasher,
    PasswordOptions,
    authenticate,
    authentication_of,
    hash_password,
)
from stonechat.core.context import HookContext, Params
from stonechat.core.errors import BadRequest, NotAuthenticated
from stonechat.core.hooks import HookMap

Start = Callable[[AuthenticationOptions], Application]


class Demo:
    """A service behind the hook, the params its method got, and how often Ada was loaded."""

    def __init__(self, app: Application, registration: HookMap) -> None:
        self.app = app
        self.loads = 0
        self.params: list[Params] = []
        app.use("things", MemoryService())
        self.things = app.service("things").hooks(registration)
        self.things.hooks({"before": {"all": [self.record]}})
        app.service("users").hooks({"before": {"get": [self.count]}})

    def record(self, context: HookContext) -> None:
        self.params.append(context.params)

    def count(self, context: HookContext) -> None:
        self.loads += 1

    async def token(self, *, expires_in: int | None = None) -> str:
        await self.app.service("users").create({"email": "ada@hill.example", "password": "correct horse"})
        service = authentication_of(self.app)
        assert service is not None
        return service.tokens.issue("1", expires_in=expires_in)


@pytest.fixture(params=["before", "around", "around as a list"])
def demo(app: Application, request: pytest.FixtureRequest) -> Demo:
    hook = authenticate("jwt")
    forms: dict[str, HookMap] = {
        "before": {"before": {"all": [hook]}},
        "around": {"around": {"all": [hook]}},
        "around as a list": [hook],
    }
    return Demo(app, forms[request.param])


def external(**params: Any) -> Params:
    return Params(provider="rest", **params)


def bearer(token: object) -> dict[str, Any]:
    return {"strategy": "jwt", "accessToken": token}


async def test_a_client_without_authentication_is_refused(demo: Demo) -> None:
    with pytest.raises(NotAuthenticated, match=r"^Not authenticated$"):
        await demo.things.find(external())
    assert demo.params == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (bearer("x.y.z"), "invalid token"),
        (bearer(None), "No access token"),
        ({"accessToken": "x.y.z"}, "Invalid authentication information (no `strategy` set)"),
        (
            {"strategy": "local", "email": "ada@hill.example", "password": "correct horse"},
            "Invalid authentication information (strategy not allowed in authStrategies)",
        ),
    ],
)
@pytest.mark.parametrize("provider", ["rest", None])
async def test_bad_authentication_is_refused_from_clients_and_own_code(
    demo: Demo, given: dict[str, Any], message: str, provider: str | None
) -> None:
    with pytest.raises(NotAuthenticated) as raised:
        await demo.things.find(Params(provider=provider, authentication=given))
    assert raised.value.message == message


async def test_an_expired_token_is_refused(demo: Demo) -> None:
    token = await demo.token(expires_in=-1)
    with pytest.raises(NotAuthenticated, match="jwt expired"):
        await demo.things.find(external(authentication=bearer(token)))


async def test_a_removed_user_is_out_at_the_next_call(demo: Demo) -> None:
    params = external(authentication=bearer(await demo.token()))
    await demo.things.find(params)
    await demo.app.service("users").remove(1)
    with pytest.raises(NotAuthenticated):
        await demo.things.find(params)


async def test_own_code_passes(demo: Demo) -> None:
    assert await demo.things.find() == []
    assert "authenticated" not in demo.params[0]


async def test_the_method_knows_who_calls(demo: Demo) -> None:
    token = await demo.token()
    given = external(authentication=bearer(token), query={"name": "x"})
    await demo.things.find(given)
    (params,) = demo.params
    assert (params.user or {})["password"].startswith("$argon2id$")
    assert params.authenticated
    assert params.authentication is not None
    assert params.authentication["payload"]["sub"] == "1"
    assert (params.provider, params.query) == ("rest", {"name": "x"})
    assert "accessToken" not in params
    assert "user" not in given


async def test_each_call_loads_its_user_once_however_many_hooks_ask(demo: Demo) -> None:
    params = external(authentication=bearer(await demo.token()))
    demo.things.hooks({"before": {"all": [authenticate("jwt")]}})
    await demo.things.find(params)
    assert demo.loads == 1
    await demo.things.find(params)
    assert demo.loads == 2
    await demo.things.find(demo.params[-1])
    assert demo.loads == 2


async def test_one_hook_serves_all_services(app: Application) -> None:
    app.use("things", MemoryService())
    hook = authenticate("jwt")
    app.service("things").hooks({"before": {"find": [hook]}, "around": {"get": [hook]}})
    for call in (app.service("things").find(external()), app.service("things").get(1, external())):
        with pytest.raises(NotAuthenticated):
            await call


@pytest.mark.parametrize("provider", ["rest", None])
async def test_the_authentication_service_itself_cannot_ask_for_it(
    app: Application, provider: str | None
) -> None:
    app.service("authentication").hooks({"before": {"create": [authenticate("jwt")]}})
    with pytest.raises(NotAuthenticated, match="does not need to be used"):
        await app.service("authentication").create({"strategy": "local"}, Params(provider=provider))


async def test_after_the_method_it_is_too_late_to_ask(app: Application) -> None:
    app.use("things", MemoryService())
    app.service("things").hooks({"after": {"find": [authenticate("jwt")]}})
    with pytest.raises(NotAuthenticated, match="must be used as a before hook"):
        await app.service("things").find(Params(authenticated=True))


async def test_without_an_authentication_service_nobody_passes() -> None:
    app = Application()
    app.use("things", MemoryService())
    app.service("things").hooks([authenticate("jwt")])
    with pytest.raises(NotAuthenticated, match="Could not find a valid authentication service"):
        await app.service("things").find(external())


def test_the_hook_needs_a_strategy() -> None:
    with pytest.raises(ValueError, match="at least one allowed strategy"):
        authenticate()


async def test_an_entity_of_another_name_gets_its_own_key(
    start: Start, options: AuthenticationOptions
) -> None:
    demo = Demo(start(replace(options, entity="pupil")), [authenticate("jwt")])
    await demo.things.find(external(authentication=bearer(await demo.token())))
    assert demo.params[0]["pupil"]["email"] == "ada@hill.example"
    assert demo.params[0].user is None


@pytest.mark.parametrize("password", [None, 5, "", "1234567", ["correct horse"], {"$ne": 1}, "x" * 1025])
@pytest.mark.parametrize("method", ["create", "update", "patch"])
async def test_what_is_no_password_is_refused_by_name(
    app: Application, method: str, password: object
) -> None:
    users = app.service("users")
    await users.create({"email": "ada@hill.example", "password": "correct horse"})
    data = {"password": password}
    with pytest.raises(BadRequest) as raised:
        await (users.create(data) if method == "create" else getattr(users, method)(1, data))
    assert raised.value.message.startswith("password must be")
    assert set(raised.value.errors) == {"password"}


async def test_one_bad_password_of_a_list_refuses_the_list(app: Application) -> None:
    with pytest.raises(BadRequest):
        await app.service("users").create([{"password": "correct horse"}, {"password": "short"}])
    assert await app.service("users").find() == []


async def test_passwords_are_stored_as_hashes_and_data_is_left_alone(app: Application) -> None:
    users = app.service("users")
    data = [{"password": "correct horse"}, {"password": "battery staple"}, {"name": "no password"}]
    await users.create(data)
    assert data[0] == {"password": "correct horse"}
    await users.patch(1, {"password": "another horse"})
    service = authentication_of(app)
    assert service is not None
    stored = [user.get("password") for user in await users.find()]
    assert await service.passwords.verify(stored[0], "another horse")
    assert await service.passwords.verify(stored[1], "battery staple")
    assert stored[2] is None


async def test_a_hash_that_a_client_sends_is_hashed_like_any_text(app: Application) -> None:
    service = authentication_of(app)
    assert service is not None
    hashed = await service.passwords.hash("correct horse")
    user = await app.service("users").create({"password": hashed}, external())
    assert user["password"] != hashed


async def test_field_minimum_and_hasher_are_options(cheap: PasswordOptions) -> None:
    app = Application()
    app.use("doors", MemoryService())
    app.service("doors").hooks({"before": [hash_password("pin", minimum=4, hasher=PasswordHasher(cheap))]})
    door = await app.service("doors").create({"pin": "1234"})
    assert door["pin"].startswith("$argon2id$")
    with pytest.raises(BadRequest, match="pin must be a text of 4 to 1024 characters"):
        await app.service("doors").create({"pin": "123"})


async def test_without_a_hasher_nothing_is_stored() -> None:
    app = Application()
    app.use("users", MemoryService())
    app.service("users").hooks({"before": {"create": [hash_password()]}})
    with pytest.raises(RuntimeError, match="needs a hasher"):
        await app.service("users").create({"password": "correct horse"})
    assert await app.service("users").find() == []
